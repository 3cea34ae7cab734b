//! Commands to devices, from what a node says to what is told over HTTP.

use super::{fake_node::FakeNode, *};
use crate::{
	command::{Action, Command},
	server::commands::{book::Given, plan::Mark},
};

/// A block's time.
const NOW: u64 = 1_700_000_000;

fn mark(nonce: u32) -> Option<Mark> {
	Some(Mark {
		nonce,
		issuing: false,
		now: NOW,
	})
}

fn given(meter: u32, nonce: u32, until: u64) -> Given {
	let command = Command {
		meter,
		nonce,
		action: Action::LimitImport,
		watts: Some(2_000),
		from: NOW,
		until,
		event: Some(3),
	};
	Given {
		command,
		acknowledged: None,
	}
}

/// A store to which these meters have delivered.
async fn delivered(meters: &[u32]) -> Fixture {
	let fixture = Fixture::new(LIMITS);
	let readings = meters.iter().map(|meter| sign(reading(*meter, 1)));
	fixture.store.insert(checked(readings)).await.unwrap();
	fixture
}

/// A node with these commands.
fn node(commands: impl IntoIterator<Item = Given>) -> FakeNode {
	let node = FakeNode::new(1, 100);
	node.set(|state| {
		state.finalised = 1;
		state.mark = mark(1);
		let commands = commands.into_iter();
		state.commands = commands.map(|given| (given.command.meter, given)).collect();
	});
	node
}

/// The next block is finalised, and this is changed in it.
fn block(node: &FakeNode, change: impl FnOnce(&mut fake_node::State)) {
	node.set(|state| {
		state.finalised += 1;
		change(state);
	});
}

impl Gateway {
	pub(super) async fn json(&self, path: &str, endpoint: &str) -> (StatusCode, Value) {
		let answer = self.try_get(path).await.unwrap();
		let status = answer.status();
		expect_described("get", endpoint, status, answer.headers().get(CONTENT_TYPE));
		let is_ours = status == StatusCode::SERVICE_UNAVAILABLE;
		assert_eq!(answer.headers().contains_key(RETRY_AFTER), is_ours);
		(status, answer.json().await.unwrap())
	}

	async fn told(&self, meter: u32) -> (StatusCode, Value) {
		let path = format!("/v1/commands/{meter}");
		self.json(&path, "/v1/commands/{meter}").await
	}

	async fn changes(&self, query: &str) -> Value {
		let (status, changes) = self
			.json(&format!("/v1/commands{query}"), "/v1/commands")
			.await;
		assert_eq!(status, StatusCode::OK, "{changes}");
		changes
	}

	/// Waits until the latest command of a meter is this one in this state.
	async fn until_command(&self, meter: u32, nonce: u32, state: &str) -> Value {
		let wait = async {
			loop {
				let (_, told) = self.told(meter).await;
				let latest = &told["latest"];
				if latest["nonce"] == nonce && latest["state"] == state {
					return told;
				}
				tokio::time::sleep(Duration::from_millis(20)).await;
			}
		};
		let waited = tokio::time::timeout(SOON, wait).await;
		waited.unwrap_or_else(|_| panic!("command {nonce} of meter {meter} is never {state}"))
	}

	async fn metric(&self, line: &str) -> bool {
		let text = self.get("/metrics").await.text().await.unwrap();
		text.contains(&format!("\ngridweave_gateway_{line}\n"))
	}
}

#[tokio::test]
async fn a_device_should_be_told_its_command_until_its_time_is_over() {
	let node = node([given(7, 1, NOW + 600)]);
	let gateway = Gateway::following(&node, delivered(&[7, 8]).await).await;
	let told = gateway.until_command(7, 1, "open").await;
	let command = json!({"meter": 7, "nonce": 1, "action": "limit_import", "watts": 2_000, "from": NOW,
		"until": NOW + 600, "event": 3, "state": "open", "acknowledged": null});
	assert_eq!(told["commands"], json!([command]));
	assert!(gateway.metric("commands{state=\"open\"} 1").await);
	let (status, nothing) = gateway.told(8).await;
	assert_eq!((status, &nothing["commands"]), (StatusCode::OK, &json!([])));
	assert!(nothing["latest"].is_null());

	block(&node, |state| {
		state.commands.get_mut(&7).unwrap().acknowledged = Some(NOW + 5);
	});
	let told = gateway.until_command(7, 1, "acknowledged").await;
	assert_eq!(told["commands"][0]["acknowledged"], NOW + 5);

	block(&node, |state| {
		state.mark = Some(Mark {
			now: NOW + 600,
			..state.mark.unwrap()
		});
	});
	let told = gateway.until_command(7, 1, "done").await;
	assert_eq!(told["commands"], json!([]));
}

#[tokio::test]
async fn a_command_that_nobody_acknowledged_should_stay_visible() {
	let node = node([given(7, 1, NOW + 1), given(8, 1, NOW + 600)]);
	let gateway = Gateway::following(&node, delivered(&[7, 8]).await).await;
	// No block comes any more: time passes all the same.
	let told = gateway.until_command(7, 1, "expired").await;
	assert_eq!(told["commands"], json!([]));
	let expired = gateway.changes("?state=expired").await;
	assert_eq!(expired["commands"].as_array().unwrap().len(), 1);
	assert_eq!(expired["commands"][0]["meter"], 7);
	assert!(gateway.metric("commands{state=\"expired\"} 1").await);
	assert!(gateway.metric("commands{state=\"open\"} 1").await);
}

