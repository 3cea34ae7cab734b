//! Stored and passed types. Money is in planck, energy in Wh.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use gridweave_primitives::{
	ids::METERS_PER_PAGE,
	meter::Provenance,
	microgrid::{ResidualRule, Terms},
	Balance, MicrogridId, Period, WattHours,
};
use scale_info::TypeInfo;

use crate::{
	bill::{signed, Contracts, Prices},
	split::Split,
};

/// A member's trading balance with the clearing house. Integers are encoded compact: as small as most are, the trie
/// keeps them in the node of their key.
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
pub struct Member {
	/// All of it.
	#[codec(compact)]
	pub balance: Balance,
	/// What orders and positions lock of it.
	#[codec(compact)]
	pub locked: Balance,
	/// What its owner owes to all communities together: the sum of its arrears.
	#[codec(compact)]
	pub owing: Balance,
}

impl Member {
	/// What nothing locks.
	pub const fn free(&self) -> Balance {
		self.balance.saturating_sub(self.locked)
	}

	/// Whether there is nothing left to keep.
	pub const fn is_empty(&self) -> bool {
		!self.is_open() && self.owing == 0
	}

	/// Whether it holds money.
	pub const fn is_open(&self) -> bool {
		self.balance > 0 || self.locked > 0
	}

	/// Takes up to `amount` of the free part; returns what was taken.
	pub fn draw(&mut self, amount: Balance) -> Balance {
		let drawn = amount.min(self.free());
		self.balance = self.balance.saturating_sub(drawn);
		drawn
	}
}

/// A member whose balance is kept with its neighbours'.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Seat<AccountId> {
	/// Whose.
	pub account: AccountId,
	/// What it has, and owes.
	pub member: Member,
}

/// The members who sit at a page of meters, in no order: at most as many as a page has meters.
pub type Row<AccountId> = BoundedVec<Seat<AccountId>, ConstU32<METERS_PER_PAGE>>;

/// What a meter traded for one period, and what secures it.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Position<AccountId> {
	/// Who pays and is paid: the meter's owner when it traded.
	pub owner: AccountId,
	/// What was traded.
	pub contracts: Contracts,
	/// Part of the owner's locked balance: the worst its trades can cost.
	pub margin: Balance,
}

/// The bill of one meter and period.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Statement<AccountId> {
	/// Who was billed.
	pub account: AccountId,
	/// Where the metered energy comes from; `None` if the meter has none in this period (counted as 0).
	pub provenance: Option<Provenance>,
	/// Energy taken from the grid.
	pub import: WattHours,
	/// Energy fed into the grid.
	pub export: WattHours,
	/// What was traded.
	pub contracts: Contracts,
	/// How metered energy met the contracts.
	pub split: Split,
	/// The period's prices. Those of the residual are for what was measured: an estimate's are the tariff.
	pub prices: Prices,
	/// What the account gets for the period, or owes if negative: what it has paid already for trades over
	/// links (`contracts.paid`) is part of it.
	pub amount: i128,
}

/// What goes over a community's links for a period.
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
pub struct Exchange {
	/// Energy its members sold to other communities, as sent.
	pub sent: WattHours,
	/// Energy its members bought of other communities, as received: losses are taken off.
	pub received: WattHours,
	/// What the members of other communities paid for `sent`, in planck.
	pub proceeds: Balance,
	/// What its members paid for `received`, wheeling fees included, in planck.
	pub payments: Balance,
}

/// Running totals of a meter over all its settled periods, corrections included.
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
pub struct MeterTotals {
	/// How many periods were settled.
	pub periods: u32,
	/// Energy taken from the grid.
	pub import: WattHours,
	/// Energy fed into the grid.
	pub export: WattHours,
	/// Energy sold by trades.
	pub sold: WattHours,
	/// Energy bought by trades.
	pub bought: WattHours,
	/// Sold and not delivered.
	pub shortfall: WattHours,
	/// Bought and not taken.
	pub excess: WattHours,
	/// Surplus that went through the residual rule.
	pub surplus: WattHours,
	/// Need that went through the residual rule.
	pub need: WattHours,
	/// Market fees.
	pub fees: Balance,
	/// Sum of all amounts: earned, or paid if negative.
	pub amount: i128,
}

impl MeterTotals {
	/// Adds a bill. Totals are for show; sums of periods' energies and amounts do not reach their bounds.
	pub fn add<AccountId>(&mut self, bill: &Statement<AccountId>) {
		let Statement {
			contracts, split, ..
		} = bill;
		self.periods = self.periods.saturating_add(1);
		self.import = self.import.saturating_add(bill.import);
		self.export = self.export.saturating_add(bill.export);
		self.sold = self.sold.saturating_add(contracts.sold);
		self.bought = self.bought.saturating_add(contracts.bought);
		self.shortfall = self.shortfall.saturating_add(split.shortfall);
		self.excess = self.excess.saturating_add(split.excess);
		self.surplus = self.surplus.saturating_add(split.surplus);
		self.need = self.need.saturating_add(split.need);
		self.fees = self.fees.saturating_add(contracts.fee);
		self.amount = self.amount.saturating_add(bill.amount);
	}
}

