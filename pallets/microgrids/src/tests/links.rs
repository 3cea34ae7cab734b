//! Links: their calls with each of their errors, and their life with the periods.

use frame_support::{assert_noop, assert_ok, traits::fungible::InspectHold};
use frame_system::RawOrigin;
use gridweave_primitives::{
	link::LinkTerms, traits::LinkInspect, LinkId, MicrogridId, Period, Price, WattHours,
};
use sp_runtime::{DispatchError, Permill};

use crate::{mock::*, Error, Event, HoldReason, LinkStage, Links, LinksInto, LinksOutOf};

const LINK: LinkId = LinkId(0);
/// The first period that is not open in the block at [`START`].
const NEXT: Period = Period(START.0 + HORIZON + 1);

fn signed(who: AccountId) -> RuntimeOrigin {
	RuntimeOrigin::signed(who)
}

fn held(who: AccountId) -> u128 {
	Balances::balance_on_hold(&HoldReason::Link.into(), &who)
}

fn link_terms() -> LinkTerms {
	LinkTerms {
		from: FIRST,
		to: SECOND,
		loss: Permill::from_percent(5),
		capacity: WattHours(10_000),
		wheeling_fee: Price(2_000),
		min_quantity: WattHours(10),
	}
}

fn between(from: MicrogridId, to: MicrogridId) -> LinkTerms {
	LinkTerms {
		from,
		to,
		..link_terms()
	}
}

/// Three microgrids of Alice, Bob and Alice, their horizon open.
fn with_three(test: impl FnOnce()) {
	let grids = vec![(ALICE, terms()), (BOB, terms()), (ALICE, terms())];
	on(chain(grids), || {
		// A block opens little more than one horizon.
		(0..4).for_each(|_| block_at(START_TIME));
		test();
	});
}

/// The links of a period from the first microgrid to the second, as both of them see it.
fn open_in(period: Period) -> Vec<LinkId> {
	let ids = |links: Vec<gridweave_primitives::link::OpenLink<_>>| -> Vec<LinkId> {
		links.into_iter().map(|link| link.id).collect()
	};
	let out_of = ids(Microgrids::links_out_of(FIRST, period));
	assert_eq!(out_of, ids(Microgrids::links_into(SECOND, period)));
	out_of
}

fn propose(who: AccountId, terms: LinkTerms) -> Result<(), DispatchError> {
	Microgrids::propose_link(signed(who), terms)
}

#[test]
fn a_link_should_open_with_periods_that_neither_side_has_opened() {
	with_three(|| {
		assert_ok!(propose(ALICE, link_terms()));
		assert_eq!((held(ALICE), open_in(NEXT)), (LINK_DEPOSIT, vec![]));
		assert!(
			Microgrids::links_of(FIRST).is_empty(),
			"nobody has agreed yet"
		);
		assert_ok!(Microgrids::accept_link(signed(BOB), LINK));
		assert_eq!(
			events()[events().len() - 2..],
			[
				Event::LinkProposed {
					link: LINK,
					operator: ALICE,
					terms: link_terms(),
					deposit: LINK_DEPOSIT,
				},
				Event::LinkOpened {
					link: LINK,
					first: NEXT,
				},
			]
		);
		// Its terms are known for periods that have not opened yet; those that have are as they were.
		let kept = span(START, NEXT.saturating_sub(1));
		assert!(kept.into_iter().all(|period| open_in(period).is_empty()));
		block_in(START.next());
		assert_eq!(open_in(NEXT), [LINK]);
		let open = Microgrids::links_into(SECOND, NEXT).remove(0);
		assert_eq!((open.terms, open.operator), (link_terms(), ALICE));
		// One way.
		assert!(Microgrids::links_into(FIRST, NEXT).is_empty());
		assert!(Microgrids::links_out_of(SECOND, NEXT).is_empty());
		assert_eq!(Microgrids::links_of(SECOND).len(), 1);
	});
}

#[test]
fn either_side_may_propose_and_the_other_must_accept() {
	with_three(|| {
		assert_ok!(propose(BOB, link_terms()));
		assert_eq!((held(ALICE), held(BOB)), (0, LINK_DEPOSIT));
		for who in [BOB, CHARLIE] {
			assert_noop!(
				Microgrids::accept_link(signed(who), LINK),
				Error::<Test>::NotOperator
			);
		}
		assert_ok!(Microgrids::accept_link(signed(ALICE), LINK));
		assert_noop!(
			Microgrids::accept_link(signed(ALICE), LINK),
			Error::<Test>::NotProposed
		);
		assert_eq!(
			Links::<Test>::get(LINK).map(|link| link.operator),
			Some(BOB)
		);
	});
}

