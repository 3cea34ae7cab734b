//! Plain types of the model. Energy in Wh, prices in 10⁻⁶ GRID per kWh, money in planck, ratios in millionths.

use std::fmt;

pub type Wh = u64;
pub type Price = u64;
pub type Planck = u128;
pub type Period = u32;
pub type Grid = u32;
pub type MeterNo = u32;
pub type OrderNo = u64;
pub type LinkNo = u32;

/// An account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who(pub [u8; 32]);

impl fmt::Debug for Who {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "#{:02x}{:02x}{:02x}", self.0[0], self.0[1], self.0[2])
	}
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
	Bid,
	Ask,
}

impl Side {
	pub fn other(self) -> Self {
		match self {
			Self::Bid => Self::Ask,
			Self::Ask => Self::Bid,
		}
	}
}

/// Time in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
	Gate,
	Immediate,
	FillOrKill,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
	pub meter: MeterNo,
	pub side: Side,
	pub period: Period,
	pub energy: Wh,
	pub limit: Price,
	pub force: Force,
}

/// Tariff and market rules. `spread` is that of a pool, `None` under the tariff rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
	pub retail: Price,
	pub feed_in: Price,
	pub auction: bool,
	pub floor: Price,
	pub cap: Price,
	pub least: Wh,
	pub gate_closure: u32,
	pub fee: Price,
	pub spread: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkTerms {
	pub from: Grid,
	pub to: Grid,
	pub loss: u32,
	pub capacity: Wh,
	pub wheeling: Price,
	pub least: Wh,
}

/// How much a standing order wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
	Fixed(Wh),
	Above { keep: Wh, most: Option<Wh> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
	/// Trades and is settled; nothing more is to be known of it.
	Plain,
	Storage(Wh),
	Feeder,
}

/// Watts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ratings {
	pub import: u32,
	pub export: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
	pub meter: MeterNo,
	pub sequence: u64,
	pub at: u64,
	pub import: Wh,
	pub export: Wh,
	pub charge: Option<Wh>,
}

/// Why an order was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
	Cancelled,
	Replaced,
	GateClosed,
	Immediate,
	SelfTrade,
	FillLimit,
	Quarantined,
	LinkRemainder,
}

/// Why a standing order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
	Cancelled,
	Unpaid,
	MeterGone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
	Measured,
	Estimated,
	Corrected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Creditor {
	Member(Who),
	Fund,
}

/// What a meter traded for a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contracts {
	pub sold: Wh,
	pub bought: Wh,
	pub receivable: Planck,
	pub payable: Planck,
	pub paid: Planck,
	pub fee: Planck,
}

/// Metered energy against contracts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Split {
	pub delivered: Wh,
	pub shortfall: Wh,
	pub consumed: Wh,
	pub excess: Wh,
	pub surplus: Wh,
	pub need: Wh,
}

/// Prices of a bill: the tariff's, what members get and pay for the rest, and what the operator does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prices {
	pub retail: Price,
	pub feed_in: Price,
	pub sell: Price,
	pub buy: Price,
	pub base_sell: Price,
	pub base_buy: Price,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
	pub account: Who,
	pub source: Option<Source>,
	pub import: Wh,
	pub export: Wh,
	pub contracts: Contracts,
	pub split: Split,
	pub prices: Prices,
	pub amount: i128,
}

/// What went over a community's links for a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
	pub sent: Wh,
	pub received: Wh,
	pub proceeds: Planck,
	pub payments: Planck,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
	pub meters: u32,
	pub estimated: u32,
	pub import: Wh,
	pub export: Wh,
	pub contracted: Wh,
	pub trade_value: Planck,
	pub split: Split,
	pub prices: Prices,
	pub fees: Planck,
	pub members: i128,
	pub operator: i128,
	pub fund: Planck,
	pub links: Exchange,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
	pub periods: u32,
	pub import: Wh,
	pub export: Wh,
	pub sold: Wh,
	pub bought: Wh,
	pub shortfall: Wh,
	pub excess: Wh,
	pub surplus: Wh,
	pub need: Wh,
	pub fees: Planck,
	pub amount: i128,
}

