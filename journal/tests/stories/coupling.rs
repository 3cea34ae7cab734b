//! Auctions that are coupled: once to the end, and once cut short by the end of the period's grace.

use gridweave_primitives::Be32;
use pallet_order_book::{
	types::CouplingStage, Call as Orders, Couplings, LinkFlow, PriceAt, Solution,
};

use super::*;

/// Long enough for solutions to be looked at over some blocks, in seconds.
const PERIOD_LENGTH: u32 = 120;

/// How many orders there are on each side, of 100 Wh.
const COUNT: usize = 30;

/// Sellers here and buyers in the other community, whose auctions are coupled for two periods. In the second one the
/// chain stands still while buyers pay.
pub fn coupled() -> Journal {
	let (mut chain, journal) = Journal::of(genesis("development", |config| {
		config["microgrids"]["clock"]["periodLength"] = PERIOD_LENGTH.into();
		let grids = &mut config["microgrids"]["microgrids"];
		for grid in [0, 1] {
			grids[grid][1]["rules"]["mechanism"] = "CallAuction".into();
		}
		grids[1][0] = serde_json::to_value(account("Eve")).expect("it serializes");
	}));
	chain.next_block();
	let clock = chain.read(<Microgrids as SettlementClock>::clock);
	let seller = enrol(&mut chain, "Bob", 1).meter;
	let buyer = enrol_in(&mut chain, (AWAY, "Eve"), "Charlie", 2).meter;
	let terms = LinkTerms {
		from: MICROGRID,
		to: AWAY,
		loss: Permill::zero(),
		capacity: WattHours(10_000),
		wheeling_fee: Price(10_000),
		min_quantity: WattHours(10),
	};
	let propose = microgrids(pallet_microgrids::Call::propose_link { terms });
	assert_ok!(chain.submit("Eve", propose));
	let accept = microgrids(pallet_microgrids::Call::accept_link { link: LinkId(0) });
	assert_ok!(chain.submit("Operator", accept));
	let first = chain.read(|| {
		let range = pallet_microgrids::Periods::<Runtime>::get(MICROGRID);
		range.expect("it has begun").until
	});
	let periods = [first, first.saturating_add(10)];
	chain.stand_still_until(clock.start_of(first) - 10 * u64::from(PERIOD_LENGTH));
	chain.advance_to(clock.start_of(first) - 5 * u64::from(PERIOD_LENGTH));
	for period in periods {
		for (who, meter, side, price) in [
			("Bob", seller, Side::Ask, 100_000),
			("Charlie", buyer, Side::Bid, 250_000),
		] {
			let new = NewOrder {
				meter,
				side,
				period,
				energy: WattHours(100),
				limit_price: Price(price),
				time_in_force: TimeInForce::GoodUntilGate,
			};
			let orders = vec![new; COUNT].try_into().expect("few");
			assert_ok!(chain.submit(who, super::orders(Orders::place_orders { orders })));
		}
	}
	for period in periods {
		chain.stand_still_until(clock.start_of(period));
		let energy = WattHours(100 * COUNT as u64);
		let prices = [(MICROGRID, 100_000), (AWAY, 250_000)];
		let solution = Solution {
			flows: vec![LinkFlow {
				link: LinkId(0),
				received: energy,
			}]
			.try_into()
			.expect("one"),
			prices: prices
				.map(|(microgrid, price)| PriceAt {
					microgrid,
					price: Price(price),
				})
				.to_vec()
				.try_into()
				.expect("two"),
		};
		let submit = Orders::submit_coupling {
			period,
			solution,
			claim: 1,
		};
		assert_ok!(chain.submit("Dave", orders(submit)));
		if period == periods[1] {
			chain.advance_to(clock.start_of(period) + u64::from(PERIOD_LENGTH / 2 - BLOCK_SECONDS));
			creep(&mut chain, 100, || {
				Couplings::<Runtime>::iter_values().any(|coupling| match coupling.stage {
					CouplingStage::Exchange(exchanging) => exchanging.pot > 0,
					CouplingStage::Verify(_) => false,
				})
			});
			fill(&mut chain, 0);
			chain.stand_still_until(clock.freezes_at(period));
		}
		chain.advance_to(chain.now() + u64::from(PERIOD_LENGTH));
		let sold = chain.read(|| {
			let book =
				pallet_order_book::Books::<Runtime>::get((Be32::from(AWAY), Be32::from(period)));
			book.expect("it is kept").imported
		});
		assert_eq!(sold == energy, period == periods[0], "{sold:?}");
	}
	journal
}
