//! The records of the journal, which `docs/journal.md` explains field by field.
//!
//! They are made of plain numbers and text on purpose: whoever reads them needs nothing of the chain's code.
//! Energy is in Wh, prices in 10⁻⁶ GRID per kWh, times in Unix seconds. Money is in planck (10⁻¹² GRID), a
//! decimal string in JSON, with a minus sign where it is owed. Accounts are SS58 addresses with the generic
//! prefix 42, as the node's RPC shows them.

use serde::{Deserialize, Serialize};

mod kinds;
mod money;
mod opening;
mod parts;
#[cfg(test)]
mod tests;

pub use kinds::Role;
pub use money::{Owed, Planck};
pub use opening::{Auction, Opening};
pub use parts::{
	Bill, CancelReason, Clock, Contracts, Correction, CoupledCommunity, CoupledLink, Creditor,
	Exchange, Kind, Limits, LinkStage, LinkTerms, Market, Mechanism, MeterState, MeterTotals,
	Metered, PeriodSummary, Prices, Provenance, Quantity, Residual, Settled, Side, Split,
	StandingEnd, Terms, TimeInForce,
};

/// The version of this format. Another one means that records were changed or left out, not only added.
pub const FORMAT: u32 = 1;

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
	/// The block in which it happened.
	pub block: u32,
	/// The event that tells it, by its place among the events of the block. Absent where no event does.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub event: Option<u32>,
	/// The transaction that caused it, by its place in the block. Absent for what the chain does by itself.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub extrinsic: Option<u32>,
	/// What happened.
	#[serde(flatten)]
	pub record: Record,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
	tag = "type",
	rename_all = "camelCase",
	rename_all_fields = "camelCase"
)]
pub enum Record {
	/// The first line: which chain, and by which constants it works.
	Journal {
		/// The version of this format.
		format: u32,
		/// Hash of the chain's genesis block, hexadecimal with `0x`.
		genesis: String,
		/// The runtime's name.
		spec_name: String,
		/// The runtime's version.
		spec_version: u32,
		/// The settlement clock.
		clock: Clock,
		/// The constants that the market works by.
		limits: Limits,
	},
	/// Something that there is at the end of the block before the first one: that is `block` of the line.
	Opening(Opening),
	/// A block begins.
	Block {
		/// Its hash, hexadecimal with `0x`.
		hash: String,
		/// Its time.
		time: u64,
	},

	/// A microgrid was created.
	MicrogridCreated {
		/// Which.
		microgrid: u32,
		/// Who operates it.
		operator: String,
		/// The terms its periods open with.
		terms: Terms,
	},
	/// An operator changed the terms of periods that open from now on.
	TermsChanged {
		/// Of which microgrid.
		microgrid: u32,
		/// The first period with the new terms; `null` if none has opened yet.
		from: Option<u32>,
		/// The new terms.
		terms: Terms,
	},
	/// An operator offered its microgrid to a successor.
	OperatorOffered {
		/// Which.
		microgrid: u32,
		/// To whom.
		successor: String,
	},
	/// An operator withdrew such an offer.
	OfferWithdrawn {
		/// Of which microgrid.
		microgrid: u32,
		/// To whom it was offered.
		successor: String,
	},
	/// A microgrid has another operator, who is the counterparty of all that is settled from now on.
	OperatorChanged {
		/// Which.
		microgrid: u32,
		/// Who operated it.
		old: String,
		/// Who operates it.
		new: String,
	},
	/// Periods opened for trading.
	PeriodsOpened {
		/// Of which microgrid.
		microgrid: u32,
		/// The first of them.
		first: u32,
		/// The last of them.
		last: u32,
		/// The terms of all of them, which never change.
		terms: Terms,
	},
	/// Periods never opened, because the chain stood still.
	PeriodsSkipped {
		/// Of which microgrid.
		microgrid: u32,
		/// The first of them.
		first: u32,
		/// The last of them.
		last: u32,
	},
	/// The terms of periods are no longer kept.
	PeriodsPruned {
		/// Of which microgrid.
		microgrid: u32,
		/// The first of them.
		first: u32,
		/// The last of them.
		last: u32,
	},
	/// A link was proposed.
	LinkProposed {
		/// Which.
		link: u32,
		/// Who is paid the wheeling fee.
		operator: String,
		/// What is proposed.
		terms: LinkTerms,
	},
	/// A link was accepted.
	LinkOpened {
		/// Which.
		link: u32,
		/// The first period it is open for.
		first: u32,
	},
	/// A link was closed.
	LinkClosed {
		/// Which.
		link: u32,
		/// The first period it is no longer open for.
		until: u32,
	},
	/// A link is gone, or its proposal.
	LinkRemoved {
		/// Which.
		link: u32,
	},
	/// A meter was registered.
	MeterRegistered {
		/// Which.
		meter: u32,
		/// The community it is to belong to.
		microgrid: u32,
		/// Who owns it.
		owner: String,
		/// What stands behind it.
		kind: Kind,
	},
	/// A meter was admitted to its microgrid, or has other ratings.
	MeterAdmitted {
		/// Which.
		meter: u32,
		/// Most power it may take, in W.
		max_import: u32,
		/// Most power it may give, in W.
		max_export: u32,
	},
	/// A meter was offered to another owner, or such an offer withdrawn.
	MeterOffered {
		/// Which.
		meter: u32,
		/// To whom; nobody any more if `null`.
		to: Option<String>,
	},
	/// A meter has another owner.
	MeterTransferred {
		/// Which.
		meter: u32,
		/// Who owned it.
		from: String,
		/// Who owns it.
		to: String,
	},
	/// A meter was taken out of service.
	MeterRetired {
		/// Which.
		meter: u32,
	},
	/// Nothing is kept of a meter any more.
	MeterFreed {
		/// Which.
		meter: u32,
		/// Who owned it.
		owner: String,
		/// What was released of its deposit.
		deposit: Planck,
	},

