//! What the gateway makes of its node: of its finality, of its word about meters, and of its identity.

use gridweave_primitives::reading::Reading;

use super::{
	fake_node::{hash, FakeNode},
	*,
};
use crate::server::{
	cache::PATIENCE,
	keys::{unix_now, MAX_LEAD},
	node::ChainClock,
};

/// A follower at work on a store.
struct Following {
	fixture: Fixture,
	status: Arc<NodeStatus>,
	chain: Chain,
	tasks: JoinSet<()>,
}

impl Following {
	fn start(node: &FakeNode, fixture: Fixture) -> Self {
		let status = Arc::new(NodeStatus::default());
		let (store, metrics) = (fixture.store.clone(), fixture.metrics.clone());
		let commands = Commands::new(metrics.clone());
		let chain = Chain::new(
			node.clone(),
			store,
			commands,
			OpenAdr::new(Scope::default()),
			status.clone(),
			metrics,
		);
		let mut tasks = JoinSet::new();
		let follow = chain.clone().follow();
		tasks.spawn(async move { match follow.await {} });
		Self {
			fixture,
			status,
			chain,
			tasks,
		}
	}

	async fn stop(mut self) -> Fixture {
		self.tasks.shutdown().await;
		self.fixture
	}

	async fn until(&self, what: &str, mut is_so: impl FnMut(&chain::NodeState) -> bool) {
		let wait = async {
			while !is_so(&self.status.get()) {
				tokio::time::sleep(Duration::from_millis(10)).await;
			}
		};
		let state = self.status.get();
		let waited = tokio::time::timeout(SOON, wait).await;
		assert!(waited.is_ok(), "{what}: {state:?}");
	}

	async fn until_finalised(&self, number: u64) {
		let is_so = |state: &chain::NodeState| state.connected && state.finalised == Some(number);
		self.until("the block is followed", is_so).await;
	}

	async fn until_error(&self, text: &str) {
		let is_so = |state: &chain::NodeState| {
			let error = state.error.as_deref().unwrap_or_default();
			!state.connected && error.contains(text)
		};
		self.until(text, is_so).await;
	}

	async fn known(&self, meter: u32, fresh: bool) -> Known {
		let meter = MeterId(meter);
		self.chain.lookup(&[meter], fresh).await[&meter]
	}
}

/// A store with readings 1 to 3 of some meters.
async fn stored<const N: usize>(meters: [u32; N]) -> Fixture {
	let fixture = Fixture::new(LIMITS);
	let readings = meters
		.into_iter()
		.flat_map(|meter| (1..=3).map(move |sequence| sign(reading(meter, sequence))));
	fixture.store.insert(checked(readings)).await.unwrap();
	fixture
}

async fn count(store: &Store) -> u64 {
	store.state().await.unwrap().0
}

#[tokio::test]
async fn what_is_finalised_should_be_deleted_and_what_is_only_best_should_not() {
	let node = FakeNode::new(1, 6);
	node.set(|state| {
		state.finalised = 5;
		state.progress.insert(hash(1, 5), [(1, 2)].into());
		state.progress.insert(hash(1, 6), [(1, 3)].into());
	});
	let following = Following::start(&node, stored([1]).await);
	following.until_finalised(5).await;
	assert_eq!(count(&following.fixture.store).await, 1);
	node.set(|state| state.finalised = 6);
	following.until_finalised(6).await;
	assert_eq!(count(&following.fixture.store).await, 0);
}

#[tokio::test]
async fn progress_should_be_asked_for_until_there_is_no_more() {
	let node = FakeNode::new(1, 1);
	node.set(|state| {
		state.page = 1;
		let all = [(1, 3), (2, 3), (5, 3), (9, 3)];
		state.progress.insert(hash(1, 1), all.into());
	});
	let following = Following::start(&node, stored([2, 5, 9]).await);
	following.until_finalised(1).await;
	assert_eq!(count(&following.fixture.store).await, 0);
}

#[tokio::test]
async fn a_node_of_another_chain_should_be_refused() {
	let node = FakeNode::new(1, 5);
	node.set(|state| {
		state.genesis = H256([9; 32]);
		state.progress.insert(hash(1, 5), [(1, 3)].into());
	});
	let fixture = stored([1]).await;
	fixture.store.tie(GENESIS).await.unwrap();
	let following = Following::start(&node, fixture);
	following.until_error("holds readings of the chain").await;
	let genesis = following.chain.genesis();
	assert!(matches!(genesis, Err(StoreError::WrongChain { .. })));
	assert_eq!(following.known(1, false).await, Known::Unavailable);
	assert_eq!(count(&following.fixture.store).await, 3);
	// Once the right node is there, all is well.
	node.set(|state| state.genesis = GENESIS);
	following.until_finalised(5).await;
	assert_eq!(following.chain.genesis(), Ok(Some(GENESIS)));
}

#[tokio::test]
async fn another_run_of_the_chain_should_be_refused_even_while_it_is_shorter() {
	for (length, number) in [(3, 2), (20, 2)] {
		let node = FakeNode::new(1, 2);
		let following = Following::start(&node, stored([1]).await);
		following.until_finalised(2).await;
		node.set(|state| {
			state.blocks.extend((3..=9).map(|number| hash(1, number)));
			state.finalised = 9;
		});
		following.until_finalised(9).await;
		let fixture = following.stop().await;

		let node = FakeNode::new(2, length);
		node.set(|state| {
			state.progress.insert(hash(2, length), [(1, 3)].into());
		});
		let following = Following::start(&node, fixture);
		following.until_error("another run").await;
		let expected = StoreError::AnotherRun {
			number,
			stored: hash(1, 2),
			found: hash(2, 2),
		};
		assert_eq!(following.chain.genesis(), Err(expected));
		assert_eq!(count(&following.fixture.store).await, 3);
	}
}

