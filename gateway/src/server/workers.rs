//! Blocking work of one kind, so much at a time and no more.

use std::sync::Arc;

use tokio::{sync::Semaphore, task::spawn_blocking};

/// Slots for blocking work. Clones share them.
#[derive(Clone, Debug)]
pub struct Workers(Arc<Semaphore>);

impl Workers {
	/// So much at a time.
	pub fn new(slots: usize) -> Self {
		Self(Arc::new(Semaphore::new(slots)))
	}

	/// One slot per core.
	pub fn per_core() -> Self {
		Self::new(std::thread::available_parallelism().map_or(1, usize::from))
	}

	/// Does the work once there is a slot; `None` if it panicked.
	///
	/// The slot belongs to the work, not to who waits for it: work that nobody waits for any more runs on,
	/// and work that nobody waits for and that has no slot yet is never begun.
	pub async fn run<R: Send + 'static>(
		&self,
		work: impl FnOnce() -> R + Send + 'static,
	) -> Option<R> {
		// Never closed, so that there always comes a slot.
		let slot = self.0.clone().acquire_owned().await.ok();
		let work = move || {
			let _slot = slot;
			work()
		};
		spawn_blocking(work).await.ok()
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::{
		sync::atomic::{AtomicUsize, Ordering},
		time::Duration,
	};

	#[tokio::test]
	async fn abandoned_work_should_keep_its_slot_and_waiting_work_should_never_begin() {
		let workers = Workers::new(2);
		let (running, most, begun) =
			<(Arc<AtomicUsize>, Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
		for _ in 0..50 {
			let (running, most, begun) = (running.clone(), most.clone(), begun.clone());
			let work = workers.run(move || {
				begun.fetch_add(1, Ordering::SeqCst);
				most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
				std::thread::sleep(Duration::from_millis(200));
				running.fetch_sub(1, Ordering::SeqCst);
			});
			// Given up at once, as when a client hangs up.
			let _ = tokio::time::timeout(Duration::from_millis(2), work).await;
		}
		assert_eq!(workers.run(|| 7).await, Some(7));
		assert_eq!(most.load(Ordering::SeqCst), 2);
		assert!(begun.load(Ordering::SeqCst) < 10);
	}

	#[tokio::test]
	async fn work_that_panics_should_give_its_slot_back() {
		let workers = Workers::new(1);
		assert_eq!(workers.run(|| panic!("on purpose")).await, None::<()>);
		assert_eq!(workers.run(|| 7).await, Some(7));
	}
}
