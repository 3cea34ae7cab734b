//! What meters can stand for.

use codec::Encode;
use frame_support::assert_ok;
use gridweave_primitives::{market::Side, units::ENERGY_BOUND, MeterId, Period, WattHours};
use proptest::prelude::*;
use sp_runtime::DispatchError;

use crate::{availability::StorageCheck, mock::*, Commitment, Error, NewOrder, TimeInForce};

#[track_caller]
fn refused(order: NewOrder, error: impl Into<DispatchError>) {
	let owner = owner_of(order.meter);
	assert_refused(owner, placing(order), error);
}

fn in_period(period: Period, order: NewOrder) -> NewOrder {
	NewOrder { period, ..order }
}

fn charge(energy: u64) {
	Charges::mutate(|charges| charges.insert(STORE, WattHours(energy)));
}

#[test]
fn asks_and_sales_should_stay_within_the_export_rating() {
	test(|| {
		refused(
			ask(ALICES, RATED + 1, 100),
			Error::<Test>::ExceedsExportRating,
		);
		let sale = place(ask(ALICES, 6_000, 100));
		refused(ask(ALICES, 4_001, 100), Error::<Test>::ExceedsExportRating);
		place(bid(BOBS, 6_000, 100));
		// Sold now, and counted as before.
		assert_eq!(remaining(sale), None);
		refused(ask(ALICES, 4_001, 100), Error::<Test>::ExceedsExportRating);
		let rest = place(ask(ALICES, 4_000, 100));
		assert_ok!(OrderBook::cancel_order(RuntimeOrigin::signed(ALICE), rest));
		place(ask(ALICES, 4_000, 100));
		// Other periods and other meters are not affected.
		place(in_period(P1, ask(ALICES, RATED, 100)));
		place(ask(ALICES_OTHER, RATED, 100));
	});
}

#[test]
fn bids_and_purchases_should_stay_within_the_import_rating() {
	test(|| {
		refused(
			bid(BOBS, RATED + 1, 100),
			Error::<Test>::ExceedsImportRating,
		);
		place(bid(BOBS, 6_000, 100));
		place(ask(ALICES, 6_000, 100));
		refused(bid(BOBS, 4_001, 100), Error::<Test>::ExceedsImportRating);
		place(bid(BOBS, 4_000, 100));
	});
}

#[test]
fn meter_that_exports_nothing_should_not_ask() {
	test(|| {
		refused(ask(LOAD, 10, 100), Error::<Test>::ExceedsExportRating);
		place(bid(LOAD, 10, 100));
	});
}

#[test]
fn storage_of_unknown_charge_should_neither_sell_nor_buy() {
	test(|| {
		refused(ask(STORE, 10, 100), Error::<Test>::ExceedsStateOfCharge);
		refused(bid(STORE, 10, 100), Error::<Test>::ExceedsCapacity);
		// One report is enough.
		charge(0);
		place(bid(STORE, RATED, 100));
		place(in_period(P1, bid(STORE, RATED, 100)));
		refused(
			in_period(P2, bid(STORE, 10, 100)),
			Error::<Test>::ExceedsCapacity,
		);
	});
}

#[test]
fn storage_should_not_sell_more_than_it_holds_over_all_periods() {
	test(|| {
		charge(12_000);
		place(ask(STORE, 8_000, 100));
		refused(
			in_period(P1, ask(STORE, 4_001, 100)),
			Error::<Test>::ExceedsStateOfCharge,
		);
		place(in_period(P2, ask(STORE, 4_000, 100)));
		// Nothing is left for the period in between either.
		refused(
			in_period(P1, ask(STORE, 10, 100)),
			Error::<Test>::ExceedsStateOfCharge,
		);
		// What is sold counts as what is on offer.
		place(bid(CAROLS, 8_000, 100));
		refused(
			in_period(P1, ask(STORE, 10, 100)),
			Error::<Test>::ExceedsStateOfCharge,
		);
	});
}

#[test]
fn open_bid_should_not_count_as_charge_but_a_purchase_should() {
	test(|| {
		charge(0);
		place(bid(STORE, 5_000, 100));
		refused(
			in_period(P1, ask(STORE, 10, 100)),
			Error::<Test>::ExceedsStateOfCharge,
		);
		place(ask(ALICES, 5_000, 100));
		refused(
			in_period(P1, ask(STORE, 5_001, 100)),
			Error::<Test>::ExceedsStateOfCharge,
		);
		place(in_period(P1, ask(STORE, 5_000, 100)));
		// Before the purchase there is nothing to sell.
		let before = Period(P.0 - 1);
		CurrentTerms::mutate(|terms| terms.rules.gate_closure = 0);
		refused(
			in_period(before, ask(STORE, 10, 100)),
			Error::<Test>::ExceedsStateOfCharge,
		);
	});
}

#[test]
fn storage_should_not_buy_more_than_it_has_room_for() {
	test(|| {
		charge(15_000);
		place(ask(STORE, 5_000, 100));
		// The ask may not fill.
		refused(
			in_period(P1, bid(STORE, 5_001, 100)),
			Error::<Test>::ExceedsCapacity,
		);
		place(in_period(P1, bid(STORE, 5_000, 100)));
		place(bid(CAROLS, 5_000, 100));
		place(in_period(P2, bid(STORE, 5_000, 100)));
		refused(
			in_period(P2, bid(STORE, 10, 100)),
			Error::<Test>::ExceedsCapacity,
		);
	});
}

