//! Periods as they are settled: a pass over the members of a microgrid, page by page, then its balance.
//!
//! Microgrids take turns, and a microgrid's periods come one after the other. Energy is kept
//! for a time after its settlement; if the chain is so far behind that it is gone, periods are passed over.

use frame_support::weights::{Weight, WeightMeter};
use gridweave_primitives::{
	ids::METERS_PER_PAGE,
	meter::{EnergySource, MeterKind, Provenance},
	traits::{MeterInspect, MeteredEnergy, MicrogridInspect, SettlementClock, SettlementProgress},
	Be32, MeterId, MicrogridId, Period,
};

use crate::{
	detectors::feeder::Throughput,
	detectors::suspects::{Explained, NAMED},
	flags::Subject,
	types::Class,
	Config, Confirmation, Current, Event, FeederRecord, Feeders, Flags, IdleUntil, Inspected, Job,
	Kind, Pallet, Parameters, Profile, ProfilePages, Status, Turn, WeightInfo,
};

/// Kinds that an alarm of the feeder can confirm.
const STATISTICS: u32 = 6;

/// What a look at a microgrid found.
pub(crate) enum Look {
	/// Nothing before this second.
	Nothing(u64),
	/// A period to look at.
	Begin(Job),
}

impl<T: Config> Pallet<T> {
	/// Looks at periods while `weight` lasts.
	pub(crate) fn inspect(weight: &mut WeightMeter) {
		if weight.try_consume(T::WeightInfo::inspect_idle()).is_err() {
			return;
		}
		let now = T::Clock::now();
		if let Some(job) = Current::<T>::take() {
			if job.period < T::Clock::clock().expired_before(now) {
				// What is left of it may be gone.
				Self::pass_over(job.microgrid, job.period, job.period.next());
			} else if !Self::run(job, weight) {
				return;
			}
		}
		if now >= IdleUntil::<T>::get() {
			Self::go_round(now, weight);
		}
	}

	/// What a poll must be able to spend to get on.
	pub(crate) fn least_inspect_weight() -> Weight {
		let step = Self::weight_of_page(METERS_PER_PAGE).max(Self::weight_of_balance(true));
		T::WeightInfo::inspect_idle()
			.saturating_add(T::WeightInfo::inspect_look())
			.saturating_add(step)
	}

	fn weight_of_flags(flags: u32) -> Weight {
		T::WeightInfo::raise_flag().saturating_mul(flags.into())
	}

	fn weight_of_page(flags: u32) -> Weight {
		T::WeightInfo::inspect_page().saturating_add(Self::weight_of_flags(flags))
	}

	fn weight_of_balance(alarm: bool) -> Weight {
		let named = u32::try_from(NAMED).unwrap_or(u32::MAX);
		let flags = if alarm {
			named.saturating_mul(STATISTICS).saturating_add(1)
		} else {
			0
		};
		T::WeightInfo::inspect_balance().saturating_add(Self::weight_of_flags(flags))
	}

	/// Microgrids in turn, until none has anything to do or the weight is spent.
	fn go_round(now: u64, weight: &mut WeightMeter) {
		let count = T::Microgrids::count();
		let (mut idle, mut until) = (0u32, u64::MAX);
		while idle < count {
			if weight.try_consume(T::WeightInfo::inspect_look()).is_err() {
				return;
			}
			let turn = Turn::<T>::get();
			let microgrid = MicrogridId(if turn < count { turn } else { 0 });
			Turn::<T>::put(microgrid.0.saturating_add(1));
			match Self::look(microgrid, now) {
				Look::Nothing(before) => {
					idle = idle.saturating_add(1);
					until = until.min(before);
				}
				Look::Begin(job) => {
					if !Self::run(job, weight) {
						return;
					}
					(idle, until) = (0, u64::MAX);
				}
			}
		}
		if count > 0 {
			IdleUntil::<T>::put(until);
		}
	}

	/// What there is to do for a microgrid. One that is seen for the first time begins with what is not settled
	/// yet.
	pub(crate) fn look(microgrid: MicrogridId, now: u64) -> Look {
		let key = Be32::from(microgrid);
		let clock = T::Clock::clock();
		let settled = T::Settled::settled_before(microgrid);
		let next = match Inspected::<T>::get(key) {
			Some(next) => next,
			None => {
				Inspected::<T>::insert(key, settled);
				settled
			}
		};
		// The energy of older ones is kept no longer.
		let oldest = clock.expired_before(now).min(settled);
		let period = next.max(oldest);
		if period > next {
			Self::pass_over(microgrid, next, period);
		}
		if period >= settled {
			return Look::Nothing(clock.freezes_at(period).max(now.saturating_add(1)));
		}
		Look::Begin(Job {
			microgrid,
			period,
			page: 0,
			pages: T::Metered::pages(microgrid),
			members: Throughput::default(),
			explained: Explained::default(),
		})
	}

	fn pass_over(microgrid: MicrogridId, from: Period, until: Period) {
		Inspected::<T>::insert(Be32::from(microgrid), until);
		Self::deposit_event(Event::PeriodsPassedOver {
			microgrid,
			from,
			until,
		});
	}

