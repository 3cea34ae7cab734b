//! Where the bytes of P1 and SML come from: a TCP server (as serial-to-network adapters are), or a path (a
//! serial device, a pipe, a recorded file).

use std::{
	io,
	os::unix::fs::{FileTypeExt, OpenOptionsExt},
	path::{Path, PathBuf},
	time::Duration,
};

use tokio::{
	io::AsyncReadExt,
	net::{unix::pipe, TcpStream},
	sync::mpsc,
	time::{sleep, timeout},
};
use tracing::{info, warn};

use super::{measurement::Measurement, Framing};

/// A connection that brings nothing for so long is made anew: the other side may be gone without a word.
const SILENCE: Duration = Duration::from_secs(120);
/// Patience with a server that does not answer.
const CONNECT: Duration = Duration::from_secs(10);
/// Pauses before a source is opened again.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Bytes read at a time.
const CHUNK: usize = 4 * 1_024;

/// A source of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
	/// `host:port` of a server that sends what the meter says.
	Tcp(String),
	/// A character device or pipe, read for ever; or a file, read once.
	Path(PathBuf),
}

impl std::fmt::Display for Source {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		match self {
			Self::Tcp(address) => f.write_str(address),
			Self::Path(path) => path.display().fmt(f),
		}
	}
}

/// Reads measurements from a source and passes them on, opening the source again whenever it ends or
/// fails. Returns when a plain file is read to its end, or nobody wants measurements any more.
pub async fn read(source: Source, mut framing: Box<dyn Framing>, sink: mpsc::Sender<Measurement>) {
	let mut pause = PAUSE;
	loop {
		let mut feed = Feed {
			framing: framing.as_mut(),
			sink: &sink,
			brought: false,
		};
		let ended = match &source {
			Source::Tcp(address) => read_tcp(address, &mut feed).await,
			Source::Path(path) => read_path(path, &mut feed).await,
		};
		if feed.brought {
			pause = PAUSE;
		}
		match ended {
			Ok(End::Finished) => return,
			Ok(End::Closed) => info!("{source} was closed; opening it again"),
			Err(error) => warn!("{source}: {error}; trying again in {pause:?}"),
		}
		tokio::select! {
			() = sleep(pause) => {},
			() = sink.closed() => return,
		}
		pause = (pause * 2).min(LONGEST_PAUSE);
	}
}

/// How reading ended.
enum End {
	/// There is nothing more to come.
	Finished,
	/// The other side went away.
	Closed,
}

/// From bytes to whoever wants measurements.
struct Feed<'a> {
	framing: &'a mut dyn Framing,
	sink: &'a mpsc::Sender<Measurement>,
	/// Whether anything ever came.
	brought: bool,
}

impl Feed<'_> {
	/// Whether there is still somebody who listens.
	async fn push(&mut self, bytes: &[u8]) -> bool {
		self.brought = true;
		let mut found = vec![];
		self.framing.push(bytes, &mut found);
		for measured in found {
			if self.sink.send(measured).await.is_err() {
				return false;
			}
		}
		true
	}
}

async fn read_tcp(address: &str, feed: &mut Feed<'_>) -> io::Result<End> {
	let mut stream = timeout(CONNECT, TcpStream::connect(address)).await??;
	let mut chunk = [0; CHUNK];
	loop {
		let length = tokio::select! {
			read = timeout(SILENCE, stream.read(&mut chunk)) => read??,
			() = feed.sink.closed() => return Ok(End::Finished),
		};
		if length == 0 {
			return Ok(End::Closed);
		}
		if !feed.push(&chunk[..length]).await {
			return Ok(End::Finished);
		}
	}
}

async fn read_path(path: &Path, feed: &mut Feed<'_>) -> io::Result<End> {
	// Opening a serial device or a pipe must not wait for the other side.
	let file = std::fs::OpenOptions::new()
		.read(true)
		.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
		.open(path)?;
	let kind = file.metadata()?.file_type();
	let mut chunk = [0; CHUNK];
	if !kind.is_char_device() && !kind.is_fifo() {
		let mut file = tokio::fs::File::from_std(file);
		loop {
			let length = file.read(&mut chunk).await?;
			if length == 0 || !feed.push(&chunk[..length]).await {
				return Ok(End::Finished);
			}
		}
	}
	// Serial devices are read like pipes; it only matters that they do not block.
	let mut file = pipe::Receiver::from_file_unchecked(file)?;
	loop {
		let length = tokio::select! {
			read = file.read(&mut chunk) => read?,
			() = feed.sink.closed() => return Ok(End::Finished),
		};
		if length == 0 {
			return Ok(End::Closed);
		}
		if !feed.push(&chunk[..length]).await {
			return Ok(End::Finished);
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::inlets::p1::P1;
	use std::io::Write;
	use tokio::{io::AsyncWriteExt, net::TcpListener};

	const TELEGRAM: &[u8] = b"/GWV5TEST\r\n\r\n1-0:1.8.0(000001.000*kWh)\r\n!9A5B\r\n";
	const SOON: Duration = Duration::from_secs(20);

	fn start(source: Source) -> (mpsc::Receiver<Measurement>, tokio::task::JoinHandle<()>) {
		let (sink, receiver) = mpsc::channel(8);
		let task = tokio::spawn(read(source, Box::<P1>::default(), sink));
		(receiver, task)
	}

	async fn next(receiver: &mut mpsc::Receiver<Measurement>) -> Option<Measurement> {
		timeout(SOON, receiver.recv()).await.expect("soon")
	}

	#[tokio::test]
	async fn a_server_that_goes_away_should_be_asked_again() {
		let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let address = listener.local_addr().unwrap().to_string();
		let (mut receiver, task) = start(Source::Tcp(address));
		for _ in 0..2 {
			let (mut stream, _) = timeout(SOON, listener.accept()).await.unwrap().unwrap();
			stream.write_all(TELEGRAM).await.unwrap();
			assert!(next(&mut receiver).await.is_some());
		}
		drop(receiver);
		timeout(SOON, task).await.expect("it ends").unwrap();
	}

	#[tokio::test]
	async fn a_file_should_be_read_once_and_a_pipe_for_ever() {
		let folder = tempfile::TempDir::new().unwrap();
		let path = folder.path().join("recorded");
		std::fs::write(&path, [TELEGRAM, TELEGRAM].concat()).unwrap();
		let (mut receiver, _) = start(Source::Path(path));
		assert!(next(&mut receiver).await.is_some());
		assert!(next(&mut receiver).await.is_some());
		assert!(next(&mut receiver).await.is_none());

		let path = folder.path().join("pipe");
		let made = std::process::Command::new("mkfifo").arg(&path).status();
		assert!(made.unwrap().success());
		let (mut receiver, task) = start(Source::Path(path.clone()));
		for _ in 0..2 {
			let path = path.clone();
			let write = move || {
				let mut pipe = std::fs::OpenOptions::new().write(true).open(path)?;
				pipe.write_all(TELEGRAM)
			};
			tokio::task::spawn_blocking(write).await.unwrap().unwrap();
			assert!(next(&mut receiver).await.is_some());
		}
		drop(receiver);
		timeout(SOON, task).await.expect("it ends").unwrap();
	}
}
