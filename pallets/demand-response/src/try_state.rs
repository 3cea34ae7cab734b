//! Invariants:
//!
//! 1. What is held of an account for budgets is what its programmes have free and events have set aside and not paid;
//!    for enrolment, the deposits that records tell of; for commitments, the pledges.
//! 2. No event pays more than was set aside for it, or than was claimed; its reports add up to what it paid.
//! 3. A programme's open events are its own, and every event that is not settled is open in its programme; one that
//!    waits for its energy is in its community's agenda, and nothing else is.
//! 4. Resources count their members; whoever is a member is watched, and the other way round; communities count who is
//!    watched, and pages tell.
//! 5. Days and commands are kept of meters that are watched, and of no others.
//! 6. Answers are to open events, of resources that exist or are settled soon.
//! 7. Programmes with a trigger are those that are looked at.

use alloc::collections::{BTreeMap, BTreeSet};

use frame_support::{ensure, traits::fungible::InspectHold};
use gridweave_primitives::{Balance, Be32, MeterId, MicrogridId};
use sp_runtime::TryRuntimeError;

use crate::{
	types::{Answer, Stage},
	CommandPages, Communities, Config, DayPages, Events, HoldReason, Members, Pallet, Programmes,
	Reports, Resources, Responses, Triggered, WatchedPages, Watches,
};

type Sums<T> = BTreeMap<<T as frame_system::Config>::AccountId, Balance>;

fn add<K: Ord>(sums: &mut BTreeMap<K, Balance>, key: K, amount: Balance) {
	let sum = sums.entry(key).or_default();
	*sum = sum.saturating_add(amount);
}

