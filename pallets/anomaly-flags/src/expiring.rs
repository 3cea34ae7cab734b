//! What falls due: flags that expire and are forgotten, cases without a quorum.

use frame_support::weights::{Weight, WeightMeter};
use gridweave_primitives::{
	traits::{MeterInspect, SettlementClock},
	Be32, MeterId, Period,
};

use crate::{
	flags::Subject, Config, Due, DueFrom, DueItem, Event, Flags, Pallet, Status, WeightInfo,
};

impl<T: Config> Pallet<T> {
	/// Does what falls due while `weight` lasts.
	pub(crate) fn expire(weight: &mut WeightMeter) {
		if weight.try_consume(T::WeightInfo::expire_idle()).is_err() {
			return;
		}
		let current = T::Clock::current();
		let first = DueFrom::<T>::get();
		let mut from = first.unwrap_or(current);
		'periods: while from <= current {
			// The iterator walks on from the key it gave last: none is sought twice.
			let mut dues = Due::<T>::iter_key_prefix((Be32::from(from),));
			loop {
				if weight.try_consume(T::WeightInfo::expire_look()).is_err() {
					break 'periods;
				}
				let Some((meter, item)) = dues.next() else {
					break;
				};
				if weight.try_consume(T::WeightInfo::expire_item()).is_err() {
					break 'periods;
				}
				Self::fall_due(MeterId(meter.get()), item, from);
			}
			from = from.next();
		}
		if first != Some(from) {
			DueFrom::<T>::put(from);
		}
	}

	/// What a poll must be able to spend to get on.
	pub(crate) fn least_expire_weight() -> Weight {
		T::WeightInfo::expire_idle().saturating_add(T::WeightInfo::expire_item().saturating_mul(2))
	}

	/// Does what falls due for a meter, and removes the entry.
	pub(crate) fn fall_due(meter: MeterId, item: DueItem, due: Period) {
		let entry = (Be32::from(due), Be32::from(meter), item);
		let microgrid = T::Meters::meter(meter).map(|info| info.microgrid);
		let subject = |kind| {
			microgrid.map(|microgrid| Subject {
				microgrid,
				meter,
				kind,
			})
		};
		match item {
			DueItem::Case(kind) => Self::close_case(meter, kind, false),
			DueItem::Flag(kind) => {
				if let Some(subject) = subject(kind) {
					Self::flag_falls_due(subject);
				}
			}
		}
		// Whatever it was, it is done: an entry that stayed would stop all that come after it.
		if Due::<T>::contains_key(entry) {
			log::error!(
				target: "runtime::anomaly-flags",
				"{item:?} of meter {meter} falls due at {due} and is not there",
			);
			Due::<T>::remove(entry);
		}
	}

	fn flag_falls_due(subject: Subject) {
		let Some(flag) = Flags::<T>::get(subject.key()) else {
			return;
		};
		if !flag.status.is_open() {
			return Self::forget_flag(subject);
		}
		let parameters = Self::parameters_of(subject.microgrid);
		// What analysts report of a flag that nobody confirmed may still find its quorum.
		if matches!(flag.status, Status::Confirmed(_)) {
			Self::close_case(subject.meter, subject.kind, false);
		}
		Self::close_flag(subject, flag, Status::Expired, &parameters);
		Self::deposit_event(Event::FlagExpired {
			microgrid: subject.microgrid,
			meter: subject.meter,
			kind: subject.kind,
		});
	}
}
