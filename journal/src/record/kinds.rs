//! The kinds of records there are.

use super::Record;

/// Whether a record is to be replayed, or compared with what a replay comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
	/// What is given: the state to begin with, the time, the terms, what people and devices did.
	Input,
	/// What follows from that.
	Outcome,
}

macro_rules! kinds {
	($($variant:ident $fields:tt $name:literal $role:ident,)*) => {
		impl Record {
			/// All kinds, by the value of `type`.
			pub const KINDS: &'static [(&'static str, Role)] = &[$(($name, Role::$role)),*];

			/// What its `type` says.
			pub const fn kind(&self) -> &'static str {
				match self {
					$(Self::$variant $fields => $name,)*
				}
			}

			/// Whether to replay it or to compare it.
			pub const fn role(&self) -> Role {
				match self {
					$(Self::$variant $fields => Role::$role,)*
				}
			}
		}
	};
}

kinds! {
	Journal { .. } "journal" Input,
	Opening(_) "opening" Input,
	Block { .. } "block" Input,
	MicrogridCreated { .. } "microgridCreated" Input,
	TermsChanged { .. } "termsChanged" Input,
	OperatorOffered { .. } "operatorOffered" Input,
	OfferWithdrawn { .. } "offerWithdrawn" Input,
	OperatorChanged { .. } "operatorChanged" Input,
	PeriodsOpened { .. } "periodsOpened" Input,
	PeriodsSkipped { .. } "periodsSkipped" Input,
	PeriodsPruned { .. } "periodsPruned" Input,
	LinkProposed { .. } "linkProposed" Input,
	LinkOpened { .. } "linkOpened" Input,
	LinkClosed { .. } "linkClosed" Input,
	LinkRemoved { .. } "linkRemoved" Input,
	MeterRegistered { .. } "meterRegistered" Input,
	MeterAdmitted { .. } "meterAdmitted" Input,
	MeterOffered { .. } "meterOffered" Input,
	MeterTransferred { .. } "meterTransferred" Input,
	MeterRetired { .. } "meterRetired" Input,
	MeterFreed { .. } "meterFreed" Input,
	TopUp { .. } "topUp" Input,
	Withdraw { .. } "withdraw" Input,
	PayArrears { .. } "payArrears" Input,
	SpendFund { .. } "spendFund" Input,
	DepositSlashed { .. } "depositSlashed" Input,
	Place { .. } "place" Input,
	Cancel { .. } "cancel" Input,
	Reduce { .. } "reduce" Input,
	StandingOrderSet { .. } "standingOrderSet" Input,
	StandingOrderEnded { .. } "standingOrderEnded" Input,
	Coupled { .. } "coupled" Input,
	Metered(_) "metered" Input,
	Corrected { .. } "corrected" Input,
	ToppedUp { .. } "toppedUp" Outcome,
	OrderRefused { .. } "orderRefused" Outcome,
	Cancelled { .. } "cancelled" Outcome,
	Trade { .. } "trade" Outcome,
	TradeOverLink { .. } "tradeOverLink" Outcome,
	AuctionCleared { .. } "auctionCleared" Outcome,
	AuctionAbandoned { .. } "auctionAbandoned" Outcome,
	CoupledFill { .. } "coupledFill" Outcome,
	LinkCarried { .. } "linkCarried" Outcome,
	ImportsReturned { .. } "importsReturned" Outcome,
	CouplingAbandoned { .. } "couplingAbandoned" Outcome,
	MarketClosed { .. } "marketClosed" Outcome,
	StandingOrderRefused { .. } "standingOrderRefused" Outcome,
	StandingOrdersSkipped { .. } "standingOrdersSkipped" Outcome,
	ArrearsGrew { .. } "arrearsGrew" Outcome,
	ArrearsPaid { .. } "arrearsPaid" Outcome,
	ClaimRecorded { .. } "claimRecorded" Outcome,
	ClaimPaid { .. } "claimPaid" Outcome,
	Statement { .. } "statement" Outcome,
	PeriodSettled { .. } "periodSettled" Outcome,
	StatementsPruned { .. } "statementsPruned" Outcome,
	CorrectionsSettled { .. } "correctionsSettled" Outcome,
	TotalsClosed { .. } "totalsClosed" Outcome,
	Ledger { .. } "ledger" Outcome,
	Fund { .. } "fund" Outcome,
}
