//! Who takes part: meters alone and in groups.

use frame_support::{ensure, traits::Get};
use gridweave_primitives::{
	meter::MeterInfo,
	traits::{MeterInspect, SettlementClock},
	Be32, MeterId, MicrogridId, Period, ProgrammeId, ResourceId,
};
use sp_runtime::{DispatchError, DispatchResult};

use crate::{
	commands, history,
	types::{Answer, Community, Member, Programme, Resource, Stage, Watch},
	Communities, Config, Error, Event, Events, HoldReason, IdleUntil, Members, NextResource,
	Pallet, Resources, Responses, Watches,
};

impl<T: Config> Pallet<T> {
	/// A resource of a programme.
	pub(crate) fn resource(
		programme: ProgrammeId,
		resource: ResourceId,
	) -> Result<Resource<T::AccountId>, Error<T>> {
		let key = (Be32::from(programme), Be32::from(resource));
		Resources::<T>::get(key).ok_or(Error::UnknownResource)
	}

	pub(crate) fn put_resource(id: ResourceId, resource: &Resource<T::AccountId>) {
		Resources::<T>::insert((Be32::from(resource.programme), Be32::from(id)), resource);
	}

	fn group_of(
		who: &T::AccountId,
		programme: ProgrammeId,
		id: ResourceId,
	) -> Result<Resource<T::AccountId>, Error<T>> {
		let resource = Self::resource(programme, id)?;
		ensure!(resource.owner == *who, Error::NotResourceOwner);
		ensure!(resource.group, Error::NotAGroup);
		Ok(resource)
	}

	fn next_resource() -> ResourceId {
		NextResource::<T>::mutate(|next| {
			let id = ResourceId(*next);
			*next = next.saturating_add(1);
			id
		})
	}

	/// An enrolled meter's record.
	pub(crate) fn watch(meter: MeterId) -> Option<Watch<T::AccountId>> {
		Watches::<T>::get(Be32::from(meter))
	}

	pub(crate) fn put_watch(meter: MeterId, watch: &Watch<T::AccountId>) {
		Watches::<T>::insert(Be32::from(meter), watch);
	}

	/// A meter of `who` that may take part in a programme of this community.
	fn meter_of(
		who: &T::AccountId,
		microgrid: MicrogridId,
		meter: MeterId,
	) -> Result<MeterInfo<T::AccountId>, Error<T>> {
		let info = T::Meters::meter(meter).ok_or(Error::UnknownMeter)?;
		ensure!(info.owner == *who, Error::NotMeterOwner);
		ensure!(info.may_trade(), Error::UnknownMeter);
		ensure!(info.microgrid == microgrid, Error::OtherMicrogrid);
		Ok(info)
	}

	pub(crate) fn do_enrol(who: T::AccountId, id: ProgrammeId, meter: MeterId) -> DispatchResult {
		let programme = Self::open_programme_at(id)?;
		Self::meter_of(&who, programme.microgrid, meter)?;
		let resource = Resource {
			programme: id,
			owner: who.clone(),
			group: false,
			members: 0,
			invited: Default::default(),
			deposit: 0,
		};
		let new = Self::next_resource();
		Self::add(who, id, &programme, new, resource, meter)
	}

	pub(crate) fn do_create_group(who: T::AccountId, programme: ProgrammeId) -> DispatchResult {
		Self::open_programme_at(programme)?;
		let deposit = T::GroupDeposit::get();
		Self::hold(HoldReason::Enrolment, &who, deposit)?;
		let id = Self::next_resource();
		Self::put_resource(
			id,
			&Resource {
				programme,
				owner: who.clone(),
				group: true,
				members: 0,
				invited: Default::default(),
				deposit,
			},
		);
		Self::deposit_event(Event::GroupCreated {
			programme,
			resource: id,
			owner: who,
		});
		Ok(())
	}

	pub(crate) fn do_invite(
		who: &T::AccountId,
		programme: ProgrammeId,
		id: ResourceId,
		meter: MeterId,
	) -> DispatchResult {
		Self::open_programme_at(programme)?;
		let mut resource = Self::group_of(who, programme, id)?;
		if !resource.invited.contains(&meter) {
			let pushed = resource.invited.try_push(meter);
			pushed.map_err(|_| Error::<T>::TooManyInvited)?;
			Self::put_resource(id, &resource);
		}
		Self::deposit_event(Event::MeterInvited {
			resource: id,
			meter,
		});
		Ok(())
	}

