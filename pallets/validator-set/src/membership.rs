//! Who belongs to the set, and what offences do to it.

use alloc::vec::Vec;

use frame_support::ensure;
use sp_runtime::DispatchError;
use sp_staking::{
	offence::{Kind, Offence, OffenceError, ReportOffence},
	SessionIndex,
};

use crate::{
	types::{Member, Moment, Since},
	Config, Error, Event, Members, Pallet, Sessions,
};

impl<T: Config> Pallet<T> {
	/// The moment after this block: offences up to now do not count.
	fn from_now() -> Since {
		Since {
			session: T::Sessions::current().saturating_add(1),
			slot: Self::slot()
				.map(|slot| slot.saturating_add(1u64))
				.unwrap_or_default(),
		}
	}

	/// Takes in a validator, whose earlier offences are spent.
	pub(crate) fn add(validator: T::AccountId) -> Result<(), DispatchError> {
		ensure!(T::Sessions::has_keys(&validator), Error::<T>::NoSessionKeys);
		Members::<T>::try_mutate(|members| {
			let known = members.iter().any(|member| member.validator == validator);
			ensure!(!known, Error::<T>::AlreadyMember);
			let member = Member {
				validator: validator.clone(),
				since: Self::from_now(),
			};
			members
				.try_push(member)
				.map_err(|_| Error::<T>::TooManyValidators.into())
		})
	}

	/// Puts out a validator, unless nobody who has keys would be left.
	pub(crate) fn remove(validator: &T::AccountId) -> Result<(), Error<T>> {
		let mut members = Members::<T>::get();
		let place = members
			.iter()
			.position(|member| member.validator == *validator)
			.ok_or(Error::<T>::NotMember)?;
		members.remove(place);
		let left = members
			.iter()
			.any(|member| T::Sessions::has_keys(&member.validator));
		ensure!(left, Error::<T>::LastValidator);
		Members::<T>::put(members);
		Ok(())
	}

	/// What becomes of a validator whose offence is proven: it is put out. The last one stays, and the
	/// offence is spent.
	pub(crate) fn punish(
		validator: &T::AccountId,
		kind: Kind,
		session: SessionIndex,
		moment: Moment,
	) -> Result<(), Error<T>> {
		let counts = Members::<T>::get()
			.iter()
			.find(|member| member.validator == *validator)
			.is_some_and(|member| member.since.counts(moment));
		ensure!(counts, Error::<T>::AlreadyReported);
		let validator = validator.clone();
		let event = match Self::remove(&validator) {
			Ok(()) => Event::OffenderRemoved {
				validator,
				kind,
				session,
			},
			Err(_) => {
				let since = Self::from_now();
				Members::<T>::mutate(|members| {
					members
						.iter_mut()
						.filter(|member| member.validator == validator)
						.for_each(|member| member.since = since);
				});
				Event::OffenderKept {
					validator,
					kind,
					session,
				}
			}
		};
		Self::deposit_event(event);
		Ok(())
	}

	/// Whether an account belongs to the set.
	pub fn is_member(who: &T::AccountId) -> bool {
		Members::<T>::get()
			.iter()
			.any(|member| member.validator == *who)
	}

	/// Whether an account needs its session keys: it belongs to the set, or takes part in this session or in
	/// the next.
	pub(crate) fn needs_keys(who: &T::AccountId) -> bool {
		Self::is_member(who)
			|| T::Sessions::active().contains(who)
			|| T::Sessions::queued().contains(who)
	}
}

/// Offences that other pallets prove, as GRANDPA's equivocations. Nobody is rewarded for reporting one, and
/// how many offend at a time changes nothing.
impl<T: Config, O: Offence<(T::AccountId, ())>> ReportOffence<T::AccountId, (T::AccountId, ()), O>
	for Pallet<T>
{
	fn report_offence(_: Vec<T::AccountId>, offence: O) -> Result<(), OffenceError> {
		let session = offence.session_index();
		let mut fresh = false;
		for (validator, ()) in offence.offenders() {
			fresh |= Self::punish(&validator, O::ID, session, Moment::Session(session)).is_ok();
		}
		if fresh {
			Ok(())
		} else {
			Err(OffenceError::DuplicateReport)
		}
	}

	/// Whether none of the offenders belongs to the set: what they did before they left is of no more use.
	fn is_known_offence(offenders: &[(T::AccountId, ())], _: &O::Slot) -> bool {
		!offenders.iter().any(|(who, ())| Self::is_member(who))
	}
}