	/// A member paid money from the account into the trading balance.
	TopUp {
		/// Who.
		who: String,
		/// How much.
		amount: Planck,
	},
	/// A member took money out of the trading balance.
	Withdraw {
		/// Who.
		who: String,
		/// How much.
		amount: Planck,
	},
	/// A member paid arrears: from the free trading balance, and what is missing there from the account.
	PayArrears {
		/// Who.
		who: String,
		/// Owed to the operator of which microgrid.
		microgrid: u32,
		/// How much was paid.
		amount: Planck,
	},
	/// A community's fund paid into a trading balance.
	SpendFund {
		/// Whose fund.
		microgrid: u32,
		/// Who was paid.
		beneficiary: String,
		/// How much.
		amount: Planck,
	},

	/// The deposit for a meter, or a part of it, went to its community's fund: the meter was tampered with.
	DepositSlashed {
		/// Which meter.
		meter: u32,
		/// Whose deposit it was.
		owner: String,
		/// Whose fund got it.
		microgrid: u32,
		/// How much.
		amount: Planck,
	},

	/// An order was placed.
	Place {
		/// Its id: ids are given in the order of arrival.
		order: u64,
		/// Who placed it.
		who: String,
		/// The community whose book it goes to.
		microgrid: u32,
		/// The meter that will deliver or consume.
		meter: u32,
		/// Whether it buys or sells.
		side: Side,
		/// The period of delivery.
		period: u32,
		/// How much.
		energy: u64,
		/// The most a bid pays, the least an ask takes.
		limit_price: u64,
		/// How long it is good for.
		time_in_force: TimeInForce,
		/// Whether the chain placed it, for a standing order.
		standing: bool,
		/// The order that it replaces, which was cancelled before (`cancel`).
		#[serde(default, skip_serializing_if = "Option::is_none")]
		replaces: Option<u64>,
		/// Which call of the transaction placed it, from 0: orders of one call share the bound of fills.
		call: u32,
	},
	/// An order was cancelled by its owner.
	Cancel {
		/// Which.
		order: u64,
		/// Whose.
		who: String,
		/// The meter it was for.
		meter: u32,
		/// How much was left of it.
		energy: u64,
		/// Whether it makes room for the order that is placed next.
		replaced: bool,
	},
	/// An order was reduced by its owner. It keeps its place.
	Reduce {
		/// Which.
		order: u64,
		/// Whose.
		who: String,
		/// The meter it is for.
		meter: u32,
		/// How much is left of it.
		remaining: u64,
	},
	/// A standing order was given, or changed.
	StandingOrderSet {
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
	},
	/// A standing order ended.
	StandingOrderEnded {
		/// Whose it was.
		who: String,
		/// The meter it was for.
		meter: u32,
		/// Its side.
		side: Side,
		/// Why.
		reason: StandingEnd,
	},

