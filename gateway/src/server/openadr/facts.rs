//! What the chain says of programmes, events and prices, as far as it is told here; decoded by the chain's metadata.

use subxt::ext::scale_decode::{self, DecodeAsType};

/// All of it, in the state of one block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
	/// The chain's time: Unix seconds.
	pub now: u64,
	/// Length of a settlement period, in seconds.
	pub period: u32,
	/// The communities.
	pub communities: Vec<(u32, Community)>,
	/// Their programmes.
	pub programmes: Vec<(u32, Programme)>,
	/// Their events, in the order of announcement.
	pub events: Vec<(u32, DemandEvent)>,
}

/// A community.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Community {
	/// The first period that it ever had.
	pub first: u32,
	/// What is expected of the periods to come.
	pub prices: Vec<ExpectedPrice>,
}

/// Which periods a community has.
#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
pub struct PeriodRange {
	/// The first that it ever had.
	pub first: u32,
}

/// The chain's clock.
#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
pub struct Clock {
	/// Length of a settlement period, in seconds.
	pub period_length: u32,
}

/// What is expected of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
pub struct ExpectedPrice {
	/// The period.
	pub period: u32,
	/// What is paid for surplus and need.
	pub prices: Pair,
}

/// In 10⁻⁶ GRID per kWh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
pub struct Pair {
	/// What surplus earns.
	pub sell: u64,
	/// What need pays.
	pub buy: u64,
}

/// A programme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
pub struct Programme {
	/// Its community.
	pub microgrid: u32,
	/// Its terms.
	pub terms: Terms,
}

/// The terms of a programme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
pub struct Terms {
	/// Which way load is to change.
	pub direction: Direction,
	/// What is paid.
	pub prices: Prices,
	/// What devices are told for the time of an event.
	pub command: Option<Action>,
}

/// Which way load is to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
pub enum Direction {
	/// Take less.
	Reduce,
	/// Take more.
	Increase,
}

/// In 10⁻⁶ GRID per kWh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
pub struct Prices {
	/// For what is delivered.
	pub reward: u64,
	/// In addition, for what was committed and is delivered.
	pub bonus: u64,
	/// Taken for what was committed and is not delivered; 0: nobody can commit.
	pub penalty: u64,
}

/// What devices are told; limits are in W.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
pub enum Action {
	/// Take at most this.
	LimitImport(u32),
	/// Charge with all there is.
	Charge,
	/// Discharge with all there is.
	Discharge,
	/// Feed in at most this.
	Curtail(u32),
	/// Do as you like.
	Release,
}

/// An event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
pub struct DemandEvent {
	/// Its programme.
	pub programme: u32,
	/// The period it was announced in.
	pub announced: u32,
	/// Its first period.
	pub start: u32,
	/// The period after its last.
	pub end: u32,
	/// The same as announced.
	pub planned_end: u32,
	/// The period after its rebound.
	pub due: u32,
	/// What it is to bring at most, in Wh.
	pub target: u64,
	/// How far it has come.
	pub stage: Stage,
}

/// How far an event has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
pub enum Stage {
	/// Announced, or running.
	Announced,
	/// Called off.
	Cancelled,
	/// Its resources are being measured.
	Measuring,
	/// Rewards are being paid.
	Paying,
	/// Paid.
	Done,
}

/// What a resource did in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
pub struct Report {
	/// The sums of its meters.
	pub tally: Tally,
	/// What was delivered, in Wh.
	pub delivered: u64,
	/// What was committed, in Wh.
	pub committed: u64,
	/// What it was paid, in planck.
	pub paid: u128,
	/// What was taken for what it missed, in planck.
	pub penalty: u128,
}

/// Sums over the meters of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
pub struct Tally {
	/// What they would have taken, net, in Wh.
	pub baseline: i64,
	/// What they took, net, in Wh.
	pub measured: i64,
	/// Meters that should have been measured and were not.
	pub unmeasured: u32,
}