impl<T: Config> Pallet<T> {
	/// Checks all invariants.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		Self::check_holds()?;
		Self::check_events()?;
		Self::check_members()
	}

	/// What should be held of accounts, by reason: budgets, deposits, pledges.
	pub fn owed_holds() -> [Sums<T>; 3] {
		let (mut budgets, mut deposits, mut pledges) =
			(Sums::<T>::new(), Sums::<T>::new(), Sums::<T>::new());
		for programme in Programmes::<T>::iter_values() {
			add(&mut budgets, programme.operator.clone(), programme.free);
			add(&mut deposits, programme.operator, programme.deposit);
		}
		for event in Events::<T>::iter_values() {
			let settled = matches!(event.stage, Stage::Done | Stage::Cancelled);
			let programme = Programmes::<T>::get(Be32::from(event.programme));
			if let (false, Some(programme)) = (settled, programme) {
				let left = event.budget.saturating_sub(event.paid);
				add(&mut budgets, programme.operator, left);
			}
		}
		for resource in Resources::<T>::iter_values() {
			add(&mut deposits, resource.owner, resource.deposit);
		}
		for member in Members::<T>::iter_values() {
			add(&mut deposits, member.owner, member.deposit);
		}
		for watch in Watches::<T>::iter_values() {
			add(&mut deposits, watch.owner, watch.deposit);
		}
		for answer in Responses::<T>::iter_values() {
			if let Answer::Committed { who, held, .. } = answer {
				add(&mut pledges, who, held);
			}
		}
		[budgets, deposits, pledges]
	}

	fn check_holds() -> Result<(), TryRuntimeError> {
		let reasons = [
			HoldReason::Budget,
			HoldReason::Enrolment,
			HoldReason::Commitment,
		];
		for (reason, sums) in reasons.into_iter().zip(Self::owed_holds()) {
			let reason: T::RuntimeHoldReason = reason.into();
			for (who, amount) in sums {
				ensure!(
					T::Currency::balance_on_hold(&reason, &who) == amount,
					"what is held is not what records tell"
				);
			}
		}
		Ok(())
	}

	fn check_events() -> Result<(), TryRuntimeError> {
		let mut paid = BTreeMap::new();
		for ((event, _), report) in Reports::<T>::iter() {
			ensure!(Events::<T>::contains_key(event), "a report of no event");
			ensure!(report.paid <= report.claim, "more was paid than claimed");
			add(&mut paid, event, report.paid);
		}
		let mut waiting = BTreeSet::new();
		for (id, event) in Events::<T>::iter() {
			ensure!(
				event.paid <= event.budget,
				"an event paid more than was set aside"
			);
			ensure!(
				event.paid <= event.claims,
				"an event paid more than was claimed"
			);
			// Pruning removes reports before their event.
			let reported = paid.get(&id).copied().unwrap_or_default();
			ensure!(
				reported == event.paid || event.stage == Stage::Done && reported < event.paid,
				"reports do not add up to what was paid"
			);
			let open = Programmes::<T>::get(Be32::from(event.programme))
				.is_some_and(|programme| programme.events.iter().any(|on| Be32::from(*on) == id));
			ensure!(
				open || event.stage == Stage::Done,
				"an open event is not known as such"
			);
			if event.stage == Stage::Announced {
				waiting.insert(id);
			}
		}
		for (id, programme) in Programmes::<T>::iter() {
			ensure!(
				programme.trigger.is_some() == Triggered::<T>::contains_key(id),
				"a trigger is not looked at, or none is"
			);
			for event in &programme.events {
				let event = Events::<T>::get(Be32::from(*event)).ok_or("an open event is gone")?;
				ensure!(
					Be32::from(event.programme) == id,
					"an event of another programme"
				);
			}
		}
		for key in Triggered::<T>::iter_keys() {
			ensure!(
				Programmes::<T>::contains_key(key),
				"a trigger of no programme"
			);
		}
		for community in Communities::<T>::iter_values() {
			ensure!(community.agenda.is_sorted(), "an agenda is out of order");
			for (due, event) in &community.agenda {
				let key = Be32::from(*event);
				ensure!(
					waiting.contains(&key),
					"an agenda names an event that does not wait"
				);
				let event = Events::<T>::get(key).ok_or("an agenda names no event")?;
				ensure!(event.due == *due, "an agenda is wrong about the time");
			}
		}
		for ((event, _), _) in Responses::<T>::iter() {
			let event = Events::<T>::get(event).ok_or("an answer to no event")?;
			ensure!(
				event.stage != Stage::Done || Self::is_open(&event),
				"an answer is left"
			);
		}
		Ok(())
	}

	fn is_open(event: &crate::types::DemandEvent) -> bool {
		Programmes::<T>::get(Be32::from(event.programme)).is_some_and(|programme| {
			programme
				.events
				.iter()
				.any(|id| Events::<T>::get(Be32::from(*id)).as_ref() == Some(event))
		})
	}

	fn is_watched(microgrid: MicrogridId, meter: Be32) -> bool {
		let meter = MeterId(meter.get());
		WatchedPages::<T>::get((Be32::from(microgrid), Be32::from(meter.page())))
			.is_some_and(|bits| bits & (1 << meter.slot()) != 0)
	}

	fn check_members() -> Result<(), TryRuntimeError> {
		let mut counts = BTreeMap::<_, u32>::new();
		let mut enrolled = BTreeSet::new();
		for ((programme, resource, meter), member) in Members::<T>::iter() {
			let count = counts.entry((programme, resource)).or_default();
			*count = count.saturating_add(1);
			enrolled.insert((meter, programme, resource));
			let programme = Programmes::<T>::get(programme).ok_or("a member of no programme")?;
			let watch = Watches::<T>::get(meter).ok_or("a member is not watched")?;
			ensure!(
				Self::is_watched(programme.microgrid, meter),
				"a member is not recorded"
			);
			ensure!(watch.owner == member.owner, "a member changed hands");
		}
		for (key, resource) in Resources::<T>::iter() {
			let count = counts.remove(&key).unwrap_or_default();
			ensure!(resource.members == count, "members are miscounted");
			ensure!(
				resource.group || count == 1,
				"a single resource is not one meter"
			);
			ensure!(
				Be32::from(resource.programme) == key.0,
				"a resource of another programme"
			);
		}
		ensure!(counts.is_empty(), "members of no resource");
		let mut meters = BTreeSet::new();
		for (meter, watch) in Watches::<T>::iter() {
			meters.insert(meter);
			ensure!(
				!watch.enrolments.is_empty(),
				"a meter is watched for nothing"
			);
			for (programme, resource) in &watch.enrolments {
				let key = (meter, Be32::from(*programme), Be32::from(*resource));
				ensure!(enrolled.remove(&key), "a watched meter is no member");
			}
		}
		let mut watched = BTreeMap::<_, u32>::new();
		for ((microgrid, page), bits) in WatchedPages::<T>::iter() {
			ensure!(bits != 0, "a page is watched for nothing");
			let count = watched.entry(microgrid).or_default();
			*count = count.saturating_add(bits.count_ones());
			for slot in (0u8..32).filter(|slot| bits & (1 << slot) != 0) {
				let meter = Be32::from(MeterId::at(page.get(), slot));
				ensure!(meters.contains(&meter), "a meter is recorded for nothing");
			}
		}
		ensure!(
			enrolled.is_empty(),
			"a member is not watched for its programme"
		);
		for (key, community) in Communities::<T>::iter() {
			let count = watched.remove(&key).unwrap_or_default();
			ensure!(community.watched == count, "watched meters are miscounted");
			ensure!(
				count > 0 || !community.agenda.is_empty(),
				"a community is kept for nothing"
			);
		}
		ensure!(watched.is_empty(), "watched meters of no community");
		for ((page, _), day) in DayPages::<T>::iter() {
			ensure!(!day.meters.is_empty(), "an empty day is kept");
			ensure!(
				day.meters.is_sorted_by(|a, b| a.slot < b.slot),
				"a day is out of order"
			);
			for meter in day.meters {
				let meter = Be32::from(MeterId::at(page.get(), meter.slot));
				ensure!(
					meters.contains(&meter),
					"days are kept of a meter that is not watched"
				);
			}
		}
		for (page, commands) in CommandPages::<T>::iter() {
			ensure!(!commands.is_empty(), "an empty page of commands is kept");
			for (slot, _) in commands {
				let meter = Be32::from(MeterId::at(page.get(), slot));
				ensure!(
					meters.contains(&meter),
					"a command of a meter that is not watched"
				);
			}
		}
		Ok(())
	}
}
