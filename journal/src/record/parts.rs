//! What records are made of.

use serde::{Deserialize, Serialize};

use super::{Owed, Planck};

/// Whether an order buys or sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Side {
	/// Buys.
	Bid,
	/// Sells.
	Ask,
}

/// How long an order is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TimeInForce {
	/// What does not match at once rests until the gate closes.
	GoodUntilGate,
	/// What does not match at once is cancelled.
	ImmediateOrCancel,
	/// Matches at once and wholly; else it is refused, and not in the journal.
	FillOrKill,
}

/// Why the market cancelled an order, or what was left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CancelReason {
	/// Its gate closed.
	GateClosed,
	/// It was good for immediate matches only.
	ImmediateOrCancel,
	/// It met an order of the same owner.
	SelfTrade,
	/// It reached the bound of fills of a call, or of orders that leave a book in a block.
	FillLimit,
	/// Its meter is under quarantine.
	Quarantined,
	/// What was left is too little to arrive over the link.
	LinkRemainder,
}

/// Why a standing order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StandingEnd {
	/// Its owner cancelled it.
	Cancelled,
	/// Its owner could not pay for its execution.
	Unpaid,
	/// The meter was retired, or belongs to somebody else.
	MeterGone,
}

/// How much a standing order bids or asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Quantity {
	/// Always the same, in Wh.
	Fixed(u64),
	/// What is expected of the meter beyond `keep`, at most `most`; in Wh.
	Above {
		/// The part that is not traded.
		keep: u64,
		/// The most that is; `null`: what the meter's rating allows.
		most: Option<u64>,
	},
}

/// The settlement clock of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Clock {
	/// Length of a period, in seconds: period *p* is from `p × length` up to `(p + 1) × length`.
	pub period_length: u32,
	/// How many periods after its end a period is frozen.
	pub grace: u32,
	/// How many periods after that it is kept.
	pub retention: u32,
}

/// The constants that the market works by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
	/// How many periods ahead of the current one are open.
	pub horizon: u32,
	/// Most fills of a call.
	pub max_fills: u32,
	/// Most fills of an order that is placed for a standing order.
	pub max_standing_fills: u32,
	/// How many orders may have left a book in a block when it is traded in.
	pub max_removals: u32,
	/// Most orders of a book over a link that are passed over because they are too small.
	pub max_passed: u32,
	/// Least amount that opens a trading balance.
	pub min_top_up: Planck,
}

/// How a book clears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mechanism {
	/// Orders match on arrival.
	Continuous,
	/// Orders trade at one price when the gate has closed.
	CallAuction,
}

/// What becomes of energy that was metered and not traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Residual {
	/// Surplus at the feed-in price, need at the retail price.
	Tariff,
	/// Surplus and need meet at prices of the supply–demand ratio.
	Pool {
		/// Share of the gain over the tariff that goes to the fund, in millionths.
		spread: u32,
	},
}

/// Tariff and market rules of a microgrid's period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
	/// What the operator charges for energy from the grid.
	pub retail_price: u64,
	/// What the operator pays for energy into the grid.
	pub feed_in_price: u64,
	/// How the book clears.
	pub mechanism: Mechanism,
	/// Lowest limit price of an order.
	pub price_floor: u64,
	/// Highest limit price of an order.
	pub price_cap: u64,
	/// Least energy of an order.
	pub min_quantity: u64,
	/// How many periods before delivery the gate closes.
	pub gate_closure: u32,
	/// What the operator takes of both sides of a trade, per kWh.
	pub fee: u64,
	/// What becomes of the rest.
	pub residual: Residual,
}

/// What two microgrids have agreed about a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkTerms {
	/// Whose energy it carries.
	pub from: u32,
	/// Where that is received.
	pub to: u32,
	/// Part of what is sent that does not arrive, in millionths.
	pub loss: u32,
	/// Most energy that may be sent for one period.
	pub capacity: u64,
	/// What the buyer pays to the link's operator per kWh received.
	pub wheeling_fee: u64,
	/// Least energy received of one trade, unless it takes all that is left of the order that rested.
	pub min_quantity: u64,
}

/// How far a link has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum LinkStage {
	/// One side has proposed it.
	Proposed {
		/// The microgrid whose operator has not agreed yet.
		awaits: u32,
	},
	/// Both sides have agreed.
	Open {
		/// The first period it is open for.
		first: u32,
		/// The first period it is no longer open for; `null` until it is closed.
		until: Option<u32>,
	},
}

/// What stands behind a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Kind {
	/// Load only.
	Consumer,
	/// Generation only.
	Producer,
	/// Load and generation.
	Prosumer,
	/// A storage.
	Storage {
		/// Energy it holds when full.
		capacity: u64,
	},
	/// The feeder of a microgrid: it neither trades nor is billed.
	Feeder,
}

/// Where a meter is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MeterState {
	/// The operator has not admitted it yet.
	Registered,
	/// Admitted, without a reading yet.
	Admitted,
	/// It has given a reading.
	Active,
	/// Taken out of service.
	Retired,
}

/// Where metered energy comes from. No money depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Provenance {
	/// From readings.
	Measured,
	/// Partly estimated.
	Estimated,
	/// Estimated, and corrected since: it is still what is settled.
	Corrected,
}

