//! Two auctions on the whole runtime, coupled over a link by a solution that somebody submits, and settled on both
//! sides; every invariant of every pallet is checked after every block.

mod common;

use common::{
	account, genesis,
	meters::{bring, enrol, enrol_in, genesis_hash, order, MICROGRID},
	Chain,
};
use frame_support::{assert_ok, traits::fungible::InspectHold};
use gridweave_primitives::{
	cost, link::LinkTerms, market::Side, traits::SettlementClock, LinkId, MicrogridId, Period,
	Price, WattHours,
};
use gridweave_runtime::{
	Balances, Microgrids, OrderBook, Runtime, RuntimeCall, RuntimeEvent, RuntimeHoldReason,
	Settlement, BLOCK_SECONDS, GRID,
};
use pallet_order_book::{
	coupling::Fault, Call as Orders, Event, HoldReason, LinkFlow, PriceAt, Solution,
};
use sp_runtime::Permill;

/// Where the buyer lives; Eve operates it.
const AWAY: MicrogridId = MicrogridId(1);

/// The development preset, its books call auctions, with the second community operated by Eve.
fn with_auctions() -> Chain {
	Chain::from_genesis(genesis("development", |config| {
		let grids = &mut config["microgrids"]["microgrids"];
		for grid in [0, 1] {
			grids[grid][1]["rules"]["mechanism"] = "CallAuction".into();
		}
		grids[1][0] = serde_json::to_value(account("Eve")).expect("it serializes");
	}))
}

fn microgrids(call: pallet_microgrids::Call<Runtime>) -> RuntimeCall {
	RuntimeCall::Microgrids(call)
}

/// What an account has in the clearing house.
fn balance(chain: &mut Chain, who: &str) -> u128 {
	chain.read(|| Settlement::account(&account(who)).balance)
}

/// What is held of an account for solutions.
fn deposit(chain: &mut Chain, who: &str) -> u128 {
	let reason = RuntimeHoldReason::OrderBook(HoldReason::Coupling);
	chain.read(|| Balances::balance_on_hold(&reason, &account(who)))
}

fn order_book(chain: &Chain) -> Vec<Event<Runtime>> {
	let events = chain.events.iter().filter_map(|event| match event {
		RuntimeEvent::OrderBook(event) => Some(event.clone()),
		_ => None,
	});
	events.collect()
}

/// So much arrives, at these prices.
fn solution(received: u64, here: u64, there: u64) -> Solution {
	let flow = LinkFlow {
		link: LinkId(0),
		received: WattHours(received),
	};
	let prices = [(MICROGRID, here), (AWAY, there)].map(|(microgrid, price)| PriceAt {
		microgrid,
		price: Price(price),
	});
	Solution {
		flows: vec![flow].try_into().expect("one"),
		prices: prices.to_vec().try_into().expect("two"),
	}
}

fn submission(period: Period, solution: &Solution, claim: u128) -> RuntimeCall {
	RuntimeCall::OrderBook(Orders::submit_coupling {
		period,
		solution: solution.clone(),
		claim,
	})
}