	pub(crate) fn do_withdraw_invitation(
		who: &T::AccountId,
		programme: ProgrammeId,
		id: ResourceId,
		meter: MeterId,
	) -> DispatchResult {
		let mut resource = Self::group_of(who, programme, id)?;
		resource.withdraw(meter).ok_or(Error::<T>::NotInvited)?;
		Self::put_resource(id, &resource);
		Self::deposit_event(Event::InvitationWithdrawn {
			resource: id,
			meter,
		});
		Ok(())
	}

	pub(crate) fn do_join(
		who: T::AccountId,
		id: ProgrammeId,
		group: ResourceId,
		meter: MeterId,
	) -> DispatchResult {
		let programme = Self::open_programme_at(id)?;
		let mut resource = Self::resource(id, group)?;
		ensure!(resource.group, Error::<T>::NotAGroup);
		Self::meter_of(&who, programme.microgrid, meter)?;
		resource.withdraw(meter).ok_or(Error::<T>::NotInvited)?;
		Self::add(who, id, &programme, group, resource, meter)
	}

	/// Adds a meter to a resource, and holds its deposits.
	fn add(
		who: T::AccountId,
		id: ProgrammeId,
		programme: &Programme<T::AccountId>,
		resource_id: ResourceId,
		mut resource: Resource<T::AccountId>,
		meter: MeterId,
	) -> DispatchResult {
		let microgrid = programme.microgrid;
		let (mut watch, new) = match Self::watch(meter) {
			Some(watch) => (watch, false),
			None => {
				let deposit = T::HistoryDeposit::get();
				Self::hold(HoldReason::Enrolment, &who, deposit)?;
				let watch = Watch {
					owner: who.clone(),
					deposit,
					enrolments: Default::default(),
					event_days: Default::default(),
					acknowledged: Default::default(),
					counted: Default::default(),
				};
				(watch, true)
			}
		};
		let enrolled = watch
			.enrolments
			.iter()
			.any(|(programme, _)| *programme == id);
		ensure!(!enrolled, Error::<T>::AlreadyEnrolled);
		let pushed = watch.enrolments.try_push((id, resource_id));
		pushed.map_err(|_| Error::<T>::TooManyEnrolments)?;
		let deposit = T::EnrolmentDeposit::get();
		Self::hold(HoldReason::Enrolment, &who, deposit)?;
		let since = T::Clock::current();
		if new {
			history::watch::<T>(microgrid, meter);
			Self::mutate_community(microgrid, since, |community| {
				community.watched = community.watched.saturating_add(1);
				Ok::<(), DispatchError>(())
			})?;
		}
		Self::put_watch(meter, &watch);
		// As many meters as there are ids at most.
		resource.members = resource.members.saturating_add(1);
		Self::put_resource(resource_id, &resource);
		let key = (Be32::from(id), Be32::from(resource_id), Be32::from(meter));
		Members::<T>::insert(
			key,
			Member {
				owner: who,
				since,
				deposit,
			},
		);
		Self::catch_up(programme, resource_id, meter);
		Self::deposit_event(Event::MeterEnrolled {
			programme: id,
			resource: resource_id,
			meter,
		});
		Ok(())
	}

	/// Changes a community's record, which is made if it is not there and removed if nothing needs it.
	pub(crate) fn mutate_community<R, E>(
		microgrid: MicrogridId,
		now: Period,
		change: impl FnOnce(&mut Community) -> Result<R, E>,
	) -> Result<R, E> {
		let key = Be32::from(microgrid);
		let mut community = Communities::<T>::get(key).unwrap_or_else(|| {
			IdleUntil::<T>::kill();
			Community {
				next: now,
				..Community::default()
			}
		});
		let changed = change(&mut community)?;
		if community.watched == 0 && community.agenda.is_empty() {
			Communities::<T>::remove(key);
		} else {
			Communities::<T>::insert(key, community);
		}
		Ok(changed)
	}

