//! Commands: sent, pending, acknowledged.

use codec::Compact;
use frame_support::{assert_noop, assert_ok};
use gridweave_primitives::{
	meter::{Movement, Ratings},
	reading::Reading,
	traits::{Observation, OnReading},
	MeterId, MicrogridId, ProgrammeId, WattHours, Watts,
};
use sp_runtime::DispatchResult;

use crate::{
	mock::*,
	types::{Action, Command, ProgrammeTerms, Response, MAX_VALIDITY},
	CommandPages, Error, Event,
};

const LIMIT: Action = Action::LimitImport(Watts(2_000));

fn commanding() -> ProgrammeTerms {
	ProgrammeTerms {
		command: Some(LIMIT),
		..terms()
	}
}

fn reading(meter: MeterId, captured_at: u64, acknowledged: Option<u32>) -> Reading {
	Reading {
		meter,
		sequence: 1,
		captured_at,
		import_register: WattHours(0),
		export_register: WattHours(0),
		state_of_charge: None,
		quality: None,
		acknowledged: acknowledged.map(Compact),
		status: 0,
	}
}

fn read(meter: MeterId, acknowledged: Option<u32>, before: Option<u32>) {
	let now = world(|world| world.now);
	DemandResponse::on_readings(
		MicrogridId(0),
		&[Observation {
			reading: &reading(meter, now, acknowledged),
			previous: Some(reading(meter, now - 900, before)),
			import: Movement::default(),
			export: Movement::default(),
			ratings: Ratings {
				max_import: Watts(1),
				max_export: Watts(1),
			},
		}],
	);
}

fn start(place: u32) -> u64 {
	world(|world| world.clock.start_of(at(THIRD_MONDAY, place)))
}

fn command(meter: MeterId) -> Option<Command> {
	DemandResponse::api_command(meter)
}

fn pending() -> Vec<MeterId> {
	let page = DemandResponse::pending_commands(MeterId(0), 100);
	assert_eq!(page.next, None);
	page.commands.into_iter().map(|(meter, _)| meter).collect()
}

fn send(programme: ProgrammeId, meter: MeterId, from: u64, until: u64) -> DispatchResult {
	let operator = RuntimeOrigin::signed(OPERATOR);
	DemandResponse::send_command(operator, programme, meter, Action::Charge, from, until)
}

#[test]
fn the_command_of_an_event_should_go_out_a_period_before_it_starts() {
	run(|| {
		let village = village(commanding(), 3);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 2);
		live_until(at(THIRD_MONDAY, 2));
		assert_eq!(pending(), []);
		live_until(at(THIRD_MONDAY, 3));
		assert_eq!(pending(), village.meters);
		let command = command(village.meters[1]).unwrap();
		assert_eq!(
			command,
			Command {
				nonce: 1,
				action: LIMIT,
				from: start(4),
				until: start(6),
				event: Some(event),
				acknowledged: None,
			}
		);
		// When its time is over it is told no more, but stays visible.
		live_until(at(THIRD_MONDAY, 6));
		assert_eq!(pending(), []);
		assert_eq!(self::command(village.meters[1]), Some(command));
	});
}

#[test]
fn an_event_that_starts_at_once_should_have_its_command_sent_at_once() {
	run(|| {
		let village = village(commanding(), 1);
		live_until(at(THIRD_MONDAY, 3));
		announce(village.programme, at(THIRD_MONDAY, 4), 1);
		poll();
		assert_eq!(pending(), village.meters);
	});
}

#[test]
fn a_reading_should_acknowledge_the_latest_command_once() {
	run(|| {
		let village = village(commanding(), 2);
		announce(village.programme, at(THIRD_MONDAY, 4), 2);
		live_until(at(THIRD_MONDAY, 4));
		let (meter, now) = (village.meters[0], world(|world| world.now));
		// Not this one, nothing, and one of another meter.
		read(meter, Some(7), None);
		read(meter, None, None);
		read(MeterId(40), Some(1), None);
		assert_eq!(command(meter).unwrap().acknowledged, None);
		events();
		read(meter, Some(1), None);
		assert_eq!(command(meter).unwrap().acknowledged, Some(now));
		assert_eq!(events(), [Event::CommandAcknowledged { meter, nonce: 1 }]);
		assert_eq!(pending(), [village.meters[1]]);
		live_until(at(THIRD_MONDAY, 5));
		events();
		read(meter, Some(1), Some(1));
		read(meter, Some(1), None);
		assert_eq!(command(meter).unwrap().acknowledged, Some(now));
		assert_eq!(events(), []);
	});
}

