//! Events: announced within their bounds, called off, ended early, pruned.

use frame_support::{assert_noop, assert_ok};
use gridweave_primitives::{EventId, Period, ProgrammeId, WattHours};
use sp_runtime::DispatchResult;

use crate::{
	mock::*,
	types::{
		ProgrammeTerms, Response, Stage, MAX_AHEAD, MAX_EVENT_PERIODS, MAX_OPEN_EVENTS,
		REPORT_RETENTION,
	},
	Error, Event, Events, HoldReason, Reports, Responses,
};

fn try_announce(
	programme: ProgrammeId,
	start: Period,
	periods: u32,
	target: u64,
) -> DispatchResult {
	let operator = RuntimeOrigin::signed(OPERATOR);
	DemandResponse::announce_event(operator, programme, start, periods, WattHours(target))
}

fn cancel(event: EventId) -> DispatchResult {
	DemandResponse::cancel_event(RuntimeOrigin::signed(OPERATOR), event)
}

fn end(event: EventId) -> DispatchResult {
	DemandResponse::end_event(RuntimeOrigin::signed(OPERATOR), event)
}

#[test]
fn an_event_should_be_announced_with_notice_and_within_bounds() {
	run(|| {
		let programme = open(
			ProgrammeTerms {
				notice: 2,
				..terms()
			},
			BUDGET,
		);
		let cases = [
			(at(MONDAY, 2), 1, 1, Error::<Test>::NoticeTooShort),
			(at(MONDAY, 0), 1, 1, Error::<Test>::NoticeTooShort),
			(
				at(MONDAY, 1).saturating_add(MAX_AHEAD),
				1,
				1,
				Error::<Test>::TooFarAhead,
			),
			(at(MONDAY, 3), 0, 1, Error::<Test>::DurationOutOfBounds),
			(
				at(MONDAY, 3),
				MAX_EVENT_PERIODS + 1,
				1,
				Error::<Test>::DurationOutOfBounds,
			),
			(at(MONDAY, 3), 1, 0, Error::<Test>::TargetOutOfBounds),
			(at(MONDAY, 3), 1, 1 << 52, Error::<Test>::TargetOutOfBounds),
		];
		for (start, periods, target, error) in cases {
			assert_noop!(try_announce(programme, start, periods, target), error);
		}
		assert_noop!(
			DemandResponse::announce_event(
				RuntimeOrigin::signed(1),
				programme,
				at(MONDAY, 3),
				1,
				WattHours(1)
			),
			Error::<Test>::NotOperator
		);
		assert_noop!(
			try_announce(ProgrammeId(9), at(MONDAY, 3), 1, 1),
			Error::<Test>::UnknownProgramme
		);
		assert_ok!(try_announce(programme, at(MONDAY, 3), 2, 1_000));
		assert!(events().contains(&Event::EventAnnounced {
			event: EventId(0),
			programme,
			start: at(MONDAY, 3),
			end: at(MONDAY, 5),
			target: WattHours(1_000),
			budget: 250_000 * 1_000 * 1_000,
			automatic: false,
		}));
	});
}

#[test]
fn events_of_a_programme_should_not_overlap() {
	run(|| {
		let programme = open(
			ProgrammeTerms {
				rebound: 1,
				..terms()
			},
			BUDGET,
		);
		assert_ok!(try_announce(programme, at(MONDAY, 4), 2, 1));
		for (start, periods) in [(2, 2), (3, 2), (4, 1), (5, 9), (6, 1)] {
			assert_noop!(
				try_announce(programme, at(MONDAY, start), periods, 1),
				Error::<Test>::EventsOverlap
			);
		}
		assert_ok!(try_announce(programme, at(MONDAY, 2), 1, 1));
		assert_ok!(try_announce(programme, at(MONDAY, 7), 1, 1));
	});
}

#[test]
fn events_should_be_limited_by_day_and_in_number() {
	run(|| {
		let programme = open(
			ProgrammeTerms {
				events_per_day: 2,
				..terms()
			},
			BUDGET,
		);
		assert_ok!(try_announce(programme, at(MONDAY, 2), 1, 1));
		assert_ok!(try_announce(programme, at(MONDAY, 3), 1, 1));
		assert_noop!(
			try_announce(programme, at(MONDAY, 4), 1, 1),
			Error::<Test>::TooManyEventsThatDay
		);
		// One that was called off counts.
		assert_ok!(cancel(EventId(1)));
		assert_noop!(
			try_announce(programme, at(MONDAY, 4), 1, 1),
			Error::<Test>::TooManyEventsThatDay
		);
		for day in 1..4 {
			assert_ok!(try_announce(programme, at(MONDAY + day, 2), 1, 1));
			assert_ok!(try_announce(programme, at(MONDAY + day, 3), 1, 1));
		}
		assert_eq!(
			DemandResponse::programme(programme).unwrap().events.len(),
			MAX_OPEN_EVENTS as usize
		);
		assert_noop!(
			try_announce(programme, at(MONDAY + 4, 2), 1, 1),
			Error::<Test>::TooManyEvents
		);
		// Once events are over there is room again, on other days.
		live_until(at(MONDAY + 1, 0));
		assert_noop!(
			try_announce(programme, at(MONDAY + 1, 4), 1, 1),
			Error::<Test>::TooManyEventsThatDay
		);
		assert_ok!(try_announce(programme, at(MONDAY + 5, 4), 1, 1));
	});
}