	/// What a meter metered in a period that is to be settled.
	Metered(Metered),
	/// Late readings show that a meter metered more or less in periods whose energy is frozen.
	Corrected {
		/// Which.
		meter: u32,
		/// Its community.
		microgrid: u32,
		/// Who is billed.
		account: String,
		/// The differences, oldest period first.
		corrections: Vec<Correction>,
	},

	/// Placing the order of the next line took money from the account into the trading balance.
	ToppedUp {
		/// Whose.
		who: String,
		/// How much.
		amount: Planck,
	},
	/// An order of a batch was refused, and changed nothing.
	OrderRefused {
		/// Who sent the batch.
		who: String,
		/// The order's place in the batch, from 0.
		index: u32,
		/// Why, as `Pallet.Error`.
		error: String,
	},
	/// What was left of an order was cancelled by the market, and what it had locked unlocked.
	Cancelled {
		/// Which.
		order: u64,
		/// Whose.
		who: String,
		/// The meter it was for.
		meter: u32,
		/// How much was left of it.
		energy: u64,
		/// Why.
		reason: CancelReason,
	},
	/// Energy was traded within a microgrid.
	Trade {
		/// Which.
		microgrid: u32,
		/// The period of delivery.
		period: u32,
		/// The price.
		price: u64,
		/// How much.
		energy: u64,
		/// The side of the order that came in; `null` in a call auction.
		taker: Option<Side>,
		/// The buyer's order.
		bid: u64,
		/// Who bought.
		buyer: String,
		/// The meter it was bought for.
		buyer_meter: u32,
		/// The seller's order.
		ask: u64,
		/// Who sold.
		seller: String,
		/// The meter that will deliver it.
		seller_meter: u32,
	},
	/// Energy was traded over a link.
	TradeOverLink {
		/// Which.
		link: u32,
		/// The period of delivery.
		period: u32,
		/// The price of the order that rested, on its own energy.
		price: u64,
		/// What the seller sends.
		sent: u64,
		/// What the buyer receives.
		received: u64,
		/// What the seller gets, before its market's fee.
		value: Planck,
		/// What the buyer pays to the link's operator besides.
		wheeling_fee: Planck,
		/// The side of the order that came in.
		taker: Side,
		/// The buyer's order.
		bid: u64,
		/// Who bought.
		buyer: String,
		/// The meter it was bought for.
		buyer_meter: u32,
		/// The buyer's community.
		to: u32,
		/// The seller's order.
		ask: u64,
		/// Who sold.
		seller: String,
		/// The meter that will deliver it.
		seller_meter: u32,
		/// The seller's community.
		from: u32,
	},
	/// Price and volume of a call auction were found. Its trades follow, perhaps in later blocks.
	AuctionCleared {
		/// In which microgrid.
		microgrid: u32,
		/// The period of delivery.
		period: u32,
		/// The price of all trades.
		price: u64,
		/// How much is to be traded.
		volume: u64,
	},
	/// A call auction was given up. What was traded stays so.
	AuctionAbandoned {
		/// In which microgrid.
		microgrid: u32,
		/// The period of delivery.
		period: u32,
		/// How much was still to be traded.
		left: u64,
		/// Why, as `Pallet.Error`.
		error: String,
	},
	/// A solution that couples call auctions holds, and is carried out: members trade with links first, then
	/// among themselves, at the price of their community.
	Coupled {
		/// The period of delivery.
		period: u32,
		/// Who submitted it.
		who: String,
		/// How much more than the separate auctions it is worth.
		gain: Planck,
		/// The communities, by rising id.
		communities: Vec<CoupledCommunity>,
		/// The links, by rising id.
		links: Vec<CoupledLink>,
	},
	/// An order traded with links, in a coupled auction.
	CoupledFill {
		/// In which microgrid.
		microgrid: u32,
		/// The period of delivery.
		period: u32,
		/// Whether it bought or sold.
		side: Side,
		/// The price.
		price: u64,
		/// How much.
		energy: u64,
		/// The order.
		order: u64,
		/// Whose it is.
		who: String,
		/// The meter it is for.
		meter: u32,
	},
	/// All that members trade with links in a coupling is traded, and a link is paid.
	LinkCarried {
		/// Which.
		link: u32,
		/// The period of delivery.
		period: u32,
		/// What was sent.
		sent: u64,
		/// What was received.
		received: u64,
		/// Who operates it.
		operator: String,
		/// What it earns.
		earned: Planck,
	},
	/// What buyers have paid for nothing, in a coupling that was given up, went to their operator.
	ImportsReturned {
		/// To that of which microgrid.
		microgrid: u32,
		/// The period of delivery.
		period: u32,
		/// The operator.
		operator: String,
		/// How much.
		amount: Planck,
	},
	/// A coupling was given up. What was traded stays so.
	CouplingAbandoned {
		/// The period of delivery.
		period: u32,
		/// Why, as `Pallet.Error`.
		error: String,
	},
	/// The last order of a book whose gate has closed is gone. A community without orders that a coupling leads energy
	/// through has a book, too.
	MarketClosed {
		/// In which microgrid.
		microgrid: u32,
		/// The period of delivery.
		period: u32,
		/// What was traded.
		market: Market,
	},
	/// A standing order could not be placed.
	StandingOrderRefused {
		/// Whose it is.
		who: String,
		/// The meter it is for.
		meter: u32,
		/// Its side.
		side: Side,
		/// The period of delivery.
		period: u32,
		/// Why, as `Pallet.Error`.
		error: String,
	},
	/// A gate closed before all standing orders were executed.
	StandingOrdersSkipped {
		/// In which microgrid.
		microgrid: u32,
		/// The period of delivery.
		period: u32,
		/// How many were not.
		orders: u32,
	},