/// What was traded in a book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Market {
	pub volume: Wh,
	pub value: Planck,
	pub last: Option<Price>,
	pub trades: u32,
}

/// One record of what happened: the model's words for the chain's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rec {
	GridCreated {
		grid: Grid,
		operator: Who,
		terms: Terms,
		deposit: Planck,
	},
	TermsChanged {
		grid: Grid,
		terms: Terms,
	},
	OperatorOffered {
		grid: Grid,
		to: Who,
	},
	OfferWithdrawn {
		grid: Grid,
		to: Who,
	},
	OperatorChanged {
		grid: Grid,
		old: Who,
		new: Who,
	},
	PeriodsOpened {
		grid: Grid,
		first: Period,
		last: Period,
	},
	PeriodsSkipped {
		grid: Grid,
		first: Period,
		last: Period,
	},
	PeriodsPruned {
		grid: Grid,
		first: Period,
		last: Period,
	},
	LinkProposed {
		link: LinkNo,
		operator: Who,
		terms: LinkTerms,
		deposit: Planck,
	},
	LinkOpened {
		link: LinkNo,
		first: Period,
	},
	LinkClosed {
		link: LinkNo,
		until: Period,
	},
	LinkRemoved {
		link: LinkNo,
	},
	MeterRegistered {
		meter: MeterNo,
		grid: Grid,
		owner: Who,
		kind: Kind,
	},
	MeterAdmitted {
		meter: MeterNo,
		ratings: Ratings,
	},
	MeterRetired {
		meter: MeterNo,
	},
	MeterFreed {
		meter: MeterNo,
		owner: Who,
		deposit: Planck,
	},
	MeterOffered {
		meter: MeterNo,
		to: Option<Who>,
	},
	MeterTransferred {
		meter: MeterNo,
		from: Who,
		to: Who,
	},
	Readings {
		accepted: u32,
		stale: u32,
		deferred: u32,
	},
	Suspended {
		meter: MeterNo,
		import: Wh,
		export: Wh,
	},
	RolledBack {
		meter: MeterNo,
		import: bool,
		export: bool,
	},
	Placed {
		order: OrderNo,
		who: Who,
		grid: Grid,
		what: NewOrder,
		standing: bool,
	},
	Refused {
		who: Who,
		index: u32,
		error: String,
	},
	Trade {
		grid: Grid,
		period: Period,
		price: Price,
		energy: Wh,
		taker: Option<Side>,
		bid: OrderNo,
		buyer: Who,
		buyer_meter: MeterNo,
		ask: OrderNo,
		seller: Who,
		seller_meter: MeterNo,
	},
	TradeOverLink {
		link: LinkNo,
		period: Period,
		price: Price,
		sent: Wh,
		received: Wh,
		value: Planck,
		wheeling: Planck,
		taker: Side,
		bid: OrderNo,
		buyer: Who,
		buyer_meter: MeterNo,
		to: Grid,
		ask: OrderNo,
		seller: Who,
		seller_meter: MeterNo,
		from: Grid,
	},
	Cancelled {
		order: OrderNo,
		who: Who,
		meter: MeterNo,
		energy: Wh,
		reason: Reason,
	},
	Reduced {
		order: OrderNo,
		who: Who,
		meter: MeterNo,
		left: Wh,
	},
	Coupled {
		period: Period,
		gain: Planck,
		/// Community, price, import, export.
		nets: Vec<(Grid, Price, Wh, Wh)>,
		/// Link, sent, received, wheeling fee, what it earns.
		links: Vec<(LinkNo, Wh, Wh, Planck, Planck)>,
	},
	CoupledFill {
		grid: Grid,
		period: Period,
		side: Side,
		price: Price,
		energy: Wh,
		order: OrderNo,
		who: Who,
		meter: MeterNo,
	},
	LinkCarried {
		link: LinkNo,
		period: Period,
		sent: Wh,
		received: Wh,
		operator: Who,
		earned: Planck,
	},
	AuctionCleared {
		grid: Grid,
		period: Period,
		price: Price,
		volume: Wh,
	},
	AuctionAbandoned {
		grid: Grid,
		period: Period,
		left: Wh,
		error: String,
	},
	MarketClosed {
		grid: Grid,
		period: Period,
		market: Market,
	},
	StandingSet {
		who: Who,
		meter: MeterNo,
		side: Side,
		limit: Price,
		quantity: Quantity,
	},
	StandingEnded {
		who: Who,
		meter: MeterNo,
		side: Side,
		reason: Ended,
	},
	StandingRefused {
		who: Who,
		meter: MeterNo,
		side: Side,
		period: Period,
		error: String,
	},
	StandingSkipped {
		grid: Grid,
		period: Period,
		orders: u32,
	},
	/// Money taken of an account by the chain itself, outside calls: what an execution may cost at most.
	Charged {
		who: Who,
		amount: Planck,
	},
	/// What of that it did not cost.
	GivenBack {
		who: Who,
		amount: Planck,
	},
	ToppedUp {
		who: Who,
		amount: Planck,
	},
	Withdrawn {
		who: Who,
		amount: Planck,
	},
	Bill {
		grid: Grid,
		period: Period,
		meter: MeterNo,
		statement: Statement,
	},
	Settled {
		grid: Grid,
		period: Period,
		summary: Summary,
	},
	Corrected {
		meter: MeterNo,
		period: Period,
		account: Who,
		import: i64,
		export: i64,
		amount: i128,
	},
	ArrearsGrew {
		who: Who,
		grid: Grid,
		amount: Planck,
		total: Planck,
	},
	ArrearsPaid {
		who: Who,
		grid: Grid,
		amount: Planck,
		left: Planck,
	},
	ClaimRecorded {
		grid: Grid,
		creditor: Creditor,
		amount: Planck,
		total: Planck,
	},
	ClaimPaid {
		grid: Grid,
		creditor: Creditor,
		amount: Planck,
		left: Planck,
		set_off: bool,
	},
	FundSpent {
		grid: Grid,
		beneficiary: Who,
		amount: Planck,
	},
	StatementsPruned {
		grid: Grid,
		period: Period,
	},
	TotalsClosed {
		meter: MeterNo,
		totals: Totals,
	},
}

