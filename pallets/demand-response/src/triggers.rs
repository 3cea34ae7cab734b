//! Events that the chain announces by itself.
//!
//! Once a period, programmes with a trigger are looked at, one after the other. A condition on energy is evaluated for
//! the last period but one: its readings have had a period's time to come. That is before it is settled; what a
//! feeder has not reported yet announces nothing.

use frame_support::defensive;
use gridweave_primitives::{
	traits::{MarketInspect, MeteredEnergy, MicrogridInspect, SettlementClock},
	Be32, MicrogridId, Period, Price, ProgrammeId, Watts,
};

use crate::{
	types::{Condition, Evaluation, Programme, Stage},
	Config, Error, Event, Events, Pallet, Programmes, Triggered,
};

/// How many periods before the current one the period lies whose energy is looked at.
pub const LAG: u32 = 2;

impl<T: Config> Pallet<T> {
	/// Looks at the next programme with a trigger, if any is left in this period.
	pub(crate) fn trigger_step(evaluation: &mut Evaluation) {
		let next = match evaluation.after {
			None => Triggered::<T>::iter_keys().next(),
			Some(last) => {
				let last = Triggered::<T>::hashed_key_for(Be32::from(last));
				Triggered::<T>::iter_keys_from(last).next()
			}
		};
		let Some(key) = next else {
			evaluation.done = true;
			return;
		};
		let id = ProgrammeId(key.get());
		evaluation.after = Some(id);
		let Some(mut programme) = Programmes::<T>::get(key) else {
			defensive!("a trigger without its programme");
			return;
		};
		Self::evaluate(id, &mut programme);
	}

	/// Announces an event of a programme if its condition holds, and none is announced or runs.
	pub(crate) fn evaluate(id: ProgrammeId, programme: &mut Programme<T::AccountId>) {
		let Some(trigger) = programme.trigger else {
			return;
		};
		let now = T::Clock::current();
		let busy = programme.events.iter().any(|event| {
			Events::<T>::get(Be32::from(*event))
				.is_some_and(|event| event.stage != Stage::Cancelled && event.due > now)
		});
		let start = now.saturating_add(programme.terms.notice).next();
		if busy || !Self::holds(programme.microgrid, &trigger.condition, now, start) {
			return;
		}
		// Announcing changes nothing if it fails.
		let announced = frame_support::storage::with_storage_layer(|| {
			Self::announce(id, programme, start, trigger.periods, trigger.target, true)
		});
		if let Err(error) = announced {
			// That a day has had its events is no failure.
			if error != Error::<T>::TooManyEventsThatDay.into() {
				Self::deposit_event(Event::TriggerFailed {
					programme: id,
					error,
				});
			}
		}
	}

	fn holds(microgrid: MicrogridId, condition: &Condition, now: Period, start: Period) -> bool {
		let (feeder, above, import) = match condition {
			Condition::NetImport { feeder, above } => (*feeder, *above, true),
			Condition::Surplus { feeder, above } => (*feeder, *above, false),
			Condition::Price { above } => {
				return Self::reference_price(microgrid, start).is_some_and(|price| price > *above);
			}
		};
		let Some(metered) = T::Metered::metered(feeder, now.saturating_sub(LAG)) else {
			return false;
		};
		let (more, less) = match import {
			true => (metered.import, metered.export),
			false => (metered.export, metered.import),
		};
		let length = T::Clock::clock().period_length;
		let threshold = Watts(above.0).over(length.into());
		more.saturating_sub(less) > threshold
	}

	/// What a kWh costs in a period: the best ask, or the retail price if that is lower or nothing is on offer.
	/// `None` if the period is not open.
	pub fn reference_price(microgrid: MicrogridId, period: Period) -> Option<Price> {
		let retail = T::Microgrids::terms(microgrid, period)?.retail_price;
		let ask = T::Market::interest(microgrid, period).best_ask;
		Some(ask.map_or(retail, |ask| ask.min(retail)))
	}
}
