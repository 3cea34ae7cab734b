//! Standing orders come and go at random, with their meters, quarantine, money and time; whatever happens,
//! what is held is what they need, none is executed twice for a period, and in the end nothing is held.

use std::collections::BTreeSet;

use gridweave_primitives::{market::Side, MeterId, Period};
use proptest::prelude::*;

use crate::{mock::*, Event, Instruction, StandingAgenda, StandingOrders, StandingRounds};

#[derive(Clone, Debug)]
enum Op {
	Set(u32, bool, Instruction),
	End(u32, bool),
	Transfer(u32, u64),
	Quarantine(u32, bool),
	Fund(u64, u64),
	Room(u64),
	Block,
	Open,
}

fn instruction() -> impl Strategy<Value = Instruction> {
	prop_oneof![
		(5u64..300, 1u64..5).prop_map(|(energy, price)| fixed(energy, price * 40_000)),
		(0u64..300, 1u64..5).prop_map(|(keep, price)| above(keep, price * 40_000)),
	]
}

fn op() -> impl Strategy<Value = Op> {
	let meter = 0u32..4;
	prop_oneof![
		4 => (meter.clone(), any::<bool>(), instruction()).prop_map(|(m, s, i)| Op::Set(m, s, i)),
		2 => (meter.clone(), any::<bool>()).prop_map(|(m, s)| Op::End(m, s)),
		1 => (meter.clone(), 1u64..4).prop_map(|(m, to)| Op::Transfer(m, to)),
		1 => (meter, any::<bool>()).prop_map(|(m, on)| Op::Quarantine(m, on)),
		1 => (1u64..4, prop_oneof![Just(0), Just(5_000_000_000), Just(1_000_000_000_000)])
			.prop_map(|(who, amount)| Op::Fund(who, amount)),
		1 => prop_oneof![Just(0u64), Just(4_000_000_000), Just(40_000_000_000)].prop_map(Op::Room),
		3 => Just(Op::Block),
		3 => Just(Op::Open),
	]
}

fn side(ask: bool) -> Side {
	if ask {
		Side::Ask
	} else {
		Side::Bid
	}
}

/// Whatever is placed is placed for a meter, side and period that had none before.
fn note_placements(placed: &mut BTreeSet<(MeterId, bool, Period)>) {
	for event in take_events() {
		if let Event::OrderPlaced {
			order, standing, ..
		} = event
		{
			assert!(standing, "nobody else places orders here");
			let key = (order.meter, order.side == Side::Ask, order.period);
			assert!(placed.insert(key), "executed twice: {key:?}");
		}
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	#[test]
	fn holds_should_be_those_of_standing_orders_and_end_with_them(
		ops in prop::collection::vec(op(), 1..60),
	) {
		chain().execute_with(|| {
			let mut placed = BTreeSet::new();
			for meter in 0..4 {
				measured(MeterId(meter), &[(50 * u64::from(meter), 120); 2]);
			}
			for op in ops {
				match op {
					Op::Set(meter, ask, instruction) => {
						let meter = MeterId(meter);
						let call = standing(meter, side(ask), instruction);
						let _ = dispatch(owner_of(meter), call);
					}
					Op::End(meter, ask) => {
						let meter = MeterId(meter);
						let _ = dispatch(owner_of(meter), ending(meter, side(ask)));
					}
					Op::Transfer(meter, to) => transfer(MeterId(meter), to),
					Op::Quarantine(meter, on) => Quarantined::mutate(|meters| {
						if on {
							meters.insert(MeterId(meter));
						} else {
							meters.remove(&MeterId(meter));
						}
					}),
					Op::Fund(who, amount) => fund(who, amount.into()),
					Op::Room(room) => StandingWeight::set(
						frame_support::weights::Weight::from_parts(room, u64::MAX),
					),
					Op::Block => block_at(Now::get() + 3),
					Op::Open => block_at(Now::get() + 900),
				}
				check();
				note_placements(&mut placed);
			}
			// Everybody goes.
			let left: Vec<_> = StandingOrders::<Test>::iter().collect();
			for ((_, meter, side), order) in left {
				let meter = MeterId(meter.get());
				assert!(dispatch(order.owner, ending(meter, side)).is_ok());
			}
			check();
			for who in [ALICE, BOB, CAROL] {
				assert_eq!(held(who), 0);
			}
			StandingWeight::set(frame_support::weights::Weight::from_parts(
				40_000_000_000,
				u64::MAX,
			));
			block_at(Now::get() + 900);
			block_at(Now::get() + 3);
			assert_eq!(StandingRounds::<Test>::iter().count(), 0);
			assert_eq!(StandingAgenda::<Test>::count(), 0);
			check();
		});
	}
}
