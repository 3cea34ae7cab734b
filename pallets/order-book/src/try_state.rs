//! Invariants.

use alloc::{
	collections::{btree_map::BTreeMap, btree_set::BTreeSet},
	vec::Vec,
};

use frame_support::ensure;
use gridweave_primitives::{
	market::Side,
	traits::{MeterInspect, SettlementClock, SettlementProgress},
	Balance, Be32, MeterId, MicrogridId, OrderId, Period,
};
use sp_runtime::TryRuntimeError;

use crate::{
	book::{block, place_of},
	types::{AccountLimits, Book, BookId, Commitment, Locator, Place, Resting, Stage},
	Agenda, Asks, Bids, Books, Config, MeterDealings, NextOrderId, Orders, OwnLimits, Pallet,
	Served,
};

mod coupling;
mod links;

type Entry<AccountId> = (BookId, Side, Place, Resting<AccountId>);

fn book_id(microgrid: Be32, period: Be32) -> BookId {
	BookId {
		microgrid: MicrogridId(microgrid.get()),
		period: Period(period.get()),
	}
}

impl<T: Config> Pallet<T> {
	/// Checks that
	///
	/// * each side of each book is in the order of its keys, and the stored best order is its first; the
	///   book's counts are right; no bid is as high as an ask of its book, but in a call auction; no order
	///   is empty;
	/// * orders and places in books correspond one to one, and ids were given out;
	/// * the open part of each meter's commitments is the sum of its open orders, by rising period, and nothing stored
	///   is empty; the orders of each meter are those in the books, oldest first;
	/// * no energy is made or lost: what a book's meters sold, but not over links, is what they bought, but not over
	///   links; its volume is that, and of what went over links no more than all of it;
	/// * what went over links into and out of each book is the sum of what the links carried, in an auction one less
	///   the other; none carried more
	///   than it may, nor has more been received than its loss allows;
	/// * what a book sums up is what its meters committed to, of which they may have forgotten what is settled;
	/// * what accounts bid and ask in call auctions is counted, no order is better than the limit that is
	///   noted, and these do not cross; no auction is noted to have read more orders than there are;
	/// * each book is on the agenda exactly once, once its orders have expired it has none; nothing on the agenda lies
	///   before what had its turn in this block;
	/// * volume and number of trades agree on whether anything was traded;
	/// * couplings are in order, what buyers from links have paid is what their pots have, no book's rest is kept
	///   that nobody waits for;
	/// * deposits of solutions, and of standing orders, are held, and these are counted in their rounds.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let entries = Self::entries();
		Self::check_books(&entries)?;
		Self::check_orders(&entries)?;
		Self::check_commitments(&entries)?;
		Self::check_conservation()?;
		Self::check_links()?;
		Self::check_auctions(&entries)?;
		Self::check_agenda(&entries)?;
		Self::check_couplings()?;
		Self::check_standing()
	}

	/// What all open orders lock, by account: what the clearing house must have locked for orders.
	pub fn locked_by_orders() -> BTreeMap<T::AccountId, Balance> {
		let mut locked = BTreeMap::new();
		for (id, side, place, resting) in Self::entries() {
			let key = (Be32::from(id.microgrid), Be32::from(id.period));
			if let Some(book) = Books::<T>::get(key) {
				let total: &mut Balance = locked.entry(resting.owner).or_default();
				*total = total.saturating_add(book.lock(side, place.price, resting.remaining));
			}
		}
		locked
	}

	/// All resting orders in the order of their keys: asks, then bids.
	fn entries() -> Vec<Entry<T::AccountId>> {
		let asks = Asks::<T>::iter().map(|((microgrid, period, price, order), resting)| {
			(
				book_id(microgrid, period),
				Side::Ask,
				place_of(Side::Ask, (price, order)),
				resting,
			)
		});
		let bids = Bids::<T>::iter().map(|((microgrid, period, price, order), resting)| {
			(
				book_id(microgrid, period),
				Side::Bid,
				place_of(Side::Bid, (price, order)),
				resting,
			)
		});
		asks.chain(bids).collect()
	}

	fn check_books(entries: &[Entry<T::AccountId>]) -> Result<(), TryRuntimeError> {
		let mut found: BTreeMap<BookId, (Vec<Place>, Vec<Place>)> = BTreeMap::new();
		for (id, side, place, resting) in entries {
			ensure!(!resting.remaining.is_zero(), "an order of no energy rests");
			let (asks, bids) = found.entry(*id).or_default();
			let places = if *side == Side::Ask { asks } else { bids };
			if let Some(before) = places.last() {
				ensure!(
					before.precedes(place, *side),
					"a side of a book is out of order"
				);
			}
			places.push(*place);
		}
		for ((microgrid, period), book) in Books::<T>::iter() {
			let (asks, bids) = found
				.remove(&book_id(microgrid, period))
				.unwrap_or_default();
			ensure!(
				book.best_ask == asks.first().copied(),
				"the best ask is not the first one"
			);
			ensure!(
				book.best_bid == bids.first().copied(),
				"the best bid is not the first one"
			);
			ensure!(
				book.asks as usize == asks.len(),
				"the number of asks is wrong"
			);
			ensure!(
				book.bids as usize == bids.len(),
				"the number of bids is wrong"
			);
			if let (Some(ask), Some(bid)) = (book.best_ask, book.best_bid) {
				let crossed = Side::Bid.crosses(bid.price, ask.price);
				ensure!(book.is_auction() || !crossed, "the book is crossed");
			}
			Self::check_market(&book)?;
		}
		ensure!(found.is_empty(), "an order rests outside of a book");
		Ok(())
	}

	fn check_market(book: &Book) -> Result<(), TryRuntimeError> {
		let traded = !book.market.volume.is_zero();
		ensure!(
			(book.market.trades > 0) == traded,
			"volume without trades, or trades without"
		);
		ensure!(
			book.market.last_price.is_some() == traded,
			"a last price without a trade, or none"
		);
		Ok(())
	}

	fn check_orders(entries: &[Entry<T::AccountId>]) -> Result<(), TryRuntimeError> {
		let next = NextOrderId::<T>::get();
		let mut orders: BTreeMap<OrderId, Locator> = Orders::<T>::iter()
			.map(|(order, locator)| (OrderId(order.get()), locator))
			.collect();
		for (id, side, place, _) in entries {
			let locator = Locator {
				book: *id,
				side: *side,
				price: place.price,
			};
			ensure!(
				orders.remove(&place.order) == Some(locator),
				"an order cannot be located"
			);
			ensure!(
				place.order < next,
				"an order has an id that was not given out"
			);
		}
		ensure!(orders.is_empty(), "an order is located where none rests");
		Ok(())
	}

	fn check_commitments(entries: &[Entry<T::AccountId>]) -> Result<(), TryRuntimeError> {
		let mut open: BTreeMap<(MeterId, Period), (u64, u64)> = BTreeMap::new();
		let mut by_meter: BTreeMap<MeterId, BTreeSet<OrderId>> = BTreeMap::new();
		for (id, side, place, resting) in entries {
			let (asks, bids) = open.entry((resting.meter, id.period)).or_default();
			let sum = if *side == Side::Ask { asks } else { bids };
			*sum = sum.saturating_add(resting.remaining.0);
			by_meter
				.entry(resting.meter)
				.or_default()
				.insert(place.order);
		}
		for (meter, dealings) in MeterDealings::<T>::iter() {
			let meter = MeterId(meter.get());
			ensure!(!dealings.is_empty(), "a meter without dealings is stored");
			let found = by_meter.remove(&meter).unwrap_or_default();
			ensure!(
				dealings.orders.iter().eq(found.iter()),
				"the orders of a meter are not those in the books",
			);
			ensure!(
				dealings
					.periods
					.is_sorted_by(|(one, _), (next, _)| one < next),
				"the periods of a meter are not in order"
			);
			for (period, commitment) in &dealings.periods {
				let (asks, bids) = open.remove(&(meter, *period)).unwrap_or_default();
				ensure!(
					commitment.asks.0 == asks,
					"open asks are not the sum of a meter's asks"
				);
				ensure!(
					commitment.bids.0 == bids,
					"open bids are not the sum of a meter's bids"
				);
				ensure!(
					*commitment != Default::default(),
					"an empty commitment is stored"
				);
			}
		}
		ensure!(open.is_empty(), "a meter's orders are not committed to");
		ensure!(by_meter.is_empty(), "a meter's orders are not noted");
		Ok(())
	}

	fn check_conservation() -> Result<(), TryRuntimeError> {
		let mut committed: BTreeMap<BookId, Commitment> = BTreeMap::new();
		for (meter, dealings) in MeterDealings::<T>::iter() {
			let Some(info) = T::Meters::meter(MeterId(meter.get())) else {
				return Err("a meter that is not there has dealings".into());
			};
			for (period, commitment) in dealings.periods {
				let id = BookId {
					microgrid: info.microgrid,
					period,
				};
				let sum = committed.entry(id).or_default();
				sum.asks = sum.asks.saturating_add(commitment.asks);
				sum.bids = sum.bids.saturating_add(commitment.bids);
				sum.sold = sum.sold.saturating_add(commitment.sold);
				sum.bought = sum.bought.saturating_add(commitment.bought);
			}
		}
		for (_, _, microgrid, period) in Agenda::<T>::iter_keys() {
			let Some(book) = Books::<T>::get((microgrid, period)) else {
				continue;
			};
			let sum = book.committed;
			let found = committed.remove(&book_id(microgrid, period));
			// What is settled is forgotten meter by meter.
			let settled_before = T::Progress::settled_before(MicrogridId(microgrid.get()));
			let settled = Period(period.get()) < settled_before;
			let found = found.unwrap_or_default();
			ensure!(
				(found.asks, found.bids) == (sum.asks, sum.bids),
				"what meters have on offer is not what their book sums up"
			);
			ensure!(
				(found.sold, found.bought) == (sum.sold, sum.bought)
					|| (settled && found.sold <= sum.sold && found.bought <= sum.bought),
				"what meters traded is not what their book sums up"
			);
			let (within, volume) = (sum.sold.checked_sub(book.exported), book.market.volume);
			ensure!(
				within.is_some() && within == sum.bought.checked_sub(book.imported),
				"what was sold is not what was bought"
			);
			let linked = book.exported.saturating_add(book.imported);
			ensure!(
				volume
					.checked_sub(within.unwrap_or_default())
					.is_some_and(|rest| rest <= linked),
				"what was sold and bought is not what was traded"
			);
		}
		let current = T::Clock::current();
		let mut left = committed.into_iter();
		ensure!(
			left.all(|(id, sum)| id.period < current && !sum.is_open()),
			"a commitment to what is still to be delivered outlived its book"
		);
		Ok(())
	}

	fn check_auctions(entries: &[Entry<T::AccountId>]) -> Result<(), TryRuntimeError> {
		let mut orders: BTreeMap<(BookId, T::AccountId), AccountLimits> = BTreeMap::new();
		for (id, side, place, resting) in entries {
			let book = Books::<T>::get((Be32::from(id.microgrid), Be32::from(id.period)));
			if !book.is_some_and(|book| book.is_auction()) {
				continue;
			}
			let own = orders.entry((*id, resting.owner.clone())).or_default();
			let own = own.of_mut(*side);
			if own.orders == 0 || side.is_better(place.price, own.best) {
				own.best = place.price;
			}
			own.orders = own.orders.saturating_add(1);
		}
		for ((microgrid, period, who), noted) in OwnLimits::<T>::iter() {
			let found = orders.remove(&(book_id(microgrid, period), who));
			let found = found.unwrap_or_default();
			for side in [Side::Bid, Side::Ask] {
				let (found, noted) = (found.of(side), noted.of(side));
				ensure!(
					found.orders == noted.orders,
					"an account's orders in an auction are miscounted"
				);
				ensure!(
					!side.is_better(found.best, noted.best) || found.orders == 0,
					"an account has a better order in an auction than is noted"
				);
			}
			ensure!(
				noted != AccountLimits::default(),
				"an account without orders is noted in an auction"
			);
			let crossed = Side::Bid.crosses(noted.bids.best, noted.asks.best);
			ensure!(
				noted.bids.orders == 0 || noted.asks.orders == 0 || !crossed,
				"an account crosses its own orders in an auction"
			);
		}
		ensure!(
			orders.is_empty(),
			"an account's orders in an auction are not noted"
		);
		for ((_, _, microgrid, period), stage) in Agenda::<T>::iter() {
			let Some(book) = Books::<T>::get((microgrid, period)) else {
				continue;
			};
			if let Stage::Discover { bids, asks, .. } = stage {
				ensure!(
					bids.kept <= book.bids && asks.kept <= book.asks,
					"an auction has read more orders than there are"
				);
			}
			if let Stage::Clear(execution) = stage {
				for side in [Side::Bid, Side::Ask] {
					let fill = entries.iter().filter(|(id, its, place, _)| {
						(*id, *its) == (book_id(microgrid, period), side)
							&& side.crosses(place.price, execution.price())
					});
					let energy = fill.fold(0u64, |sum, (.., resting)| {
						sum.saturating_add(resting.remaining.0)
					});
					ensure!(
						energy >= execution.left().0,
						"an auction is to trade more than is on offer"
					);
				}
			}
		}
		Ok(())
	}

	fn check_agenda(entries: &[Entry<T::AccountId>]) -> Result<(), TryRuntimeError> {
		let mut stages: BTreeMap<BookId, Stage> = BTreeMap::new();
		for ((_, _, microgrid, period), stage) in Agenda::<T>::iter() {
			let twice = stages.insert(book_id(microgrid, period), stage);
			ensure!(twice.is_none(), "a book is on the agenda twice");
		}
		for (id, ..) in entries {
			ensure!(
				stages.get(id).is_some_and(Stage::has_orders),
				"an order outlived its gate's closing"
			);
		}
		ensure!(
			Agenda::<T>::count() as usize == stages.len(),
			"the agenda is miscounted"
		);
		if let Some((in_block, served)) = Served::<T>::get() {
			let first = Agenda::<T>::iter_keys().next();
			ensure!(
				in_block != block::<T>() || first.is_none_or(|first| first > served),
				"a book on the agenda would be passed over"
			);
		}
		let books = Books::<T>::iter_keys();
		let books: BTreeSet<BookId> = books.map(|(grid, period)| book_id(grid, period)).collect();
		ensure!(
			books.into_iter().eq(stages.into_keys()),
			"agenda and books differ"
		);
		Ok(())
	}
}
