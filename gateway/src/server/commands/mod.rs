//! Commands to the devices whose readings come here: from finalised blocks to whoever tells the devices.
//!
//! The chain keeps the latest command of each meter, and that is what is followed: nothing is kept on disk, for
//! after a start all is looked at again. Devices are told only what is finalised, and judge by the nonce what
//! they hear twice.
//!
//! Why storage, and neither events nor the runtime API: an event says once that all members of a programme are
//! told something, in a block that may be gone when the gateway comes back, and leaves it to the reader who they
//! are; `pending_commands` walks over the commands of all meters of the chain, and leaves out what became of
//! those that are pending no more. Two small values say whether anything was given, and pages are read only if
//! so, of meters that deliver here ([`plan`]).
//!
//! | module | holds |
//! |---|---|
//! | [`book`] | the latest command of each meter, and what has become of it |
//! | [`plan`] | which pages to look at next |
//! | [`follow`] | from a finalised block to the book |

pub mod book;
pub mod follow;
pub mod plan;

use std::{
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::{Duration, Instant},
};

use gridweave_primitives::MeterId;
use tokio::sync::watch;

use self::book::{Book, Entry, State};
use super::{metrics::Metrics, store::fresh_epoch};

/// Most meters whose commands are remembered; some 200 bytes each.
const MAX_METERS: usize = 1 << 20;
/// Most commands in one answer.
pub const MAX_PAGE: usize = 500;
/// Most commands that are looked at for one answer: those in another state than asked for take time, too.
const MAX_LOOK: usize = 10_000;

/// Commands, as far as they are known. Clones share them.
#[derive(Clone)]
pub struct Commands(Arc<Shared>);

struct Shared {
	state: Mutex<Known>,
	changed: watch::Sender<u64>,
	epoch: u64,
	metrics: Arc<Metrics>,
}

struct Known {
	book: Book,
	/// The time of the last finalised block, and when it was heard of.
	time: Option<(u64, Instant)>,
	/// Whether all commands have been looked at since the start.
	complete: bool,
}

impl Known {
	/// The chain's time goes on while nothing is heard of it.
	fn pass(&mut self) {
		if let Some((now, heard)) = self.time {
			self.book
				.pass(now.saturating_add(heard.elapsed().as_secs()));
		}
	}
}

/// A part of what has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
	/// The chain's time: Unix seconds.
	pub now: u64,
	/// The commands, in the order of changes.
	pub entries: Vec<Entry>,
	/// Where to go on.
	pub next: u64,
	/// Whether there is more already.
	pub more: bool,
}

impl Commands {
	/// Nothing is known yet.
	pub fn new(metrics: Arc<Metrics>) -> Self {
		let state = Mutex::new(Known {
			book: Book::new(MAX_METERS),
			time: None,
			complete: false,
		});
		Self(Arc::new(Shared {
			state,
			changed: watch::Sender::new(0),
			epoch: fresh_epoch(),
			metrics,
		}))
	}

	/// What is guarded is sound even if somebody panicked beside it.
	fn lock(&self) -> MutexGuard<'_, Known> {
		self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
	}

	/// Identity of the order of changes: that of another run of the gateway means nothing here.
	pub fn epoch(&self) -> u64 {
		self.0.epoch
	}

	/// Notes what was seen, and tells who waits.
	fn note(&self, change: impl FnOnce(&mut Known)) {
		let mut known = self.lock();
		change(&mut known);
		known.pass();
		for state in State::ALL {
			let gauge = self.0.metrics.commands.with_label_values(&[state.name()]);
			gauge.set(known.book.count(state));
		}
		let revision = known.book.revision();
		drop(known);
		self.0.changed.send_if_modified(|seen| {
			let changed = *seen < revision;
			*seen = revision.max(*seen);
			changed
		});
	}

	/// Notes that time passes, also when nothing is heard of the chain.
	pub fn pass(&self) {
		self.note(|_| ());
	}

	/// What has changed after a revision of this epoch, at most `most` commands, and only those in this state if one
	/// is named. `None` if not all has been looked at yet: nobody may conclude that there is no command.
	pub fn page(
		&self,
		epoch: Option<u64>,
		after: u64,
		most: usize,
		state: Option<State>,
	) -> Option<Page> {
		let after = match epoch.is_none_or(|epoch| epoch == self.epoch()) {
			true => after,
			false => 0,
		};
		let mut known = self.lock();
		known.pass();
		if !known.complete {
			return None;
		}
		let (mut entries, mut next) = (Vec::new(), after);
		let book = &known.book;
		for entry in book.after(after, MAX_LOOK) {
			let is_wanted = state.is_none_or(|state| state == entry.state);
			if is_wanted && entries.len() >= most.min(MAX_PAGE) {
				break;
			}
			entries.extend(Some(*entry).filter(|_| is_wanted));
			next = entry.revision;
		}
		Some(Page {
			now: book.now(),
			entries,
			next,
			more: next < book.revision(),
		})
	}

	/// The command of a meter and the chain's time; `None` if not all has been looked at yet.
	pub fn of(&self, meter: MeterId) -> Option<(u64, Option<Entry>)> {
		let mut known = self.lock();
		known.pass();
		let book = &known.book;
		known
			.complete
			.then(|| (book.now(), book.get(meter).copied()))
	}

	/// Waits until something changes after a revision, at most so long.
	pub async fn wait(&self, after: u64, patience: Duration) {
		let mut changed = self.0.changed.subscribe();
		let change = changed.wait_for(|revision| *revision > after);
		let _ = tokio::time::timeout(patience, change).await;
	}
}

/// Has commands end in time, for ever.
pub async fn expire(commands: Commands) {
	loop {
		commands.pass();
		tokio::time::sleep(Duration::from_secs(1)).await;
	}
}