#[test]
fn a_reading_that_acknowledges_nothing_new_should_not_touch_storage() {
	run(|| {
		let meter = add_meter(0);
		// What does not decode would be noticed, were it looked at.
		let key = CommandPages::<Test>::hashed_key_for(gridweave_primitives::Be32::from(0u32));
		sp_io::storage::set(&key, &[0xff; 3]);
		let root = sp_io::storage::root(sp_runtime::StateVersion::V1);
		read(meter, None, None);
		read(meter, None, Some(3));
		read(meter, Some(3), Some(3));
		assert_eq!(sp_io::storage::root(sp_runtime::StateVersion::V1), root);
		sp_io::storage::clear(&key);
	});
}

#[test]
fn an_event_called_off_or_ended_should_release_devices() {
	run(|| {
		let village = village(commanding(), 2);
		let operator = || RuntimeOrigin::signed(OPERATOR);
		// Called off before anything was sent: nothing to release.
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		assert_ok!(DemandResponse::cancel_event(operator(), event));
		live_until(at(THIRD_MONDAY, 3));
		assert_eq!(command(village.meters[0]), None);
		// Called off when it was.
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		poll();
		assert_eq!(command(village.meters[0]).unwrap().action, LIMIT);
		assert_ok!(DemandResponse::cancel_event(operator(), event));
		poll();
		let released = command(village.meters[0]).unwrap();
		assert_eq!(released.action, Action::Release);
		assert_eq!(released.until, start(5));
		// Ended early.
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 3);
		live_until(at(THIRD_MONDAY, 4));
		assert_ok!(DemandResponse::end_event(operator(), event));
		poll();
		for meter in &village.meters {
			let released = command(*meter).unwrap();
			assert_eq!(
				(released.action, released.until),
				(Action::Release, start(7))
			);
		}
	});
}

#[test]
fn who_opts_out_should_not_be_commanded() {
	run(|| {
		let Village {
			programme,
			meters,
			resources,
		} = village(commanding(), 3);
		let event = announce(programme, at(THIRD_MONDAY, 4), 1);
		let respond = |meter: u32, response| {
			assert_ok!(DemandResponse::respond(
				RuntimeOrigin::signed(owner(meter)),
				event,
				resources[meter as usize],
				response
			));
			poll();
		};
		respond(0, Response::OptOut);
		live_until(at(THIRD_MONDAY, 3));
		assert_eq!(pending(), meters[1..]);
		// Told already: released, and told again if it changes its mind.
		respond(1, Response::OptOut);
		assert_eq!(command(meters[1]).unwrap().action, Action::Release);
		assert_eq!(command(meters[2]).unwrap().action, LIMIT);
		respond(1, Response::OptIn);
		respond(0, Response::OptIn);
		for meter in &meters {
			assert_eq!(command(*meter).unwrap().action, LIMIT);
		}
	});
}

#[test]
fn a_command_that_is_overtaken_should_not_replace_the_later_one() {
	run(|| {
		let village = village(commanding(), 3);
		let id = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		live_until(at(THIRD_MONDAY, 2));
		let event = crate::Events::<Test>::get(gridweave_primitives::Be32::from(id)).unwrap();
		assert_ok!(DemandResponse::issue(id, &event, None, LIMIT));
		// On its way to all of them; meanwhile one is told something else.
		let [first, second, third] = village.meters[..] else {
			unreachable!("three meters")
		};
		let later = Command {
			nonce: 2,
			action: Action::Charge,
			from: start(4),
			until: start(5),
			event: None,
			acknowledged: None,
		};
		crate::commands::put::<Test>(second, later);
		poll();
		let told = |meter| command(meter).map(|command| (command.nonce, command.action));
		assert_eq!(told(first), Some((1, LIMIT)));
		assert_eq!(told(second), Some((2, Action::Charge)));
		assert_eq!(told(third), Some((1, LIMIT)));
	});
}

#[test]
fn who_joins_in_the_period_before_should_be_told_as_well() {
	run(|| {
		let village = village(commanding(), 1);
		announce(village.programme, at(THIRD_MONDAY, 4), 1);
		live_until(at(THIRD_MONDAY, 2));
		let early = add_meter(10);
		enrol(village.programme, early);
		assert_eq!(command(early), None);
		live_until(at(THIRD_MONDAY, 3));
		let late = add_meter(11);
		enrol(village.programme, late);
		assert_eq!(pending(), [village.meters[0], early, late]);
		live_until(at(THIRD_MONDAY, 4));
		let too_late = add_meter(12);
		enrol(village.programme, too_late);
		assert_eq!(command(too_late), None);
	});
}