#[test]
fn who_operates_both_sides_should_need_nobody_else() {
	with_three(|| {
		assert_ok!(propose(ALICE, between(FIRST, MicrogridId(2))));
		assert_eq!(Microgrids::links_out_of(FIRST, NEXT).len(), 1);
	});
}

#[test]
fn a_successor_should_decide_about_a_proposal() {
	with_three(|| {
		assert_ok!(propose(ALICE, link_terms()));
		assert_ok!(Microgrids::offer_operator(signed(BOB), SECOND, CHARLIE));
		assert_ok!(Microgrids::accept_operator(signed(CHARLIE), SECOND));
		assert_noop!(
			Microgrids::accept_link(signed(BOB), LINK),
			Error::<Test>::NotOperator
		);
		assert_ok!(Microgrids::accept_link(signed(CHARLIE), LINK));
	});
}

#[test]
fn unsound_links_should_be_refused() {
	with_three(|| {
		let with = |change: fn(&mut LinkTerms)| {
			let mut terms = link_terms();
			change(&mut terms);
			terms
		};
		for (terms, error) in [
			(with(|link| link.to = FIRST), Error::<Test>::LinkToItself),
			(
				with(|link| link.loss = Permill::from_percent(50)),
				Error::LossOutOfBounds,
			),
			(
				with(|link| link.capacity = WattHours(0)),
				Error::CapacityOutOfBounds,
			),
			(
				with(|link| link.wheeling_fee = Price(1 << 40)),
				Error::WheelingFeeOutOfBounds,
			),
			(
				with(|link| link.min_quantity = WattHours(9_501)),
				Error::LinkQuantityOutOfBounds,
			),
			(
				with(|link| link.to = MicrogridId(7)),
				Error::UnknownMicrogrid,
			),
			(
				with(|link| link.from = MicrogridId(7)),
				Error::UnknownMicrogrid,
			),
		] {
			assert_noop!(propose(ALICE, terms), error);
		}
		assert_noop!(propose(CHARLIE, link_terms()), Error::<Test>::NotOperator);
		assert_noop!(
			Microgrids::propose_link(RawOrigin::Root.into(), link_terms()),
			DispatchError::BadOrigin
		);
	});
}

#[test]
fn a_link_should_need_its_deposit() {
	on(chain(vec![(POOR, terms()), (BOB, terms())]), || {
		assert_noop!(
			propose(POOR, link_terms()),
			Error::<Test>::DepositUnavailable
		);
	});
}

#[test]
fn calls_about_an_unknown_link_should_be_refused() {
	with_three(|| {
		for result in [
			Microgrids::accept_link(signed(ALICE), LINK),
			Microgrids::close_link(signed(ALICE), LINK),
		] {
			assert_eq!(result, Err(Error::<Test>::UnknownLink.into()));
		}
	});
}

#[test]
fn a_proposal_should_be_taken_back_or_refused() {
	with_three(|| {
		for who in [ALICE, BOB] {
			assert_ok!(propose(ALICE, link_terms()));
			let id = LinkId(crate::NextLinkId::<Test>::get().0 - 1);
			assert_noop!(
				Microgrids::close_link(signed(CHARLIE), id),
				Error::<Test>::NotOperator
			);
			assert_ok!(Microgrids::close_link(signed(who), id));
			assert_eq!((held(ALICE), Links::<Test>::get(id)), (0, None));
			assert_eq!(events().last(), Some(&Event::LinkRemoved { link: id }));
		}
	});
}

#[test]
fn a_link_that_never_carried_a_period_should_go_at_once() {
	with_three(|| {
		assert_ok!(propose(ALICE, link_terms()));
		assert_ok!(Microgrids::accept_link(signed(BOB), LINK));
		assert_ok!(Microgrids::close_link(signed(BOB), LINK));
		assert_eq!((held(ALICE), Links::<Test>::get(LINK)), (0, None));
		assert!(!LinksInto::<Test>::contains_key(SECOND));
		assert!(!LinksOutOf::<Test>::contains_key(FIRST));
	});
}

