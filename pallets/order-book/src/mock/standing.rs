//! Standing orders: what they cost, what is known of meters, and the period that opens next.

use frame_support::{
	traits::{
		fungible::{Balanced, Credit, Inspect, InspectHold, Mutate},
		OnUnbalanced,
	},
	weights::Weight,
};
use gridweave_primitives::{
	market::Side,
	meter::{MeteredPeriod, Provenance},
	traits::MeterHistory,
	Balance, MeterId, Period, Price, WattHours,
};
use sp_runtime::traits::Convert;

use super::{
	block_at, dispatch, owner_of, start_of, AccountId, Balances, History, Meters, Tables, Test,
	COLLECTOR, HORIZON, START,
};
use crate::{Call, HoldReason, Instruction, Quantity};

impl MeterHistory for Tables {
	fn recent(meter: MeterId, most: u32) -> Vec<MeteredPeriod> {
		let mut recent = History::get().remove(&meter).unwrap_or_default();
		recent.truncate(most as usize);
		recent
	}
}

/// A picosecond costs a planck.
impl Convert<Weight, Balance> for Tables {
	fn convert(weight: Weight) -> Balance {
		weight.ref_time().into()
	}
}

/// Fees go to [`COLLECTOR`].
impl OnUnbalanced<Credit<AccountId, Balances>> for Tables {
	fn on_nonzero_unbalanced(fees: Credit<AccountId, Balances>) {
		assert!(Balances::resolve(&COLLECTOR, fees).is_ok());
	}
}

/// Sets what an account has besides what is held of it.
pub fn fund(who: AccountId, amount: Balance) {
	Balances::set_balance(&who, amount);
}

/// What an account has free.
pub fn free(who: AccountId) -> Balance {
	Balances::balance(&who)
}

/// What is held of an account for its standing orders.
pub fn held(who: AccountId) -> Balance {
	Balances::balance_on_hold(&HoldReason::StandingOrder.into(), &who)
}

/// Import and export of a meter in its latest periods, newest first.
pub fn measured(meter: MeterId, periods: &[(u64, u64)]) {
	let periods = periods.iter().map(|(import, export)| MeteredPeriod {
		import: WattHours(*import),
		export: WattHours(*export),
		provenance: Provenance::Measured,
	});
	History::mutate(|history| history.insert(meter, periods.collect()));
}

/// The period that opens when [`START`] is over.
pub const NEXT: Period = Period(START.0 + HORIZON + 1);

/// Begins the block in which a period opens.
pub fn open(period: Period) {
	block_at(start_of(Period(period.0 - HORIZON)));
}

/// Always so much, at this limit.
pub fn fixed(energy: u64, price: u64) -> Instruction {
	Instruction {
		limit_price: Price(price),
		quantity: Quantity::Fixed(WattHours(energy)),
	}
}

/// What is expected beyond a part that is kept, at this limit.
pub fn above(keep: u64, price: u64) -> Instruction {
	Instruction {
		limit_price: Price(price),
		quantity: Quantity::Above {
			keep: WattHours(keep),
			most: None,
		},
	}
}

/// The call that gives a standing order.
pub fn standing(meter: MeterId, side: Side, instruction: Instruction) -> Call<Test> {
	Call::set_standing_order {
		meter,
		side,
		instruction,
	}
}

/// Gives a standing order, which must not be refused.
#[track_caller]
pub fn stand(meter: MeterId, side: Side, instruction: Instruction) {
	let result = dispatch(owner_of(meter), standing(meter, side, instruction));
	assert!(result.is_ok(), "{result:?}");
}

/// The call that ends a standing order.
pub fn ending(meter: MeterId, side: Side) -> Call<Test> {
	Call::cancel_standing_order { meter, side }
}

/// Gives a meter to another account.
pub fn transfer(meter: MeterId, to: AccountId) {
	Meters::mutate(|meters| meters.get_mut(&meter).expect("a meter").owner = to);
}
