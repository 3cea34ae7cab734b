//! What those may ask who look for solutions that couple call auctions, answered.

use alloc::vec::Vec;

use frame_support::traits::Get;
use gridweave_primitives::{
	market::Side,
	microgrid::Mechanism,
	traits::{MicrogridInspect, Quarantine},
	Balance, MicrogridId, Period, Price,
};
use sp_runtime::DispatchError;

use crate::{
	auction::{LimitOrder, Next},
	book,
	coupling::Scan,
	links,
	runtime_api::{CoupledCommunity, CoupledLink, Level},
	submission::{key, window, window_end},
	types::BookId,
	views::{MAX_LEVELS, MAX_ORDERS},
	Config, Couplings, Error, Pallet,
};

/// Most communities of one answer.
const MAX_COMMUNITIES: u32 = 100;

impl<T: Config> Pallet<T> {
	/// The communities behind `after` whose auctions can be coupled, at most `limit` and [`MAX_COMMUNITIES`].
	pub fn coupled_communities(
		period: Period,
		after: Option<MicrogridId>,
		limit: u32,
	) -> Vec<CoupledCommunity> {
		if T::CouplingWindow::get() == 0 {
			return Vec::new();
		}
		let first = after.map_or(0, |after| after.0.saturating_add(1));
		(first..T::Microgrids::count())
			.filter_map(|microgrid| Self::coupled_community(MicrogridId(microgrid), period))
			.take(limit.min(MAX_COMMUNITIES) as usize)
			.collect()
	}

	fn coupled_community(microgrid: MicrogridId, period: Period) -> Option<CoupledCommunity> {
		let terms = T::Microgrids::terms(microgrid, period)?;
		if terms.rules.mechanism != Mechanism::CallAuction {
			return None;
		}
		let (links, _) = Self::coupling_links(BookId { microgrid, period }, &terms);
		let links_out = links
			.iter()
			.map(|(link, _)| link)
			.filter(|link| link.terms.from == microgrid)
			.map(|link| CoupledLink {
				link: link.id,
				to: link.terms.to,
				loss: link.terms.loss,
				capacity: links::capacity::<T>(link, period),
				wheeling_fee: link.terms.wheeling_fee,
				min_quantity: link.terms.min_quantity,
			});
		let window_ends_at = window_end::<T>(&terms, period);
		(!links.is_empty()).then(|| CoupledCommunity {
			microgrid,
			price_floor: terms.rules.price_floor,
			price_cap: terms.rules.price_cap,
			gate_closes_at: window_ends_at.saturating_sub(window::<T>()),
			window_ends_at,
			links_out: links_out.collect(),
		})
	}

	/// The price levels of a side behind a price, without orders of meters under quarantine.
	pub fn levels(
		microgrid: MicrogridId,
		period: Period,
		side: Side,
		after: Option<Price>,
		limit: u32,
	) -> Vec<Level> {
		let id = BookId { microgrid, period };
		let Some(book) = book::load::<T>(id) else {
			return Vec::new();
		};
		let most = limit.min(MAX_LEVELS) as usize;
		let mut levels: Vec<Level> = Vec::new();
		let mut last = None;
		for (place, resting) in book::walk_behind::<T>(id, side, &book, after).take(MAX_ORDERS) {
			if last != Some(place.price) && levels.len() >= most {
				break;
			}
			if last != Some(place.price) {
				levels.push(Level {
					price: place.price,
					energy: Default::default(),
					orders: 0,
				});
				last = Some(place.price);
			}
			let good = !T::Quarantine::is_quarantined(resting.meter);
			if let Some(level) = levels.last_mut().filter(|_| good) {
				level.energy = level.energy.saturating_add(resting.remaining);
				level.orders = level.orders.saturating_add(1);
			}
		}
		levels
	}

	/// What a solution is worth with the books as they are.
	pub fn coupling_score(
		period: Period,
		solution: &crate::types::Solution,
	) -> Result<Balance, DispatchError> {
		let (_, plan) = Self::plan_coupling(period, solution)?;
		let fees = i128::try_from(plan.wheeling()).unwrap_or(i128::MAX);
		let mut gain = fees.saturating_neg();
		for net in &plan.nets {
			let id = BookId {
				microgrid: net.microgrid,
				period,
			};
			let separate = Self::scanned(id, Scan::default())?;
			let coupled = Scan::coupled(net).ok_or(Error::<T>::EnergyOutOfBounds)?;
			let coupled = Self::scanned(id, coupled)?;
			coupled.within(net.price).map_err(Error::<T>::from)?;
			gain = gain
				.saturating_add(coupled.worth())
				.saturating_sub(separate.worth());
		}
		let gain = Balance::try_from(gain).unwrap_or(0);
		frame_support::ensure!(gain > 0, Error::<T>::NothingGained);
		Ok(gain)
	}

	/// A scan that has read what it needs of a book.
	fn scanned(id: BookId, mut scan: Scan) -> Result<Scan, DispatchError> {
		let Some(book) = book::load::<T>(id) else {
			let empty = scan.feed_nothing();
			return empty.map(|()| scan).map_err(|_| DispatchError::Corruption);
		};
		let orders = |side| {
			book::walk::<T>(id, side, &book)
				.filter(|(_, resting)| !T::Quarantine::is_quarantined(resting.meter))
				.map(|(place, resting)| LimitOrder {
					limit: place.price,
					energy: resting.remaining,
				})
		};
		let (mut bids, mut asks) = (orders(Side::Bid), orders(Side::Ask));
		while let Next::Order(side) = scan.next() {
			let order = match side {
				Side::Bid => bids.next(),
				Side::Ask => asks.next(),
			};
			scan.feed(order).map_err(|_| DispatchError::Corruption)?;
		}
		Ok(scan)
	}

	/// What the solutions claim that wait for a period and were taken until then, the highest first.
	pub fn coupling_claims(period: Period, window_ends_at: u64) -> Vec<Balance> {
		let candidates = Couplings::<T>::get(key(window_ends_at, period)).map(|of| of.candidates);
		let candidates = candidates.into_iter().flatten();
		candidates.map(|candidate| candidate.claim).collect()
	}
}
