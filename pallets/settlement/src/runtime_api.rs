//! What clients may ask of settlement.

use alloc::vec::Vec;

use codec::{Decode, Encode};
use gridweave_primitives::{
	traits::{MeterInspect, MicrogridInspect, SettlementClock},
	Balance, Be32, MeterId, MicrogridId, Period,
};
use scale_info::TypeInfo;

use crate::{
	expected::ExpectedPrice,
	types::{Creditor, MeterTotals, PeriodSummary, Position, Progress, Statement},
	ClaimIndex, ClaimQueues, Config, Funds, Pallet, Summaries,
};

/// An account's standing with the clearing house. All in planck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Account {
	/// Trading balance.
	pub balance: Balance,
	/// What orders and positions lock of it.
	pub locked: Balance,
	/// What is free of it.
	pub free: Balance,
	/// What the account owes to communities.
	pub arrears: Balance,
	/// What communities owe to the account.
	pub claims: Balance,
}

sp_api::decl_runtime_apis! {
	/// Trading balances, bills and the progress of settlement.
	pub trait SettlementApi<AccountId> where AccountId: codec::Codec {
		/// An account's standing with the clearing house.
		fn account(who: AccountId) -> Account;

		/// The bill of a meter and period, while it is kept.
		fn statement(meter: MeterId, period: Period) -> Option<Statement<AccountId>>;

		/// The kept bills of a meter, oldest first; at most 512, the newest.
		fn statements(meter: MeterId) -> Vec<(Period, Statement<AccountId>)>;

		/// The running totals of a meter.
		fn totals(meter: MeterId) -> MeterTotals;

		/// What a meter traded for a period that is not settled yet.
		fn position(meter: MeterId, period: Period) -> Option<Position<AccountId>>;

		/// What a meter traded for periods that are not settled yet, oldest first: of at most 512 periods,
		/// from the first that is not settled.
		fn positions(meter: MeterId) -> Vec<(Period, Position<AccountId>)>;

		/// What surplus will probably earn and need pay in open periods of a community: those from `from`
		/// on, or from the current one if that is later; at most `count`, and at most 96. Periods that are
		/// not open are left out. A forecast from what was metered and is on offer, not a promise.
		fn expected_prices(
			microgrid: MicrogridId,
			from: Period,
			count: u32,
		) -> Vec<ExpectedPrice>;

		/// What a community's fund holds, in planck.
		fn fund(microgrid: MicrogridId) -> Balance;

		/// What a community's operator owes and could not pay yet, in planck.
		fn open_claims(microgrid: MicrogridId) -> Balance;

		/// Sums and prices of a settled period, while its statements are kept.
		fn summary(microgrid: MicrogridId, period: Period) -> Option<PeriodSummary>;

		/// How far a community's settlement has come; `None` before its first period opens.
		fn progress(microgrid: MicrogridId) -> Option<Progress>;

		/// How many frozen periods of all communities are not settled yet.
		fn awaiting_settlement() -> u32;
	}
}

/// The answers.
impl<T: Config> Pallet<T> {
	/// An account's standing with the clearing house.
	pub fn account(who: &T::AccountId) -> Account {
		let member = Self::member(who);
		let creditor = Creditor::Member(who.clone());
		let claims = ClaimIndex::<T>::iter_key_prefix(&creditor)
			.map(|microgrid| Self::claim_of(MicrogridId(microgrid.get()), &creditor))
			.fold(0, Balance::saturating_add);
		Account {
			balance: member.balance,
			locked: member.locked,
			free: member.free(),
			arrears: member.owing,
			claims,
		}
	}

	/// What a meter traded for a period that is not settled yet.
	pub fn position_of(meter: MeterId, period: Period) -> Option<Position<T::AccountId>> {
		Self::position(T::Meters::meter(meter)?.microgrid, period, meter)
	}

	/// What a community's fund holds.
	pub fn fund(microgrid: MicrogridId) -> Balance {
		Funds::<T>::get(Be32::from(microgrid))
	}

	/// What a community's operator owes and could not pay yet.
	pub fn open_claims(microgrid: MicrogridId) -> Balance {
		ClaimQueues::<T>::get(Be32::from(microgrid)).map_or(0, |queue| queue.total)
	}

	/// Sums and prices of a settled period.
	pub fn summary(microgrid: MicrogridId, period: Period) -> Option<PeriodSummary> {
		Summaries::<T>::get((Be32::from(microgrid), Be32::from(period)))
	}

	/// How many frozen periods of all communities are not settled yet.
	pub fn awaiting_settlement() -> u32 {
		let clock = T::Clock::clock();
		// The first period that is not frozen: `end + grace × length` lies after now.
		let open = clock.period_at(T::Clock::now()).saturating_sub(clock.grace);
		(0..T::Microgrids::count())
			.filter_map(|microgrid| Self::progress(MicrogridId(microgrid)))
			.fold(0u32, |sum, progress| {
				sum.saturating_add(open.0.saturating_sub(progress.next.0))
			})
	}
}
