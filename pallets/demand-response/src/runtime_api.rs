//! What clients may ask of demand response.

use alloc::vec::Vec;

use gridweave_primitives::{Be32, EventId, MeterId, Period, ProgrammeId, ResourceId};

use crate::{
	commands,
	types::{Answer, Command, DemandEvent, PendingCommands, Programme, Report, Resource},
	Config, Events, Pallet, Programmes, Reports, Resources, Responses,
};

/// Most entries of one answer.
pub const MAX_ENTRIES: u32 = 512;

sp_api::decl_runtime_apis! {
	/// Programmes, events, reports and commands.
	pub trait DemandResponseApi<AccountId> where AccountId: codec::Codec {
		/// Programmes from an id on, in order; at most `count`, and at most 512.
		fn programmes(from: ProgrammeId, count: u32) -> Vec<(ProgrammeId, Programme<AccountId>)>;

		/// Resources of a programme from an id on, in order; at most `count`, and at most 512.
		fn resources(
			programme: ProgrammeId,
			from: ResourceId,
			count: u32,
		) -> Vec<(ResourceId, Resource<AccountId>)>;

		/// Where a meter takes part.
		fn enrolments(meter: MeterId) -> Vec<(ProgrammeId, ResourceId)>;

		/// Events from an id on, in the order of announcement, while their reports are kept; at most `count`,
		/// and at most 512.
		fn events(from: EventId, count: u32) -> Vec<(EventId, DemandEvent)>;

		/// What a resource answered to an event that is not measured yet.
		fn answer(event: EventId, resource: ResourceId) -> Option<Answer<AccountId>>;

		/// Reports of an event from a resource on, in order; at most `count`, and at most 512.
		fn reports(
			event: EventId,
			from: ResourceId,
			count: u32,
		) -> Vec<(ResourceId, Report<AccountId>)>;

		/// What a meter would take, net, in periods from `from` on, in Wh, by a programme's baseline without its
		/// adjustment; at most `count`, and at most 96. `None` where it has too few like days.
		fn expected_load(
			programme: ProgrammeId,
			meter: MeterId,
			from: Period,
			count: u32,
		) -> Vec<Option<i64>>;

		/// The latest command of a meter, also when its time is over or it was acknowledged.
		fn command(meter: MeterId) -> Option<Command>;

		/// Commands that devices from a meter on should be told now, in the order of meters; at most `count`,
		/// and at most 1000. Ask at finalised blocks, and go on where the answer says.
		fn pending_commands(from: MeterId, count: u32) -> PendingCommands;
	}
}

fn bounded(count: u32) -> usize {
	usize::try_from(count.min(MAX_ENTRIES)).unwrap_or(0)
}

/// The answers.
impl<T: Config> Pallet<T> {
	/// See [`DemandResponseApi`].
	pub fn api_programmes(
		from: ProgrammeId,
		count: u32,
	) -> Vec<(ProgrammeId, Programme<T::AccountId>)> {
		// Keys are hashed by identity: they iterate in order. Start behind the last key before the wanted one.
		let entries = match from.0.checked_sub(1) {
			Some(before) => {
				Programmes::<T>::iter_from(Programmes::<T>::hashed_key_for(Be32::from(before)))
			}
			None => Programmes::<T>::iter(),
		};
		entries
			.take(bounded(count))
			.map(|(id, programme)| (ProgrammeId(id.get()), programme))
			.collect()
	}

	/// See [`DemandResponseApi`].
	pub fn api_resources(
		programme: ProgrammeId,
		from: ResourceId,
		count: u32,
	) -> Vec<(ResourceId, Resource<T::AccountId>)> {
		let programme = Be32::from(programme);
		let entries = match from.0.checked_sub(1) {
			Some(before) => {
				let last = Resources::<T>::hashed_key_for((programme, Be32::from(before)));
				Resources::<T>::iter_prefix_from((programme,), last)
			}
			None => Resources::<T>::iter_prefix((programme,)),
		};
		entries
			.take(bounded(count))
			.map(|(id, resource)| (ResourceId(id.get()), resource))
			.collect()
	}

	/// See [`DemandResponseApi`].
	pub fn api_enrolments(meter: MeterId) -> Vec<(ProgrammeId, ResourceId)> {
		let enrolments = Self::watch(meter).map(|watch| watch.enrolments);
		enrolments.unwrap_or_default().into_inner()
	}

	/// See [`DemandResponseApi`].
	pub fn api_events(from: EventId, count: u32) -> Vec<(EventId, DemandEvent)> {
		let entries = match from.0.checked_sub(1) {
			Some(before) => Events::<T>::iter_from(Events::<T>::hashed_key_for(Be32::from(before))),
			None => Events::<T>::iter(),
		};
		entries
			.take(bounded(count))
			.map(|(id, event)| (EventId(id.get()), event))
			.collect()
	}

	/// See [`DemandResponseApi`].
	pub fn api_answer(event: EventId, resource: ResourceId) -> Option<Answer<T::AccountId>> {
		Responses::<T>::get((Be32::from(event), Be32::from(resource)))
	}

	/// See [`DemandResponseApi`].
	pub fn api_reports(
		event: EventId,
		from: ResourceId,
		count: u32,
	) -> Vec<(ResourceId, Report<T::AccountId>)> {
		let event = Be32::from(event);
		let entries = match from.0.checked_sub(1) {
			Some(before) => {
				let last = Reports::<T>::hashed_key_for((event, Be32::from(before)));
				Reports::<T>::iter_prefix_from((event,), last)
			}
			None => Reports::<T>::iter_prefix((event,)),
		};
		entries
			.take(bounded(count))
			.map(|(id, report)| (ResourceId(id.get()), report))
			.collect()
	}

	/// See [`DemandResponseApi`].
	pub fn api_command(meter: MeterId) -> Option<Command> {
		commands::latest::<T>(meter)
	}
}
