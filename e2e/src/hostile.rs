//! Gateways that lie, stall and flood: small real servers.

use std::{
	io,
	sync::{
		atomic::{AtomicUsize, Ordering},
		Arc,
	},
	time::Duration,
};

use anyhow::Result;
use codec::{Compact, Encode};
use gridweave_primitives::reading::{ReadingPage, SignedReading, MAX_PAGE_READINGS};
use tokio::{
	io::{AsyncReadExt, AsyncWriteExt},
	net::{TcpListener, TcpStream},
	task::JoinHandle,
};

/// What a hostile gateway does to whoever asks it.
#[derive(Clone, Debug)]
pub enum Hostility {
	/// Takes the request and never answers.
	Silent,
	/// Closes the connection.
	Closed,
	/// Begins an answer and goes on by a byte now and then.
	Slow,
	/// Never ends its headers.
	EndlessHeaders,
	/// Never ends its body, sent as fast as it is taken.
	Endless,
	/// Answers bytes that are no page.
	Garbage,
	/// Announces four billion readings and sends none.
	Bomb,
	/// A page of valid form that holds more readings than a page may.
	Overlong(SignedReading),
	/// Pages of valid form without end, each of these readings, at whatever offset is asked for.
	Page(Vec<SignedReading>),
	/// An error by HTTP.
	Broken,
}

impl Hostility {
	/// What it is called.
	pub fn name(&self) -> String {
		format!("{self:?}")
			.chars()
			.take_while(|c| c.is_alphabetic())
			.collect()
	}
}

/// A running hostile gateway.
pub struct Hostile {
	/// Base URL.
	pub url: String,
	/// What it does.
	pub hostility: Hostility,
	asked: Arc<AtomicUsize>,
	server: JoinHandle<()>,
}

impl Hostile {
	/// Starts one.
	pub async fn start(hostility: Hostility) -> Result<Self> {
		let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
		let url = format!("http://{}", listener.local_addr()?);
		let asked = Arc::new(AtomicUsize::new(0));
		let server = tokio::spawn({
			let (hostility, asked) = (hostility.clone(), asked.clone());
			async move {
				while let Ok((stream, _)) = listener.accept().await {
					asked.fetch_add(1, Ordering::Relaxed);
					// The other side gives up at some point: then writing fails.
					let hostility = hostility.clone();
					tokio::spawn(async move { drop(mistreat(stream, &hostility).await) });
				}
			}
		});
		Ok(Self {
			url,
			hostility,
			asked,
			server,
		})
	}

	/// How many connections it has taken.
	pub fn asked(&self) -> usize {
		self.asked.load(Ordering::Relaxed)
	}
}

impl Drop for Hostile {
	fn drop(&mut self) {
		self.server.abort();
	}
}

async fn mistreat(mut stream: TcpStream, hostility: &Hostility) -> io::Result<()> {
	let mut request = [0; 4_096];
	let _ = stream.read(&mut request).await?;
	match hostility {
		Hostility::Silent => tokio::time::sleep(Duration::from_secs(3_600)).await,
		Hostility::Closed => (),
		Hostility::Slow => {
			stream
				.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
				.await?;
			loop {
				stream.write_all(b"\0").await?;
				tokio::time::sleep(Duration::from_millis(200)).await;
			}
		}
		Hostility::EndlessHeaders => {
			stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
			loop {
				stream.write_all(b"x-endless: and on and on\r\n").await?;
			}
		}
		Hostility::Endless => {
			stream
				.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
				.await?;
			let chunk = [b"10000\r\n".as_slice(), &[0x5a; 0x10000], b"\r\n"].concat();
			loop {
				stream.write_all(&chunk).await?;
			}
		}
		Hostility::Garbage => {
			// Fixed bytes that look like nothing: a failure can be repeated.
			let garbage = (0..65_536u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8);
			answer(&mut stream, &garbage.collect::<Vec<_>>()).await?;
		}
		Hostility::Bomb => {
			answer(&mut stream, &(1u64, Compact(u32::MAX)).encode()).await?;
		}
		Hostility::Overlong(reading) => {
			let readings = (1..=u64::from(MAX_PAGE_READINGS) + 1).map(|i| (i, reading.clone()));
			let page = ReadingPage {
				epoch: 1,
				readings: readings.collect(),
			};
			answer(&mut stream, &page.encode()).await?;
		}
		Hostility::Page(readings) => {
			let readings = (after(&request) + 1..)
				.zip(readings.iter().cloned())
				.collect();
			answer(&mut stream, &ReadingPage { epoch: 1, readings }.encode()).await?;
		}
		Hostility::Broken => {
			stream
				.write_all(b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n")
				.await?;
		}
	}
	Ok(())
}

/// The offset that a request asks for.
fn after(request: &[u8]) -> u64 {
	let request = String::from_utf8_lossy(request);
	let offset = request.split("after=").nth(1).unwrap_or_default();
	let digits: String = offset.chars().take_while(char::is_ascii_digit).collect();
	digits.parse().unwrap_or(0)
}

async fn answer(stream: &mut TcpStream, body: &[u8]) -> io::Result<()> {
	let head = format!(
		"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: {}\r\n\r\n",
		body.len(),
	);
	stream.write_all(head.as_bytes()).await?;
	stream.write_all(body).await
}