	/// A bill was not covered, and the rest is owed.
	ArrearsGrew {
		/// Who owes.
		who: String,
		/// To the operator of which microgrid.
		microgrid: u32,
		/// What was added.
		amount: Planck,
		/// What is owed there now.
		total: Planck,
	},
	/// Arrears were paid, or set off against proceeds.
	ArrearsPaid {
		/// Who owed.
		who: String,
		/// To the operator of which microgrid.
		microgrid: u32,
		/// What was paid.
		amount: Planck,
		/// What is still owed there.
		left: Planck,
	},
	/// An operator could not pay, and the rest is a claim.
	ClaimRecorded {
		/// Whose operator.
		microgrid: u32,
		/// Whom it owes.
		creditor: Creditor,
		/// What was added.
		amount: Planck,
		/// All of the creditor's claim there.
		total: Planck,
	},
	/// A claim was paid, or set off against what its creditor came to owe.
	ClaimPaid {
		/// Whose operator.
		microgrid: u32,
		/// Who is paid.
		creditor: Creditor,
		/// How much.
		amount: Planck,
		/// What is still owed.
		left: Planck,
		/// Whether it was set off against what its creditor came to owe: then no money moved.
		set_off: bool,
	},
	/// A meter's period was billed. Arrears and claims that came of it are on the lines before.
	Statement {
		/// The community.
		microgrid: u32,
		/// The period.
		period: u32,
		/// The meter.
		meter: u32,
		/// The bill.
		#[serde(flatten)]
		bill: Bill,
	},
	/// A microgrid's period is settled.
	PeriodSettled {
		/// Which.
		microgrid: u32,
		/// The period.
		period: u32,
		/// Sums and prices.
		#[serde(flatten)]
		summary: PeriodSummary,
	},
	/// The statements of a period are no longer kept.
	StatementsPruned {
		/// Of which microgrid.
		microgrid: u32,
		/// The period.
		period: u32,
	},
	/// What the corrections of the line before are worth. Arrears and claims that came of it follow.
	CorrectionsSettled {
		/// Of which meter.
		meter: u32,
		/// Who was billed.
		account: String,
		/// What each of them is worth to the account, in the same order.
		settled: Vec<Settled>,
		/// Their sum, which is paid at once.
		amount: Owed,
	},
	/// A meter is out of service: its running totals.
	TotalsClosed {
		/// Which.
		meter: u32,
		/// All it was billed for.
		#[serde(flatten)]
		totals: MeterTotals,
	},
	/// What a trading balance is at the end of a block that may have changed it.
	Ledger {
		/// Whose.
		account: String,
		/// All of it.
		balance: Planck,
		/// What orders and positions lock of it.
		locked: Planck,
	},
	/// What a community's fund is at the end of a block that may have changed it.
	Fund {
		/// Which.
		microgrid: u32,
		/// How much.
		amount: Planck,
	},
}
