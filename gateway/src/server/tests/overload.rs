//! Too much at a time, and too slowly: what a few cannot take from the others.

use std::net::TcpStream;

use super::*;
use crate::server::http::MAX_POSTS;

const HEAD: &str =
	"POST /v1/readings HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\n";

fn chain() -> FakeChain {
	FakeChain::knowing([(1, Known::Key(key_at(1, 1)))])
}

async fn gateway(chain: FakeChain, limits: listener::Limits) -> Gateway {
	let metrics = Arc::new(Metrics::new().unwrap());
	let (store, _) = breakable(metrics.clone());
	Gateway::with(store, chain, metrics, limits).await
}

fn connect(gateway: &Gateway) -> TcpStream {
	let socket = TcpStream::connect(gateway.address).unwrap();
	socket.set_read_timeout(Some(SOON)).unwrap();
	socket
}

/// Whether the other side has hung up, or does soon.
fn ends(socket: &mut TcpStream) -> bool {
	let mut rest = Vec::new();
	match socket.read_to_end(&mut rest) {
		Ok(_) => true,
		Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_that_nobody_waits_for_should_not_pile_up() {
	let gateway = gateway(chain(), Default::default()).await;
	let junk = sign_by(2, reading(1, 1)).encode().repeat(MAX_POST_READINGS);
	let request = [
		format!("{HEAD}content-length: {}\r\n\r\n", junk.len()).into_bytes(),
		junk,
	]
	.concat();
	let flood = {
		let address = gateway.address;
		tokio::task::spawn_blocking(move || {
			for _ in 0..150 {
				let mut socket = TcpStream::connect(address).unwrap();
				// Sent, and gone before there is an answer.
				socket.write_all(&request).unwrap();
				std::thread::sleep(Duration::from_millis(2));
			}
		})
	};
	let cores = std::thread::available_parallelism().unwrap().get();
	let mut most = 0;
	while !flood.is_finished() {
		gateway.page("").await;
		let text = gateway.get("/metrics").await.text().await.unwrap();
		let line = text
			.lines()
			.find_map(|line| line.strip_prefix("gridweave_gateway_verifying "));
		most = most.max(line.unwrap().parse::<usize>().unwrap());
	}
	flood.await.unwrap();
	assert!(most <= cores, "{most} at a time");
	assert_eq!(
		gateway.post_scale(&[sign(reading(1, 1))]).await.0,
		StatusCode::CREATED
	);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_posts_should_be_told_that_the_gateway_is_busy() {
	let chain = FakeChain {
		delay: Duration::from_secs(2),
		..chain()
	};
	let gateway = gateway(chain, Default::default()).await;
	let posts = (0..MAX_POSTS as u32 + 20).map(|n| {
		let body = sign(reading(1, n.into())).encode();
		gateway.post("application/octet-stream", body)
	});
	let answers = futures::future::join_all(posts).await;
	let busy = answers.iter().filter(|(status, answer)| {
		*status == StatusCode::SERVICE_UNAVAILABLE && answer["error"]["code"] == "busy"
	});
	assert!(busy.count() >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_do_not_arrive_should_take_nobody_s_place() {
	let gateway = gateway(chain(), Default::default()).await;
	let mut open: Vec<_> = (0..MAX_POSTS + 50).map(|_| connect(&gateway)).collect();
	for socket in &mut open {
		let head = format!("{HEAD}content-length: 100\r\n\r\nx");
		socket.write_all(head.as_bytes()).unwrap();
	}
	let (status, _) = gateway.post_scale(&[sign(reading(1, 1))]).await;
	assert_eq!(status, StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_arrive_should_be_given_up() {
	let limits = listener::Limits {
		head: Duration::from_millis(300),
		..Default::default()
	};
	let gateway = gateway(chain(), limits).await;
	let mut silent = connect(&gateway);
	let mut slow = connect(&gateway);
	let mut kept_alive = connect(&gateway);
	let request = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
	kept_alive.write_all(request).unwrap();
	let ended = tokio::task::spawn_blocking(move || {
		let mut trickle = slow.try_clone().unwrap();
		std::thread::spawn(move || {
			for byte in HEAD.bytes().cycle() {
				std::thread::sleep(Duration::from_millis(50));
				if trickle.write_all(&[byte]).is_err() {
					return;
				}
			}
		});
		[&mut silent, &mut slow, &mut kept_alive].map(ends)
	});
	assert_eq!(ended.await.unwrap(), [true; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_should_be_served_when_devices_have_used_up_their_connections() {
	let limits = listener::Limits {
		connections: 4,
		reserved: 2,
		head: Duration::from_secs(60),
		..Default::default()
	};
	let gateway = gateway(chain(), limits).await;
	let mut idle: Vec<_> = (0..4).map(|_| connect(&gateway)).collect();
	// They are counted in the order they came in.
	let url = |path| format!("{}{path}", gateway.url);
	for path in ["/v1/readings", "/health", "/metrics", "/v1/readings"] {
		let answer = gateway.client.get(url(path)).send().await.unwrap();
		assert_ne!(answer.status(), StatusCode::NOT_FOUND);
		// Such a connection is for one request.
		assert_eq!(answer.headers()["connection"], "close");
	}
	gateway
		.expect_problem(StatusCode::SERVICE_UNAVAILABLE, "busy")
		.await;
	// A device that goes makes room for another.
	drop(idle.pop());
	let posted = async {
		while gateway.post_scale(&[sign(reading(1, 1))]).await.0 != StatusCode::CREATED {
			tokio::time::sleep(Duration::from_millis(20)).await;
		}
	};
	tokio::time::timeout(SOON, posted).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_should_not_live_for_ever() {
	let limits = listener::Limits {
		life: Duration::from_millis(300),
		last: Duration::from_millis(300),
		head: Duration::from_secs(60),
		..Default::default()
	};
	let gateway = gateway(chain(), limits).await;
	// One that asks for something all the time, and one whose body is on its way.
	let mut busy = connect(&gateway);
	let mut slow = connect(&gateway);
	let head = format!("{HEAD}content-length: 100\r\n\r\nx");
	slow.write_all(head.as_bytes()).unwrap();
	let ended = tokio::task::spawn_blocking(move || {
		let mut asks = busy.try_clone().unwrap();
		std::thread::spawn(move || {
			for _ in 0..100 {
				std::thread::sleep(Duration::from_millis(50));
				let request = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
				if asks.write_all(request).is_err() {
					return;
				}
			}
		});
		[&mut busy, &mut slow].map(ends)
	});
	assert_eq!(ended.await.unwrap(), [true; 2]);
}