#[test]
fn an_operator_should_command_members_alone_and_within_bounds() {
	run(|| {
		let village = village(terms(), 1);
		let (programme, meter) = (village.programme, village.meters[0]);
		let now = world(|world| world.now);
		assert_noop!(
			DemandResponse::send_command(
				RuntimeOrigin::signed(1),
				programme,
				meter,
				Action::Charge,
				now,
				now + 60
			),
			Error::<Test>::NotOperator
		);
		let outsider = add_meter(9);
		assert_noop!(
			send(programme, outsider, now, now + 60),
			Error::<Test>::NotEnrolled
		);
		enrol(open(terms(), 0), outsider);
		assert_noop!(
			send(programme, outsider, now, now + 60),
			Error::<Test>::NotEnrolled
		);
		for (from, until) in [(now, now), (now - 9, now), (now, now + MAX_VALIDITY + 1)] {
			assert_noop!(
				send(programme, meter, from, until),
				Error::<Test>::ValidityOutOfBounds
			);
		}
		assert_ok!(send(programme, meter, now, now + 60));
		assert_ok!(send(programme, meter, now, now + 120));
		let command = command(meter).unwrap();
		assert_eq!((command.nonce, command.until), (2, now + 120));
	});
}

#[test]
fn pending_commands_should_come_by_the_page() {
	run(|| {
		let programme = open(terms(), BUDGET);
		let meters: Vec<_> = [0, 5, 31, 32, 63, 70].map(add_meter).to_vec();
		let now = world(|world| world.now);
		for meter in meters.iter().rev() {
			enrol(programme, *meter);
			assert_ok!(send(programme, *meter, now, now + 60));
		}
		let (mut from, mut found) = (Some(MeterId(0)), Vec::new());
		while let Some(at) = from {
			let page = DemandResponse::pending_commands(at, 2);
			assert!(page.commands.len() <= 2);
			found.extend(page.commands.iter().map(|(meter, _)| *meter));
			from = page.next;
		}
		assert_eq!(found, meters);
		let rest = DemandResponse::pending_commands(MeterId(6), 100);
		assert_eq!(rest.commands.len(), 4);
		let none = DemandResponse::pending_commands(MeterId(6), 0);
		assert_eq!((none.commands.len(), none.next), (0, Some(MeterId(31))));
	});
}

#[test]
fn an_operator_should_not_overtake_the_command_that_a_resource_is_paid_by() {
	run(|| {
		let village = village(commanding(), 2);
		let [first, second] = village.meters[..] else {
			unreachable!("two meters")
		};
		let id = announce(village.programme, at(THIRD_MONDAY, 4), 2);
		live_until(at(THIRD_MONDAY, 3));
		// It was told, and has not answered yet.
		let overtake = |meter| send(village.programme, meter, start(4), start(5));
		assert_noop!(overtake(first), Error::<Test>::CommandOfEvent);
		read(first, Some(1), None);
		assert_ok!(overtake(first));
		// Called off: it is released, and may be told anything.
		assert_noop!(overtake(second), Error::<Test>::CommandOfEvent);
		assert_ok!(DemandResponse::cancel_event(
			RuntimeOrigin::signed(OPERATOR),
			id
		));
		poll();
		assert_ok!(overtake(second));
	});
}

#[test]
fn an_operator_should_not_overtake_a_command_on_its_way() {
	run(|| {
		let village = village(commanding(), 1);
		let meter = village.meters[0];
		let id = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		let event = crate::Events::<Test>::get(gridweave_primitives::Be32::from(id)).unwrap();
		assert_ok!(DemandResponse::issue(id, &event, None, LIMIT));
		let overtake = || send(village.programme, meter, start(4), start(5));
		assert_noop!(overtake(), Error::<Test>::CommandOfEvent);
		poll();
		assert_eq!(command(meter).unwrap().event, Some(id));
		// Nobody waits for ever for a device that does not answer.
		live_until(at(THIRD_MONDAY, 5));
		let now = world(|world| world.now);
		assert_ok!(send(village.programme, meter, now, now + 60));
	});
}
