//! Connections: how many there may be, and how long one may stay idle.

use std::{
	future::Future,
	io,
	net::SocketAddr,
	pin::Pin,
	sync::Arc,
	task::{Context, Poll},
	time::Duration,
};

use axum::serve::Listener;
use tokio::{
	io::{AsyncRead, AsyncWrite, ReadBuf},
	net::{TcpListener, TcpStream},
	sync::{OwnedSemaphorePermit, Semaphore},
	time::{sleep, Instant, Sleep},
};

/// Most connections at a time; further ones wait in the system's backlog.
pub const MAX_CONNECTIONS: usize = 1_024;
/// A connection on which nothing moves for so long is closed.
pub const MAX_IDLE: Duration = Duration::from_secs(60);

/// A listener that hands out a bounded number of connections that do not idle for ever.
pub struct Guarded {
	listener: TcpListener,
	free: Arc<Semaphore>,
	idle: Duration,
}

impl Guarded {
	/// With [`MAX_CONNECTIONS`] and [`MAX_IDLE`].
	pub fn new(listener: TcpListener) -> Self {
		Self::with_limits(listener, MAX_CONNECTIONS, MAX_IDLE)
	}

	/// With these limits.
	pub fn with_limits(listener: TcpListener, connections: usize, idle: Duration) -> Self {
		Self {
			listener,
			free: Arc::new(Semaphore::new(connections)),
			idle,
		}
	}
}

impl Listener for Guarded {
	type Io = Connection;
	type Addr = SocketAddr;

	async fn accept(&mut self) -> (Connection, SocketAddr) {
		// Never closed, so that there always comes a permit; without one the connection would not count.
		let permit = self.free.clone().acquire_owned().await.ok();
		let (stream, address) = Listener::accept(&mut self.listener).await;
		// A page is one write: waiting to fill packets only delays it.
		let _ = stream.set_nodelay(true);
		let timer = Box::pin(sleep(self.idle));
		(
			Connection {
				stream,
				timer,
				idle: self.idle,
				_permit: permit,
			},
			address,
		)
	}

	fn local_addr(&self) -> io::Result<SocketAddr> {
		self.listener.local_addr()
	}
}

/// A connection that fails once nothing has moved for too long.
pub struct Connection {
	stream: TcpStream,
	timer: Pin<Box<Sleep>>,
	idle: Duration,
	_permit: Option<OwnedSemaphorePermit>,
}

impl Connection {
	/// Restarts the timer on progress; turns waiting into an error once it has run out.
	fn watch<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
		match poll {
			Poll::Ready(result) => {
				self.timer.as_mut().reset(Instant::now() + self.idle);
				Poll::Ready(result)
			}
			Poll::Pending => match self.timer.as_mut().poll(cx) {
				Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
				Poll::Pending => Poll::Pending,
			},
		}
	}
}

impl AsyncRead for Connection {
	fn poll_read(
		mut self: Pin<&mut Self>,
		cx: &mut Context<'_>,
		buffer: &mut ReadBuf<'_>,
	) -> Poll<io::Result<()>> {
		let poll = Pin::new(&mut self.stream).poll_read(cx, buffer);
		self.watch(cx, poll)
	}
}

impl AsyncWrite for Connection {
	fn poll_write(
		mut self: Pin<&mut Self>,
		cx: &mut Context<'_>,
		bytes: &[u8],
	) -> Poll<io::Result<usize>> {
		let poll = Pin::new(&mut self.stream).poll_write(cx, bytes);
		self.watch(cx, poll)
	}

	fn poll_write_vectored(
		mut self: Pin<&mut Self>,
		cx: &mut Context<'_>,
		slices: &[io::IoSlice<'_>],
	) -> Poll<io::Result<usize>> {
		let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
		self.watch(cx, poll)
	}

	fn is_write_vectored(&self) -> bool {
		self.stream.is_write_vectored()
	}

	fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
		Pin::new(&mut self.stream).poll_flush(cx)
	}

	fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
		Pin::new(&mut self.stream).poll_shutdown(cx)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use tokio::io::{AsyncReadExt, AsyncWriteExt};

	async fn guarded(connections: usize, idle_ms: u64) -> (Guarded, SocketAddr) {
		let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let address = listener.local_addr().unwrap();
		(
			Guarded::with_limits(listener, connections, Duration::from_millis(idle_ms)),
			address,
		)
	}

	#[tokio::test]
	async fn an_idle_connection_should_fail_and_a_moving_one_should_not() {
		let (mut listener, address) = guarded(1, 200).await;
		let mut client = TcpStream::connect(address).await.unwrap();
		let (mut io, _) = listener.accept().await;
		for _ in 0..4 {
			tokio::time::sleep(Duration::from_millis(100)).await;
			client.write_all(b"x").await.unwrap();
			assert_eq!(io.read_u8().await.unwrap(), b'x');
		}
		assert_eq!(
			io.read_u8().await.unwrap_err().kind(),
			io::ErrorKind::TimedOut
		);
	}

	#[tokio::test]
	async fn a_connection_too_many_should_wait_for_another_to_end() {
		let (mut listener, address) = guarded(1, 60_000).await;
		let _clients = [
			TcpStream::connect(address).await.unwrap(),
			TcpStream::connect(address).await.unwrap(),
		];
		let (first, _) = listener.accept().await;
		let soon = Duration::from_millis(100);
		assert!(tokio::time::timeout(soon, listener.accept()).await.is_err());
		drop(first);
		assert!(tokio::time::timeout(soon, listener.accept()).await.is_ok());
	}
}
