//! The state that a journal begins with: of a journal from the first block, that of genesis.

use serde::{Deserialize, Serialize};

use super::{
	Contracts, Creditor, Exchange, Kind, LinkStage, LinkTerms, Market, MeterState, MeterTotals,
	Metered, PeriodSummary, Planck, Quantity, Side, Terms,
};

/// A call auction under way: its price is found, and its trades are being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Auction {
	/// The price of all trades.
	pub price: u64,
	/// How much is still to be traded.
	pub left: u64,
}

/// Something that there is when the journal begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Opening {
	/// A microgrid.
	Microgrid {
		/// Which.
		microgrid: u32,
		/// Who operates it.
		operator: String,
		/// The terms that its next periods open with.
		terms: Terms,
		/// The first period that it ever opened; `null` if none has.
		first: Option<u32>,
		/// Every period before this one is settled; `null` if none has opened.
		settled_before: Option<u32>,
	},
	/// A period that is open, or kept.
	Period {
		/// Of which microgrid.
		microgrid: u32,
		/// Which.
		period: u32,
		/// Its terms.
		terms: Terms,
	},
	/// A link.
	Link {
		/// Which.
		link: u32,
		/// Who is paid the wheeling fee.
		operator: String,
		/// What is agreed, or proposed.
		terms: LinkTerms,
		/// How far it has come.
		stage: LinkStage,
	},
	/// A meter.
	Meter {
		/// Which.
		meter: u32,
		/// Its community.
		microgrid: u32,
		/// Who owns it.
		owner: String,
		/// What stands behind it.
		kind: Kind,
		/// Most power it may take, in W.
		max_import: u32,
		/// Most power it may give, in W.
		max_export: u32,
		/// Where it is in its life.
		state: MeterState,
	},
	/// The id that the next order gets.
	NextOrder {
		/// It.
		order: u64,
	},
	/// A book, also one without orders, as long as its period is kept.
	Book {
		/// The community.
		microgrid: u32,
		/// The period of delivery.
		period: u32,
		/// What was traded.
		market: Market,
		/// The call auction under way, if there is one.
		auction: Option<Auction>,
	},
	/// An open order.
	Order {
		/// Its id.
		order: u64,
		/// Whose.
		who: String,
		/// The community.
		microgrid: u32,
		/// The meter it is for.
		meter: u32,
		/// Whether it buys or sells.
		side: Side,
		/// The period of delivery.
		period: u32,
		/// Its limit.
		limit_price: u64,
		/// How much is left of it.
		remaining: u64,
	},
	/// What has gone over a link for a period.
	Flow {
		/// Which link.
		link: u32,
		/// The period.
		period: u32,
		/// What was sent, which counts against the capacity.
		sent: u64,
		/// What was received.
		received: u64,
	},
	/// A standing order.
	StandingOrder {
		/// Whose.
		who: String,
		/// The meter it is for.
		meter: u32,
		/// Whether it buys or sells.
		side: Side,
		/// The limit price of the orders that come of it.
		limit_price: u64,
		/// Their energy.
		quantity: Quantity,
		/// Why none could be placed when it was last tried, as `Pallet.Error`; `null` if one was, or it was never
		/// tried.
		refused: Option<String>,
	},
	/// A trading balance.
	Ledger {
		/// Whose.
		account: String,
		/// All of it.
		balance: Planck,
		/// What orders and positions lock of it.
		locked: Planck,
	},
	/// What a meter traded for a period that is not settled yet.
	Position {
		/// The community.
		microgrid: u32,
		/// The period.
		period: u32,
		/// The meter.
		meter: u32,
		/// Who pays and is paid.
		owner: String,
		/// What was traded.
		contracts: Contracts,
		/// What secures it: part of what is locked of the owner.
		margin: Planck,
	},
	/// What goes over a community's links for a period that is not settled yet.
	Exchange {
		/// The community.
		microgrid: u32,
		/// The period.
		period: u32,
		/// Energy and money.
		#[serde(flatten)]
		exchange: Exchange,
	},
	/// Arrears.
	Arrears {
		/// Who owes.
		who: String,
		/// To the operator of which microgrid.
		microgrid: u32,
		/// How much.
		amount: Planck,
	},
	/// A claim. Those of a microgrid come in the order in which they are served.
	Claim {
		/// Whose operator owes it.
		microgrid: u32,
		/// To whom.
		creditor: Creditor,
		/// How much.
		amount: Planck,
		/// The operator who counts as indebted: that of the time when the queue was looked at last.
		debtor: String,
	},
	/// A community's fund.
	Fund {
		/// Which.
		microgrid: u32,
		/// How much.
		amount: Planck,
	},
	/// The running totals of a meter that was billed before.
	Totals {
		/// Which.
		meter: u32,
		/// All it was billed for.
		#[serde(flatten)]
		totals: MeterTotals,
	},
	/// A settlement under way.
	Settling {
		/// The community.
		microgrid: u32,
		/// The period.
		period: u32,
		/// What was collected, or came over links, and is not paid out yet.
		pot: Planck,
		/// The meters that were billed.
		billed: Vec<u32>,
		/// The sums so far.
		#[serde(flatten)]
		summary: PeriodSummary,
	},
	/// What a meter metered in the period of a settlement under way that has billed already.
	Metered(Metered),
}
