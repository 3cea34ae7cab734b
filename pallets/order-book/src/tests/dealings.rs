//! What is kept of a meter over all periods.

use std::collections::BTreeMap;

use gridweave_primitives::{Be32, OrderId, Period, WattHours};
use proptest::prelude::*;

use crate::{
	mock::*,
	types::{Commitment, Dealings, MAX_PERIODS},
	Error, MeterDealings,
};

type Kept = Dealings<MaxOrdersPerMeter>;

fn sold(energy: u64) -> Commitment {
	Commitment {
		sold: WattHours(energy),
		..Commitment::default()
	}
}

fn offered(energy: u64) -> Commitment {
	Commitment {
		asks: WattHours(energy),
		..Commitment::default()
	}
}

fn entered(kept: &mut Kept, period: u32, settled_before: u32, commitment: Commitment) {
	let settled = || Period(settled_before);
	let changed = kept.change(Period(period), settled, |entry| *entry = commitment);
	assert!(changed);
}

fn periods(kept: &Kept) -> Vec<u32> {
	kept.periods.iter().map(|(period, _)| period.0).collect()
}

#[test]
fn settled_periods_should_go_with_the_next_one_unless_orders_are_open() {
	let mut kept = Kept::default();
	entered(&mut kept, 5, 0, sold(10));
	entered(&mut kept, 3, 0, offered(10));
	entered(&mut kept, 4, 0, sold(10));
	assert_eq!(periods(&kept), [3, 4, 5]);
	// Nothing goes while none is entered.
	entered(&mut kept, 5, 9, sold(20));
	assert_eq!(periods(&kept), [3, 4, 5]);
	entered(&mut kept, 7, 5, sold(10));
	assert_eq!(periods(&kept), [3, 5, 7]);
	entered(&mut kept, 3, 9, Commitment::default());
	entered(&mut kept, 8, 9, Commitment::default());
	assert_eq!(periods(&kept), [5, 7]);
}

#[test]
fn trades_should_bind_a_meter_until_they_are_settled() {
	let mut kept = Kept::default();
	entered(&mut kept, 5, 0, sold(10));
	entered(&mut kept, 9, 0, offered(10));
	assert!(kept.has_trades(Period(5)));
	assert!(!kept.has_trades(Period(6)));
}

#[test]
fn order_should_be_refused_where_the_meter_deals_in_too_many_periods() {
	chain().execute_with(|| {
		let mut kept = Kept::default();
		for ahead in 0..MAX_PERIODS {
			entered(&mut kept, P.0 + 1 + ahead, 0, sold(10));
		}
		assert!(!kept.has_room_for(P, || P));
		assert!(kept.has_room_for(P, || Period(P.0 + 2)));
		assert!(kept.has_room_for(P1, || P));
		MeterDealings::<Test>::insert(Be32::from(ALICES), &kept);
		let refused = Error::<Test>::TooManyOrders;
		assert_refused(ALICE, placing(ask(ALICES, 100, 80)), refused);
		kept.periods.pop();
		MeterDealings::<Test>::insert(Be32::from(ALICES), &kept);
		place(ask(ALICES, 100, 80));
	});
}

proptest! {
	/// As a map that forgets what is settled when a period is entered that it does not have.
	#[test]
	fn dealings_should_be_kept_by_period(
		changes in prop::collection::vec((0u32..12, 0u32..12, 0u64..3, 0u64..3), 0..60),
	) {
		let (mut kept, mut map) = (Kept::default(), BTreeMap::<u32, Commitment>::new());
		for (period, settled_before, asks, bought) in changes {
			let commitment = Commitment {
				bought: WattHours(bought),
				..offered(asks)
			};
			entered(&mut kept, period, settled_before, commitment);
			let empty = commitment == Commitment::default();
			if !empty && !map.contains_key(&period) {
				map.retain(|of, entry| *of >= settled_before || entry.is_open());
			}
			if empty {
				map.remove(&period);
			} else {
				map.insert(period, commitment);
			}
			let told = kept.periods.iter().map(|(period, entry)| (period.0, *entry));
			prop_assert!(told.eq(map.iter().map(|(period, entry)| (*period, *entry))));
			prop_assert_eq!(kept.of(Period(period)), commitment);
		}
	}

	/// As a sorted list.
	#[test]
	fn orders_should_be_closed_one_by_one(ids in prop::collection::btree_set(0u64..40, 0..12), gone in 0u64..40) {
		let mut kept = Kept::default();
		for id in &ids {
			kept.orders.try_push(OrderId(*id)).expect("few");
		}
		kept.close(OrderId(gone));
		let left: Vec<_> = ids.iter().filter(|id| **id != gone).collect();
		prop_assert!(kept.orders.iter().map(|order| &order.0).eq(left.iter().copied()));
		prop_assert_eq!(kept.is_empty(), left.is_empty());
	}
}
