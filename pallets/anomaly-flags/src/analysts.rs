//! Independent analysts: their stakes, their findings, and what becomes of both.

use frame_support::{
	ensure,
	pallet_prelude::*,
	traits::{
		fungible::hold::Mutate as _,
		tokens::{Fortitude, Precision, Restriction},
	},
};
use gridweave_primitives::{
	meter::MeterState,
	traits::{MeterInspect, MicrogridInspect, SettlementClock},
	Balance, Be32, MeterId,
};
use sp_core::H256;

use crate::{
	detectors::Finding, flags::Subject, types::Class, Analyst, Analysts, Case, CaseOf, Cases,
	Config, Confirmation, Due, DueItem, Error, Event, Flags, HoldReason, Inspectors, Kind, Pallet,
	Status,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_register(who: T::AccountId) -> DispatchResult {
		ensure!(
			!Analysts::<T>::contains_key(&who),
			Error::<T>::AlreadyAnalyst
		);
		let stake = T::AnalystStake::get();
		T::Currency::hold(&HoldReason::Analyst.into(), &who, stake)?;
		Analysts::<T>::insert(
			&who,
			Analyst {
				stake,
				open: 0,
				leaves_at: None,
			},
		);
		Self::deposit_event(Event::AnalystRegistered {
			analyst: who,
			stake,
		});
		Ok(())
	}

	pub(crate) fn do_leave(who: T::AccountId) -> DispatchResult {
		let mut analyst = Analysts::<T>::get(&who).ok_or(Error::<T>::NotAnalyst)?;
		ensure!(analyst.leaves_at.is_none(), Error::<T>::AnalystIsLeaving);
		let leaves_at = T::Clock::now().saturating_add(T::UnbondingDelay::get());
		analyst.leaves_at = Some(leaves_at);
		Analysts::<T>::insert(&who, analyst);
		Self::deposit_event(Event::AnalystLeaving {
			analyst: who,
			leaves_at,
		});
		Ok(())
	}

	pub(crate) fn do_withdraw(who: T::AccountId) -> DispatchResult {
		let analyst = Analysts::<T>::get(&who).ok_or(Error::<T>::NotAnalyst)?;
		let leaves_at = analyst.leaves_at.ok_or(Error::<T>::NotLeaving)?;
		ensure!(T::Clock::now() >= leaves_at, Error::<T>::UnbondingDelayRuns);
		ensure!(analyst.open == 0, Error::<T>::FindingsOpen);
		let reason = HoldReason::Analyst.into();
		let stake = T::Currency::release(&reason, &who, analyst.stake, Precision::BestEffort)?;
		Analysts::<T>::remove(&who);
		Self::deposit_event(Event::AnalystLeft {
			analyst: who,
			stake,
		});
		Ok(())
	}

	pub(crate) fn do_report(
		who: T::AccountId,
		meter: MeterId,
		kind: Kind,
		evidence: H256,
	) -> DispatchResult {
		let mut analyst = Analysts::<T>::get(&who).ok_or(Error::<T>::NotAnalyst)?;
		ensure!(analyst.leaves_at.is_none(), Error::<T>::AnalystIsLeaving);
		ensure!(kind.class() == Class::Statistic, Error::<T>::NotReportable);
		let open = analyst.open.saturating_add(1);
		let covered = T::FalseReportSlash::get().saturating_mul(open.into()) <= analyst.stake;
		ensure!(
			covered && open <= T::MaxFindings::get(),
			Error::<T>::TooManyFindings
		);
		let info = Self::load_meter(meter)?;
		ensure!(info.state == MeterState::Active, Error::<T>::MeterNotActive);
		let microgrid = info.microgrid;
		let independent = info.owner != who
			&& T::Microgrids::operator(microgrid).as_ref() != Some(&who)
			&& !Inspectors::<T>::get(Be32::from(microgrid)).contains(&who);
		ensure!(independent, Error::<T>::NotIndependent);
		let subject = Subject {
			microgrid,
			meter,
			kind,
		};
		let flag = Flags::<T>::get(subject.key());
		match flag.as_ref().map(|flag| flag.status) {
			Some(Status::Confirmed(_)) => return Err(Error::<T>::AlreadyConfirmed.into()),
			Some(Status::Dismissed) => return Err(Error::<T>::DismissedLately.into()),
			Some(Status::Raised | Status::Expired) | None => {}
		}
		let parameters = Self::parameters_of(microgrid);
		let due = T::Clock::current().saturating_add(parameters.flag_life);
		let key = (Be32::from(meter), kind);
		let mut case: CaseOf<T> = Cases::<T>::get(key).unwrap_or_else(|| {
			Due::<T>::insert(
				(Be32::from(due), Be32::from(meter), DueItem::Case(kind)),
				(),
			);
			Case {
				findings: BoundedVec::new(),
				due,
				carried: false,
			}
		});
		ensure!(
			case.findings.iter().all(|(other, _)| *other != who),
			Error::<T>::AlreadyReported
		);
		// A case with a quorum has a flag that is confirmed: there is room.
		case.findings
			.try_push((who.clone(), evidence))
			.map_err(|_| Error::<T>::AlreadyConfirmed)?;
		analyst.open = open;
		Analysts::<T>::insert(&who, analyst);
		Self::deposit_event(Event::FindingReported {
			analyst: who,
			meter,
			kind,
			evidence,
		});
		if u32::try_from(case.findings.len()).unwrap_or(u32::MAX) >= T::Quorum::get() {
			case.carried = true;
			Due::<T>::remove((Be32::from(case.due), Be32::from(meter), DueItem::Case(kind)));
			let by = Confirmation::Analysts;
			match flag.filter(|flag| flag.status.is_open()) {
				Some(mut flag) => Self::confirm_flag(subject, &mut flag, by, &parameters),
				None => {
					let due = T::Clock::current().saturating_add(parameters.confirmed_life);
					let status = Status::Confirmed(by);
					Self::raise_new(subject, Finding::new(T::Quorum::get(), 0), status, due);
				}
			}
		}
		Cases::<T>::insert(key, case);
		Ok(())
	}

	/// Closes the findings about a meter, if there are any; `slash` makes each analyst pay the meter's owner.
	pub(crate) fn close_case(meter: MeterId, kind: Kind, slash: bool) {
		let Some(case) = Cases::<T>::take((Be32::from(meter), kind)) else {
			return;
		};
		if !case.carried {
			Due::<T>::remove((Be32::from(case.due), Be32::from(meter), DueItem::Case(kind)));
		}
		let owner = T::Meters::meter(meter).map(|info| info.owner);
		let mut slashed: Balance = 0;
		for (who, _) in &case.findings {
			let Some(mut analyst) = Analysts::<T>::get(who) else {
				continue;
			};
			analyst.open = analyst.open.saturating_sub(1);
			if let (true, Some(owner)) = (slash, &owner) {
				let paid = Self::pay_for_false_report(who, owner);
				analyst.stake = analyst.stake.saturating_sub(paid);
				slashed = slashed.saturating_add(paid);
			}
			Analysts::<T>::insert(who, analyst);
		}
		Self::deposit_event(Event::CaseClosed {
			meter,
			kind,
			carried: case.carried,
			slashed,
		});
	}

	/// What an analyst pays the owner of a meter: nothing if the owner's account cannot receive it.
	fn pay_for_false_report(who: &T::AccountId, owner: &T::AccountId) -> Balance {
		let paid = T::Currency::transfer_on_hold(
			&HoldReason::Analyst.into(),
			who,
			owner,
			T::FalseReportSlash::get(),
			Precision::BestEffort,
			Restriction::Free,
			Fortitude::Force,
		);
		match paid {
			Ok(paid) => paid,
			Err(error) => {
				log::error!(
					target: "runtime::anomaly-flags",
					"the stake of an analyst cannot be taken: {error:?}",
				);
				0
			}
		}
	}
}
