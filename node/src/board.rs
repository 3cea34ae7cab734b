//! What is watched, and its latest state: each is looked at once, however many watch it; who is slow gets the
//! latest, and is dropped if it takes none for [`PATIENCE`].

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::Duration,
};

use gridweave_runtime::{BlockNumber, Hash};
use jsonrpsee::{core::SubscriptionResult, SubscriptionMessage, SubscriptionSink};
use serde_json::{json, Value};
use tokio::sync::watch;

/// How long a subscriber may take to take a message.
const PATIENCE: Duration = Duration::from_secs(30);

/// A state, with the block it is of.
#[derive(Clone, Debug)]
pub struct Seen {
	/// The block.
	pub hash: Hash,
	/// Its number.
	pub block: BlockNumber,
	/// The state.
	pub what: Value,
	/// Why nothing will follow, if so.
	pub last: Option<&'static str>,
}

/// The latest state; none before the first look.
pub type Latest = watch::Receiver<Option<Arc<Seen>>>;

/// The board is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// States by what they are of.
pub struct Board<K> {
	most: usize,
	shown: Mutex<BTreeMap<K, watch::Sender<Option<Arc<Seen>>>>>,
}

impl<K: Ord + Copy> Board<K> {
	/// A board for at most so many.
	pub fn new(most: usize) -> Self {
		Self {
			most,
			shown: Mutex::default(),
		}
	}

	fn shown(&self) -> MutexGuard<'_, BTreeMap<K, watch::Sender<Option<Arc<Seen>>>>> {
		// A sender is replaced as a whole: the map is sound even if somebody panicked beside it.
		self.shown.lock().unwrap_or_else(PoisonError::into_inner)
	}

	/// Watches one from now on. Refused if too many others are watched.
	pub fn watch(&self, key: K) -> Result<Latest, Full> {
		let mut shown = self.shown();
		if let Some(sender) = shown.get(&key) {
			return Ok(sender.subscribe());
		}
		if shown.len() >= self.most {
			shown.retain(|_, sender| sender.receiver_count() > 0);
		}
		if shown.len() >= self.most {
			return Err(Full);
		}
		let (sender, latest) = watch::channel(None);
		shown.insert(key, sender);
		Ok(latest)
	}

	/// What somebody watches. Others are forgotten.
	pub fn watched(&self) -> Vec<K> {
		let mut shown = self.shown();
		shown.retain(|_, sender| sender.receiver_count() > 0);
		shown.keys().copied().collect()
	}

	/// Shows a new state, if it differs from the last.
	pub fn show(&self, key: &K, seen: Seen) {
		self.replace(key, seen, |before, seen| {
			before.is_none_or(|before| before.what != seen.what || before.last != seen.last)
		});
	}

	/// Shows a state to those who have seen none yet.
	pub fn show_first(&self, key: &K, seen: Seen) {
		self.replace(key, seen, |before, _| before.is_none());
	}

	fn replace(&self, key: &K, seen: Seen, news: impl Fn(Option<&Seen>, &Seen) -> bool) {
		if let Some(sender) = self.shown().get(key) {
			sender.send_if_modified(|shown| {
				let is_news = news(shown.as_deref(), &seen);
				if is_news {
					*shown = Some(Arc::new(seen));
				}
				is_news
			});
		}
	}
}

/// A message of a block.
pub fn message(hash: Hash, block: BlockNumber, what: &Value) -> Value {
	let mut message = json!({ "block": block, "hash": hash });
	if let (Some(message), Some(what)) = (message.as_object_mut(), what.as_object()) {
		message.extend(what.clone());
	}
	message
}

/// Sends a message, if the subscriber takes it in time. `Ok(false)` if it is gone.
pub async fn send(sink: &SubscriptionSink, message: &Value) -> Result<bool, String> {
	use jsonrpsee::SendTimeoutError;
	let message = SubscriptionMessage::from_json(message).map_err(|error| error.to_string())?;
	match sink.send_timeout(message, PATIENCE).await {
		Ok(()) => Ok(true),
		Err(SendTimeoutError::Closed(_)) => Ok(false),
		Err(SendTimeoutError::Timeout(_)) => Err(format!(
			"too slow: no message was taken for {} s",
			PATIENCE.as_secs()
		)),
	}
}