#[test]
fn auctions_that_are_coupled_should_be_settled_on_both_sides_to_the_planck() {
	let mut chain = with_auctions();
	chain.next_block();
	let genesis = genesis_hash(&mut chain);
	let supply = chain.read(Balances::total_issuance);
	let mut seller = enrol(&mut chain, "Bob", 1);
	let mut buyer = enrol_in(&mut chain, (AWAY, "Eve"), "Charlie", 2);
	let terms = LinkTerms {
		from: MICROGRID,
		to: AWAY,
		loss: Permill::from_percent(5),
		capacity: WattHours(1_500),
		wheeling_fee: Price(10_000),
		min_quantity: WattHours(10),
	};
	let propose = microgrids(pallet_microgrids::Call::propose_link { terms });
	assert_ok!(chain.submit("Eve", propose));
	let accept = microgrids(pallet_microgrids::Call::accept_link { link: LinkId(0) });
	assert_ok!(chain.submit("Operator", accept));
	let clock = chain.read(<Microgrids as SettlementClock>::clock);
	let period = chain.read(|| {
		let range = pallet_microgrids::Periods::<Runtime>::get(MICROGRID);
		range.expect("it has begun").until
	});
	let now = chain.now();
	chain.advance_to(now + u64::from(clock.period_length));
	let sale = order(seller.meter, Side::Ask, period, 2_000, 150_000);
	assert_ok!(chain.submit("Bob", sale));
	let purchase = order(buyer.meter, Side::Bid, period, 950, 250_000);
	assert_ok!(chain.submit("Charlie", purchase));
	let good = solution(950, 150_000, 240_000);
	assert!(chain.submit("Dave", submission(period, &good, 1)).is_err());

	chain.stand_still_until(clock.start_of(period));
	let start = clock.start_of(period);
	let base = vec![seller.read(&genesis, start), buyer.read(&genesis, start)];
	bring(&mut chain, 1, base);
	let (value, paid) = (
		cost(Price(150_000), WattHours(1_000)),
		cost(Price(240_000), WattHours(950)),
	);
	let gain = cost(Price(250_000), WattHours(950)) - value - cost(Price(10_000), WattHours(950));
	assert_eq!(
		chain.read(|| OrderBook::coupling_score(period, &good)),
		Ok(gain)
	);
	assert_ok!(chain.submit("Dave", submission(period, &good, gain)));
	// More than there is to be bought: it claims more, and is looked at first.
	let bad = solution(1_000, 150_000, 240_000);
	assert_ok!(chain.submit("Ferdie", submission(period, &bad, gain + 1)));
	assert_eq!(
		(deposit(&mut chain, "Dave"), deposit(&mut chain, "Ferdie")),
		(10 * GRID + gain, 10 * GRID + gain + 1)
	);
	chain.read(|| {
		let end = clock.start_of(period) + u64::from(clock.period_length / 2);
		assert_eq!(OrderBook::coupling_claims(period, end), [gain + 1, gain]);
	});
	let parties = ["Bob", "Charlie", "Eve"];
	let before = parties.map(|who| balance(&mut chain, who));

	// Periods are short here: solutions are taken for half of one, and the period freezes two after its end.
	chain.advance_to(start + 8 * u64::from(BLOCK_SECONDS));
	let events = order_book(&chain);
	assert!(events.iter().any(|event| matches!(
		event,
		Event::CouplingRefused { who, fault: Fault::NotFilled, slashed, .. }
			if (who, *slashed) == (&account("Ferdie"), 10 * GRID + gain + 1)
	)));
	assert!(events.iter().any(|event| matches!(
		event,
		Event::CouplingAccepted { who, gain: its, .. } if (who, *its) == (&account("Dave"), gain)
	)));
	assert_eq!(
		(deposit(&mut chain, "Dave"), deposit(&mut chain, "Ferdie")),
		(0, 0)
	);
	assert!(
		events.contains(&Event::CouplingDone { period }),
		"{events:?}"
	);
	let fee = cost(Price(1_000), WattHours(950));
	let after = parties.map(|who| balance(&mut chain, who));
	assert_eq!(after[1], before[1] - paid);
	assert_eq!(after[2], before[2] + paid - value);
	chain.read(|| {
		let sold = Settlement::position_of(seller.meter, period).expect("it sold");
		assert_eq!(
			(sold.contracts.sold.0, sold.contracts.receivable),
			(1_000, value)
		);
		let bought = Settlement::position_of(buyer.meter, period).expect("it bought");
		assert_eq!(
			(bought.contracts.bought.0, bought.contracts.paid),
			(950, paid)
		);
		assert_eq!(OrderBook::flows_into(AWAY, period).len(), 1);
		assert!(OrderBook::orders_of(seller.meter).is_empty());
	});

	(seller.export, buyer.import) = (1_000, 950);
	let end = clock.end_of(period);
	let delivered = vec![seller.read(&genesis, end), buyer.read(&genesis, end)];
	bring(&mut chain, 2, delivered);
	let frozen = clock.freezes_at(period);
	chain.advance_to(frozen);
	let both = [MICROGRID, AWAY];
	// Periods without trades come before it, as many a block as the block's share for settlement holds.
	while chain.read(|| {
		both.iter()
			.any(|grid| Settlement::summary(*grid, period).is_none())
	}) {
		let waits = chain.now() - frozen;
		assert!(
			waits < u64::from(clock.period_length),
			"not settled within a period"
		);
		chain.next_block();
	}
	let settled = parties.map(|who| balance(&mut chain, who));
	assert_eq!(
		settled[0],
		after[0] + value - cost(Price(1_000), WattHours(1_000))
	);
	assert_eq!(settled[1], after[1] - fee);
	chain.read(|| {
		let home = Settlement::summary(MICROGRID, period).expect("settled");
		assert_eq!(home.links.proceeds, value);
		let away = Settlement::summary(AWAY, period).expect("settled");
		assert_eq!(away.links.payments, paid);
		assert_eq!(Balances::total_issuance(), supply);
	});
}