#[tokio::test]
async fn changes_should_be_told_once_and_waited_for() {
	let node = node([given(7, 1, NOW + 600), given(70, 2, NOW + 600)]);
	let gateway = Gateway::following(&node, delivered(&[7, 8, 70]).await).await;
	gateway.until_command(70, 2, "open").await;
	let first = gateway.changes("?limit=1").await;
	assert_eq!(
		(&first["more"], first["commands"].as_array().unwrap().len()),
		(&json!(true), 1)
	);
	let epoch = first["epoch"].as_str().unwrap();
	let query = |after: &Value, wait| format!("?after={after}&epoch={epoch}&wait={wait}");
	let second = gateway.changes(&query(&first["next"], 0)).await;
	assert_eq!(second["more"], false);
	assert_ne!(
		second["commands"][0]["meter"],
		first["commands"][0]["meter"]
	);
	let none = gateway.changes(&query(&second["next"], 1)).await;
	assert_eq!(
		(&none["commands"], &none["next"]),
		(&json!([]), &second["next"])
	);

	let path = query(&second["next"], 25);
	let (changes, ()) = tokio::join!(gateway.changes(&path), async {
		tokio::time::sleep(Duration::from_millis(300)).await;
		block(&node, |state| {
			state.mark = mark(3);
			state.commands.insert(8, given(8, 3, NOW + 600));
		});
	});
	assert_eq!(changes["commands"].as_array().unwrap().len(), 1);
	assert_eq!(changes["commands"][0]["nonce"], 3);
	// Another epoch: from the beginning, without a wait.
	let all = gateway.changes("?after=999&epoch=1&wait=25").await;
	assert_eq!(all["commands"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_command_that_is_gone_should_be_withdrawn() {
	let node = node([given(7, 1, NOW + 600)]);
	let gateway = Gateway::following(&node, delivered(&[7]).await).await;
	gateway.until_command(7, 1, "open").await;
	block(&node, |state| state.commands.clear());
	let told = gateway.until_command(7, 1, "withdrawn").await;
	assert_eq!(told["commands"], json!([]));
}

#[tokio::test]
async fn only_meters_that_deliver_here_should_be_told_of_and_new_ones_at_once() {
	let node = node([given(7, 1, NOW + 600), given(500, 1, NOW + 600)]);
	let fixture = delivered(&[8]).await;
	let store = fixture.store.clone();
	let gateway = Gateway::following(&node, fixture).await;
	let seen = async {
		while gateway.told(8).await.0 != StatusCode::OK {
			tokio::time::sleep(Duration::from_millis(20)).await;
		}
	};
	tokio::time::timeout(SOON, seen).await.unwrap();
	let (status, problem) = gateway.told(7).await;
	assert_eq!(
		(status, &problem["error"]["code"]),
		(StatusCode::NOT_FOUND, &json!("not_found"))
	);
	assert_eq!(gateway.changes("").await["commands"], json!([]));

	store
		.insert(checked([sign(reading(500, 1))]))
		.await
		.unwrap();
	node.set(|state| state.looked_at.clear());
	block(&node, |_| ());
	gateway.until_command(500, 1, "open").await;
	node.set(|state| assert!(!state.looked_at.contains(&0), "nothing was given on page 0"));
}

#[tokio::test]
async fn before_all_is_looked_at_nobody_should_be_told_that_there_is_nothing() {
	let node = node([given(7, 1, NOW + 600)]);
	node.set(|state| state.mark = None);
	let gateway = Gateway::following(&node, delivered(&[7]).await).await;
	// Readings do not wait for commands.
	let healthy = async {
		while gateway.get("/health").await.status() != StatusCode::OK {
			tokio::time::sleep(Duration::from_millis(20)).await;
		}
	};
	tokio::time::timeout(SOON, healthy).await.unwrap();
	for (path, endpoint) in [
		("/v1/commands/7", "/v1/commands/{meter}"),
		("/v1/commands", "/v1/commands"),
	] {
		let (status, problem) = gateway.json(path, endpoint).await;
		assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
		assert_eq!(problem["error"]["code"], "no_node");
	}
	block(&node, |state| state.mark = mark(1));
	gateway.until_command(7, 1, "open").await;
}

#[tokio::test]
async fn a_new_start_should_know_all_again() {
	let node = node([given(7, 1, NOW + 600)]);
	let gateway = Gateway::following(&node, delivered(&[7]).await).await;
	gateway.until_command(7, 1, "open").await;
	let epoch = gateway.changes("").await["epoch"].clone();
	gateway.stop.send(true).unwrap();
	gateway.served.await.unwrap().unwrap();
	block(&node, |state| {
		state.mark = mark(2);
		state.commands.insert(7, given(7, 2, NOW + 600));
	});
	let metrics = Arc::new(Metrics::new().unwrap());
	let store = Store::open(gateway.folder.path(), LIMITS, metrics.clone()).unwrap();
	let fixture = Fixture {
		folder: gateway.folder,
		store,
		metrics,
	};
	let gateway = Gateway::following(&node, fixture).await;
	gateway.until_command(7, 2, "open").await;
	assert_ne!(gateway.changes("").await["epoch"], epoch);
}

#[tokio::test]
async fn what_is_no_question_should_be_refused() {
	let node = node([]);
	let gateway = Gateway::following(&node, delivered(&[7]).await).await;
	for query in [
		"?wait=26",
		"?after=-1",
		"?state=lost",
		"?after=1&after=2",
		"?colour=blue",
	] {
		let (status, problem) = gateway
			.json(&format!("/v1/commands{query}"), "/v1/commands")
			.await;
		assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
		assert_eq!(problem["error"]["code"], "query");
	}
	for meter in ["seven", "-1", "4294967296"] {
		let (status, problem) = gateway
			.json(&format!("/v1/commands/{meter}"), "/v1/commands/{meter}")
			.await;
		assert_eq!(status, StatusCode::BAD_REQUEST, "{meter}");
		assert_eq!(problem["error"]["code"], "query");
	}
}
