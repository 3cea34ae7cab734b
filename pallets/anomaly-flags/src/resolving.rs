//! What operators, inspectors and witnesses do.

use frame_support::{ensure, pallet_prelude::*};
use gridweave_primitives::{
	meter::{MeterInfo, MeterKind, MeterState},
	reading::SignedReading,
	traits::{DeviceKeys, MeterDeposits, MeterInspect, MicrogridInspect},
	Be32, MeterId, MicrogridId,
};

use crate::{
	detectors::Finding, flags::Subject, Config, Confirmation, Error, Event, Feeders, Flag, Flags,
	Inspectors, Kind, Pallet, Parameters, ParametersOf, Status,
};

impl<T: Config> Pallet<T> {
	fn ensure_operator(who: &T::AccountId, microgrid: MicrogridId) -> Result<(), Error<T>> {
		let operator = T::Microgrids::operator(microgrid).ok_or(Error::UnknownMicrogrid)?;
		ensure!(operator == *who, Error::<T>::NotOperator);
		Ok(())
	}

	pub(crate) fn load_meter(meter: MeterId) -> Result<MeterInfo<T::AccountId>, Error<T>> {
		T::Meters::meter(meter).ok_or(Error::UnknownMeter)
	}

	pub(crate) fn do_set_parameters(
		operator: T::AccountId,
		microgrid: MicrogridId,
		parameters: Option<Parameters>,
	) -> DispatchResult {
		Self::ensure_operator(&operator, microgrid)?;
		let key = Be32::from(microgrid);
		let feeder = match &parameters {
			Some(set) => {
				ensure!(set.is_sound(), Error::<T>::UnsoundParameters);
				set.feeder
			}
			None => None,
		};
		if let Some(feeder) = feeder {
			let info = Self::load_meter(feeder)?;
			// The id of one that was never admitted may become that of another meter.
			let admitted = matches!(info.state, MeterState::Admitted | MeterState::Active);
			let fits = info.microgrid == microgrid && info.kind == MeterKind::Feeder && admitted;
			ensure!(fits, Error::<T>::NotFeeder);
		}
		if feeder != Self::parameters_of(microgrid).feeder {
			Feeders::<T>::remove(key);
		}
		ParametersOf::<T>::set(key, parameters);
		Self::deposit_event(Event::ParametersSet {
			microgrid,
			parameters,
		});
		Ok(())
	}

	pub(crate) fn do_appoint(
		operator: T::AccountId,
		microgrid: MicrogridId,
		inspector: T::AccountId,
	) -> DispatchResult {
		Self::ensure_operator(&operator, microgrid)?;
		Inspectors::<T>::try_mutate(Be32::from(microgrid), |all| {
			ensure!(!all.contains(&inspector), Error::<T>::AlreadyInspector);
			all.try_push(inspector.clone())
				.map_err(|_| Error::<T>::TooManyInspectors)
		})?;
		Self::deposit_event(Event::InspectorAppointed {
			microgrid,
			inspector,
		});
		Ok(())
	}

	pub(crate) fn do_remove(
		operator: T::AccountId,
		microgrid: MicrogridId,
		inspector: T::AccountId,
	) -> DispatchResult {
		Self::ensure_operator(&operator, microgrid)?;
		let key = Be32::from(microgrid);
		let mut all = Inspectors::<T>::get(key);
		let before = all.len();
		all.retain(|one| *one != inspector);
		ensure!(all.len() < before, Error::<T>::NotInspector);
		if all.is_empty() {
			Inspectors::<T>::remove(key);
		} else {
			Inspectors::<T>::insert(key, all);
		}
		Self::deposit_event(Event::InspectorRemoved {
			microgrid,
			inspector,
		});
		Ok(())
	}

