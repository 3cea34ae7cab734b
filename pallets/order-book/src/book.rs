//! The door to the book: nothing else touches [`Asks`], [`Bids`], [`Books`] and [`Orders`].
//!
//! A side of a book is a run of neighbouring keys of the trie, best order first. It is entered by the
//! stored pointer to its best order and walked on from there, never sought from the start of the run:
//! within a block every key already deleted between the start and the first live one costs a seek of
//! its own. For the same reason the removals of a block are counted: they bound how many deleted keys a
//! walk may have to step over, and those who walk are charged for them. And a [`Book`] counts its orders, so
//! that nobody looks for one behind the last ([`seek`]).
//!
//! The caller loads a [`Book`], changes it through these functions, and saves it.

use gridweave_primitives::{market::Side, Be32, Be64, OrderId, Price, WattHours};
use sp_runtime::SaturatedConversion;

use crate::{
	matching::Plan,
	seek,
	types::{Book, BookId, Cursor, Locator, Place, Resting},
	Asks, Bids, Books, Config, Orders,
};

type Key = (Be32, Be32, Be64, Be64);

/// A price as the trie orders it: the best first.
fn rank(side: Side, price: Price) -> Be64 {
	match side {
		Side::Ask => price.0.into(),
		Side::Bid => u64::MAX.saturating_sub(price.0).into(),
	}
}

fn key(id: BookId, side: Side, place: Place) -> Key {
	(
		id.microgrid.into(),
		id.period.into(),
		rank(side, place.price),
		place.order.into(),
	)
}

/// The place that the last two parts of a key stand for.
pub(crate) fn place_of(side: Side, (price, order): (Be64, Be64)) -> Place {
	let price = match side {
		Side::Ask => price.get(),
		Side::Bid => u64::MAX.saturating_sub(price.get()),
	};
	Place {
		price: Price(price),
		order: OrderId(order.get()),
	}
}

fn get<T: Config>(id: BookId, side: Side, place: Place) -> Option<Resting<T::AccountId>> {
	match side {
		Side::Ask => Asks::<T>::get(key(id, side, place)),
		Side::Bid => Bids::<T>::get(key(id, side, place)),
	}
}

/// The order at a place, with the place.
fn at<T: Config>(
	id: BookId,
	side: Side,
	place: Option<Place>,
) -> Option<(Place, Resting<T::AccountId>)> {
	let place = place?;
	Some((place, get::<T>(id, side, place)?))
}

fn put<T: Config>(id: BookId, side: Side, place: Place, resting: &Resting<T::AccountId>) {
	match side {
		Side::Ask => Asks::<T>::insert(key(id, side, place), resting),
		Side::Bid => Bids::<T>::insert(key(id, side, place), resting),
	}
}

fn delete<T: Config>(id: BookId, side: Side, place: Place) {
	match side {
		Side::Ask => Asks::<T>::remove(key(id, side, place)),
		Side::Bid => Bids::<T>::remove(key(id, side, place)),
	}
	Orders::<T>::remove(Be64::from(place.order));
}

/// The next `count` orders behind a place, best first: there must be as many. Reads nothing before the
/// first is asked for.
fn behind<T: Config>(
	id: BookId,
	side: Side,
	place: Place,
	count: u32,
) -> impl Iterator<Item = (Place, Resting<T::AccountId>)> {
	let book = (Be32::from(id.microgrid), Be32::from(id.period));
	let key = key(id, side, place);
	let entries = match side {
		Side::Ask => Asks::<T>::iter_prefix_from(book, Asks::<T>::hashed_key_for(key)),
		Side::Bid => Bids::<T>::iter_prefix_from(book, Bids::<T>::hashed_key_for(key)),
	};
	seek::at_most(count, entries).map(move |(key, resting)| (place_of(side, key), resting))
}

/// This block's number, as removals are counted by it.
pub(crate) fn block<T: Config>() -> u32 {
	frame_system::Pallet::<T>::block_number().saturated_into()
}

/// A book, if any order was ever placed in it, or energy went through, and it is still kept.
pub(crate) fn load<T: Config>(id: BookId) -> Option<Book> {
	Books::<T>::get((Be32::from(id.microgrid), Be32::from(id.period)))
}

/// Stores a book as changed.
pub(crate) fn save<T: Config>(id: BookId, book: &Book) {
	Books::<T>::insert((Be32::from(id.microgrid), Be32::from(id.period)), book);
}

/// Removes a book whose orders are gone.
pub(crate) fn prune<T: Config>(id: BookId) {
	Books::<T>::remove((Be32::from(id.microgrid), Be32::from(id.period)));
}

/// Where an order is, if it is open.
pub(crate) fn locate<T: Config>(order: OrderId) -> Option<Locator> {
	Orders::<T>::get(Be64::from(order))
}

/// An open order.
pub(crate) fn order<T: Config>(order: OrderId, locator: &Locator) -> Option<Resting<T::AccountId>> {
	get::<T>(
		locator.book,
		locator.side,
		Place {
			price: locator.price,
			order,
		},
	)
}

