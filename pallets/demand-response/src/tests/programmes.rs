//! Programmes: opened, funded, closed.

use frame_support::{assert_noop, assert_ok};
use gridweave_primitives::{Balance, MicrogridId, Price, ProgrammeId};

use crate::{
	mock::*,
	types::{Baseline, Prices, ProgrammeTerms, MAX_PERIODS_PER_DAY},
	Error, Event, HoldReason, Members, Programmes, Resources, Watches,
};

fn try_open(who: AccountId, terms: ProgrammeTerms, budget: Balance) -> sp_runtime::DispatchResult {
	DemandResponse::open_programme(RuntimeOrigin::signed(who), HOME, terms, budget)
}

#[test]
fn a_programme_should_be_opened_by_the_operator_with_its_budget_held() {
	run(|| {
		assert_noop!(try_open(1, terms(), 5), Error::<Test>::NotOperator);
		assert_noop!(
			DemandResponse::open_programme(
				RuntimeOrigin::signed(OPERATOR),
				MicrogridId(7),
				terms(),
				5
			),
			Error::<Test>::UnknownMicrogrid
		);
		assert_noop!(
			try_open(OPERATOR, terms(), ENDOWMENT),
			Error::<Test>::CannotHold
		);
		assert_ok!(try_open(OPERATOR, terms(), 5_000));
		assert_eq!(held(HoldReason::Budget, OPERATOR), 5_000);
		assert_eq!(held(HoldReason::Enrolment, OPERATOR), PROGRAMME_DEPOSIT);
		assert!(events().contains(&Event::ProgrammeOpened {
			programme: ProgrammeId(0),
			microgrid: HOME,
			operator: OPERATOR,
			terms: terms(),
		}));
	});
}

#[test]
fn unsound_terms_should_be_refused() {
	run(|| {
		let price = Prices {
			reward: Price(0),
			..terms().prices
		};
		let cases = [
			(
				ProgrammeTerms {
					prices: price,
					..terms()
				},
				Error::<Test>::PriceOutOfBounds,
			),
			(
				ProgrammeTerms {
					least_days: 0,
					..terms()
				},
				Error::<Test>::NumberOutOfBounds,
			),
			(
				ProgrammeTerms {
					baseline: Baseline::LikeDays {
						method: crate::baseline::Method::TenOfTen,
						adjustment: sp_runtime::Permill::one(),
					},
					..terms()
				},
				Error::<Test>::AdjustmentTooLarge,
			),
			(
				ProgrammeTerms {
					baseline: Baseline::Commanded,
					..terms()
				},
				Error::<Test>::CommandMissing,
			),
		];
		for (terms, error) in cases {
			assert_noop!(try_open(OPERATOR, terms, 5), error);
		}
		world(|world| world.clock.periods_per_day = MAX_PERIODS_PER_DAY + 1);
		assert_noop!(try_open(OPERATOR, terms(), 5), Error::<Test>::DayTooLong);
	});
}

#[test]
fn a_budget_should_be_added_to_and_taken_back() {
	run(|| {
		let programme = open(terms(), 1_000);
		let origin = RuntimeOrigin::signed;
		assert_noop!(
			DemandResponse::fund_programme(origin(1), programme, 5),
			Error::<Test>::NotOperator
		);
		assert_ok!(DemandResponse::fund_programme(
			origin(OPERATOR),
			programme,
			500
		));
		assert_eq!(held(HoldReason::Budget, OPERATOR), 1_500);
		assert_noop!(
			DemandResponse::withdraw_budget(origin(OPERATOR), programme, 1_501),
			Error::<Test>::BudgetNotFree
		);
		assert_noop!(
			DemandResponse::withdraw_budget(origin(1), programme, 1),
			Error::<Test>::NotOperator
		);
		assert_ok!(DemandResponse::withdraw_budget(
			origin(OPERATOR),
			programme,
			1_400
		));
		assert_eq!(held(HoldReason::Budget, OPERATOR), 100);
		assert_eq!(DemandResponse::programme(programme).unwrap().free, 100);
	});
}

#[test]
fn closing_should_free_members_groups_and_the_budget() {
	run(|| {
		let village = village(terms(), 3);
		let other = add_meter(5);
		group(village.programme, 50, &[other]);
		group(village.programme, 51, &[]);
		let kept = open(terms(), 700);
		enrol(kept, village.meters[0]);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		let close =
			|who, programme| DemandResponse::close_programme(RuntimeOrigin::signed(who), programme);
		assert_noop!(close(1, village.programme), Error::<Test>::NotOperator);
		assert_noop!(
			close(OPERATOR, village.programme),
			Error::<Test>::EventsOpen
		);
		settle(event);
		assert_ok!(close(OPERATOR, village.programme));
		assert_noop!(
			close(OPERATOR, village.programme),
			Error::<Test>::ProgrammeClosing
		);
		assert_noop!(
			DemandResponse::enrol(
				RuntimeOrigin::signed(owner(7)),
				village.programme,
				add_meter(7)
			),
			Error::<Test>::ProgrammeClosing
		);
		assert_noop!(
			DemandResponse::fund_programme(RuntimeOrigin::signed(OPERATOR), village.programme, 1),
			Error::<Test>::ProgrammeClosing
		);
		poll();
		assert!(events().contains(&Event::ProgrammeClosed {
			programme: village.programme
		}));
		assert_eq!(Programmes::<Test>::iter().count(), 1);
		assert_eq!(Members::<Test>::iter().count(), 1);
		assert_eq!(Resources::<Test>::iter().count(), 1);
		assert_eq!(Watches::<Test>::iter().count(), 1);
		for who in [owner(1), owner(2), owner(5), 50, 51] {
			assert_eq!(held(HoldReason::Enrolment, who), 0);
		}
		assert_eq!(held(HoldReason::Budget, OPERATOR), 700);
		assert_eq!(held(HoldReason::Enrolment, OPERATOR), PROGRAMME_DEPOSIT);
	});
}
