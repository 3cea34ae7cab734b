//! Standing orders: what a member wants placed for every period that opens.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::{
	market::Side, meter::MeteredPeriod, units::PRICE_BOUND, Balance, MeterId, Period, Price,
	WattHours,
};
use scale_info::TypeInfo;
use sp_runtime::DispatchError;

/// How much a standing order bids or asks for.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum Quantity {
	/// Always the same, in Wh.
	Fixed(WattHours),
	/// What is expected of the meter beyond a part that is kept out of the market. Nothing while nothing
	/// is known of the meter.
	Above {
		/// The part that is not traded, in Wh a period.
		keep: WattHours,
		/// The most that is, in Wh a period; `None`: what the meter's rating allows.
		most: Option<WattHours>,
	},
}

/// What a standing order says.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Instruction {
	/// The most a bid pays, the least an ask takes, in 10⁻⁶ GRID per kWh.
	pub limit_price: Price,
	/// How much, for each period.
	pub quantity: Quantity,
}

/// Why an instruction never can come to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsound {
	/// It never trades more than 0 Wh.
	Nothing,
	/// Its limit is zero, or not below [`PRICE_BOUND`].
	LimitPrice,
	/// It always asks for more than the meter's rating allows.
	Rating,
}

impl Instruction {
	/// Why this can never come to an order of a meter that may trade at most `rated` in a period.
	pub fn check(&self, rated: WattHours) -> Result<(), Unsound> {
		if self.limit_price.is_zero() || self.limit_price.0 >= PRICE_BOUND {
			return Err(Unsound::LimitPrice);
		}
		match self.quantity {
			Quantity::Fixed(energy) if energy > rated => Err(Unsound::Rating),
			Quantity::Fixed(WattHours::ZERO)
			| Quantity::Above {
				most: Some(WattHours::ZERO),
				..
			} => Err(Unsound::Nothing),
			_ => Ok(()),
		}
	}

	/// How much to place for a period, in Wh, of a meter of which so much is expected and that may trade
	/// at most `rated`. A fixed quantity is not cut: if the meter cannot stand for it, the order is
	/// refused.
	pub fn energy(&self, expected: WattHours, rated: WattHours) -> WattHours {
		match self.quantity {
			Quantity::Fixed(energy) => energy,
			Quantity::Above { keep, most } => expected
				.saturating_sub(keep)
				.min(most.unwrap_or(rated))
				.min(rated),
		}
	}
}

/// What is expected of a meter in a period: the mean of what it gave to the grid (ask) or took from it (bid)
/// in its latest measured periods, each net as it would be settled; rounded down. Nothing of a meter that
/// has measured none.
pub fn expected(side: Side, recent: &[MeteredPeriod]) -> WattHours {
	let net = |metered: &MeteredPeriod| {
		let (more, less) = match side {
			Side::Ask => (metered.export, metered.import),
			Side::Bid => (metered.import, metered.export),
		};
		u128::from(more.saturating_sub(less).0)
	};
	let sum = recent
		.iter()
		.fold(0u128, |sum, metered| sum.saturating_add(net(metered)));
	let mean = sum.checked_div(recent.len() as u128).unwrap_or(0);
	// A mean of 64-bit values.
	WattHours(u64::try_from(mean).unwrap_or(u64::MAX))
}

/// A standing order as it is kept.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct StandingOrder<AccountId> {
	/// Who gave it: orders are placed in this name, and it pays. It lasts as long as the meter is theirs.
	pub owner: AccountId,
	/// What it says.
	pub instruction: Instruction,
	/// What is held for it, in planck.
	pub deposit: Balance,
	/// Why no order could be placed when it was last tried; `None` if it was placed, or never tried.
	pub refused: Option<DispatchError>,
}

/// Why a standing order ended.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum EndReason {
	/// Its owner cancelled it.
	Cancelled,
	/// Its owner could not pay for its execution.
	Unpaid,
	/// The meter was retired, or belongs to somebody else.
	MeterGone,
}

/// Which standing order of a microgrid: at most one for each meter and side. In storage they are in this
/// order: by meter, bids first.
pub type StandingKey = (MeterId, Side);

/// How far the standing orders of a microgrid are executed: once for every period that opens, in the order of
/// their keys.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Round {
	/// The period they are being executed for, or will be when it has opened.
	pub period: Period,
	/// How many there are.
	pub orders: u32,
	/// The last one that had its turn: what comes next lies behind. It may be gone. `None`: none had.
	pub after: Option<StandingKey>,
	/// How many of those that had their turn, or came too late for it, are still there.
	pub passed: u32,
	/// The block that `removals` counts in.
	pub removals_in: u32,
	/// How many were removed in that block otherwise than in their turn.
	pub removals: u32,
}

impl Round {
	/// The first round of a microgrid, for a period; no orders yet.
	pub fn new(period: Period) -> Self {
		Self {
			period,
			orders: 0,
			after: None,
			passed: 0,
			removals_in: 0,
			removals: 0,
		}
	}

	/// Those that are still to have their turn.
	pub fn left(&self) -> u32 {
		self.orders.saturating_sub(self.passed)
	}

	/// Whether the turn of a key is over.
	fn has_passed(&self, (meter, side): StandingKey) -> bool {
		self.after.is_some_and(|(last, last_side)| {
			meter < last || (meter == last && (side == last_side || side == Side::Bid))
		})
	}

	/// Notes a new order.
	pub fn enter(&mut self, key: StandingKey) {
		self.orders = self.orders.saturating_add(1);
		if self.has_passed(key) {
			self.passed = self.passed.saturating_add(1);
		}
	}

	/// How many orders were removed in block `now` otherwise than in their turn.
	pub fn removals_at(&self, now: u32) -> u32 {
		if self.removals_in == now {
			self.removals
		} else {
			0
		}
	}

	/// Notes that an order was removed in block `now`.
	pub fn leave(&mut self, key: StandingKey, now: u32) {
		self.removals = self.removals_at(now).saturating_add(1);
		self.removals_in = now;
		self.orders = self.orders.saturating_sub(1);
		if self.has_passed(key) {
			self.passed = self.passed.saturating_sub(1);
		}
	}

	/// Notes that an order, the next one, had its turn, and whether it is still there.
	pub fn pass(&mut self, key: StandingKey, stays: bool) {
		self.after = Some(key);
		if stays {
			self.passed = self.passed.saturating_add(1);
		} else {
			self.orders = self.orders.saturating_sub(1);
		}
	}

	/// Begins again, for another period.
	pub fn restart(&mut self, period: Period) {
		self.period = period;
		self.after = None;
		self.passed = 0;
	}
}