/// One value per meter of a page, by slot: a page of neighbours costs the trie one item.
pub type PageOf<V> = BoundedVec<(u8, V), ConstU32<METERS_PER_PAGE>>;

/// A community's period in sums: `members + operator + fund = links.proceeds − links.payments`, where without
/// trades over links the right side is 0.
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
pub struct PeriodSummary {
	/// How many meters got a statement.
	pub meters: u32,
	/// How many of them with estimated energy.
	pub estimated: u32,
	/// Energy taken by all meters.
	pub import: WattHours,
	/// Energy fed in by all meters.
	pub export: WattHours,
	/// Energy traded.
	pub contracted: WattHours,
	/// What was paid for it.
	pub trade_value: Balance,
	/// Sold and not delivered.
	pub shortfall: WattHours,
	/// Bought and not taken.
	pub excess: WattHours,
	/// Sold and delivered.
	pub delivered: WattHours,
	/// Bought and taken.
	pub consumed: WattHours,
	/// Surplus in the residual rule.
	pub surplus: WattHours,
	/// Need in the residual rule.
	pub need: WattHours,
	/// The period's prices.
	pub prices: Prices,
	/// Market fees, part of the operator's entry.
	pub fees: Balance,
	/// What all members together get, or owe if negative.
	pub members: i128,
	/// What the operator gets, or owes if negative.
	pub operator: i128,
	/// What the community's fund gets.
	pub fund: Balance,
	/// What went over its links.
	pub links: Exchange,
}

impl PeriodSummary {
	/// What all payments sum to, those over links included: 0.
	pub fn balance(&self) -> i128 {
		self.members
			.saturating_add(self.operator)
			.saturating_add(signed(self.fund))
			.saturating_add(signed(self.links.payments))
			.saturating_sub(signed(self.links.proceeds))
	}
}

/// To whom a community owes money.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Creditor<AccountId> {
	/// A member.
	Member(AccountId),
	/// The community's fund.
	Fund,
}

/// Money that a community's operator owes and could not pay yet.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Claim<AccountId> {
	/// To whom.
	pub creditor: Creditor<AccountId>,
	/// How much; never 0.
	pub amount: Balance,
}

/// A community's open claims, served first come, first served.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct ClaimQueue<AccountId> {
	/// Index of the oldest claim, or of a gap before it.
	pub first: u64,
	/// Index of the next claim.
	pub next: u64,
	/// Sum of all its claims; never 0.
	pub total: Balance,
	/// The operator who owes them.
	pub debtor: AccountId,
}

/// How far a community's settlement has come.
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
pub struct Progress {
	/// Every period before this one is settled.
	pub next: Period,
	/// The oldest period whose statements are still kept.
	pub oldest: Period,
}

/// Where the money of a settlement lies between its passes.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Till<AccountId> {
	/// The community.
	pub microgrid: MicrogridId,
	/// Its operator, who fronts what is missing and gets what is left.
	pub operator: AccountId,
	/// Collected and not paid out yet.
	pub pot: Balance,
}

/// What a settlement does next.
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
pub enum Stage {
	/// Closes pages of meters and sums surplus and need.
	Sum {
		/// The next page.
		page: u32,
	},
	/// Takes from those who owe.
	Collect {
		/// The next page.
		page: u32,
	},
	/// Pays those who are owed.
	Pay {
		/// The next page.
		page: u32,
	},
	/// Pays fund and operator.
	Finish,
}

/// A settlement under way.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Job<AccountId> {
	/// The period.
	pub period: Period,
	/// What comes next.
	pub stage: Stage,
	/// Pages of meters when it began.
	pub pages: u32,
	/// What becomes of the rest.
	pub residual: ResidualRule,
	/// Community, operator, pot.
	pub till: Till<AccountId>,
	/// The sums so far.
	pub summary: PeriodSummary,
}

impl<AccountId> Job<AccountId> {
	/// A settlement that is about to begin.
	pub fn new(
		microgrid: MicrogridId,
		period: Period,
		terms: &Terms,
		operator: AccountId,
		pages: u32,
		links: Exchange,
	) -> Self {
		let prices = Prices {
			retail: terms.retail_price,
			feed_in: terms.feed_in_price,
			residual: Default::default(),
		};
		Self {
			period,
			stage: Stage::Sum { page: 0 },
			pages,
			residual: terms.residual,
			till: Till {
				microgrid,
				operator,
				// What members of other communities have paid to those of this one.
				pot: links.proceeds,
			},
			summary: PeriodSummary {
				prices,
				links,
				..Default::default()
			},
		}
	}
}
