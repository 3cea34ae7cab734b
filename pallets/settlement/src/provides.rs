//! What settlement offers to other pallets.

use frame_support::ensure;
use gridweave_primitives::{
	cost,
	market::Trade,
	meter::{Correction, MeterState},
	traits::{
		Clearing, MeterCommitments, MeterInspect, MicrogridInspect, OnCorrection, OnMeterRetired,
		OnTrade, SettlementProgress,
	},
	Balance, Be32, MeterId, MicrogridId, Period, WattHours,
};
use sp_runtime::{DispatchError, DispatchResult};

use crate::{
	bill::{owed, signed},
	types::{Creditor, MeterTotals, Till},
	Config, Error, Event, Indebted, Owing, Pallet, PositionsOf,
};

impl<T: Config> Clearing<T::AccountId> for Pallet<T> {
	fn lock(who: &T::AccountId, amount: Balance) -> DispatchResult {
		Self::do_lock(who, amount)
	}

	fn unlock(who: &T::AccountId, amount: Balance) {
		Self::release(who, amount)
	}

	fn may_buy(who: &T::AccountId) -> Result<(), DispatchError> {
		ensure!(!Owing::<T>::contains_key(who), Error::<T>::ArrearsBlockBids);
		// An operator's money serves claims first.
		ensure!(!Indebted::<T>::contains_key(who), Error::<T>::OwesClaims);
		Ok(())
	}
}

impl<T: Config> OnTrade<T::AccountId> for Pallet<T> {
	fn on_trade(trade: Trade<T::AccountId>) -> DispatchResult {
		Self::book_trade(&trade)
	}
}

impl<T: Config> MeterCommitments for Pallet<T> {
	fn has_commitments(meter: MeterId) -> bool {
		PositionsOf::<T>::contains_key(Be32::from(meter))
	}
}

impl<T: Config> SettlementProgress for Pallet<T> {
	fn settled_before(microgrid: MicrogridId) -> Period {
		Self::progress(microgrid).unwrap_or_default().next
	}
}

impl<T: Config> OnMeterRetired for Pallet<T> {
	fn on_meter_retired(meter: MeterId) {
		if let Some(totals) = Self::close_totals(meter) {
			Self::deposit_event(Event::TotalsClosed { meter, totals });
		}
	}
}

/// What a correction is worth to the meter's owner: import at retail, export at feed-in.
pub(crate) fn correction_amount(
	correction: &Correction,
	retail: gridweave_primitives::Price,
	feed_in: gridweave_primitives::Price,
) -> i128 {
	let value = |price, energy: i64| {
		let value = signed(cost(price, WattHours(energy.unsigned_abs())));
		if energy < 0 {
			value.saturating_neg()
		} else {
			value
		}
	};
	value(feed_in, correction.export).saturating_sub(value(retail, correction.import))
}

impl<T: Config> OnCorrection for Pallet<T> {
	fn on_correction(meter: MeterId, period: Period, correction: Correction) {
		let Some(info) = T::Meters::meter(meter) else {
			return;
		};
		let microgrid = info.microgrid;
		let (Some(terms), Some(operator)) = (
			Self::terms_of(microgrid, period),
			T::Microgrids::operator(microgrid),
		) else {
			log::error!(
				target: "runtime::settlement",
				"no terms to correct {meter:?} in {period:?} of {microgrid:?}",
			);
			return;
		};
		let amount = correction_amount(&correction, terms.retail_price, terms.feed_in_price);
		let account = info.owner;
		let mut till = Till {
			microgrid,
			operator,
			pot: 0,
		};
		if amount < 0 {
			Self::till_collect(&mut till, &account, owed(amount));
		} else {
			let creditor = Creditor::Member(account.clone());
			Self::till_pay(&mut till, creditor, amount.unsigned_abs());
		}
		Self::till_close(&mut till);
		if info.state != MeterState::Retired {
			Self::correct_totals(meter, |totals: &mut MeterTotals| {
				totals.import.0 = totals.import.0.saturating_add_signed(correction.import);
				totals.export.0 = totals.export.0.saturating_add_signed(correction.export);
				totals.amount = totals.amount.saturating_add(amount);
			});
		}
		Self::deposit_event(Event::CorrectionSettled {
			meter,
			period,
			account,
			correction,
			amount,
		});
	}
}