/// All kinds of records.
pub const KINDS: &[&str] = &[
	"GridCreated",
	"TermsChanged",
	"OperatorOffered",
	"OfferWithdrawn",
	"OperatorChanged",
	"PeriodsOpened",
	"PeriodsSkipped",
	"PeriodsPruned",
	"LinkProposed",
	"LinkOpened",
	"LinkClosed",
	"LinkRemoved",
	"MeterRegistered",
	"MeterAdmitted",
	"MeterRetired",
	"MeterFreed",
	"MeterOffered",
	"MeterTransferred",
	"Readings",
	"Suspended",
	"RolledBack",
	"Placed",
	"Refused",
	"Trade",
	"TradeOverLink",
	"Cancelled",
	"Reduced",
	"Coupled",
	"CoupledFill",
	"LinkCarried",
	"AuctionCleared",
	"AuctionAbandoned",
	"MarketClosed",
	"StandingSet",
	"StandingEnded",
	"StandingRefused",
	"StandingSkipped",
	"Charged",
	"GivenBack",
	"ToppedUp",
	"Withdrawn",
	"Bill",
	"Settled",
	"Corrected",
	"ArrearsGrew",
	"ArrearsPaid",
	"ClaimRecorded",
	"ClaimPaid",
	"FundSpent",
	"StatementsPruned",
	"TotalsClosed",
];