/// The orders of a side, best first. Reads nothing before the first is asked for.
pub(crate) fn walk<T: Config>(
	id: BookId,
	side: Side,
	book: &Book,
) -> impl Iterator<Item = (Place, Resting<T::AccountId>)> {
	let place = book.best(side);
	let first = core::iter::once_with(move || at::<T>(id, side, place));
	let others = book.count(side).saturating_sub(1);
	let others = place
		.map(|place| behind::<T>(id, side, place, others))
		.into_iter()
		.flatten();
	first.flatten().chain(others)
}

/// The orders of a side whose price comes behind another, best first; all without one. For clients only: where a side
/// ends it does not know.
pub(crate) fn walk_behind<T: Config>(
	id: BookId,
	side: Side,
	book: &Book,
	after: Option<Price>,
) -> impl Iterator<Item = (Place, Resting<T::AccountId>)> {
	let last = after.map(|price| Place {
		price,
		order: OrderId(u64::MAX),
	});
	let all = after.is_none().then(|| walk::<T>(id, side, book));
	let some = last.map(|last| behind::<T>(id, side, last, book.count(side)));
	all.into_iter().flatten().chain(some.into_iter().flatten())
}

/// The order that trades first on a side.
pub(crate) fn best<T: Config>(
	id: BookId,
	book: &Book,
	side: Side,
) -> Option<(Place, Resting<T::AccountId>)> {
	at::<T>(id, side, book.best(side))
}

/// The order that comes next on a side. The last one is not sought past.
pub(crate) fn next<T: Config>(
	id: BookId,
	book: &Book,
	side: Side,
	cursor: &Cursor,
) -> Option<(Place, Resting<T::AccountId>)> {
	let left = book.count(side).saturating_sub(cursor.kept);
	match cursor.after {
		None => best::<T>(id, book, side),
		Some(place) => behind::<T>(id, side, place, left.min(1)).next(),
	}
}

/// Puts an order into the book. Its place must be new.
pub(crate) fn rest<T: Config>(
	id: BookId,
	book: &mut Book,
	side: Side,
	place: Place,
	resting: &Resting<T::AccountId>,
) {
	put::<T>(id, side, place, resting);
	let locator = Locator {
		book: id,
		side,
		price: place.price,
	};
	Orders::<T>::insert(Be64::from(place.order), locator);
	let count = book.count_mut(side);
	*count = count.saturating_add(1);
	if book
		.best(side)
		.is_none_or(|best| place.precedes(&best, side))
	{
		book.set_best(side, Some(place));
	}
}

/// Changes what is left of an open order, which keeps its place.
pub(crate) fn change<T: Config>(
	order: OrderId,
	locator: &Locator,
	resting: &Resting<T::AccountId>,
) {
	put::<T>(
		locator.book,
		locator.side,
		Place {
			price: locator.price,
			order,
		},
		resting,
	);
}

/// Removes an open order and, if it was its side's best, finds the next. Not counted as a removal.
pub(crate) fn remove<T: Config>(id: BookId, book: &mut Book, side: Side, place: Place) {
	delete::<T>(id, side, place);
	let count = book.count_mut(side);
	*count = count.saturating_sub(1);
	let left = *count;
	if book.best(side) == Some(place) {
		let next = behind::<T>(id, side, place, left.min(1)).next();
		book.set_best(side, next.map(|(place, _)| place));
	}
}

/// Books what a trade left of a resting order: if nothing, it is removed. Not counted as a removal.
pub(crate) fn filled<T: Config>(
	id: BookId,
	book: &mut Book,
	side: Side,
	(place, resting): (Place, Resting<T::AccountId>),
	left: WattHours,
) {
	if left.is_zero() {
		remove::<T>(id, book, side, place);
	} else {
		let resting = Resting {
			remaining: left,
			..resting
		};
		put::<T>(id, side, place, &resting);
	}
}

/// Books what an incoming order met on the other side, this `side` of the book that is a venue of its plan: what
/// ended or is barred is removed, what is left of another stays. `best` is the side's best order afterwards.
pub(crate) fn consume<T: Config>(
	id: BookId,
	book: &mut Book,
	side: Side,
	(plan, venue): (&Plan<T::AccountId>, usize),
	best: Option<Place>,
) {
	let now = block::<T>();
	let mut gone = |place| {
		delete::<T>(id, side, place);
		let count = book.count_mut(side);
		*count = count.saturating_sub(1);
		book.count_removal(now);
	};
	for fill in plan.fills.iter().filter(|fill| fill.venue == venue) {
		if fill.ends {
			gone(fill.place);
		} else {
			let resting = Resting {
				owner: fill.owner.clone(),
				meter: fill.meter,
				remaining: fill.left,
			};
			put::<T>(id, side, fill.place, &resting);
		}
	}
	for (_, place, _) in plan.barred.iter().filter(|(of, ..)| *of == venue) {
		gone(*place);
	}
	book.set_best(side, best);
}
