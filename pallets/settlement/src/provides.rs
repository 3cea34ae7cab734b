//! What settlement offers to other pallets.

use frame_support::{ensure, weights::Weight};
use gridweave_primitives::{
	cost,
	market::{Party, Trade},
	meter::{Correction, MeterState},
	traits::{
		Clearing, CommunityFunds, MeterCommitments, MeterInspect, MicrogridInspect, OnCorrection,
		OnMeterRetired, OnTrade, SettlementClock, SettlementProgress,
	},
	Balance, MeterId, MicrogridId, Period, Price, WattHours,
};
use sp_runtime::{DispatchError, DispatchResult};

use crate::{
	bill::{owed, signed},
	table::Table,
	types::{Creditor, MeterTotals, Till},
	Config, Error, Event, Pallet, Transit, WeightInfo,
};

impl<T: Config> Clearing<T::AccountId> for Pallet<T> {
	fn lock(who: &T::AccountId, meter: MeterId, amount: Balance) -> DispatchResult {
		Self::do_lock(who, meter, amount)
	}

	fn unlock(who: &T::AccountId, meter: MeterId, amount: Balance) {
		Self::near(meter, |table| table.release(who, amount))
	}

	fn may_buy(who: &T::AccountId, meter: MeterId) -> Result<(), DispatchError> {
		let owing = Table::<T>::open(meter.page()).member(who).owing;
		ensure!(owing == 0, Error::<T>::ArrearsBlockBids);
		Ok(())
	}
}

impl<T: Config> OnTrade<T::AccountId> for Pallet<T> {
	fn on_trade(trade: Trade<T::AccountId>) -> DispatchResult {
		Self::book_trade(&trade)
	}

	fn on_import(period: Period, buyer: Party<T::AccountId>, amount: Balance) -> DispatchResult {
		Self::book_import(period, &buyer, amount)
	}

	fn on_export(
		period: Period,
		seller: Party<T::AccountId>,
		amount: Balance,
		retail_price: Price,
	) -> DispatchResult {
		Self::book_export(period, &seller, amount, retail_price)
	}

	fn pay_of_imports(who: &T::AccountId, amount: Balance) {
		let paid = amount.min(Transit::<T>::get());
		if Self::take_transit(paid).is_some() {
			Self::anywhere(|table| table.credit(who, paid));
		}
	}

	fn imports_unpaid() -> Balance {
		Transit::<T>::get()
	}
}

impl<T: Config> CommunityFunds<T::AccountId> for Pallet<T> {
	fn account() -> T::AccountId {
		Self::clearing_account()
	}

	fn received(microgrid: MicrogridId, amount: Balance) {
		Self::add_to_fund(microgrid, amount)
	}
}

impl<T: Config> MeterCommitments for Pallet<T> {
	/// Its owner's arrears. Who keeps what was traded tells of that until it is settled.
	fn has_commitments(meter: MeterId) -> bool {
		T::Meters::meter(meter).is_some_and(|info| {
			let table = Table::<T>::open(meter.page());
			Self::arrears_at(&table, &info.owner, info.microgrid) > 0
		})
	}
}

impl<T: Config> SettlementProgress for Pallet<T> {
	fn settled_before(microgrid: MicrogridId) -> Period {
		// A community's first period opens no earlier than now.
		Self::progress(microgrid).map_or_else(T::Clock::current, |progress| progress.next)
	}
}

impl<T: Config> OnMeterRetired for Pallet<T> {
	fn on_meter_retired(meter: MeterId) {
		if let Some(totals) = Self::close_totals(meter) {
			Self::deposit_event(Event::TotalsClosed { meter, totals });
		}
	}

	fn weight() -> Weight {
		T::WeightInfo::on_meter_retired()
	}
}

/// What a correction is worth to the meter's owner. More import costs retail. Less is refunded at feed-in,
/// which is what an unused contract earns and the least that the estimate can have cost: so an estimate
/// and its correction are never better than a reading in time. Export is worth feed-in.
pub(crate) fn correction_amount(correction: &Correction, retail: Price, feed_in: Price) -> i128 {
	let value = |price, energy: i64| {
		let value = signed(cost(price, WattHours(energy.unsigned_abs())));
		if energy < 0 {
			value.saturating_neg()
		} else {
			value
		}
	};
	let import = if correction.import < 0 {
		feed_in
	} else {
		retail
	};
	value(feed_in, correction.export).saturating_sub(value(import, correction.import))
}

impl<T: Config> OnCorrection for Pallet<T> {
	/// Each correction is priced alone; what they come to is paid at once.
	fn on_corrections(meter: MeterId, corrections: &[(Period, Correction)]) {
		let Some(info) = T::Meters::meter(meter) else {
			return;
		};
		let (microgrid, account) = (info.microgrid, info.owner);
		let Some(operator) = T::Microgrids::operator(microgrid) else {
			return;
		};
		let (mut import, mut export, mut amount) = (0i64, 0i64, 0i128);
		for (period, correction) in corrections {
			let Some(terms) = Self::terms_of(microgrid, *period) else {
				log::error!(
					target: "runtime::settlement",
					"no terms to correct {meter:?} in {period:?} of {microgrid:?}",
				);
				continue;
			};
			let worth = correction_amount(correction, terms.retail_price, terms.feed_in_price);
			amount = amount.saturating_add(worth);
			// Energies are far below 2⁶³: nothing saturates.
			import = import.saturating_add(correction.import);
			export = export.saturating_add(correction.export);
			Self::deposit_event(Event::CorrectionSettled {
				meter,
				period: *period,
				account: account.clone(),
				correction: *correction,
				amount: worth,
			});
		}
		let mut till = Till {
			microgrid,
			operator,
			pot: 0,
		};
		Self::near(meter, |table| {
			if amount < 0 {
				Self::till_collect(&mut till, table, &account, owed(amount));
			} else {
				let creditor = Creditor::Member(account.clone());
				Self::till_pay(&mut till, table, creditor, amount.unsigned_abs());
			}
			Self::till_close(&mut till, table);
		});
		if info.state != MeterState::Retired {
			Self::correct_totals(meter, |totals: &mut MeterTotals| {
				totals.import.0 = totals.import.0.saturating_add_signed(import);
				totals.export.0 = totals.export.0.saturating_add_signed(export);
				totals.amount = totals.amount.saturating_add(amount);
			});
		}
	}

	fn weight(meters: u32, corrections: u32) -> Weight {
		match corrections {
			0 => Weight::zero(),
			_ => T::WeightInfo::on_corrections(meters).saturating_add(
				T::WeightInfo::correct(corrections).saturating_sub(T::WeightInfo::correct(0)),
			),
		}
	}
}
