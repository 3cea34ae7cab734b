//! Expected prices: learns from settled periods, and answers for coming ones. The only door to [`Profiles`].

use alloc::vec::Vec;

use gridweave_primitives::{
	traits::{MarketInspect, MicrogridInspect, SettlementClock},
	Be32, MicrogridId, Period, PeriodClock,
};

use crate::{
	expected::{self, ExpectedPrice, Flow, Recent, Usual, MAX_EXPECTED},
	types::{PeriodSummary, Progress},
	Config, Pallet, Profiles,
};

/// The latest settled periods that today is judged by, at most; no more than are kept.
const LATEST: u32 = 4;

fn key(clock: &PeriodClock, microgrid: MicrogridId, period: Period) -> (Be32, Be32) {
	(microgrid.into(), clock.period_of_day(period).into())
}

impl<T: Config> Pallet<T> {
	/// What is usual for a period's time of day, if any was settled yet.
	pub fn usual(microgrid: MicrogridId, period: Period) -> Option<Usual> {
		Profiles::<T>::get(key(&T::Clock::clock(), microgrid, period))
	}

	/// Learns from a settled period, unless most of it was estimated.
	pub(crate) fn learn(microgrid: MicrogridId, period: Period, sums: &PeriodSummary) {
		let Some(flow) = Flow::of(sums) else { return };
		Profiles::<T>::mutate(key(&T::Clock::clock(), microgrid, period), |usual| {
			*usual = Some(usual.unwrap_or_default().after(flow))
		});
	}

	/// The latest settled periods that are still kept.
	fn recent(microgrid: MicrogridId) -> Recent {
		let Progress { next, oldest } = Self::progress(microgrid).unwrap_or_default();
		let mut recent = Recent::default();
		for period in oldest.0.max(next.0.saturating_sub(LATEST))..next.0 {
			let period = Period(period);
			let sums = Self::summary(microgrid, period);
			if let Some(metered) = sums.as_ref().and_then(Flow::of) {
				let usual = Self::usual(microgrid, period).unwrap_or_default();
				recent.add(metered, usual.flow);
			}
		}
		recent
	}

	/// What surplus will probably earn and need pay in open periods from `from` on, the current one at the
	/// earliest: at most `count` and [`MAX_EXPECTED`] periods. Those that are not open are left out.
	pub fn expected_prices(microgrid: MicrogridId, from: Period, count: u32) -> Vec<ExpectedPrice> {
		let clock = T::Clock::clock();
		let current = T::Clock::current();
		let recent = Self::recent(microgrid);
		(0..count.min(MAX_EXPECTED))
			.filter_map(|ahead| {
				let period = Period(from.max(current).0.checked_add(ahead)?);
				let terms = T::Microgrids::terms(microgrid, period)?;
				let today = clock.day_of(period) == clock.day_of(current);
				let flow = expected::flow(Self::usual(microgrid, period), &recent, today);
				let orders = T::Market::interest(microgrid, period);
				Some(expected::expect(period, &terms, flow, &orders))
			})
			.collect()
	}
}
