//! Giving and ending standing orders, and what they come to.

use frame_support::{assert_ok, dispatch::GetDispatchInfo};
use gridweave_primitives::{
	market::Side,
	meter::{MeterState, MeteredPeriod, Provenance},
	units::PRICE_BOUND,
	MeterId, Price, WattHours,
};
use proptest::prelude::*;
use sp_runtime::TokenError;

use crate::{
	mock::*,
	runtime_api::StandingOrderInfo,
	types::{expected, Round},
	EndReason, Error, Event, Instruction, Quantity, StandingAgenda, StandingOrders, StandingRounds,
	WeightInfo,
};

use Side::{Ask, Bid};

fn ended(who: AccountId, meter: MeterId, side: Side, reason: EndReason) -> Event<Test> {
	Event::StandingOrderEnded {
		who,
		meter,
		side,
		reason,
	}
}

#[test]
fn standing_order_should_hold_a_deposit_and_give_it_back_in_full() {
	test(|| {
		let instruction = above(100, 90_000);
		stand(ALICES, Ask, instruction);
		assert_eq!((held(ALICE), free(ALICE)), (1_000, FUNDS - 1_000));
		let info = StandingOrderInfo {
			side: Ask,
			owner: ALICE,
			instruction,
			deposit: 1_000,
			refused: None,
		};
		assert_eq!(OrderBook::standing_orders(ALICES), vec![info]);
		assert_ok!(dispatch(ALICE, ending(ALICES, Ask)));
		assert_eq!((held(ALICE), free(ALICE)), (0, FUNDS));
		assert_eq!(OrderBook::standing_orders(ALICES), vec![]);
		let set = Event::StandingOrderSet {
			who: ALICE,
			meter: ALICES,
			side: Ask,
			instruction,
		};
		assert_eq!(
			take_events(),
			vec![set, ended(ALICE, ALICES, Ask, EndReason::Cancelled)]
		);
	});
}

#[test]
fn sides_of_a_meter_should_stand_for_themselves() {
	test(|| {
		stand(ALICES, Ask, fixed(100, 90_000));
		stand(ALICES, Bid, fixed(200, 80_000));
		assert_eq!(held(ALICE), 2_000);
		let sides = OrderBook::standing_orders(ALICES);
		assert_eq!((sides[0].side, sides[1].side), (Bid, Ask));
		assert_ok!(dispatch(ALICE, ending(ALICES, Bid)));
		assert_eq!(held(ALICE), 1_000);
		assert_eq!(OrderBook::standing_orders(ALICES)[0].side, Ask);
	});
}

#[test]
fn changed_standing_order_should_keep_its_deposit() {
	test(|| {
		stand(ALICES, Ask, fixed(100, 90_000));
		StandingDeposit::set(7_777);
		stand(ALICES, Ask, fixed(200, 91_000));
		let order = &OrderBook::standing_orders(ALICES)[0];
		assert_eq!(order.instruction, fixed(200, 91_000));
		assert_eq!((order.deposit, held(ALICE)), (1_000, 1_000));
		assert_ok!(dispatch(ALICE, ending(ALICES, Ask)));
		assert_eq!(free(ALICE), FUNDS);
	});
}

#[test]
fn unsound_standing_orders_should_be_refused() {
	test(|| {
		let nothing = Instruction {
			quantity: Quantity::Above {
				keep: WattHours(0),
				most: Some(WattHours(0)),
			},
			..fixed(0, 90_000)
		};
		let cases = [
			(Ask, fixed(0, 90_000), Error::<Test>::NothingToTrade),
			(Bid, nothing, Error::<Test>::NothingToTrade),
			(Ask, fixed(100, 0), Error::<Test>::LimitPriceOutOfBounds),
			(
				Bid,
				above(100, PRICE_BOUND),
				Error::<Test>::LimitPriceOutOfBounds,
			),
			(
				Ask,
				fixed(RATED + 1, 90_000),
				Error::<Test>::ExceedsExportRating,
			),
			(
				Bid,
				fixed(RATED + 1, 90_000),
				Error::<Test>::ExceedsImportRating,
			),
		];
		for (side, instruction, error) in cases {
			assert_refused(ALICE, standing(ALICES, side, instruction), error);
		}
		stand(ALICES, Ask, fixed(RATED, PRICE_BOUND - 1));
	});
}

#[test]
fn standing_orders_of_meters_that_may_not_trade_should_be_refused() {
	test(|| {
		Meters::mutate(|meters| {
			meters.get_mut(&CAROLS).unwrap().state = MeterState::Registered;
		});
		Quarantined::mutate(|meters| meters.insert(BOBS));
		let cases = [
			(ALICE, MeterId(999), Error::<Test>::UnknownMeter),
			(ALICE, BOBS, Error::<Test>::NotMeterOwner),
			(ALICE, FEEDER, Error::<Test>::MeterMayNotTrade),
			(CAROL, CAROLS, Error::<Test>::MeterMayNotTrade),
			(BOB, BOBS, Error::<Test>::Quarantined),
		];
		for (who, meter, error) in cases {
			assert_refused(who, standing(meter, Ask, fixed(100, 90_000)), error);
		}
		assert_refused(
			POOR,
			standing(POORS, Ask, fixed(100, 90_000)),
			TokenError::FundsUnavailable,
		);
	});
}

