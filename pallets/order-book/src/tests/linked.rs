//! What an order can trade over links: the pure functions, against limits in plain arithmetic and against a
//! plan made the slow way.

use gridweave_primitives::{
	cost,
	link::{received_of, sent_for, LinkTerms},
	market::Side,
	MicrogridId, OrderId, Price, WattHours,
};
use proptest::prelude::*;
use sp_runtime::Permill;

use crate::{
	linked::{offer, Line, Offer, Quote, Taking},
	matching::{plan, Incoming, Stop, Venue, MAX_PASSED},
	mock::ALICES,
	Place, Resting,
};

fn line(loss: u32, fee: u64, capacity: u64, least: u64) -> Line {
	Line {
		terms: LinkTerms {
			from: MicrogridId(0),
			to: MicrogridId(1),
			loss: Permill::from_parts(loss),
			capacity: WattHours(1 << 31),
			wheeling_fee: Price(fee),
			min_quantity: WattHours(least),
		},
		capacity: WattHours(capacity),
	}
}

fn taking(side: Side, limit: u64, left: u64) -> Taking {
	Taking {
		side,
		limit: Price(limit),
		left: WattHours(left),
	}
}

fn good(offer: Offer) -> (u64, u64, u128, u128) {
	match offer {
		Offer::Good(quote) => (quote.sent.0, quote.received.0, quote.value, quote.wheeling),
		other => panic!("{other:?}"),
	}
}

#[test]
fn offers_should_be_as_computed_by_hand() {
	let over = line(50_000, 10, 10_000, 10);
	let of = |side, limit, left, price, remaining| {
		offer(
			&taking(side, limit, left),
			Price(price),
			WattHours(remaining),
			Some(&over),
		)
	};
	// A bid of 100 Wh takes ⌈100 / 0.95⌉ = 106 Wh at 90, and pays 10 on 100 Wh: 10,540 of at most 10,600.
	let fill = (106, 100, 9_540_000, 1_000_000);
	assert_eq!(good(of(Side::Bid, 106, 100, 90, 500)), fill);
	// 105 would do without rounding (104.74), but not with it (105.4): more energy has less of it.
	assert_eq!(of(Side::Bid, 105, 100, 90, 500), Offer::Nothing);
	assert_eq!(good(of(Side::Bid, 105, 950, 90, 2_000)).0, 1_000);
	assert_eq!(of(Side::Bid, 105, 950, 90, 106), Offer::TooSmall);
	assert_eq!(of(Side::Bid, 104, 950, 90, 2_000), Offer::Nothing);
	// An ask of 106 Wh brings 100 Wh at 110, of which 10 go to the link.
	let fill = (106, 100, 10_000_000, 1_000_000);
	assert_eq!(good(of(Side::Ask, 94, 106, 110, 500)), fill);
	assert_eq!(of(Side::Ask, 95, 106, 110, 500), Offer::Nothing);
	assert_eq!(good(of(Side::Ask, 95, 1_000, 110, 950)).1, 950);
	// Less than the link's minimum: only if it is all that the resting order has.
	assert_eq!(of(Side::Bid, 1_000, 9, 90, 500), Offer::Nothing);
	assert_eq!(good(of(Side::Bid, 1_000, 100, 90, 9)).1, 8);
	assert_eq!(of(Side::Bid, 1_000, 100, 90, 1), Offer::TooSmall);
	assert_eq!(
		good(of(Side::Ask, 10, 100, 110, 1)),
		(2, 1, 100_000, 10_000)
	);
	// The fee takes all that the buyer pays.
	assert_eq!(of(Side::Ask, 1, 100, 9, 100), Offer::Nothing);
	// What the link still carries.
	let narrow = line(50_000, 10, 100, 10);
	let carried = offer(
		&taking(Side::Bid, 1_000, 500),
		Price(90),
		WattHours(500),
		Some(&narrow),
	);
	assert_eq!(good(carried), (100, 95, 9_000_000, 950_000));
}

#[test]
fn offers_should_stay_exact_at_the_bounds() {
	let (price, energy) = ((1u64 << 40) - 1, (1u64 << 32) - 1);
	let most = line(499_999, price, energy, 1);
	let left = received_of(most.terms.loss, WattHours(energy)).0;
	let taking = taking(Side::Bid, u64::MAX, left);
	let found = offer(&taking, Price(price), WattHours(energy), Some(&most));
	let Offer::Good(quote) = found else {
		panic!("{found:?}")
	};
	let [sent, received] = [quote.sent, quote.received].map(|energy| u128::from(energy.0));
	let price = u128::from(price) * 1_000;
	assert_eq!(
		(quote.value, quote.wheeling),
		(price * sent, price * received)
	);
	assert!(!quote.is_better(&quote, Side::Bid) && !quote.is_better(&quote, Side::Ask));
}