#[test]
fn purchase_in_delivery_should_not_be_counted_twice() {
	test(|| {
		charge(0);
		place(bid(STORE, 5_000, 100));
		place(ask(ALICES, 5_000, 100));
		block_at(start_of(P) + 450);
		// Half of it is in the battery.
		charge(2_500);
		let later = Period(P.0 + 2);
		refused(
			in_period(later, ask(STORE, 2_501, 100)),
			Error::<Test>::ExceedsStateOfCharge,
		);
		place(in_period(later, ask(STORE, 2_500, 100)));
	});
}

#[test]
fn sale_in_delivery_should_not_be_counted_twice() {
	test(|| {
		charge(20_000);
		place(ask(STORE, 5_000, 100));
		place(bid(CAROLS, 5_000, 100));
		block_at(start_of(P) + 450);
		// Half of it has left the battery.
		charge(17_500);
		let later = Period(P.0 + 2);
		refused(
			in_period(later, bid(STORE, 2_501, 100)),
			Error::<Test>::ExceedsCapacity,
		);
		place(in_period(later, bid(STORE, 2_500, 100)));
	});
}

#[test]
fn storage_should_be_followed_to_the_last_open_period() {
	test(|| {
		charge(10_000);
		let last = Period(START.0 + HORIZON);
		place(in_period(last, ask(STORE, 10_000, 100)));
		refused(ask(STORE, 10, 100), Error::<Test>::ExceedsStateOfCharge);
	});
}

#[test]
fn order_that_fills_at_once_should_be_checked_as_one_that_rests() {
	test(|| {
		place(bid(CAROLS, RATED, 100));
		let order = NewOrder {
			time_in_force: TimeInForce::ImmediateOrCancel,
			..ask(STORE, 10, 100)
		};
		refused(order, Error::<Test>::ExceedsStateOfCharge);
	});
}

#[derive(Clone, Debug)]
struct Offer {
	side: Side,
	period: u32,
	energy: u64,
	/// Whether it fills at once, stays open, or fills in the end.
	fills: u8,
}

fn offer() -> impl Strategy<Value = Offer> {
	(any::<bool>(), 0u32..6, 1u64..60, 0u8..3).prop_map(|(bid, period, energy, fills)| Offer {
		side: if bid { Side::Bid } else { Side::Ask },
		period,
		energy,
		fills,
	})
}

proptest! {
	/// Whatever subset of the accepted orders fills: by its trades the storage never goes below empty or
	/// above full.
	#[test]
	fn accepted_orders_should_be_deliverable_in_any_case(
		capacity in 1u64..100,
		charge in 0u64..120,
		offers in proptest::collection::vec(offer(), 1..40),
	) {
		let charge = charge.min(capacity);
		// Nothing has begun: the first period is the one after the current.
		let mut stored = [Commitment::default(); 6];
		let mut accepted = vec![];
		for offer in offers {
			let check = StorageCheck {
				capacity: WattHours(capacity),
				charge: WattHours(charge),
				current: Period(99),
				side: offer.side,
				period: Period(100 + offer.period),
				energy: WattHours(offer.energy),
			};
			let periods = (100u32..).map(Period).zip(stored);
			if check.is_feasible(periods) {
				let commitment = &mut stored[offer.period as usize];
				let part = match offer.fills {
					0 => commitment.traded_mut(offer.side),
					_ => commitment.open_mut(offer.side),
				};
				part.0 += offer.energy;
				accepted.push(offer);
			}
		}
		let mut level = i64::try_from(charge).unwrap();
		for period in 0..6 {
			for offer in accepted.iter().filter(|offer| offer.period == period && offer.fills < 2) {
				let energy = i64::try_from(offer.energy).unwrap();
				// Open ones (1) fill by an arbitrary rule; (0) were filled; (2) never are.
				if offer.fills == 0 || offer.energy % 2 == 0 {
					level += if offer.side == Side::Bid { energy } else { -energy };
				}
			}
			prop_assert!((0..=i64::try_from(capacity).unwrap()).contains(&level), "{level}");
		}
	}

	/// What could be sold alone can be sold when there is nothing else.
	#[test]
	fn lone_order_should_be_accepted_exactly_within_charge_and_room(
		capacity in 0u64..1_000, charge in 0u64..1_000, energy in 1u64..1_000, at in 0u32..5,
	) {
		let check = |side| StorageCheck {
			capacity: WattHours(capacity),
			charge: WattHours(charge),
			current: Period(0),
			side,
			period: Period(at),
			energy: WattHours(energy),
		}
		.is_feasible((0..5).map(|p| (Period(p), Commitment::default())));
		let charge = charge.min(capacity);
		prop_assert_eq!(check(Side::Ask), energy <= charge);
		prop_assert_eq!(check(Side::Bid), charge + energy <= capacity);
	}
}

#[test]
fn meter_should_have_no_commitment_without_orders() {
	test(|| {
		assert_eq!(
			OrderBook::commitment(MeterId(1_234), P),
			Commitment::default()
		);
		assert_eq!(OrderBook::commitment(ALICES, P), Commitment::default());
	});
}

/// Values of 33 bytes and more have a node of the trie for themselves.
#[test]
fn commitments_should_fit_into_the_node_of_their_key() {
	let of = |energy| Commitment {
		asks: WattHours(energy),
		bids: WattHours(energy),
		sold: WattHours(energy),
		bought: WattHours(energy),
	};
	assert_eq!(of(3_500).encoded_size(), 8, "what a house may come to");
	assert_eq!(
		of(ENERGY_BOUND - 1).encoded_size(),
		20,
		"what ratings allow"
	);
}
