//! Flags: how they are raised, how they stand, and what follows from that. The only door to `Flags`, their
//! entries of `Due`, and `Quarantined`.

use gridweave_primitives::{traits::SettlementClock, Be32, MeterId, MicrogridId, Period};

use crate::{
	detectors::Finding, types::Class, Config, Confirmation, Due, DueItem, Event, Feeders, Flag,
	Flags, Isolation, Kind, Pallet, Parameters, ParametersOf, Quarantined, Severity, Status,
};

/// A meter in its microgrid, and a kind of flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
	/// The community.
	pub microgrid: MicrogridId,
	/// The meter.
	pub meter: MeterId,
	/// What is wrong.
	pub kind: Kind,
}

impl Subject {
	/// Its key in `Flags`.
	pub fn key(&self) -> (Be32, Be32, Kind) {
		(self.microgrid.into(), self.meter.into(), self.kind)
	}

	fn due_key(&self, due: Period) -> (Be32, Be32, DueItem) {
		(due.into(), self.meter.into(), DueItem::Flag(self.kind))
	}
}

impl<T: Config> Pallet<T> {
	/// What the detectors of a microgrid are set to.
	pub fn parameters_of(microgrid: MicrogridId) -> Parameters {
		ParametersOf::<T>::get(Be32::from(microgrid)).unwrap_or_default()
	}

	/// Notes what a detector found: raises a flag, or counts that its cause was seen again. Nothing if it was
	/// dismissed lately, unless it is a proof.
	pub(crate) fn raise(subject: Subject, evidence: Finding, parameters: &Parameters) {
		let now = T::Clock::now();
		let current = T::Clock::current();
		let class = subject.kind.class();
		let mut flag = match Flags::<T>::get(subject.key()) {
			Some(mut flag) if flag.status.is_open() => {
				flag.evidence = evidence;
				flag.seen_at = now;
				flag.times = flag.times.saturating_add(1);
				// Seldom, for it moves an entry.
				let left = flag.due.0.saturating_sub(current.0);
				if flag.status == Status::Raised && left < parameters.flag_life / 2 {
					let due = current.saturating_add(parameters.flag_life);
					Self::put_flag(subject, flag.clone(), due);
					flag.due = due;
				} else {
					Flags::<T>::insert(subject.key(), &flag);
				}
				flag
			}
			Some(flag) if flag.status == Status::Dismissed && class != Class::Proof => return,
			_ => Self::raise_new(
				subject,
				evidence,
				Status::Raised,
				current.saturating_add(parameters.flag_life),
			),
		};
		if class == Class::Statistic
			&& flag.status == Status::Raised
			&& Self::is_named(subject, current)
		{
			Self::confirm_flag(subject, &mut flag, Confirmation::Feeder, parameters);
		}
	}

	/// A flag that did not stand before.
	pub(crate) fn raise_new(
		subject: Subject,
		evidence: Finding,
		status: Status,
		due: Period,
	) -> Flag {
		let now = T::Clock::now();
		let severity = match status {
			Status::Confirmed(_) => Severity::Critical,
			_ => subject.kind.severity(),
		};
		let flag = Flag {
			status,
			severity,
			evidence,
			raised_at: now,
			seen_at: now,
			times: 1,
			due,
		};
		Self::put_flag(subject, flag.clone(), due);
		Self::deposit_event(Event::FlagRaised {
			microgrid: subject.microgrid,
			meter: subject.meter,
			kind: subject.kind,
			severity,
			evidence,
		});
		Self::follow(subject, &flag.status);
		flag
	}

	/// Confirms a flag that stands.
	pub(crate) fn confirm_flag(
		subject: Subject,
		flag: &mut Flag,
		by: Confirmation,
		parameters: &Parameters,
	) {
		flag.status = Status::Confirmed(by);
		flag.severity = Severity::Critical;
		let due = T::Clock::current().saturating_add(parameters.confirmed_life);
		Self::put_flag(subject, flag.clone(), due);
		flag.due = due;
		Self::deposit_event(Event::FlagConfirmed {
			microgrid: subject.microgrid,
			meter: subject.meter,
			kind: subject.kind,
			by,
		});
		Self::follow(subject, &flag.status);
	}

	/// Lets a flag stand no more. It is remembered for a while.
	pub(crate) fn close_flag(
		subject: Subject,
		mut flag: Flag,
		status: Status,
		parameters: &Parameters,
	) {
		flag.status = status;
		let due = T::Clock::current().saturating_add(parameters.history_life);
		Self::put_flag(subject, flag, due);
		Self::follow(subject, &status);
	}

	/// Forgets a flag.
	pub(crate) fn forget_flag(subject: Subject) {
		if let Some(flag) = Flags::<T>::take(subject.key()) {
			Due::<T>::remove(subject.due_key(flag.due));
			Self::follow(subject, &Status::Expired);
		}
	}

	/// Stores a flag that falls due then, and moves its entry.
	fn put_flag(subject: Subject, mut flag: Flag, due: Period) {
		if let Some(before) = Flags::<T>::get(subject.key()) {
			Due::<T>::remove(subject.due_key(before.due));
		}
		flag.due = due;
		Due::<T>::insert(subject.due_key(due), ());
		Flags::<T>::insert(subject.key(), flag);
	}

	/// Draws the consequence of how a flag stands: quarantine or none.
	fn follow(subject: Subject, status: &Status) {
		let Subject {
			microgrid,
			meter,
			kind,
		} = subject;
		let key = Be32::from(meter);
		let bit = 1u16.checked_shl(kind.index().into()).unwrap_or_default();
		let before = Quarantined::<T>::get(key);
		let causes = before.as_ref().map_or(0, |isolation| isolation.causes);
		let after = if status.quarantines(kind.class()) {
			causes | bit
		} else {
			causes & !bit
		};
		if after == causes {
			return;
		}
		if after == 0 {
			Quarantined::<T>::remove(key);
			Self::deposit_event(Event::QuarantineLifted { microgrid, meter });
			return;
		}
		let since = before
			.as_ref()
			.map_or_else(T::Clock::now, |isolation| isolation.since);
		Quarantined::<T>::insert(
			key,
			Isolation {
				since,
				causes: after,
			},
		);
		if before.is_none() {
			Self::deposit_event(Event::MeterQuarantined {
				microgrid,
				meter,
				kind,
			});
		}
	}

	/// Whether the feeder's alarm stands and names the meter.
	fn is_named(subject: Subject, current: Period) -> bool {
		Feeders::<T>::get(Be32::from(subject.microgrid)).is_some_and(|record| {
			current < record.alarm_until
				&& record
					.suspects
					.iter()
					.flatten()
					.any(|suspect| suspect.meter == subject.meter)
		})
	}
}