#[tokio::test]
async fn another_run_that_began_like_the_first_should_be_refused_too() {
	let node = FakeNode::new(1, 9);
	let following = Following::start(&node, stored([1]).await);
	following.until_finalised(9).await;
	node.set(|state| {
		state.blocks.push(hash(1, 10));
		state.finalised = 10;
	});
	following.until_finalised(10).await;
	let fixture = following.stop().await;
	node.set(|state| state.blocks[10] = hash(2, 10));
	let following = Following::start(&node, fixture);
	following.until_error("another run").await;
}

#[tokio::test]
async fn a_node_that_is_behind_should_count_as_unreachable_until_it_has_caught_up() {
	let node = FakeNode::new(1, 9);
	let following = Following::start(&node, stored([1]).await);
	following.until_finalised(9).await;
	let fixture = following.stop().await;

	let node = FakeNode::new(1, 4);
	node.set(|state| state.meters = [(1, Known::Retired)].into());
	let following = Following::start(&node, fixture);
	following.until_error("behind").await;
	assert_eq!(following.known(1, false).await, Known::Unavailable);
	assert_eq!(following.chain.genesis(), Ok(None));
	node.set(|state| {
		state.blocks = (0..=10).map(|number| hash(1, number)).collect();
		state.finalised = 10;
		state.meters.insert(1, Known::Key(key_at(1, 10)));
	});
	following.until_finalised(10).await;
	assert_eq!(following.known(1, false).await, Known::Key(key_at(1, 10)));
}

#[tokio::test]
async fn only_a_newer_block_should_end_a_lag() {
	let node = FakeNode::new(1, 5);
	let following = Following::start(&node, Fixture::new(LIMITS));
	following.until_finalised(5).await;
	tokio::time::sleep(Duration::from_millis(500)).await;
	node.set(|state| state.up = false);
	following.until_error("down").await;
	node.set(|state| state.up = true);
	following.until_finalised(5).await;
	tokio::time::sleep(Duration::from_millis(200)).await;
	assert!(following.status.get().lag.unwrap() >= Duration::from_millis(700));
	node.set(|state| {
		state.blocks.push(hash(1, 6));
		state.finalised = 6;
	});
	following.until_finalised(6).await;
	assert!(following.status.get().lag.unwrap() < Duration::from_millis(500));
}

#[tokio::test]
async fn each_answer_about_a_meter_should_count_for_itself() {
	let node = FakeNode::new(1, 5);
	let key = Known::Key(key_at(1, 5));
	node.set(|state| state.meters = [(1, key), (2, Known::Unavailable)].into());
	let following = Following::start(&node, Fixture::new(LIMITS));
	following.until_finalised(5).await;
	let meters = [MeterId(1), MeterId(2)];
	for _ in 0..2 {
		let known = following.chain.lookup(&meters, false).await;
		assert_eq!(known[&MeterId(1)], key);
		assert_eq!(known[&MeterId(2)], Known::Unavailable);
	}
	// What was told is remembered, what was not is asked for again.
	node.set(|state| assert_eq!(state.asked, [1, 2, 2]));
}

#[tokio::test]
async fn only_keys_should_outlive_the_node_and_the_file_should_answer_for_the_rest() {
	let node = FakeNode::new(1, 5);
	let key = Known::Key(key_at(1, 5));
	node.set(|state| state.meters = [(1, key), (2, Known::NotAdmitted)].into());
	let following = Following::start(&node, Fixture::new(LIMITS));
	following.until_finalised(5).await;
	let keys = FileKeys::read(&key_file(&following.fixture.folder, 3)).unwrap();
	let keys = Keys::new(following.chain.clone(), Some(keys));
	let meters = [MeterId(1), MeterId(2)];
	let known = keys.lookup(&meters, false).await;
	assert_eq!(known[&MeterId(2)], Known::NotAdmitted);
	node.set(|state| state.up = false);
	following.until_error("down").await;
	tokio::time::sleep(PATIENCE).await;
	let known = keys.lookup(&meters, false).await;
	assert_eq!(known[&MeterId(1)], key);
	assert_eq!(known[&MeterId(2)], Known::Key(key_at(2, 0)));
	// A key that is in doubt serves no longer: the file may know the new one.
	let known = keys.lookup(&meters, true).await;
	assert_eq!(known[&MeterId(1)], Known::Key(key_at(1, 0)));
}

#[tokio::test]
async fn readings_should_be_taken_as_far_ahead_as_the_chain_takes_them() {
	let node = FakeNode::new(1, 5);
	// This machine's clock is an hour late.
	let now = unix_now() + 3_600;
	node.set(|state| {
		state.clock = ChainClock { now, period: 12 };
		state.meters.insert(1, Known::Key(key_at(1, 5)));
	});
	let following = Following::start(&node, Fixture::new(LIMITS));
	assert!(following.chain.horizon() < now);
	following.until_finalised(5).await;
	let horizon = || following.chain.horizon() == now + 12;
	following.until("the clock", |_| horizon()).await;
	let ingest = Ingest {
		store: following.fixture.store.clone(),
		keys: following.chain.clone(),
		verifiers: Workers::per_core(),
		metrics: following.fixture.metrics.clone(),
	};
	let at = |sequence, captured_at| {
		Some(sign(Reading {
			captured_at,
			..reading(1, sequence)
		}))
	};
	let readings = vec![at(1, now + 12), at(2, now + 13), at(3, now + MAX_LEAD)];
	let entries = ingest.take(readings).await.unwrap();
	let verdicts: Vec<_> = entries.iter().map(|entry| entry.outcome).collect();
	let expected = [Verdict::Stored, Verdict::Future, Verdict::Future];
	assert_eq!(verdicts, expected);
}