proptest! {
	#![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

	/// Whatever is offered: neither limit is broken, the order that rests has its price to the planck, the link
	/// carries no more than it may, and the minimum holds.
	#[test]
	fn offers_should_keep_every_limit(
		is_bid in any::<bool>(), limit in 1u64..400, left in 1u64..3_000, price in 1u64..400,
		remaining in 1u64..3_000, loss in 0u32..500_000, fee in 0u64..50, capacity in 1u64..3_000,
		least in 1u64..100,
	) {
		let side = if is_bid { Side::Bid } else { Side::Ask };
		let over = line(loss, fee, capacity, least);
		let taking = taking(side, limit, left);
		let loss = over.terms.loss;
		let of = |remaining| offer(&taking, Price(price), WattHours(remaining), Some(&over));
		match of(remaining) {
			Offer::Good(Quote { sent, received, value, wheeling }) => {
				prop_assert_eq!(sent, sent_for(loss, received));
				prop_assert!(sent.0 <= capacity && received.0 >= 1);
				prop_assert_eq!(wheeling, cost(Price(fee), received));
				let (mine, its) = if is_bid { (received, sent) } else { (sent, received) };
				prop_assert!(mine.0 <= left && its.0 <= remaining);
				if is_bid {
					prop_assert_eq!(value, cost(Price(price), sent));
					prop_assert!(value + wheeling <= cost(Price(limit), received));
				} else {
					prop_assert_eq!(value + wheeling, cost(Price(price), received));
					prop_assert!(value >= cost(Price(limit), sent));
				}
				let all = if is_bid { received_of(loss, WattHours(remaining)) } else { WattHours(remaining) };
				prop_assert!(received.0 >= least || received == all);
			}
			// No larger order at this price, nor one at a worse price, has anything.
			Offer::Nothing => for more in [remaining, 2 * remaining, 1 << 30] {
				prop_assert!(!matches!(of(more), Offer::Good(_)));
			},
			Offer::TooSmall => prop_assert!(remaining < (1 << 30)),
		}
	}
}

/// A resting order of the slow plan: price, id, owner, energy.
type Order = (u64, u64, u64, u64);

/// A line of the slow plan: loss, fee, capacity, minimum.
type SlowLine = (u32, u64, u64, u64);

#[derive(Clone, Debug)]
struct Books {
	/// Each with its line; the first is the order's own, without.
	books: Vec<(Option<SlowLine>, Vec<Order>)>,
	side: Side,
	limit: u64,
	energy: u64,
	most: u32,
}

fn books() -> impl Strategy<Value = Books> {
	let order = || (90u64..112, 0u64..4, prop_oneof![1u64..12, 1u64..300]);
	let orders = move || proptest::collection::vec(order(), 0..8);
	let line = (
		prop_oneof![Just(0), Just(50_000), 0u32..200_000],
		0u64..6,
		1u64..600,
		1u64..12,
	);
	(
		orders(),
		proptest::collection::vec((line, orders()), 0..4),
		any::<bool>(),
		95u64..108,
		1u64..800,
		prop_oneof![Just(50u32), 1u32..6],
	)
		.prop_map(|(own, linked, is_bid, limit, energy, most)| {
			let side = if is_bid { Side::Bid } else { Side::Ask };
			let mut id = 0;
			let mut sorted = |orders: Vec<(u64, u64, u64)>| {
				let mut orders: Vec<Order> = orders
					.into_iter()
					.map(|(price, owner, energy)| {
						id += 1;
						(price, id, owner, energy)
					})
					.collect();
				orders.sort_by_key(|(price, id, ..)| {
					let price = *price as i64;
					(if is_bid { price } else { -price }, *id)
				});
				orders
			};
			let mut books = vec![(None, sorted(own))];
			for (line, orders) in linked {
				books.push((Some(line), sorted(orders)));
			}
			Books {
				books,
				side,
				limit,
				energy,
				most,
			}
		})
}

/// Venue, order, sent, received.
type SlowFill = (usize, u64, u64, u64);