#[test]
fn standing_order_should_be_ended_by_its_owner_only() {
	test(|| {
		stand(ALICES, Ask, fixed(100, 90_000));
		let cases = [
			(ALICE, MeterId(999), Ask, Error::<Test>::UnknownMeter),
			(ALICE, ALICES, Bid, Error::<Test>::NoStandingOrder),
			(BOB, ALICES, Ask, Error::<Test>::NotOrderOwner),
		];
		for (who, meter, side, error) in cases {
			assert_refused(who, ending(meter, side), error);
		}
		// Also when the meter is no longer theirs.
		transfer(ALICES, BOB);
		assert_refused(BOB, ending(ALICES, Ask), Error::<Test>::NotOrderOwner);
		assert_ok!(dispatch(ALICE, ending(ALICES, Ask)));
		assert_eq!(free(ALICE), FUNDS);
	});
}

#[test]
fn standing_order_of_a_new_owner_should_end_that_of_the_last() {
	test(|| {
		stand(ALICES, Ask, fixed(100, 90_000));
		transfer(ALICES, BOB);
		take_events();
		stand(ALICES, Ask, fixed(200, 90_000));
		assert_eq!(
			take_events()[0],
			ended(ALICE, ALICES, Ask, EndReason::MeterGone)
		);
		assert_eq!((held(ALICE), held(BOB)), (0, 1_000));
		assert_eq!(OrderBook::standing_orders(ALICES)[0].owner, BOB);
		check();
		// Ending it is charged beforehand, and paid for by who has to do it.
		let change = standing(ALICES, Ask, fixed(200, 90_000));
		let charged = change.get_dispatch_info().call_weight;
		let spent = |who| dispatch(who, change.clone()).unwrap().actual_weight;
		let plain = <() as WeightInfo>::set_standing_order();
		assert_eq!(spent(BOB), Some(plain));
		transfer(ALICES, CAROL);
		assert_eq!(spent(CAROL), Some(charged));
		assert!(plain.all_lt(charged));
		open(NEXT);
		assert_eq!(placements(), vec![(ALICES, Ask, NEXT, 200)]);
	});
}

#[test]
fn nothing_should_be_left_after_the_last_standing_order() {
	test(|| {
		stand(ALICES, Ask, fixed(100, 90_000));
		assert_ok!(dispatch(ALICE, ending(ALICES, Ask)));
		check();
		open(NEXT);
		assert_eq!(StandingOrders::<Test>::iter().count(), 0);
		assert_eq!(StandingRounds::<Test>::iter().count(), 0);
		assert_eq!(StandingAgenda::<Test>::count(), 0);
	});
}

fn metered(import: u64, export: u64) -> MeteredPeriod {
	MeteredPeriod {
		import: WattHours(import),
		export: WattHours(export),
		provenance: Provenance::Measured,
	}
}

#[test]
fn expectation_should_be_the_mean_of_what_was_net() {
	let recent = [
		metered(50, 300),
		metered(400, 100),
		metered(0, 101),
		metered(0, 0),
	];
	// (250 + 0 + 101 + 0) / 4, and (0 + 300 + 0 + 0) / 4.
	assert_eq!(expected(Ask, &recent), WattHours(87));
	assert_eq!(expected(Bid, &recent), WattHours(75));
	assert_eq!(expected(Ask, &recent[..1]), WattHours(250));
	assert_eq!(expected(Ask, &[]), WattHours(0));
	let most = [metered(0, u64::MAX); 4];
	assert_eq!(expected(Ask, &most), WattHours(u64::MAX));
}

#[test]
fn quantity_above_should_be_cut_to_the_most_and_the_rating() {
	let rated = WattHours(1_000);
	let most = |most| Instruction {
		limit_price: Price(1),
		quantity: Quantity::Above {
			keep: WattHours(200),
			most: Some(WattHours(most)),
		},
	};
	let cases = [
		(above(200, 1), 100, 0),
		(above(200, 1), 200, 0),
		(above(200, 1), 201, 1),
		(above(200, 1), 9_999, 1_000),
		(most(300), 450, 250),
		(most(300), 550, 300),
		(most(3_000), 5_000, 1_000),
		(fixed(700, 1), 0, 700),
	];
	for (instruction, expected, energy) in cases {
		assert_eq!(
			instruction.energy(WattHours(expected), rated),
			WattHours(energy)
		);
	}
}

proptest! {
	/// A round counts, whatever comes and goes while it is under way.
	#[test]
	fn round_should_know_how_many_are_left(
		ops in prop::collection::vec((0u8..3, 0u32..4, any::<bool>()), 0..60),
	) {
		let mut round = Round::new(P);
		// By key, in order: whether its turn is over.
		let mut model = std::collections::BTreeMap::<(u32, bool), bool>::new();
		let key = |(meter, ask): (u32, bool)| (MeterId(meter), if ask { Ask } else { Bid });
		for (op, meter, ask) in ops {
			let at = (meter, ask);
			match op {
				0 if !model.contains_key(&at) => {
					let over = round.after.is_some_and(|(last, side)| at <= (last.0, side == Ask));
					model.insert(at, over);
					round.enter(key(at));
				}
				1 if model.remove(&at).is_some() => round.leave(key(at), 1),
				_ => {
					let next = model.iter().find(|(_, over)| !**over).map(|(at, _)| *at);
					let Some(next) = next else { continue };
					round.pass(key(next), ask);
					if ask {
						model.insert(next, true);
					} else {
						model.remove(&next);
					}
				}
			}
			prop_assert_eq!(round.orders as usize, model.len());
			prop_assert_eq!(round.left() as usize, model.values().filter(|over| !**over).count());
		}
	}
}