	pub(crate) fn do_leave(who: &T::AccountId, id: ProgrammeId, meter: MeterId) -> DispatchResult {
		let programme = Self::programme(id)?;
		let watch = Self::watch(meter).ok_or(Error::<T>::NotEnrolled)?;
		let mut enrolments = watch.enrolments.iter();
		let place = enrolments.find(|(programme, _)| *programme == id);
		let (_, resource_id) = *place.ok_or(Error::<T>::NotEnrolled)?;
		let resource = Self::resource(id, resource_id)?;
		let bears_risk = [&watch.owner, &resource.owner].contains(&who);
		let allowed = bears_risk || programme.operator == *who;
		ensure!(allowed, Error::<T>::NotAllowed);
		let now = T::Clock::current();
		for event in &programme.events {
			let Some(record) = Events::<T>::get(Be32::from(*event)) else {
				continue;
			};
			if record.stage == Stage::Cancelled {
				continue;
			}
			ensure!(record.start > now, Error::<T>::EventUnderWay);
			let key = (Be32::from(*event), Be32::from(resource_id));
			match Responses::<T>::get(key) {
				// A group may go on without the meter: that is for those who bear the risk.
				Some(Answer::Committed { .. }) if !resource.group || !bears_risk => {
					return Err(Error::<T>::Committed.into())
				}
				Some(Answer::OptedOut) if !resource.group => Responses::<T>::remove(key),
				_ => {}
			}
		}
		Self::remove_member(id, &programme, resource_id, meter);
		Ok(())
	}

	/// Removes a meter from a resource, and the resource if it was the meter alone; releases their deposits.
	pub(crate) fn remove_member(
		id: ProgrammeId,
		programme: &Programme<T::AccountId>,
		resource_id: ResourceId,
		meter: MeterId,
	) {
		let microgrid = programme.microgrid;
		let key = (Be32::from(id), Be32::from(resource_id), Be32::from(meter));
		if let Some(member) = Members::<T>::take(key) {
			Self::release(HoldReason::Enrolment, &member.owner, member.deposit);
		}
		Resources::<T>::mutate_exists((key.0, key.1), |entry| {
			if let Some(resource) = entry {
				resource.members = resource.members.saturating_sub(1);
				if !resource.group {
					*entry = None;
				}
			}
		});
		if let Some(mut watch) = Self::watch(meter) {
			watch.enrolments.retain(|(programme, _)| *programme != id);
			if watch.enrolments.is_empty() {
				Watches::<T>::remove(key.2);
				history::forget::<T>(microgrid, meter);
				commands::remove::<T>(meter);
				Self::release(HoldReason::Enrolment, &watch.owner, watch.deposit);
				let now = T::Clock::current();
				let _: Result<(), ()> = Self::mutate_community(microgrid, now, |community| {
					community.watched = community.watched.saturating_sub(1);
					Ok(())
				});
			} else {
				Self::put_watch(meter, &watch);
			}
		}
		Self::deposit_event(Event::MeterLeft {
			programme: id,
			resource: resource_id,
			meter,
		});
	}

	pub(crate) fn do_dissolve(
		who: &T::AccountId,
		programme: ProgrammeId,
		id: ResourceId,
	) -> DispatchResult {
		let resource = Self::group_of(who, programme, id)?;
		ensure!(resource.members == 0, Error::<T>::GroupNotEmpty);
		// What it committed to is settled when the event is.
		let record = Self::programme(programme)?;
		for event in &record.events {
			let key = (Be32::from(*event), Be32::from(id));
			ensure!(!Responses::<T>::contains_key(key), Error::<T>::Committed);
		}
		Self::free_group(id, resource);
		Ok(())
	}

	/// Removes a group without members, and releases its deposit.
	pub(crate) fn free_group(id: ResourceId, resource: Resource<T::AccountId>) {
		Resources::<T>::remove((Be32::from(resource.programme), Be32::from(id)));
		Self::release(HoldReason::Enrolment, &resource.owner, resource.deposit);
		Self::deposit_event(Event::GroupDissolved { resource: id });
	}
}