impl Rec {
	/// Which kind it is.
	pub fn kind(&self) -> &'static str {
		match self {
			Self::GridCreated { .. } => "GridCreated",
			Self::TermsChanged { .. } => "TermsChanged",
			Self::OperatorOffered { .. } => "OperatorOffered",
			Self::OfferWithdrawn { .. } => "OfferWithdrawn",
			Self::OperatorChanged { .. } => "OperatorChanged",
			Self::PeriodsOpened { .. } => "PeriodsOpened",
			Self::PeriodsSkipped { .. } => "PeriodsSkipped",
			Self::PeriodsPruned { .. } => "PeriodsPruned",
			Self::LinkProposed { .. } => "LinkProposed",
			Self::LinkOpened { .. } => "LinkOpened",
			Self::LinkClosed { .. } => "LinkClosed",
			Self::LinkRemoved { .. } => "LinkRemoved",
			Self::MeterRegistered { .. } => "MeterRegistered",
			Self::MeterAdmitted { .. } => "MeterAdmitted",
			Self::MeterRetired { .. } => "MeterRetired",
			Self::MeterFreed { .. } => "MeterFreed",
			Self::MeterOffered { .. } => "MeterOffered",
			Self::MeterTransferred { .. } => "MeterTransferred",
			Self::Readings { .. } => "Readings",
			Self::Suspended { .. } => "Suspended",
			Self::RolledBack { .. } => "RolledBack",
			Self::Placed { .. } => "Placed",
			Self::Refused { .. } => "Refused",
			Self::Trade { .. } => "Trade",
			Self::TradeOverLink { .. } => "TradeOverLink",
			Self::Cancelled { .. } => "Cancelled",
			Self::Reduced { .. } => "Reduced",
			Self::Coupled { .. } => "Coupled",
			Self::CoupledFill { .. } => "CoupledFill",
			Self::LinkCarried { .. } => "LinkCarried",
			Self::AuctionCleared { .. } => "AuctionCleared",
			Self::AuctionAbandoned { .. } => "AuctionAbandoned",
			Self::MarketClosed { .. } => "MarketClosed",
			Self::StandingSet { .. } => "StandingSet",
			Self::StandingEnded { .. } => "StandingEnded",
			Self::StandingRefused { .. } => "StandingRefused",
			Self::StandingSkipped { .. } => "StandingSkipped",
			Self::Charged { .. } => "Charged",
			Self::GivenBack { .. } => "GivenBack",
			Self::ToppedUp { .. } => "ToppedUp",
			Self::Withdrawn { .. } => "Withdrawn",
			Self::Bill { .. } => "Bill",
			Self::Settled { .. } => "Settled",
			Self::Corrected { .. } => "Corrected",
			Self::ArrearsGrew { .. } => "ArrearsGrew",
			Self::ArrearsPaid { .. } => "ArrearsPaid",
			Self::ClaimRecorded { .. } => "ClaimRecorded",
			Self::ClaimPaid { .. } => "ClaimPaid",
			Self::FundSpent { .. } => "FundSpent",
			Self::StatementsPruned { .. } => "StatementsPruned",
			Self::TotalsClosed { .. } => "TotalsClosed",
		}
	}
}

/// A call of the market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
	CreateGrid {
		operator: Who,
		terms: Terms,
	},
	SetTerms {
		grid: Grid,
		terms: Terms,
	},
	OfferOperator {
		grid: Grid,
		to: Who,
	},
	WithdrawOffer {
		grid: Grid,
	},
	AcceptOperator {
		grid: Grid,
	},
	ProposeLink(LinkTerms),
	AcceptLink(LinkNo),
	CloseLink(LinkNo),
	Register {
		grid: Grid,
		kind: Kind,
		device: u32,
	},
	Admit {
		meter: MeterNo,
		ratings: Ratings,
	},
	Retire(MeterNo),
	OfferMeter {
		meter: MeterNo,
		to: Option<Who>,
	},
	AcceptMeter(MeterNo),
	Readings(Vec<Reading>),
	Place(NewOrder),
	PlaceMany(Vec<NewOrder>),
	Cancel(OrderNo),
	Reduce {
		order: OrderNo,
		energy: Wh,
	},
	Replace {
		order: OrderNo,
		energy: Wh,
		limit: Price,
	},
	SetStanding {
		meter: MeterNo,
		side: Side,
		limit: Price,
		quantity: Quantity,
	},
	CancelStanding {
		meter: MeterNo,
		side: Side,
	},
	TopUp(Planck),
	Withdraw(Planck),
	PayArrears {
		grid: Grid,
		amount: Planck,
	},
	SpendFund {
		grid: Grid,
		beneficiary: Who,
		amount: Planck,
	},
}