/// Tells a subscriber what it sees of each new state, as far as that has changed: the latest at once, and
/// none that was passed over meanwhile.
pub async fn tell(
	sink: SubscriptionSink,
	mut latest: Latest,
	view: impl Fn(&Value) -> Value + Send,
) -> SubscriptionResult {
	let mut told = None;
	loop {
		let seen = latest.borrow_and_update().clone();
		if let Some(seen) = seen {
			let what = view(&seen.what);
			if told.as_ref() != Some(&what) {
				if !send(&sink, &message(seen.hash, seen.block, &what)).await? {
					return Ok(());
				}
				told = Some(what);
			}
			if let Some(reason) = seen.last {
				return Err(reason.into());
			}
		}
		tokio::select! {
			() = sink.closed() => return Ok(()),
			changed = latest.changed() => if changed.is_err() {
				return Err("the node stops".into());
			},
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use jsonrpsee::RpcModule;

	fn seen(block: BlockNumber, what: Value) -> Seen {
		Seen {
			hash: Hash::zero(),
			block,
			what,
			last: None,
		}
	}

	#[test]
	fn a_full_board_should_refuse_new_keys_until_one_is_not_watched() {
		let board = Board::new(2);
		let first = board.watch(1).expect("room");
		let _second = board.watch(2).expect("room");
		let _same = board.watch(2).expect("it is watched already");
		assert_eq!(board.watch(3).err(), Some(Full));
		drop(first);
		let _third = board.watch(3).expect("room again");
		assert_eq!(board.watched(), [2, 3]);
	}

	#[test]
	fn only_what_differs_should_be_news() {
		let board = Board::new(2);
		let mut latest = board.watch(1).expect("room");
		board.show_first(&1, seen(1, json!({ "bids": 1 })));
		assert!(latest.has_changed().expect("the board is there"));
		let _ = latest.borrow_and_update();
		board.show(&1, seen(2, json!({ "bids": 1 })));
		board.show_first(&1, seen(3, json!({ "bids": 2 })));
		assert!(!latest.has_changed().expect("the board is there"));
		board.show(&1, seen(4, json!({ "bids": 2 })));
		assert!(latest.has_changed().expect("the board is there"));
		let block = latest.borrow_and_update().as_ref().map(|seen| seen.block);
		assert_eq!(block, Some(4));
	}

	#[tokio::test]
	async fn subscriber_should_get_the_state_at_once_then_changes_then_the_reason_of_the_end() {
		let board = Arc::new(Board::new(2));
		let mut module = RpcModule::new(board.clone());
		module
			.register_subscription(
				"watch",
				"news",
				"unwatch",
				|_, pending, board, _| async move {
					let latest = board.watch(1).map_err(|_| "full")?;
					let sink = pending.accept().await?;
					// This subscriber sees the bids alone.
					tell(sink, latest, |what| json!({ "bids": what["bids"] })).await
				},
			)
			.expect("one subscription");
		let mut news = module
			.subscribe_unbounded("watch", [(); 0])
			.await
			.expect("there is room");
		board.show(&1, seen(5, json!({ "bids": 1, "asks": 1 })));
		let (told, _) = news.next::<Value>().await.expect("open").expect("JSON");
		assert_eq!(told["block"], 5);
		assert_eq!((&told["bids"], told.get("asks")), (&json!(1), None));
		board.show(&1, seen(6, json!({ "bids": 1, "asks": 2 })));
		tokio::task::yield_now().await;
		board.show(&1, seen(7, json!({ "bids": 2, "asks": 2 })));
		let (told, _) = news.next::<Value>().await.expect("open").expect("JSON");
		assert_eq!((&told["block"], &told["bids"]), (&json!(7), &json!(2)));
		let end = Seen {
			last: Some("over"),
			..seen(8, json!({ "bids": 2 }))
		};
		board.show(&1, end);
		let closed = news.next::<Value>().await;
		assert!(!matches!(closed, Some(Ok(_))), "{closed:?}");
	}
}
