//! Books over links, and the door to what has gone over links: nothing else touches [`LinkFlows`].

use alloc::vec::Vec;

use gridweave_primitives::{
	link::OpenLink, market::Side, microgrid::Mechanism, traits::LinkInspect, Be32, LinkId,
	MicrogridId, Period, WattHours,
};

use crate::{
	book,
	effort::Effort,
	linked::{Line, Quote},
	types::{Book, BookId, Flow},
	Config, Error, LinkFlows, Pallet,
};

/// A book that an incoming order reaches over a link.
pub(crate) struct Linked<AccountId> {
	pub link: OpenLink<AccountId>,
	pub line: Line,
	pub id: BookId,
	pub book: Book,
}

/// Where what has gone over a link for a period is kept: with the book of those who received it.
fn key(to: MicrogridId, period: Period) -> (Be32, Be32) {
	(to.into(), period.into())
}

/// What has gone over each of the links into a book's community.
pub(crate) fn flows_into<T: Config>(id: BookId) -> Vec<(LinkId, Flow)> {
	LinkFlows::<T>::get(key(id.microgrid, id.period)).into_inner()
}

/// What may still be sent over a link.
pub(crate) fn capacity<T: Config>(link: &OpenLink<T::AccountId>, period: Period) -> WattHours {
	let to = BookId {
		microgrid: link.terms.to,
		period,
	};
	let flow = flows_into::<T>(to)
		.into_iter()
		.find(|(id, _)| *id == link.id);
	let sent = flow.map(|(_, flow)| flow.sent).unwrap_or_default();
	link.terms.capacity.saturating_sub(sent)
}

/// Notes a trade over a link.
pub(crate) fn carried<T: Config>(
	link: &OpenLink<T::AccountId>,
	period: Period,
	quote: &Quote,
) -> Result<(), Error<T>> {
	let flow = Flow {
		from: link.terms.from,
		sent: quote.sent,
		received: quote.received,
	};
	add_flow::<T>(link.id, link.terms.to, period, flow)
}

/// Notes what went over a link into a community.
pub(crate) fn add_flow<T: Config>(
	link: LinkId,
	to: MicrogridId,
	period: Period,
	more: Flow,
) -> Result<(), Error<T>> {
	LinkFlows::<T>::try_mutate(key(to, period), |flows| {
		let at = match flows.binary_search_by_key(&link, |(id, _)| *id) {
			Ok(at) => at,
			Err(at) => {
				let none = Flow {
					sent: WattHours::ZERO,
					received: WattHours::ZERO,
					..more
				};
				flows
					.try_insert(at, (link, none))
					.map_err(|_| Error::<T>::TooManyLinks)?;
				at
			}
		};
		if let Some((_, flow)) = flows.get_mut(at) {
			flow.sent = flow.sent.saturating_add(more.sent);
			flow.received = flow.received.saturating_add(more.received);
		}
		Ok(())
	})
}

/// Forgets what has gone over the links into a book's community.
pub(crate) fn forget<T: Config>(id: BookId) {
	LinkFlows::<T>::remove(key(id.microgrid, id.period));
}

impl<T: Config> Pallet<T> {
	/// The books in which an order of a side, placed in book `id`, finds others over links: matched on arrival
	/// as its own, their gates open, something on offer, as calm as [`Effort::calm`] asks for, and links with
	/// capacity left.
	pub(crate) fn linked_books(
		id: BookId,
		side: Side,
		effort: &mut Effort,
	) -> Vec<Linked<T::AccountId>> {
		let links = match side {
			Side::Bid => T::Links::links_into(id.microgrid, id.period),
			Side::Ask => T::Links::links_out_of(id.microgrid, id.period),
		};
		effort.note_links(links.len());
		let calm = effort.calm;
		let reach = |link: OpenLink<T::AccountId>| {
			let microgrid = match side {
				Side::Bid => link.terms.from,
				Side::Ask => link.terms.to,
			};
			let other = BookId { microgrid, ..id };
			let terms = Self::open_terms(other).ok()?;
			if terms.rules.mechanism != Mechanism::Continuous {
				return None;
			}
			let book = book::load::<T>(other)?;
			book.best(side.opposite())?;
			let removals = book.removals_at(book::block::<T>());
			if calm.is_some_and(|most| removals > most) {
				return None;
			}
			let line = Line {
				terms: link.terms,
				capacity: capacity::<T>(&link, id.period),
			};
			(!line.capacity.is_zero()).then_some(Linked {
				link,
				line,
				id: other,
				book,
			})
		};
		let mut linked: Vec<Linked<T::AccountId>> = Vec::new();
		for found in links.into_iter().filter_map(reach) {
			// Each book once: the orders in it cannot trade twice.
			if linked.iter().all(|other| other.id != found.id) {
				linked.push(found);
			}
		}
		linked
	}
}
