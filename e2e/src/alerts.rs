//! Alerts, and a webhook that hears them.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::{
	io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
	net::{TcpListener, TcpStream},
	sync::mpsc,
	time::timeout,
};

use crate::{
	place::Place,
	process::{binary, Process},
};

/// A running `gridweave-gateway alerts`; dropping it kills it (-9).
pub struct Alerts {
	_process: Process,
}

impl Alerts {
	/// Tells the webhook and the broker what the node flags in microgrid 0. `state` is kept between starts.
	pub fn start(
		place: &Place,
		node: &str,
		state: &Path,
		hook: &str,
		broker: &str,
	) -> Result<Self> {
		let path = place.folder("alerts")?.join("alerts.toml");
		let state = state.display();
		let config = format!(
			"node = \"{node}\"\nmicrogrids = [0]\nstate = \"{state}\"\nevery = 1\n\
			[webhook]\nurl = \"{hook}\"\n\
			[mqtt]\nurl = \"{broker}\"\nclient_id = \"alerts\"\n"
		);
		std::fs::write(&path, config)?;
		let mut command = Command::new(binary("gridweave-gateway")?);
		command.arg("alerts").arg("--config").arg(path);
		let process = Process::start(place, "alerts", &mut command)?;
		Ok(Self { _process: process })
	}
}

/// A webhook.
pub struct Hook {
	/// Where to post to.
	pub url: String,
	messages: mpsc::UnboundedReceiver<Value>,
	task: tokio::task::JoinHandle<()>,
}

/// Reads one request, and answers it. What was posted.
async fn serve(stream: TcpStream, status: &str) -> Result<Value> {
	let mut stream = BufReader::new(stream);
	let (mut length, mut line) = (0, String::new());
	loop {
		line.clear();
		stream.read_line(&mut line).await?;
		let header = line.trim().to_ascii_lowercase();
		if header.is_empty() {
			break;
		}
		if let Some(value) = header.strip_prefix("content-length:") {
			length = value.trim().parse()?;
		}
	}
	let mut body = vec![0; length];
	stream.read_exact(&mut body).await?;
	let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
	stream.write_all(answer.as_bytes()).await?;
	stream.shutdown().await?;
	Ok(serde_json::from_slice(&body)?)
}

impl Hook {
	/// A webhook that fails so many times first.
	pub async fn start(failures: u32) -> Result<Self> {
		let listener = TcpListener::bind("127.0.0.1:0").await?;
		let url = format!("http://{}/alerts", listener.local_addr()?);
		let (sender, messages) = mpsc::unbounded_channel();
		let task = tokio::spawn(async move {
			let mut failures = failures;
			while let Ok((stream, _)) = listener.accept().await {
				let failed = failures > 0;
				failures = failures.saturating_sub(1);
				let status = match failed {
					true => "503 Service Unavailable",
					false => "204 No Content",
				};
				if let (Ok(message), false) = (serve(stream, status).await, failed) {
					// Who hears no more has heard enough.
					let _ = sender.send(message);
				}
			}
		});
		Ok(Self {
			url,
			messages,
			task,
		})
	}

	/// The next alert; an error if there is none for so long.
	pub async fn next(&mut self, patience: Duration) -> Result<Value> {
		let next = timeout(patience, self.messages.recv()).await;
		next.context("nothing was heard")?
			.context("it hears no more")
	}
}

impl Drop for Hook {
	fn drop(&mut self) {
		self.task.abort();
	}
}