/// What a meter metered in a period that is to be settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metered {
	/// The meter's community.
	pub microgrid: u32,
	/// The period.
	pub period: u32,
	/// The meter.
	pub meter: u32,
	/// Taken from the grid.
	pub import: u64,
	/// Fed into the grid.
	pub export: u64,
	/// Where that comes from.
	pub provenance: Provenance,
}

/// How much more than was frozen a meter metered in a period, or less if negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Correction {
	/// The period.
	pub period: u32,
	/// Of import.
	pub import: i64,
	/// Of export.
	pub export: i64,
}

/// What a correction is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settled {
	/// The period.
	pub period: u32,
	/// What the account gets for it, or owes.
	pub amount: Owed,
}

/// What was traded in a book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Market {
	/// How much energy.
	pub volume: u64,
	/// What was paid for it, without fees.
	pub value: Planck,
	/// The price of the last trade.
	pub last_price: Option<u64>,
	/// How many trades there were.
	pub trades: u32,
}

/// To whom a microgrid's operator owes money.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Creditor {
	/// A member.
	Member(String),
	/// The community's fund.
	Fund,
}

/// What a meter traded for a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contracts {
	/// Energy sold.
	pub sold: u64,
	/// Energy bought.
	pub bought: u64,
	/// What is owed for what was sold.
	pub receivable: Planck,
	/// What is owed for what was bought, wheeling fees included.
	pub payable: Planck,
	/// How much of that was paid with the trades.
	pub paid: Planck,
	/// Market fees.
	pub fee: Planck,
}

/// How metered energy met the contracts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Split {
	/// Sold and fed in.
	pub delivered: u64,
	/// Sold and not fed in.
	pub shortfall: u64,
	/// Bought and taken.
	pub consumed: u64,
	/// Bought and not taken.
	pub excess: u64,
	/// Fed in beyond contracts.
	pub surplus: u64,
	/// Taken beyond contracts.
	pub need: u64,
}

/// The prices of a settled period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prices {
	/// What a shortfall costs.
	pub retail: u64,
	/// What an excess contract earns.
	pub feed_in: u64,
	/// What a member's surplus earns.
	pub sell: u64,
	/// What a member's need costs.
	pub buy: u64,
	/// What the operator pays for the surplus: the rest of `sell` is the fund's.
	pub operator_sell: u64,
	/// What the operator gets for the need: the rest of `buy` is the fund's.
	pub operator_buy: u64,
}

/// The bill of a meter and period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bill {
	/// Who was billed.
	pub account: String,
	/// Where the metered energy comes from; `null` if there is none: counted as 0.
	pub provenance: Option<Provenance>,
	/// Taken from the grid.
	pub import: u64,
	/// Fed into the grid.
	pub export: u64,
	/// What was traded.
	pub contracts: Contracts,
	/// How the one met the other.
	pub split: Split,
	/// The period's prices.
	pub prices: Prices,
	/// What the account gets for the period, or owes: what it has paid already (`contracts.paid`) is part of it.
	pub amount: Owed,
}

/// What goes over a community's links for a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
	/// Sold to other communities, as sent.
	pub sent: u64,
	/// Bought of other communities, as received.
	pub received: u64,
	/// What others paid for `sent`.
	pub proceeds: Planck,
	/// What was paid for `received`, wheeling fees included.
	pub payments: Planck,
}

/// A community's period in sums: `members + operator + fund = links.proceeds − links.payments`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeriodSummary {
	/// How many meters were billed.
	pub meters: u32,
	/// How many of them for energy that is partly estimated.
	pub estimated: u32,
	/// Taken by all meters.
	pub import: u64,
	/// Fed in by all meters.
	pub export: u64,
	/// Energy that its members sold.
	pub contracted: u64,
	/// What is paid for it.
	pub trade_value: Planck,
	/// The splits, added up.
	pub split: Split,
	/// The period's prices.
	pub prices: Prices,
	/// Market fees, part of the operator's entry.
	pub fees: Planck,
	/// What all members together get, or owe.
	pub members: Owed,
	/// What the operator gets, or owes.
	pub operator: Owed,
	/// What the fund gets.
	pub fund: Planck,
	/// What went over its links.
	pub links: Exchange,
}

/// All that a meter was ever billed for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeterTotals {
	/// How many periods.
	pub periods: u32,
	/// Taken from the grid.
	pub import: u64,
	/// Fed into the grid.
	pub export: u64,
	/// Sold.
	pub sold: u64,
	/// Bought.
	pub bought: u64,
	/// Sold and not delivered.
	pub shortfall: u64,
	/// Bought and not taken.
	pub excess: u64,
	/// Fed in beyond contracts.
	pub surplus: u64,
	/// Taken beyond contracts.
	pub need: u64,
	/// Market fees.
	pub fees: Planck,
	/// Earned, or paid if negative.
	pub amount: Owed,
}

/// A community of a coupling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CoupledCommunity {
	/// Which microgrid.
	pub microgrid: u32,
	/// Its price.
	pub price: u64,
	/// What its members buy from links.
	pub import: u64,
	/// What its members sell to links.
	pub export: u64,
}

/// A link of a coupling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CoupledLink {
	/// Which.
	pub link: u32,
	/// What is sent.
	pub sent: u64,
	/// What is received.
	pub received: u64,
	/// The wheeling fee that it gets at least.
	pub wheeling_fee: Planck,
	/// What it earns: the difference of what is paid for what is received and sent.
	pub earns: Planck,
}