#[test]
fn a_closed_link_should_serve_open_periods_and_go_when_both_sides_have_pruned_them() {
	with_three(|| {
		assert_ok!(propose(ALICE, link_terms()));
		assert_ok!(Microgrids::accept_link(signed(BOB), LINK));
		block_in(START.saturating_add(3));
		assert_ok!(Microgrids::close_link(signed(BOB), LINK));
		let until = NEXT.saturating_add(3);
		assert_eq!(
			events().last(),
			Some(&Event::LinkClosed { link: LINK, until })
		);
		assert_noop!(
			Microgrids::close_link(signed(ALICE), LINK),
			Error::<Test>::AlreadyClosed
		);
		block_in(START.saturating_add(5));
		for period in span(NEXT, until.saturating_add(1)) {
			assert_eq!(open_in(period).is_empty(), period >= until);
		}
		// One side is not settled: the link stays.
		settle(FIRST, until.saturating_sub(1));
		let clock = clock();
		let pruned = until.saturating_add(clock.grace + clock.retention + 1);
		for ahead in 0..40 {
			block_in(pruned.saturating_add(ahead));
		}
		assert_eq!(held(ALICE), LINK_DEPOSIT);
		assert_eq!(kept(FIRST).first(), Some(&until.saturating_sub(1)));
		settle(FIRST, Period(u32::MAX));
		let gone = (41..60).any(|ahead| {
			block_in(pruned.saturating_add(ahead));
			events().contains(&Event::LinkRemoved { link: LINK })
		});
		assert!(gone);
		assert_eq!((held(ALICE), Links::<Test>::iter().count()), (0, 0));
		assert!(Microgrids::links_of(FIRST).is_empty());
	});
}

#[test]
fn one_link_at_a_time_should_lead_from_one_microgrid_to_another() {
	with_three(|| {
		assert_ok!(propose(ALICE, link_terms()));
		assert_ok!(propose(ALICE, link_terms()));
		assert_ok!(Microgrids::accept_link(signed(BOB), LINK));
		let other = LinkId(1);
		assert_noop!(
			Microgrids::accept_link(signed(BOB), other),
			Error::<Test>::AlreadyLinked
		);
		// Back is another way.
		assert_ok!(propose(ALICE, between(SECOND, FIRST)));
		assert_ok!(Microgrids::accept_link(signed(BOB), LinkId(2)));
		block_in(START.saturating_add(2));
		assert_ok!(Microgrids::close_link(signed(ALICE), LINK));
		assert_ok!(Microgrids::accept_link(signed(BOB), other));
		let (last, first) = (NEXT.saturating_add(1), NEXT.saturating_add(2));
		assert_eq!((open_in(last), open_in(first)), (vec![LINK], vec![other]));
	});
}

#[test]
fn links_of_a_microgrid_should_be_bounded_in_either_direction() {
	let grids = vec![(ALICE, terms()); MAX_LINKS as usize + 2];
	on(chain(grids), || {
		block_at(START_TIME);
		let hub = FIRST;
		for other in 1..=MAX_LINKS {
			assert_ok!(propose(ALICE, between(hub, MicrogridId(other))));
			assert_ok!(propose(ALICE, between(MicrogridId(other), hub)));
		}
		let last = MicrogridId(MAX_LINKS + 1);
		assert_noop!(
			propose(ALICE, between(hub, last)),
			Error::<Test>::TooManyLinks
		);
		assert_noop!(
			propose(ALICE, between(last, hub)),
			Error::<Test>::TooManyLinks
		);
		// One that is closed counts until it is gone.
		block_in(START.next());
		assert_ok!(Microgrids::close_link(signed(ALICE), LINK));
		assert_noop!(
			propose(ALICE, between(hub, last)),
			Error::<Test>::TooManyLinks
		);
	});
}

#[test]
fn a_link_of_microgrids_that_have_not_started_should_open_with_their_first_periods() {
	on(chain(vec![(ALICE, terms())]), || {
		block_at(START_TIME);
		assert_ok!(Microgrids::create_microgrid(
			RawOrigin::Root.into(),
			ALICE,
			terms()
		));
		assert_ok!(Microgrids::create_microgrid(
			RawOrigin::Root.into(),
			ALICE,
			terms()
		));
		assert_ok!(propose(ALICE, between(SECOND, MicrogridId(2))));
		let stage = Links::<Test>::get(LINK).map(|link| link.stage);
		assert_eq!(
			stage,
			Some(LinkStage::Open {
				first: START,
				until: None
			})
		);
		block_in(START);
		assert_eq!(Microgrids::links_out_of(SECOND, START).len(), 1);
	});
}

#[test]
fn a_deposit_of_a_link_that_is_gone_should_be_found() {
	with_three(|| {
		assert_ok!(propose(ALICE, link_terms()));
		let link = Links::<Test>::take(LINK).expect("proposed");
		assert!(Microgrids::do_try_state().is_err());
		Links::<Test>::insert(LINK, link);
	});
}
