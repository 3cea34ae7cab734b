use std::{collections::BTreeMap, path::Path, sync::Mutex};

use axum::{body::Bytes, extract::State, http::StatusCode, routing::post, Json, Router};
use codec::Decode;
use gridweave_primitives::reading::SignedReading;
use serde_json::{json, Value};

use super::{super::tally::Counter, *};
use crate::fleet::{
	grid::{Grid, GridSource},
	load::{
		meters::{device, Keys},
		schedule::Amount,
	},
};

const DEVICES: u32 = 12;
const ROUNDS: u32 = 6;

/// What a gateway was sent: every post, and the newest reading of each meter.
#[derive(Default)]
struct Taken {
	posts: Vec<SignedReading>,
	newest: BTreeMap<u32, SignedReading>,
}

/// A gateway that keeps the promises of `docs/gateway.md`, and is troubled at every tenth post: half of
/// these it has taken nevertheless.
async fn take(State(taken): State<Arc<Mutex<Taken>>>, body: Bytes) -> (StatusCode, Json<Value>) {
	let signed = SignedReading::decode(&mut &body[..]).unwrap();
	let mut taken = taken.lock().unwrap();
	taken.posts.push(signed.clone());
	let trouble = taken.posts.len() % 10 == 0;
	let busy = (
		StatusCode::SERVICE_UNAVAILABLE,
		Json(json!({ "error": { "code": "busy", "message": "" } })),
	);
	if trouble && taken.posts.len() % 20 == 0 {
		return busy;
	}
	let (meter, sequence) = (signed.reading.meter.0, signed.reading.sequence);
	let outcome = match taken.newest.get(&meter) {
		Some(newest) if newest.reading == signed.reading => "duplicate",
		Some(newest) if newest.reading.sequence >= sequence => "stale",
		_ => {
			taken.newest.insert(meter, signed);
			"stored"
		}
	};
	if trouble {
		return busy;
	}
	(
		StatusCode::OK,
		Json(json!({ "results": [{ "meter": meter, "sequence": sequence, "outcome": outcome }] })),
	)
}

fn grid() -> Grid {
	let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/simbench");
	let name = Some("LV1.101".into());
	Grid::load(&GridSource { folder, name }, None).unwrap()
}

/// Devices at work, what the gateway is sent, and the switch of their phase.
async fn field(
	faults: &str,
	every: Duration,
) -> (Arc<Field>, Arc<Mutex<Taken>>, watch::Sender<Phase>) {
	let taken = Arc::new(Mutex::new(Taken::default()));
	let router = Router::new()
		.route("/v1/readings", post(take))
		.with_state(taken.clone());
	let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
	let url = format!("http://{}", listener.local_addr().unwrap());
	tokio::spawn(async move { axum::serve(listener, router).await });
	let start = UNIX_EPOCH.elapsed().unwrap();
	let amount = Amount::Readings((DEVICES * ROUNDS).into());
	let (switch, phase) = watch::channel(Phase::Running);
	let field = Field {
		plan: Plan {
			faults: faults.parse().unwrap(),
			seed: 3,
		},
		schedule: Schedule::new(start, every, DEVICES, amount).unwrap(),
		course: Course::new(&grid(), 15_600, 12, 60).unwrap(),
		origin: start.as_secs(),
		genesis: H256::repeat_byte(1),
		period: 12,
		flash: Flash::memory(DEVICES),
		post: Post::new(&url).unwrap(),
		permits: Semaphore::new(4),
		tally: Tally::default(),
		waiting: Waiting::new(DEVICES),
		phase,
	};
	(Arc::new(field), taken, switch)
}

async fn logs(field: &Arc<Field>) -> Vec<Log> {
	let grid = grid();
	let lives = (0..DEVICES).map(|number| {
		let mut device = device(9, Keys::Mixed, number, 1_000_000_000, &grid.members[0]);
		device.set_meter(gridweave_primitives::MeterId(number));
		let life = Life {
			number,
			member: 0,
			device,
			start: Stand::default(),
			measures_charge: false,
			field: field.clone(),
		};
		life.run()
	});
	futures::future::try_join_all(lives).await.unwrap()
}

