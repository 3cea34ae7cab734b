//! What surplus will probably earn and need pay in a coming period: a forecast from what was metered and
//! what is on offer. Nobody is billed by it, so its rounding is nobody's loss.
//!
//! Energy is that of a community's meters, net per meter and before contracts: what those who feed in feed
//! in (*surplus*), and what those who take, take (*need*). Trades move it from the residual to contracts, but
//! do not change it.
//!
//! 1. *Usual* ([`Usual`]): per period of the day an exponentially weighted mean over the days, simple
//!    smoothing of each season's own level (the idea: Taylor, *Short-term electricity demand forecasting
//!    using double seasonal exponential smoothing*, J. Oper. Res. Soc. 54, 2003,
//!    doi 10.1057/palgrave.jors.2601589). Of `n` days before, the next one gets the weight
//!    `1 / min(n + 1, 4)`: a plain mean at first, then one that forgets half in two to three days.
//! 2. *Today*: for periods of the current day the usual is scaled by what the latest settled periods metered
//!    over what is usual for them, within ±20 % (the same-day adjustment of baselines, as of the California
//!    ISO's 10-of-10). A period of the day that was never settled has the mean of the latest settled ones.
//! 3. *Orders*: what is sold is delivered from the surplus, what is bought covers need; and who offers more
//!    than is usual means to have it:
//!    `Σu = max(surplus − sold, asks)`, `Σm = max(need − bought, bids)`, none below 0.
//! 4. *Prices*: those of the residual rule for Σu and Σm ([`residual_prices`]).

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::{market::Interest, microgrid::Terms, Period, Price, WattHours};
use scale_info::TypeInfo;

use crate::{
	pool::{residual_prices, Pair},
	types::PeriodSummary,
};

/// Most periods of one answer: a day of quarters of an hour.
pub const MAX_EXPECTED: u32 = 96;

/// The weight of a new day is one over at most this.
const DAYS: u32 = 4;

/// By how much the day of today may scale what is usual: a fifth either way.
const ADJUSTMENT: u128 = 5;

/// Energy that flows through a community's meters in a period, in Wh.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Flow {
	/// What those who feed in feed in.
	pub surplus: WattHours,
	/// What those who take, take.
	pub need: WattHours,
}

impl Flow {
	/// What was metered in a settled period, before contracts. `None` if no meter was measured, or most of
	/// them were estimated: from silence nothing is learnt.
	pub fn of(sums: &PeriodSummary) -> Option<Self> {
		let measured = sums.meters.saturating_sub(sums.estimated);
		(measured > 0 && measured >= sums.estimated).then(|| Self {
			surplus: sums.surplus.saturating_add(sums.delivered),
			need: sums.need.saturating_add(sums.consumed),
		})
	}

	/// The sum of both.
	pub fn plus(self, other: Self) -> Self {
		Self {
			surplus: self.surplus.saturating_add(other.surplus),
			need: self.need.saturating_add(other.need),
		}
	}
}

/// What is usual in a period of the day.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Usual {
	/// The weighted mean over the days.
	pub flow: Flow,
	/// Of how many days.
	pub days: u32,
}

impl Usual {
	/// What is usual after another day with this flow.
	pub fn after(self, flow: Flow) -> Self {
		let weight = u128::from(self.days.saturating_add(1).min(DAYS));
		let mean = |old: WattHours, new: WattHours| {
			let sum = u128::from(old.0)
				.saturating_mul(weight.saturating_sub(1))
				.saturating_add(u128::from(new.0))
				.saturating_add(weight / 2);
			energy(sum.checked_div(weight))
		};
		Self {
			flow: Flow {
				surplus: mean(self.flow.surplus, flow.surplus),
				need: mean(self.flow.need, flow.need),
			},
			days: self.days.saturating_add(1),
		}
	}
}

/// The latest settled periods, summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recent {
	/// What was metered.
	pub metered: Flow,
	/// What is usual for them.
	pub usual: Flow,
	/// How many there are.
	pub periods: u32,
}