	/// A flag that stands, if `who` inspects its microgrid.
	fn open_flag(
		who: &T::AccountId,
		meter: MeterId,
		kind: Kind,
	) -> Result<(Subject, Flag), Error<T>> {
		let microgrid = Self::load_meter(meter)?.microgrid;
		let inspectors = Inspectors::<T>::get(Be32::from(microgrid));
		ensure!(inspectors.contains(who), Error::<T>::NotInspector);
		let subject = Subject {
			microgrid,
			meter,
			kind,
		};
		let flag = Flags::<T>::get(subject.key())
			.filter(|flag| flag.status.is_open())
			.ok_or(Error::NoSuchFlag)?;
		Ok((subject, flag))
	}

	pub(crate) fn do_confirm(
		inspector: T::AccountId,
		meter: MeterId,
		kind: Kind,
		tampering: bool,
	) -> DispatchResult {
		let (subject, mut flag) = Self::open_flag(&inspector, meter, kind)?;
		if let Status::Confirmed(Confirmation::Inspector { tampering: before }) = flag.status {
			ensure!(tampering && !before, Error::<T>::AlreadyConfirmed);
		}
		let parameters = Self::parameters_of(subject.microgrid);
		let by = Confirmation::Inspector { tampering };
		Self::confirm_flag(subject, &mut flag, by, &parameters);
		Self::close_case(meter, kind, false);
		if tampering {
			let amount = T::Deposits::slash_deposit(meter, T::TamperingSlash::get());
			Self::deposit_event(Event::TamperingPunished { meter, amount });
		}
		Ok(())
	}

	pub(crate) fn do_dismiss(
		inspector: T::AccountId,
		meter: MeterId,
		kind: Kind,
		false_report: bool,
	) -> DispatchResult {
		let (subject, flag) = Self::open_flag(&inspector, meter, kind)?;
		let parameters = Self::parameters_of(subject.microgrid);
		Self::close_flag(subject, flag, Status::Dismissed, &parameters);
		Self::close_case(meter, kind, false_report);
		Self::deposit_event(Event::FlagDismissed {
			microgrid: subject.microgrid,
			meter,
			kind,
			inspector,
		});
		Ok(())
	}

	pub(crate) fn do_report_equivocation(
		first: &SignedReading,
		second: &SignedReading,
	) -> DispatchResult {
		let (a, b) = (&first.reading, &second.reading);
		ensure!(a != b, Error::<T>::SameReading);
		ensure!(
			a.meter == b.meter && a.sequence == b.sequence,
			Error::<T>::NotOneSequence
		);
		let (meter, sequence) = (a.meter, i128::from(a.sequence));
		let microgrid = Self::load_meter(meter)?.microgrid;
		let subject = Subject {
			microgrid,
			meter,
			kind: Kind::ClonedKey,
		};
		match Flags::<T>::get(subject.key()) {
			Some(flag) if flag.status.is_open() => return Err(Error::<T>::AlreadyFlagged.into()),
			// What was dismissed is not proven again by the same pair.
			Some(flag) if flag.status == Status::Dismissed => {
				ensure!(sequence > flag.evidence.seen, Error::<T>::DismissedLately)
			}
			_ => {}
		}
		let key = T::Meters::device_key(meter).ok_or(Error::<T>::UnknownMeter)?;
		let genesis = frame_system::Pallet::<T>::block_hash(
			frame_system::pallet_prelude::BlockNumberFor::<T>::default(),
		);
		ensure!(
			first.is_signed_by(&key, &genesis) && second.is_signed_by(&key, &genesis),
			Error::<T>::BadDeviceSignature
		);
		let parameters = Self::parameters_of(microgrid);
		Self::raise(subject, Finding::new(sequence, 0), &parameters);
		Ok(())
	}

	pub(crate) fn do_recalibrate(operator: T::AccountId, microgrid: MicrogridId) -> DispatchResult {
		Self::ensure_operator(&operator, microgrid)?;
		let feeder = Self::parameters_of(microgrid).feeder;
		ensure!(feeder.is_some(), Error::<T>::NoFeeder);
		Feeders::<T>::remove(Be32::from(microgrid));
		Self::deposit_event(Event::CalibrationStarted { microgrid });
		Ok(())
	}
}
