//! Invariants.

use alloc::{
	collections::{btree_map::BTreeMap, btree_set::BTreeSet},
	vec::Vec,
};

use frame_support::ensure;
use gridweave_primitives::{market::Side, Balance, Be32, MeterId, MicrogridId, OrderId, Period};
use sp_runtime::TryRuntimeError;

use crate::{
	book::{block, place_of},
	types::{AccountLimits, Book, BookId, Commitment, Locator, Place, Resting, Stage},
	Agenda, Asks, Bids, Books, Commitments, Config, NextOrderId, Orders, OrdersOf, OwnLimits,
	Pallet, Served,
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
	/// * the open part of each meter's commitments is the sum of its open orders, nothing stored is empty,
	///   and each book counts those in it; the orders of each meter are those in the books, oldest first;
	/// * no energy is made or lost: until commitments are forgotten, what a book's meters sold, but not over
	///   links, is what they bought, but not over links; its volume is that, and of what went over links no
	///   more than all of it;
	/// * what went over links into and out of each book is the sum of what the links carried, in an auction one less
	///   the other; none carried more
	///   than it may, nor has more been received than its loss allows;
	/// * what a book sums up is what its meters committed to;
	/// * what accounts bid and ask in call auctions is counted, no order is better than the limit that is
	///   noted, and these do not cross; no auction is noted to have read more orders than there are;
	/// * each book is on the agenda exactly once, once its orders have expired it has none, and when its
	///   period was delivered no commitments; nothing on the agenda lies before what had its turn in this block;
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
		let mut open: BTreeMap<(BookId, MeterId), (u64, u64)> = BTreeMap::new();
		let mut by_meter: BTreeMap<MeterId, BTreeSet<OrderId>> = BTreeMap::new();
		for (id, side, place, resting) in entries {
			let (asks, bids) = open.entry((*id, resting.meter)).or_default();
			let sum = if *side == Side::Ask { asks } else { bids };
			*sum = sum.saturating_add(resting.remaining.0);
			by_meter
				.entry(resting.meter)
				.or_default()
				.insert(place.order);
		}
		for ((microgrid, period, meter), commitment) in Commitments::<T>::iter() {
			let key = (book_id(microgrid, period), MeterId(meter.get()));
			let (asks, bids) = open.remove(&key).unwrap_or_default();
			ensure!(
				commitment.asks.0 == asks,
				"open asks are not the sum of a meter's asks"
			);
			ensure!(
				commitment.bids.0 == bids,
				"open bids are not the sum of a meter's bids"
			);
			ensure!(
				commitment != Default::default(),
				"an empty commitment is stored"
			);
		}
		ensure!(open.is_empty(), "a meter's orders are not committed to");
		for (meter, orders) in OrdersOf::<T>::iter() {
			let found = by_meter.remove(&MeterId(meter.get())).unwrap_or_default();
			ensure!(
				!orders.is_empty() && orders.iter().eq(found.iter()),
				"the orders of a meter are not those in the books",
			);
		}
		ensure!(by_meter.is_empty(), "a meter's orders are not noted");
		Ok(())
	}

	fn check_conservation() -> Result<(), TryRuntimeError> {
		let mut traded: BTreeMap<BookId, (u32, Commitment)> = BTreeMap::new();
		for ((microgrid, period, _), commitment) in Commitments::<T>::iter() {
			let (meters, sum) = traded.entry(book_id(microgrid, period)).or_default();
			*meters = meters.saturating_add(1);
			sum.asks = sum.asks.saturating_add(commitment.asks);
			sum.bids = sum.bids.saturating_add(commitment.bids);
			sum.sold = sum.sold.saturating_add(commitment.sold);
			sum.bought = sum.bought.saturating_add(commitment.bought);
		}
		for ((_, _, microgrid, period), stage) in Agenda::<T>::iter() {
			let Some(book) = Books::<T>::get((microgrid, period)) else {
				continue;
			};
			let found = traded.remove(&book_id(microgrid, period));
			let (meters, sum) = found.unwrap_or_default();
			ensure!(
				book.meters == meters,
				"the number of meters with commitments is wrong"
			);
			if !stage.has_orders() {
				continue;
			}
			ensure!(
				sum == book.committed,
				"what meters committed to is not what their book sums up"
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
		ensure!(traded.is_empty(), "a commitment outlived its book");
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
		for (microgrid, period, _) in Commitments::<T>::iter_keys() {
			let stage = stages.get(&book_id(microgrid, period));
			ensure!(
				stage.is_some_and(|stage| {
					stage.has_orders() || matches!(stage, Stage::Forget { .. })
				}),
				"a commitment outlived its period's delivery",
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
