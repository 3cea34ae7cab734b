//! Connections: how many there may be, and for how long.
//!
//! Every wait for the other side is bounded, so that nobody holds a connection by doing nothing or little.
//! When devices have all theirs, a few are left for who fetches pages or looks after the gateway.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
	rt::{TokioIo, TokioTimer},
	service::TowerToHyperService,
};
use tokio::{
	net::{TcpListener, TcpStream},
	sync::{watch, Semaphore},
	task::JoinSet,
	time::{sleep, timeout},
};
use tracing::{debug, warn};

/// Bytes of a request's head, and of a body at a time.
const BUFFER: usize = 16 * 1024;
/// Pause after a connection could not be accepted: there may be too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// How many connections there may be, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
	/// Most connections that may post; with the reserved ones below the usual limit of open files, 1,024.
	pub connections: usize,
	/// Further ones, which may not, and end after one request.
	pub reserved: usize,
	/// Longest wait for a request's head, on a new connection or after a response.
	pub head: Duration,
	/// The same on a reserved connection.
	pub reserved_head: Duration,
	/// Time after which a connection takes no further request.
	pub life: Duration,
	/// Time that the request under way has then.
	pub last: Duration,
}

impl Default for Limits {
	fn default() -> Self {
		Self {
			connections: 768,
			reserved: 64,
			head: Duration::from_secs(5),
			reserved_head: Duration::from_secs(1),
			life: Duration::from_secs(60),
			last: Duration::from_secs(30),
		}
	}
}

/// Serves `router`, and `reserved` on connections beyond those for devices, until `stop` turns true or its
/// sender is gone. Ends with the last connection.
pub async fn serve(
	listener: TcpListener,
	router: Router,
	reserved: Router,
	limits: Limits,
	stop: watch::Receiver<bool>,
) {
	let ordinary = Arc::new(Semaphore::new(limits.connections));
	let spare = Arc::new(Semaphore::new(limits.reserved));
	let mut connections = JoinSet::new();
	let mut stopped = Box::pin(until(stop.clone()));
	loop {
		let stream = tokio::select! {
			() = &mut stopped => break,
			Some(_) = connections.join_next(), if !connections.is_empty() => continue,
			accepted = listener.accept() => match accepted {
				Ok((stream, _)) => stream,
				Err(error) => {
					warn!("no connection could be accepted: {error}");
					sleep(PAUSE).await;
					continue;
				}
			},
		};
		// Further connections wait in the system's backlog.
		let (permit, is_spare) = tokio::select! {
			biased;
			() = &mut stopped => break,
			permit = ordinary.clone().acquire_owned() => (permit, false),
			permit = spare.clone().acquire_owned() => (permit, true),
		};
		let router = if is_spare { &reserved } else { &router };
		let talk = talk(
			stream,
			router.clone(),
			is_spare,
			limits,
			until(stop.clone()),
		);
		connections.spawn(async move {
			let _permit = permit;
			talk.await;
		});
	}
	drop(listener);
	while connections.join_next().await.is_some() {}
}

async fn until(mut stop: watch::Receiver<bool>) {
	// An error means that nobody can stop us any more: stop.
	let _ = stop.wait_for(|stop| *stop).await;
}

/// From the first byte to the last.
async fn talk(
	stream: TcpStream,
	router: Router,
	is_spare: bool,
	limits: Limits,
	stopped: impl std::future::Future<Output = ()>,
) {
	// A page is one write: waiting to fill packets only delays it.
	let _ = stream.set_nodelay(true);
	let head = if is_spare {
		limits.reserved_head
	} else {
		limits.head
	};
	let mut http = http1::Builder::new();
	http.timer(TokioTimer::new())
		.header_read_timeout(head)
		.max_buf_size(BUFFER)
		.keep_alive(!is_spare);
	let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
	tokio::pin!(connection);
	let ended = tokio::select! {
		ended = connection.as_mut() => Ok(ended),
		() = sleep(limits.life) => Err(()),
		() = stopped => Err(()),
	};
	let ended = match ended {
		Ok(ended) => Ok(ended),
		Err(()) => {
			connection.as_mut().graceful_shutdown();
			timeout(limits.last, connection).await
		}
	};
	match ended {
		Ok(Ok(())) => {}
		Ok(Err(error)) => debug!("a connection ended: {error}"),
		Err(_) => debug!("a connection took too long"),
	}
}
