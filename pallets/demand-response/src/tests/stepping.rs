//! Work is done step by step: with a budget for a few steps a block everything comes to the same.

use frame_support::{traits::Hooks, weights::WeightMeter};
use gridweave_primitives::{Be32, EventId};

use crate::{
	mock::*,
	types::{ProgrammeTerms, Task, Timed, MAX_ISSUES, MAX_TASKS},
	Current, Error, Issuing, Recorder, Tasks, Timetable,
};

/// What a village of forty pays in an event, with this budget, and the blocks it took after the event was due.
fn run_with(budget: Option<frame_support::weights::Weight>) -> (Vec<u128>, u32) {
	let mut result = (Vec::new(), 0);
	run(|| {
		let commanding = ProgrammeTerms {
			command: Some(crate::types::Action::Charge),
			..terms()
		};
		let programme = open(commanding, BUDGET);
		let meters: Vec<_> = (0..40).map(add_meter).collect();
		let group = group(programme, 50, &meters[..2]);
		let mut resources: Vec<_> = meters[2..]
			.iter()
			.map(|meter| enrol(programme, *meter))
			.collect();
		resources.push(group);
		live_until(at(THIRD_MONDAY, 0));
		let event = announce_for(programme, at(THIRD_MONDAY, 4), 1, 1_000);
		for (meter, net) in meters
			.iter()
			.zip([0, 900, 700, 600, 1_200, 400].into_iter().cycle())
		{
			took(*meter, at(THIRD_MONDAY, 4), net);
		}
		if let Some(budget) = budget {
			TaskWeight::set(budget);
		}
		live_until(at(THIRD_MONDAY, 7));
		while !DemandResponse::programme(programme)
			.unwrap()
			.events
			.is_empty()
		{
			let consumed = poll();
			assert!(consumed.all_lte(TaskWeight::get()));
			result.1 += 1;
			assert!(result.1 < 1_000, "it goes on");
		}
		for meter in &meters {
			assert!(DemandResponse::api_command(*meter).is_some());
		}
		result.0 = resources
			.iter()
			.map(|resource| paid(event, *resource))
			.collect();
	});
	result
}

#[test]
fn a_small_budget_should_come_to_the_same_in_more_blocks() {
	let (at_once, blocks) = run_with(None);
	assert!(at_once.iter().filter(|paid| **paid > 0).count() >= 30);
	assert_eq!(blocks, 0);
	let (stepped, blocks) = run_with(Some(DemandResponse::least_budget()));
	assert_eq!(stepped, at_once);
	assert!(blocks > 0, "{blocks}");
}

#[test]
fn nothing_should_be_done_without_weight() {
	run(|| {
		let village = village(terms(), 2);
		announce(village.programme, at(THIRD_MONDAY, 4), 1);
		world(|world| world.now += 900 * 20);
		let mut meter = WeightMeter::with_limit(frame_support::weights::Weight::zero());
		DemandResponse::on_poll(2, &mut meter);
		assert_eq!(meter.consumed(), frame_support::weights::Weight::zero());
		assert!(Recorder::<Test>::get().is_none() && Current::<Test>::get().is_none());
	});
}

#[test]
fn who_changes_its_mind_often_should_not_fill_the_queue_of_commands() {
	run(|| {
		let commanding = ProgrammeTerms {
			command: Some(crate::types::Action::Charge),
			..terms()
		};
		let village = village(commanding, 1);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		live_until(at(THIRD_MONDAY, 3));
		use crate::types::Response::{OptIn, OptOut};
		let respond = |response| {
			frame_support::assert_ok!(DemandResponse::respond(
				RuntimeOrigin::signed(owner(0)),
				event,
				village.resources[0],
				response,
			));
		};
		for _ in 0..MAX_ISSUES {
			respond(OptOut);
			respond(OptIn);
		}
		assert_eq!(Issuing::<Test>::get().len(), 1);
		respond(OptOut);
		poll();
		let told = DemandResponse::api_command(village.meters[0]).unwrap();
		assert_eq!(told.action, crate::types::Action::Release);
	});
}

#[test]
fn members_should_leave_room_for_operators_in_the_queue_of_commands() {
	run(|| {
		let commanding = ProgrammeTerms {
			command: Some(crate::types::Action::Charge),
			..terms()
		};
		let count = MAX_ISSUES / 2 + 1;
		let village = village(commanding, count);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		live_until(at(THIRD_MONDAY, 3));
		let opt_out = |meter: u32| {
			DemandResponse::respond(
				RuntimeOrigin::signed(owner(meter)),
				event,
				village.resources[meter as usize],
				crate::types::Response::OptOut,
			)
		};
		for meter in 1..count {
			frame_support::assert_ok!(opt_out(meter));
		}
		frame_support::assert_noop!(opt_out(0), Error::<Test>::Busy);
		frame_support::assert_ok!(DemandResponse::cancel_event(
			RuntimeOrigin::signed(OPERATOR),
			event
		));
		let full = Issuing::<Test>::get();
		let more = MAX_ISSUES - full.len() as u32;
		for other in 0..more {
			let id = EventId(1_000 + other);
			let record = DemandResponse::event(event).unwrap();
			let action = crate::types::Action::Charge;
			frame_support::assert_ok!(DemandResponse::issue(id, &record, None, action));
		}
		let record = DemandResponse::event(event).unwrap();
		let one_more =
			DemandResponse::issue(EventId(2_000), &record, None, crate::types::Action::Charge);
		assert!(matches!(one_more, Err(Error::Busy)));
		poll();
		assert!(Issuing::<Test>::get().is_empty());
	});
}

#[test]
fn a_full_queue_of_tasks_should_not_hold_up_commands() {
	run(|| {
		let commanding = ProgrammeTerms {
			command: Some(crate::types::Action::Charge),
			..terms()
		};
		let village = village(commanding, 1);
		announce(village.programme, at(THIRD_MONDAY, 4), 1);
		live_until(at(THIRD_MONDAY, 2));
		// Something that is due before the command, and finds no room.
		let earlier = (Be32::from(0u32), Be32::from(EventId(77)));
		Timetable::<Test>::insert(earlier, Timed::Prune);
		let tasks = vec![Task::Prune(EventId(99)); MAX_TASKS as usize];
		Tasks::<Test>::put(frame_support::BoundedVec::truncate_from(tasks));
		world(|world| world.now += 900);
		poll();
		assert!(DemandResponse::api_command(village.meters[0]).is_some());
		assert!(Timetable::<Test>::contains_key(earlier));
		assert!(Tasks::<Test>::get().is_empty());
		poll();
		assert!(!Timetable::<Test>::contains_key(earlier));
	});
}