	/// Steps of a pass, as far as the weight goes. Whether it is done.
	fn run(mut job: Job, weight: &mut WeightMeter) -> bool {
		while job.page < job.pages {
			if !weight.can_consume(Self::weight_of_page(METERS_PER_PAGE)) {
				Current::<T>::put(job);
				return false;
			}
			let flags = Self::inspect_page(&mut job);
			weight.consume(Self::weight_of_page(flags));
		}
		if !weight.can_consume(Self::weight_of_balance(true)) {
			Current::<T>::put(job);
			return false;
		}
		let alarm = Self::inspect_balance(&job);
		weight.consume(Self::weight_of_balance(alarm));
		true
	}

	/// The next page of a pass. How many of its meters gave cause for a flag.
	pub(crate) fn inspect_page(job: &mut Job) -> u32 {
		let index = job.page;
		job.page = index.saturating_add(1);
		let metered = T::Metered::closed_page(job.microgrid, index, job.period);
		let Some(page) = metered.first().map(|(meter, _)| meter.page()) else {
			return 0;
		};
		let key = Be32::from(page);
		let clock = T::Clock::clock();
		let parameters = Self::parameters_of(job.microgrid);
		let record = Feeders::<T>::get(Be32::from(job.microgrid));
		let mut profiles = ProfilePages::<T>::get(key);
		let mut flags = 0u32;
		for (meter, energy) in metered {
			let known = profiles.get(meter.slot()).copied();
			let mut profile = known.unwrap_or_else(|| Profile::new(Self::is_solar(meter)));
			let lesson = record
				.as_ref()
				.filter(|record| record.period == profile.period)
				.map(|record| &record.lesson);
			let found = profile.look(&clock, job.period, &energy, lesson, &parameters);
			let members = &mut job.members;
			members.import = members.import.saturating_add(energy.import.0);
			members.export = members.export.saturating_add(energy.export.0);
			if energy.provenance != Provenance::Measured {
				members.estimated = members.estimated.saturating_add(energy.import.0);
			}
			job.explained.add(
				meter,
				profile.share,
				profile.last.import,
				profile.days.usual_day(),
			);
			profiles.set(meter.slot(), profile);
			if let Some((kind, finding)) = found {
				flags = flags.saturating_add(1);
				let subject = Subject {
					microgrid: job.microgrid,
					meter,
					kind,
				};
				Self::raise(subject, finding, &parameters);
			}
		}
		ProfilePages::<T>::insert(key, profiles);
		flags
	}

	fn is_solar(meter: MeterId) -> bool {
		let solar = MeterKind::Producer {
			source: EnergySource::Solar,
		};
		T::Meters::meter(meter).is_some_and(|info| info.kind == solar)
	}

	/// The end of a pass: the microgrid's balance. Whether it gave the alarm.
	pub(crate) fn inspect_balance(job: &Job) -> bool {
		let key = Be32::from(job.microgrid);
		Inspected::<T>::insert(key, job.period.next());
		let parameters = Self::parameters_of(job.microgrid);
		let Some(feeder) = parameters.feeder else {
			return false;
		};
		let measured = T::Metered::metered(feeder, job.period)
			.filter(|energy| energy.provenance == Provenance::Measured);
		let Some(energy) = measured else {
			return false;
		};
		let bounds = parameters.balance(T::Clock::clock().periods_per_day);
		let mut record = Feeders::<T>::get(key).unwrap_or_default();
		let balanced = record.feeder.observe(
			energy.import.0,
			energy.export.0,
			&job.members,
			&job.explained,
			&bounds,
		);
		if balanced.residual.is_some() {
			record.lesson = job.explained.lesson(balanced.lesson, balanced.norm);
			record.period = job.period;
			if record.feeder.is_calibrated(&bounds) {
				record.suspects = job.explained.worst;
			}
		}
		let Some(finding) = balanced.alarm else {
			Feeders::<T>::insert(key, record);
			return false;
		};
		let current = T::Clock::current();
		record.alarm_until = current.saturating_add(parameters.feeder_alarm.into());
		Feeders::<T>::insert(key, &record);
		let subject = Subject {
			microgrid: job.microgrid,
			meter: feeder,
			kind: Kind::FeederImbalance,
		};
		Self::raise(subject, finding, &parameters);
		Self::corroborate(job.microgrid, &record, &parameters);
		true
	}

	/// Confirms what statistics say of those that an alarm names.
	fn corroborate(microgrid: MicrogridId, record: &FeederRecord, parameters: &Parameters) {
		let statistics = Kind::ALL
			.into_iter()
			.filter(|kind| kind.class() == Class::Statistic);
		for suspect in record.suspects.iter().flatten() {
			for kind in statistics.clone() {
				let subject = Subject {
					microgrid,
					meter: suspect.meter,
					kind,
				};
				let raised =
					Flags::<T>::get(subject.key()).filter(|flag| flag.status == Status::Raised);
				if let Some(mut flag) = raised {
					Self::confirm_flag(subject, &mut flag, Confirmation::Feeder, parameters);
				}
			}
		}
	}
}