#[test]
fn an_event_that_is_called_off_should_leave_nothing() {
	run(|| {
		let village = village(terms(), 2);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		let respond = |meter: u32, response| {
			assert_ok!(DemandResponse::respond(
				RuntimeOrigin::signed(owner(meter)),
				event,
				village.resources[meter as usize],
				response
			));
		};
		respond(0, Response::Commit(WattHours(500)));
		respond(1, Response::OptOut);
		assert_noop!(
			DemandResponse::cancel_event(RuntimeOrigin::signed(1), event),
			Error::<Test>::NotOperator
		);
		assert_ok!(cancel(event));
		assert_noop!(cancel(event), Error::<Test>::EventStarted);
		assert_eq!(
			DemandResponse::programme(village.programme).unwrap().free,
			BUDGET
		);
		poll();
		assert_eq!(held(HoldReason::Commitment, owner(0)), 0);
		assert_eq!(Events::<Test>::iter().count(), 0);
		assert_eq!(Responses::<Test>::iter().count(), 0);
		assert!(DemandResponse::programme(village.programme)
			.unwrap()
			.events
			.is_empty());
		// Nor is its day one of an event.
		took(village.meters[0], at(THIRD_MONDAY, 4), 0);
		live_until(at(THIRD_MONDAY + 1, 0));
		let next = announce(village.programme, at(THIRD_MONDAY + 1, 4), 1);
		took(village.meters[0], at(THIRD_MONDAY + 1, 4), 0);
		settle(next);
		assert_eq!(paid(next, village.resources[0]), reward(900));
	});
}

#[test]
fn all_answers_to_an_event_should_go_when_it_is_called_off() {
	run(|| {
		let village = village(terms(), 12);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		for (meter, resource) in (0..).zip(&village.resources) {
			assert_ok!(DemandResponse::respond(
				RuntimeOrigin::signed(owner(meter)),
				event,
				*resource,
				Response::Commit(WattHours(100))
			));
		}
		assert_ok!(cancel(event));
		poll();
		assert_eq!(Responses::<Test>::iter().count(), 0);
		for meter in 0..12 {
			assert_eq!(held(HoldReason::Commitment, owner(meter)), 0);
		}
	});
}

#[test]
fn an_event_that_has_started_should_be_ended_and_not_called_off() {
	run(|| {
		let village = village(terms(), 1);
		let event = announce(village.programme, at(THIRD_MONDAY, 2), 4);
		assert_noop!(end(event), Error::<Test>::NothingToEnd);
		live_until(at(THIRD_MONDAY, 3));
		assert_noop!(cancel(event), Error::<Test>::EventStarted);
		for place in 2..6 {
			took(village.meters[0], at(THIRD_MONDAY, place), 900);
		}
		assert_ok!(end(event));
		assert_noop!(end(event), Error::<Test>::NothingToEnd);
		let record = settle(event);
		assert_eq!(
			(record.end, record.planned_end),
			(at(THIRD_MONDAY, 4), at(THIRD_MONDAY, 6))
		);
		// Two periods instead of four.
		assert_eq!(paid(event, village.resources[0]), reward(200));
	});
}

#[test]
fn the_last_period_of_an_event_should_not_be_ended() {
	run(|| {
		let programme = open(terms(), BUDGET);
		let event = announce(programme, at(MONDAY, 2), 2);
		live_until(at(MONDAY, 3));
		assert_noop!(end(event), Error::<Test>::NothingToEnd);
		assert_noop!(end(EventId(9)), Error::<Test>::UnknownEvent);
	});
}

#[test]
fn who_opted_out_should_not_be_measured() {
	run(|| {
		let village = village(terms(), 2);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		assert_ok!(DemandResponse::respond(
			RuntimeOrigin::signed(owner(0)),
			event,
			village.resources[0],
			Response::OptOut
		));
		for meter in &village.meters {
			took(*meter, at(THIRD_MONDAY, 4), 0);
		}
		settle(event);
		assert_eq!(report(event, village.resources[0]), None);
		assert_eq!(paid(event, village.resources[1]), reward(1_000));
		assert_eq!(Responses::<Test>::iter().count(), 0);
	});
}

#[test]
fn reports_should_be_pruned_a_time_after_the_event() {
	run(|| {
		let village = village(terms(), 2);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		settle(event);
		assert_eq!(Reports::<Test>::iter().count(), 2);
		let settled = <World as gridweave_primitives::traits::SettlementClock>::current();
		live_until(settled.saturating_add(REPORT_RETENTION - 1));
		assert_eq!(Reports::<Test>::iter().count(), 2);
		live_until(settled.saturating_add(REPORT_RETENTION));
		assert_eq!(Reports::<Test>::iter().count(), 0);
		assert_eq!(Events::<Test>::iter().count(), 0);
		assert!(events().contains(&Event::ReportsPruned { event }));
	});
}

#[test]
fn an_event_without_members_should_settle_at_nothing() {
	run(|| {
		let programme = open(terms(), BUDGET);
		let event = announce(programme, at(MONDAY, 2), 1);
		let record = settle(event);
		assert_eq!((record.stage, record.paid), (Stage::Done, 0));
		assert_eq!(DemandResponse::programme(programme).unwrap().free, BUDGET);
		assert_eq!(crate::Communities::<Test>::count(), 0);
	});
}