impl Recent {
	/// Adds a settled period.
	pub fn add(&mut self, metered: Flow, usual: Flow) {
		self.metered = self.metered.plus(metered);
		self.usual = self.usual.plus(usual);
		self.periods = self.periods.saturating_add(1);
	}

	/// The flow of one of them on average; none if there is no period.
	fn mean(&self) -> Flow {
		let mean = |sum: WattHours| energy(u128::from(sum.0).checked_div(u128::from(self.periods)));
		Flow {
			surplus: mean(self.metered.surplus),
			need: mean(self.metered.need),
		}
	}

	/// What is usual, as today is.
	fn adjust(&self, usual: Flow) -> Flow {
		Flow {
			surplus: scale(usual.surplus, self.metered.surplus, self.usual.surplus),
			need: scale(usual.need, self.metered.need, self.usual.need),
		}
	}
}

/// What is not more than 64 bits, else the most these hold; nothing for nothing.
fn energy(value: Option<u128>) -> WattHours {
	WattHours(u64::try_from(value.unwrap_or_default()).unwrap_or(u64::MAX))
}

/// `usual × metered ÷ of`, rounded down, at most a fifth more or less than `usual`.
fn scale(usual: WattHours, metered: WattHours, of: WattHours) -> WattHours {
	let usual = u128::from(usual.0);
	let fifth = usual / ADJUSTMENT;
	let scaled = usual
		.saturating_mul(u128::from(metered.0))
		.checked_div(u128::from(of.0))
		.unwrap_or(usual);
	energy(Some(scaled.clamp(
		usual.saturating_sub(fifth),
		usual.saturating_add(fifth),
	)))
}

/// What will probably flow in a period, and how many days that rests on. `usual` is that of its period of the
/// day, `today` whether it belongs to the current day.
pub fn flow(usual: Option<Usual>, recent: &Recent, today: bool) -> (Flow, u32) {
	match usual {
		Some(Usual { flow, days }) if today => (recent.adjust(flow), days),
		Some(Usual { flow, days }) => (flow, days),
		None => (recent.mean(), 0),
	}
}

/// What orders leave of a flow to the residual rule.
pub fn residual(flow: Flow, orders: &Interest) -> Flow {
	Flow {
		surplus: flow.surplus.saturating_sub(orders.sold).max(orders.asks),
		need: flow.need.saturating_sub(orders.bought).max(orders.bids),
	}
}

/// What is expected of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ExpectedPrice {
	/// The period.
	pub period: Period,
	/// Surplus in the residual rule, in Wh.
	pub surplus: WattHours,
	/// Need in the residual rule, in Wh.
	pub need: WattHours,
	/// Supply–demand ratio: surplus over need in parts per million, rounded down, at most 2³² − 1. `None` if
	/// there is no need.
	pub ratio: Option<u32>,
	/// What a member's surplus earns and its need pays under the residual rule, in 10⁻⁶ GRID per kWh.
	pub prices: Pair,
	/// Highest price bid in the book, in 10⁻⁶ GRID per kWh.
	pub best_bid: Option<Price>,
	/// Lowest price asked in the book, in 10⁻⁶ GRID per kWh.
	pub best_ask: Option<Price>,
	/// How many days of history this rests on. 0: on the latest settled periods and orders alone.
	pub days: u32,
}

/// What is expected of a period with these terms and orders, and this flow that rests on so many days.
pub fn expect(
	period: Period,
	terms: &Terms,
	(flow, days): (Flow, u32),
	orders: &Interest,
) -> ExpectedPrice {
	let Flow { surplus, need } = residual(flow, orders);
	let ratio = u128::from(surplus.0)
		.saturating_mul(1_000_000)
		.checked_div(u128::from(need.0))
		.map(|ratio| u32::try_from(ratio).unwrap_or(u32::MAX));
	let prices = residual_prices(
		&terms.residual,
		terms.retail_price,
		terms.feed_in_price,
		surplus,
		need,
	);
	ExpectedPrice {
		period,
		surplus,
		need,
		ratio,
		prices: prices.members,
		best_bid: orders.best_bid,
		best_ask: orders.best_ask,
		days,
	}
}
