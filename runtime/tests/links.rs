//! A link on the whole runtime: agreed, traded over, settled on both sides, closed and gone; every invariant
//! of every pallet is checked after every block.

mod common;

use common::{
	account, genesis,
	meters::{bring, enrol, enrol_in, genesis_hash, order, MICROGRID},
	Chain,
};
use frame_support::{assert_ok, traits::fungible::InspectHold};
use gridweave_primitives::{
	cost,
	link::LinkTerms,
	market::Side,
	traits::{LinkInspect, SettlementClock},
	LinkId, MicrogridId, Price, WattHours,
};
use gridweave_runtime::{
	AccountId, Balances, Microgrids, OrderBook, Runtime, RuntimeCall, RuntimeEvent,
	RuntimeHoldReason, Settlement, GRID,
};
use pallet_microgrids::HoldReason;
use pallet_order_book::Event;
use sp_runtime::Permill;

/// Where the buyer lives; Eve operates it.
const AWAY: MicrogridId = MicrogridId(1);
const LINK: LinkId = LinkId(0);

/// The development preset, with the second community operated by Eve.
fn two_operators() -> Chain {
	Chain::from_genesis(genesis("development", |config| {
		config["microgrids"]["microgrids"][1][0] =
			serde_json::to_value(account("Eve")).expect("it serializes");
	}))
}

fn microgrids(call: pallet_microgrids::Call<Runtime>) -> RuntimeCall {
	RuntimeCall::Microgrids(call)
}

/// What an account has in the clearing house.
fn balance(chain: &mut Chain, who: &str) -> u128 {
	chain.read(|| Settlement::account(&account(who)).balance)
}

fn deposit(chain: &mut Chain, who: &str) -> u128 {
	let reason = RuntimeHoldReason::Microgrids(HoldReason::Link);
	chain.read(|| Balances::balance_on_hold(&reason, &account(who)))
}

#[test]
fn energy_sold_over_a_link_should_be_billed_on_both_sides_to_the_planck() {
	let mut chain = two_operators();
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
	let accept = || microgrids(pallet_microgrids::Call::accept_link { link: LINK });
	let refused = pallet_microgrids::Error::<Runtime>::NotOperator.into();
	assert_eq!(chain.submit("Bob", accept()), Err(refused));
	assert_ok!(chain.submit("Operator", accept()));
	assert_eq!(deposit(&mut chain, "Eve"), 10 * GRID);

	// It is open from the first period that neither side had opened.
	let clock = chain.read(<Microgrids as SettlementClock>::clock);
	let period = chain.read(|| {
		let range = pallet_microgrids::Periods::<Runtime>::get(MICROGRID);
		range.expect("it has begun").until
	});
	let now = chain.now();
	chain.advance_to(now + u64::from(clock.period_length));
	let links = |period| <Microgrids as LinkInspect<AccountId>>::links_into(AWAY, period).len();
	chain.read(|| assert_eq!((links(period.saturating_sub(1)), links(period)), (0, 1)));
	let close = microgrids(pallet_microgrids::Call::close_link { link: LINK });
	assert_ok!(chain.submit("Operator", close));

	// Before that nothing goes over it; then it carries all that its capacity allows.
	let earlier = period.saturating_sub(1);
	for period in [earlier, period] {
		let sale = order(seller.meter, Side::Ask, period, 2_000, 150_000);
		assert_ok!(chain.submit("Bob", sale));
		let purchase = order(buyer.meter, Side::Bid, period, 950, 200_000);
		assert_ok!(chain.submit("Charlie", purchase));
	}
	let (value, wheeling) = (
		cost(Price(150_000), WattHours(1_000)),
		cost(Price(10_000), WattHours(950)),
	);
	let paid = value + wheeling;
	assert_eq!(balance(&mut chain, "Eve"), wheeling);
	chain.read(|| {
		assert!(Settlement::position_of(seller.meter, earlier).is_none());
		let sold = Settlement::position_of(seller.meter, period).expect("it sold");
		assert_eq!(sold.contracts.sold, WattHours(1_000));
		let bought = Settlement::position_of(buyer.meter, period).expect("it bought");
		assert_eq!(bought.contracts.bought, WattHours(950));
		assert_eq!(bought.contracts.paid, paid);
		assert_eq!(OrderBook::flows_into(AWAY, period).len(), 1);
	});

	chain.stand_still_until(clock.start_of(period));
	let start = clock.start_of(period);
	let base = vec![seller.read(&genesis, start), buyer.read(&genesis, start)];
	bring(&mut chain, 1, base);
	let traded = |event: &RuntimeEvent| {
		matches!(event, RuntimeEvent::OrderBook(Event::TradeOverLink { link, sent, received, wheeling_fee, .. })
			if (*link, sent.0, received.0, *wheeling_fee) == (LINK, 1_000, 950, wheeling))
	};
	assert_eq!(chain.events.iter().filter(|event| traded(event)).count(), 1);
	chain.advance_to(clock.end_of(period));
	(seller.export, buyer.import) = (1_000, 950);
	let end = clock.end_of(period);
	let delivered = vec![seller.read(&genesis, end), buyer.read(&genesis, end)];
	bring(&mut chain, 2, delivered);

	let parties = ["Bob", "Charlie", "Operator", "Eve"];
	let before = parties.map(|who| balance(&mut chain, who));
	chain.advance_to(clock.freezes_at(period) + 9);
	let after = parties.map(|who| balance(&mut chain, who));
	// The price, and each side's fee on its own energy to its own operator.
	let fees = [1_000, 950].map(|energy| cost(Price(1_000), WattHours(energy)));
	assert_eq!(after[0], before[0] + value - fees[0]);
	assert_eq!(after[1], before[1] - fees[1]);
	assert_eq!(after[2], before[2] + fees[0]);
	assert_eq!(after[3], before[3] + fees[1]);
	chain.read(|| {
		let bill = |meter| Settlement::statement(meter, period).expect("billed").amount;
		assert_eq!(bill(seller.meter), (value - fees[0]) as i128);
		assert_eq!(bill(buyer.meter), -((paid + fees[1]) as i128));
		let sums = |grid| Settlement::summary(grid, period).expect("settled");
		let (home, away) = (sums(MICROGRID), sums(AWAY));
		assert_eq!((home.balance(), away.balance()), (0, 0));
		// Contracted energy sums to the loss of the link, money to the wheeling fee.
		assert_eq!(
			(home.links.sent, away.links.received),
			(WattHours(1_000), WattHours(950))
		);
		assert_eq!(away.links.payments, home.links.proceeds + wheeling);
		assert_eq!(Balances::total_issuance(), supply);
	});

	// Everything that was written has an end, and the deposit goes back.
	assert_eq!(deposit(&mut chain, "Eve"), 10 * GRID);
	chain.advance_to(clock.expires_at(period) + 3 * u64::from(clock.period_length));
	assert_eq!(deposit(&mut chain, "Eve"), 0);
	chain.read(|| {
		assert!(OrderBook::flows_into(AWAY, period).is_empty());
		assert_eq!(pallet_microgrids::Links::<Runtime>::iter().count(), 0);
		assert_eq!(pallet_settlement::Exchanges::<Runtime>::iter().count(), 0);
		assert_eq!(Balances::total_issuance(), supply);
	});
}
