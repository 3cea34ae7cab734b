//! Random flows and prices, against rules that share nothing with the scan: every Wh by itself.

use proptest::test_runner::Config;

use super::*;

/// What the Wh of a book are worth that trade, if so many are taken from it, or brought to it, at any price; how
/// many trade, and the lowest and the highest price at which each of them wants to and no other would.
fn every_wh(book: &[Order], net: &Net) -> (i64, u64, u64, u64) {
	let single = |side| {
		let of_side = book.iter().filter(move |order| order.0 == side);
		of_side.flat_map(|order| std::iter::repeat_n(order.1, order.2 as usize))
	};
	let mut bids: Vec<u64> = single(Side::Bid).collect();
	let mut asks: Vec<u64> = single(Side::Ask).collect();
	bids.extend(std::iter::repeat_n(u64::MAX, net.export.0 as usize));
	asks.extend(std::iter::repeat_n(0, net.import.0 as usize));
	bids.sort_unstable_by(|one, other| other.cmp(one));
	asks.sort_unstable();
	let trade = bids
		.iter()
		.zip(&asks)
		.take_while(|(bid, ask)| bid >= ask)
		.count();
	let worth = |limit: &u64| if *limit == u64::MAX { 0 } else { *limit as i64 };
	let value =
		bids[..trade].iter().map(worth).sum::<i64>() - asks[..trade].iter().map(worth).sum::<i64>();
	// Whoever trades wants to, whoever does not would not.
	let lows = asks[..trade].iter().chain(bids.get(trade)).copied();
	let highs = bids[..trade].iter().chain(asks.get(trade)).copied();
	let (low, high) = (lows.max().unwrap_or(0), highs.min().unwrap_or(u64::MAX));
	(value, trade as u64, low, high)
}

/// Flows and prices as a careless solver may come to them.
fn attempts() -> impl Strategy<Value = (Network, Vec<(u32, u64)>, Vec<u64>)> {
	networks(200_000).prop_flat_map(|network| {
		let count = network.links.len();
		let flows = proptest::collection::vec(0u64..6, count).prop_map(|flows| {
			let flows = (0..).zip(flows).filter(|(_, flow)| *flow > 0);
			flows.collect::<Vec<_>>()
		});
		let shifts = proptest::collection::vec(prop_oneof![4 => Just(0u64), 1 => 0u64..3], 4);
		(Just(network), flows, shifts)
	})
}

proptest! {
	#![proptest_config(Config::with_cases(4_000))]

	#[test]
	fn solutions_should_hold_exactly_if_every_wh_agrees((network, flows, shifts) in attempts()) {
		let Some(mut prices) = network.prices(&flows) else {
			return Ok(());
		};
		for ((_, price), shift) in prices.iter_mut().zip(shifts) {
			*price += shift;
		}
		let Ok(plan) = network.plan(&solution(&flows, &prices)) else {
			return Ok(());
		};
		// Energy: what is sent less what is lost is received; money: what buyers pay is what sellers get and links
		// earn, and no link earns less than its fee.
		let sum = |of: fn(&Net) -> WattHours| plan.nets.iter().map(|net| of(net).0).sum::<u64>();
		let lost: u64 = plan.carried.iter().map(|carried| carried.sent.0 - carried.received.0).sum();
		prop_assert_eq!(sum(|net| net.export), sum(|net| net.import) + lost);
		let paid = |of: fn(&Net) -> WattHours| -> u128 {
			plan.nets.iter().map(|net| gridweave_primitives::cost(net.price, of(net))).sum()
		};
		let earned: u128 = plan.carried.iter().map(|carried| carried.earns).sum();
		prop_assert_eq!(paid(|net| net.import), paid(|net| net.export) + earned);
		for carried in &plan.carried {
			prop_assert!(carried.earns >= carried.wheeling);
		}
		let mut expected = Ok(-(plan.wheeling() as i64) / 1_000);
		for net in &plan.nets {
			let book = &network.books[net.microgrid.0 as usize];
			let (value, trade, low, high) = every_wh(book, net);
			let linked = net.import.0.max(net.export.0);
			let none = Net { import: WattHours(0), export: WattHours(0), ..*net };
			let fault = if trade < linked {
				Some(Fault::NotFilled)
			} else if net.price.0 < low || net.price.0 > high {
				Some(Fault::PriceOffInterval)
			} else {
				None
			};
			match fault {
				Some(fault) => {
					expected = Err(fault);
					break;
				}
				None => expected = expected.map(|gain| gain + value - every_wh(book, &none).0),
			}
		}
		prop_assert_eq!(network.gain(&plan), expected.map(i128::from));
	}
}
