//! Auctions that are coupled.

use alloc::collections::btree_map::BTreeMap;

use gridweave_primitives::link::sent_for;

use super::*;

impl<T: Config> Market<T> {
	/// The market with `f` links into it, from as many others as there can be. Over each of them the least
	/// quantity goes, which is cheap there and bid for here; gates are closed. The solution that says so.
	pub(super) fn coupled(f: u32) -> (Self, Solution) {
		let market = Self::new();
		let links: Vec<MicrogridId> = (0..f)
			.map(|n| T::BenchmarkHelper::linked(market.id.microgrid, n))
			.collect();
		T::BenchmarkHelper::auctions_at(T::Clock::now());
		let cheap = Price(market.price.0 / 10);
		let mut prices = BTreeMap::from([(market.id.microgrid, market.price)]);
		for (n, from) in (0..).zip(&links) {
			prices.insert(*from, cheap);
			let (maker, meter) = T::BenchmarkHelper::meter(*from, n + 1, false);
			let order = NewOrder {
				limit_price: cheap,
				..market.order(meter, Side::Ask, 3)
			};
			market.place(&maker, order);
		}
		let (who, meter) = market.meter(0);
		market.place(&who, market.order(meter, Side::Bid, f));
		let into = T::Links::links_into(market.id.microgrid, market.id.period);
		let flows: Vec<LinkFlow> = into
			.iter()
			.map(|link| LinkFlow {
				link: link.id,
				received: market.least,
			})
			.collect();
		assert!(into
			.iter()
			.all(|link| sent_for(link.terms.loss, market.least) < link.terms.capacity));
		let prices: Vec<PriceAt> = prices
			.into_iter()
			.map(|(microgrid, price)| PriceAt { microgrid, price })
			.collect();
		let solution = Solution {
			flows: BoundedVec::truncate_from(flows),
			prices: BoundedVec::truncate_from(prices),
		};
		T::BenchmarkHelper::auctions_at(market.gate());
		(market, solution)
	}

	/// When the market's gate closes.
	pub(super) fn gate(&self) -> u64 {
		let terms = T::Microgrids::terms(self.id.microgrid, self.id.period);
		let terms = terms.expect("the helper opened the period");
		T::Microgrids::gate_closes_at(&T::Clock::clock(), &terms, self.id.period)
	}

	/// Submits a solution so often, by accounts that are funded.
	pub(super) fn submit(&self, solution: &Solution, times: u32) {
		for n in 0..times {
			let (who, _) = self.meter(100 + n);
			let period = self.id.period;
			assert!(Pallet::<T>::do_submit_coupling(who, period, solution, 1).is_ok());
		}
	}

	/// The solution that was submitted first.
	pub(super) fn candidate(&self) -> Candidate<T::AccountId> {
		let coupling = Couplings::<T>::iter_values().next();
		let coupling = coupling.expect("a solution was submitted");
		coupling.candidates.first().expect("the first").clone()
	}

	/// The buyers are to trade with links.
	pub(super) fn exchanging(&self, place: usize) -> Exchanging {
		Exchanging {
			side: Side::Bid,
			place: place as u32,
			done: WattHours::ZERO,
			pot: 0,
			within: BoundedVec::new(),
			closed: 0,
			failed: None,
		}
	}
}