/// The plan, by looking at everything before every fill.
fn slow_plan(case: &Books) -> (Vec<SlowFill>, u64, Stop) {
	let is_bid = case.side == Side::Bid;
	let mut books = case.books.clone();
	let mut passed = vec![vec![]; books.len()];
	let (mut fills, mut left, mut met) = (vec![], case.energy, 0u32);
	while left > 0 {
		// Venue, index, sent, received, money per energy as a fraction.
		let mut best: Option<(usize, usize, u64, u64, u128, u128)> = None;
		for (venue, (line, orders)) in books.iter().enumerate() {
			let (loss, fee, capacity, least) = line.unwrap_or((0, 0, u64::MAX / 2, 1));
			let kept = u128::from(1_000_000 - loss);
			let arrives = |sent: u64| (u128::from(sent) * kept / 1_000_000) as u64;
			let takes = |received: u64| (u128::from(received) * 1_000_000).div_ceil(kept) as u64;
			for (index, (price, id, _, energy)) in orders.iter().enumerate() {
				if passed[venue].contains(id) {
					continue;
				}
				let (wanted, offered) = if is_bid {
					(left, arrives(*energy))
				} else {
					(arrives(left), *energy)
				};
				let most = wanted.min(arrives(capacity));
				let (buyer, seller) = if is_bid {
					(case.limit, *price)
				} else {
					(*price, case.limit)
				};
				let crosses = buyer >= fee
					&& u128::from(seller) * 1_000_000 <= u128::from(buyer - fee) * kept;
				if most < least || !crosses {
					break;
				}
				let received = most.min(offered);
				let sent = takes(received);
				let (mine, pays) = if is_bid {
					(received, price * sent + fee * received)
				} else {
					(sent, price * received - fee * received)
				};
				let keeps = if is_bid {
					pays <= case.limit * mine
				} else {
					pays >= case.limit * mine
				};
				if received > 0 && keeps {
					let (pays, mine) = (u128::from(pays), u128::from(mine));
					let wins = best.is_none_or(|(.., other, its)| {
						if is_bid {
							pays * its < other * mine
						} else {
							pays * its > other * mine
						}
					});
					if wins {
						best = Some((venue, index, sent, received, pays, mine));
					}
					break;
				}
				if offered >= most || passed[venue].len() as u32 >= MAX_PASSED || met >= case.most {
					break;
				}
				passed[venue].push(*id);
				met += 1;
			}
		}
		let Some((venue, index, sent, received, ..)) = best else {
			return (fills, left, Stop::NoMatch);
		};
		let (line, orders) = &mut books[venue];
		let own = orders[index].2 == 0;
		if own || met >= case.most {
			let stop = if own { Stop::SelfTrade } else { Stop::Limit };
			return (fills, left, stop);
		}
		met += 1;
		let (mine, its) = if is_bid {
			(received, sent)
		} else {
			(sent, received)
		};
		left -= mine;
		fills.push((venue, orders[index].1, sent, received));
		orders[index].3 -= its;
		let rest = orders[index].3;
		let mut dust = 0;
		if let Some((loss, _, capacity, _)) = line {
			*capacity -= sent;
			if is_bid && u128::from(rest) * u128::from(1_000_000 - *loss) < 1_000_000 {
				dust = rest;
			}
		}
		if rest == dust {
			orders.remove(index);
		}
	}
	(fills, 0, Stop::Filled)
}

proptest! {
	#![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

	/// The same trades in the same order, the same remainder, the same reason; and each book goes on with the
	/// first order that is left in it.
	#[test]
	fn plans_over_links_should_be_as_made_the_slow_way(case in books()) {
		let mut venues: Vec<_> = case
			.books
			.iter()
			.map(|(terms, orders)| {
				let line = terms.map(|(loss, fee, capacity, least)| line(loss, fee, capacity, least));
				let resting = |&(price, id, owner, energy): &Order| {
					let place = Place { price: Price(price), order: OrderId(id) };
					(place, Resting { owner, meter: ALICES, remaining: WattHours(energy) })
				};
				let orders: Vec<_> = orders.iter().map(resting).collect();
				Venue::new(line, orders.into_iter(), 0, u32::MAX)
			})
			.collect();
		let incoming = Incoming {
			owner: &0u64,
			side: case.side,
			limit: Price(case.limit),
			energy: WattHours(case.energy),
		};
		let plan = plan(&incoming, &mut venues, case.most, |_| false);
		let fills: Vec<SlowFill> = plan
			.fills
			.iter()
			.map(|fill| (fill.venue, fill.place.order.0, fill.quote.sent.0, fill.quote.received.0))
			.collect();
		let (expected, left, stop) = slow_plan(&case);
		prop_assert_eq!((&fills, plan.left.0, plan.stop), (&expected, left, stop));
		prop_assert!(plan.met() <= case.most);
		for (at, venue) in venues.iter_mut().enumerate().filter(|(at, _)| plan.takes_of(*at)) {
			let ended = |id: u64| plan.fills.iter().any(|fill| fill.venue == at && fill.ends && fill.place.order.0 == id);
			let first = case.books[at].1.iter().find(|(_, id, ..)| !ended(*id));
			prop_assert_eq!(venue.best().map(|place| place.order.0), first.map(|(_, id, ..)| *id));
		}
	}
}
