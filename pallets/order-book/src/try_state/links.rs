//! What links carried.

use alloc::collections::btree_map::BTreeMap;

use frame_support::ensure;
use gridweave_primitives::{
	link::received_of,
	traits::{LinkInspect, SettlementClock},
};
use sp_runtime::TryRuntimeError;

use super::book_id;
use crate::{types::BookId, Books, Config, LinkFlows, Pallet};

impl<T: Config> Pallet<T> {
	/// What links carried is what books sold and bought over them, and no more than they may carry.
	pub(super) fn check_links() -> Result<(), TryRuntimeError> {
		let mut carried: BTreeMap<BookId, (u64, u64)> = BTreeMap::new();
		for ((to, period), flows) in LinkFlows::<T>::iter() {
			let id = book_id(to, period);
			ensure!(
				!flows.is_empty()
					&& flows
						.windows(2)
						.all(|two| two.first().map(|(id, _)| id) < two.last().map(|(id, _)| id)),
				"links are noted twice or out of order"
			);
			let links = T::Links::links_into(id.microgrid, id.period);
			for (link, flow) in flows {
				let (exported, _) = carried
					.entry(BookId {
						microgrid: flow.from,
						..id
					})
					.or_default();
				*exported = exported.saturating_add(flow.sent.0);
				let (_, imported) = carried.entry(id).or_default();
				*imported = imported.saturating_add(flow.received.0);
				// It may be gone with the period's terms before the book is.
				let Some(link) = links.iter().find(|open| open.id == link) else {
					continue;
				};
				ensure!(
					flow.sent <= link.terms.capacity,
					"a link carried more than it may"
				);
				ensure!(
					flow.received <= received_of(link.terms.loss, flow.sent),
					"more was received over a link than its loss allows"
				);
			}
		}
		let exchanging = Self::exchanging_books();
		let clock = T::Clock::clock();
		for ((microgrid, period), book) in Books::<T>::iter() {
			let id = book_id(microgrid, period);
			let (exported, imported) = carried.remove(&id).unwrap_or_default();
			let same = if book.is_auction() {
				// What goes through a community is none of its book's; what links carried is noted link by link
				// when all is traded with them, and not at all if that cannot be.
				let none = exported == 0 && imported == 0;
				let (out, into) = (book.exported.0, book.imported.0);
				let net = exported.saturating_add(into) == imported.saturating_add(out);
				none || net || exchanging.contains(&id)
			} else {
				book.exported.0 == exported && book.imported.0 == imported
			};
			// Books of one period are pruned one after the other.
			ensure!(
				T::Clock::now() >= clock.expires_at(id.period) || same,
				"a book's links carried something else"
			);
		}
		ensure!(
			carried
				.keys()
				.all(|id| exchanging.contains(id) || T::Clock::now() >= clock.expires_at(id.period)),
			"a link carried energy of no book"
		);
		Ok(())
	}
}