#[tokio::test]
async fn devices_should_deliver_in_order_whatever_befalls_them() {
	let faults = "drop=15%,duplicate=15%,reorder=15%,delay=10%:1s,restart=15%,drift=10%:5s";
	let (field, taken, _switch) = field(faults, Duration::from_secs(1)).await;
	let logs = logs(&field).await;
	let taken = taken.lock().unwrap();
	let tally = &field.tally;
	for (number, log) in (0u32..).zip(&logs) {
		assert_eq!(log.wrong, Vec::<String>::new(), "device {number}");
		assert!(!log.gave_up);
		let last = log.last.unwrap();
		// Dropped ones have a sequence too.
		assert_eq!(last.sequence, u64::from(ROUNDS));
		assert_eq!(taken.newest[&number].reading.sequence, last.sequence);
		assert_eq!(taken.newest[&number].reading.captured_at, last.captured_at);
		// The last is the newest, whatever the clock was before.
		let times = log.acknowledged.iter().map(|reading| reading.captured);
		let newest = times.clone().max();
		assert_eq!(newest, log.acknowledged.last().map(|last| last.captured));
		assert_eq!(times.filter(|time| Some(*time) == newest).count(), 1);
	}
	// No two readings of one sequence.
	let mut readings = BTreeMap::new();
	for signed in &taken.posts {
		let key = (signed.reading.meter.0, signed.reading.sequence);
		let known = readings
			.entry(key)
			.or_insert_with(|| signed.reading.clone());
		assert_eq!(*known, signed.reading);
	}
	// All that was ordered happened, and is accounted for.
	let counts = [
		&tally.dropped,
		&tally.duplicated,
		&tally.reordered,
		&tally.delayed,
		&tally.drifted,
		&tally.restarted,
	]
	.map(Counter::get);
	assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
	assert_eq!(
		tally.sent.get() + tally.dropped.get(),
		u64::from(DEVICES * ROUNDS)
	);
	assert_eq!(readings.len() as u64, tally.sent.get());
	assert_eq!(
		tally.acknowledged.get() + tally.stale.get(),
		tally.sent.get()
	);
	assert_eq!(tally.stale.get(), tally.reordered.get());
	assert!(tally.refusals()["busy"] > 0);
}

#[tokio::test]
async fn devices_that_are_stopped_should_give_a_last_reading_before_their_turn() {
	let (field, taken, switch) = field("", Duration::from_secs(3_600)).await;
	// The first device has its turn at once, the others in the course of an hour.
	let logs = async {
		tokio::time::sleep(Duration::from_millis(300)).await;
		switch.send_replace(Phase::Closing);
	};
	let (logs, ()) = tokio::join!(self::logs(&field), logs);
	assert!(logs
		.iter()
		.all(|log| log.last.is_some() && log.wrong.is_empty()));
	assert_eq!(logs[0].acknowledged.len(), 2);
	assert_eq!(logs[1].acknowledged.len(), 1);
	assert_eq!(taken.lock().unwrap().newest.len(), DEVICES as usize);
}

#[tokio::test]
async fn devices_should_give_up_when_they_are_told() {
	let (mut field, _, switch) = field("", Duration::from_secs(1)).await;
	// Nobody listens there.
	Arc::get_mut(&mut field).unwrap().post = Post::new("http://127.0.0.1:1").unwrap();
	let give_up = async {
		tokio::time::sleep(Duration::from_millis(500)).await;
		switch.send_replace(Phase::GivenUp);
	};
	let (logs, ()) = tokio::join!(self::logs(&field), give_up);
	assert!(logs.iter().all(|log| log.gave_up && log.last.is_none()));
	assert!(field.tally.refusals()["no_answer"] > 0);
}
