//! Standing orders: what a member wants placed for every period that opens, by the chain.
//!
//! A standing order is an [`Instruction`] for one side of a meter: a limit price, and a quantity, which is
//! fixed or what is *expected* of the meter beyond a part that is kept. Expected is the mean of what the meter
//! measured in the latest [`EXPECTED_PERIODS`] periods that its readings cover when the instruction is
//! executed ([`expected`](crate::types::expected)). Where periods open a day ahead, these are the last hour
//! before the same time of the day before. It is no forecast: it lags behind sunrise and sunset by that
//! hour, and knows nothing of tomorrow's weather. What is sold and not delivered is bought at retail, as
//! always.
//!
//! ## Execution
//!
//! When a period of a microgrid opens, all its instructions are executed for it, one after the other, in the
//! order of meters (`rounds`): each comes to at most one ordinary order that is good until the gate, with the
//! checks, locks, trades and events of any other, but for fewer fills ([`Config::MaxStandingFills`]), and a
//! look over links into books that are calm. Being late is allowed; once the gate is closed, those that are
//! left are skipped for that period, and an event counts them. None is executed twice for a period. An
//! instruction that is given while its microgrid's are being executed may have to wait for the next period.
//!
//! An order that is refused changes nothing; an event tells why, unless it was refused for the same reason
//! when it was last tried. Of a meter under quarantine every order is refused, until it may trade again.
//!
//! ## Who pays
//!
//! A deposit is held for each instruction. The owner pays for each execution what it weighs, whatever it
//! comes to: the most that it may weigh is withdrawn first, and the rest given back. If that cannot be
//! withdrawn, the instruction ends. It also ends when the meter is retired or belongs to somebody else, at the
//! next period that opens. The deposit is released when the instruction ends, in full.

use alloc::vec::Vec;

use frame_support::{
	ensure,
	traits::{fungible::MutateHold, tokens::Precision, Get},
	weights::Weight,
};
use gridweave_primitives::{
	market::Side,
	meter::MeterInfo,
	traits::{MeterInspect, SettlementClock},
	MeterId, MicrogridId,
};
use sp_runtime::{DispatchError, DispatchResult};

use crate::{
	availability::rated,
	commitments,
	runtime_api::StandingOrderInfo,
	types::{EndReason, Instruction, StandingOrder, Unsound},
	Config, Error, Event, HoldReason, Pallet, WeightInfo,
};

pub(crate) mod execution;
pub(crate) mod rounds;
pub(crate) mod store;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;

/// How many of the latest measured periods an expectation is the mean of: an hour in production.
pub const EXPECTED_PERIODS: u32 = 4;

/// Books over links that more orders than this have left in a block are passed over for the rest of it: to step
/// over as many as may leave, in each of them, would weigh more than all else that a standing order does.
const CALM_REMOVALS: u32 = 64;

impl<T: Config> Pallet<T> {
	/// What giving a standing order weighs, if that of another owner `ends`.
	pub(crate) fn weight_of_set_standing(ends: bool) -> Weight {
		let end = match ends {
			true => T::WeightInfo::end_standing_order(),
			false => Weight::zero(),
		};
		T::WeightInfo::set_standing_order().saturating_add(end)
	}

	/// Gives an instruction for a side of a meter of `who`, or changes it: the deposit stays as it is then.
	/// Whether that of another owner ended.
	pub(crate) fn do_set_standing(
		who: T::AccountId,
		meter: MeterId,
		side: Side,
		instruction: Instruction,
	) -> Result<bool, DispatchError> {
		let info = Self::trading_meter(&who, meter)?;
		let most = rated(&info.ratings, side, T::Clock::clock().period_length);
		instruction.check(most).map_err(|unsound| match unsound {
			Unsound::Nothing => Error::<T>::NothingToTrade,
			Unsound::LimitPrice => Error::<T>::LimitPriceOutOfBounds,
			Unsound::Rating => commitments::exceeds(side),
		})?;
		let (microgrid, key) = (info.microgrid, (meter, side));
		let stored = store::get::<T>(microgrid, key);
		let new = stored.is_none();
		let mut ended = false;
		let deposit = match stored {
			Some(order) if order.owner == who => order.deposit,
			stored => {
				// Left by who owned the meter before.
				if let Some(order) = stored {
					Self::end_standing(microgrid, key, order, EndReason::MeterGone);
					ended = true;
				}
				let deposit = T::StandingDeposit::get();
				T::Currency::hold(&HoldReason::StandingOrder.into(), &who, deposit)?;
				deposit
			}
		};
		let order = StandingOrder {
			owner: who.clone(),
			instruction,
			deposit,
			refused: None,
		};
		store::put::<T>(microgrid, key, &order);
		if new {
			rounds::enter::<T>(microgrid, key);
		}
		Self::deposit_event(Event::StandingOrderSet {
			who,
			meter,
			side,
			instruction,
		});
		Ok(ended)
	}

	/// Ends an instruction of `who`.
	pub(crate) fn do_cancel_standing(
		who: &T::AccountId,
		meter: MeterId,
		side: Side,
	) -> DispatchResult {
		let key = (meter, side);
		let info = T::Meters::meter(meter).ok_or(Error::<T>::UnknownMeter)?;
		let microgrid = info.microgrid;
		let order = store::get::<T>(microgrid, key).ok_or(Error::<T>::NoStandingOrder)?;
		ensure!(order.owner == *who, Error::<T>::NotOrderOwner);
		Self::end_standing(microgrid, key, order, EndReason::Cancelled);
		rounds::leave::<T>(microgrid, key);
		Ok(())
	}

	/// Removes an instruction and releases what is held for it. The caller counts it out of its round.
	pub(crate) fn end_standing(
		microgrid: MicrogridId,
		(meter, side): (MeterId, Side),
		order: StandingOrder<T::AccountId>,
		reason: EndReason,
	) {
		store::remove::<T>(microgrid, (meter, side));
		let StandingOrder { owner, deposit, .. } = order;
		let hold = HoldReason::StandingOrder.into();
		// All of it is there: nobody else takes of what is held for this reason.
		let released = T::Currency::release(&hold, &owner, deposit, Precision::BestEffort);
		if released != Ok(deposit) {
			log::error!(
				target: "runtime::order-book",
				"of the deposit of a standing order of meter {meter}, {deposit}, was released: {released:?}",
			);
		}
		Self::deposit_event(Event::StandingOrderEnded {
			who: owner,
			meter,
			side,
			reason,
		});
	}

	/// The standing orders of a meter: at most one a side.
	pub fn standing_orders(meter: MeterId) -> Vec<StandingOrderInfo<T::AccountId>> {
		let Some(MeterInfo { microgrid, .. }) = T::Meters::meter(meter) else {
			return Vec::new();
		};
		let info = |side| {
			let StandingOrder {
				owner,
				instruction,
				deposit,
				refused,
			} = store::get::<T>(microgrid, (meter, side))?;
			Some(StandingOrderInfo {
				side,
				owner,
				instruction,
				deposit,
				refused,
			})
		};
		[Side::Bid, Side::Ask]
			.into_iter()
			.filter_map(info)
			.collect()
	}
}
