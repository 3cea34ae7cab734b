//! What happens on the chains whose journals are kept.

use frame_support::{assert_ok, dispatch::DispatchClass, weights::Weight};
use gridweave_journal::record::Opening;
use gridweave_primitives::{
	link::LinkTerms,
	market::Side,
	microgrid::{MarketRules, Mechanism, Terms},
	reading::status,
	traits::SettlementClock,
	Balance, LinkId, MeterId, MicrogridId, OrderId, Period, PeriodClock, Price, WattHours,
};
use gridweave_runtime::{
	configs::system::RuntimeBlockWeights, genesis::development_terms, Microgrids, Runtime,
	RuntimeCall, Settlement, System, BLOCK_SECONDS, GRID,
};
use pallet_anomaly_flags::{Call as Flags, Kind};
use pallet_order_book::{Call as Orders, Instruction, NewOrder, Quantity, TimeInForce};
use pallet_utility::Call as Utility;
use sp_runtime::Permill;

use crate::{
	common::{
		account, genesis,
		meters::{bring, enrol, enrol_in, genesis_hash, order, report, Device, MICROGRID},
		Chain,
	},
	journalist::{check_orders, Journal},
};

mod coupling;

pub use coupling::coupled;

/// The second community of the preset; Eve operates it here.
pub const AWAY: MicrogridId = MicrogridId(1);

/// The development preset with its journal, within the second block; and its clock.
pub fn two_operators() -> (Chain, Journal, PeriodClock) {
	let (mut chain, journal) = Journal::of(genesis("development", |config| {
		config["microgrids"]["microgrids"][1][0] =
			serde_json::to_value(account("Eve")).expect("it serializes");
	}));
	chain.next_block();
	let clock = chain.read(<Microgrids as SettlementClock>::clock);
	(chain, journal, clock)
}

/// The period that chain time lies in.
pub fn current(chain: &mut Chain) -> Period {
	chain.read(<Microgrids as SettlementClock>::current)
}

/// A call that brings money to the trading balance.
pub fn top_up(amount: Balance) -> RuntimeCall {
	RuntimeCall::Settlement(pallet_settlement::Call::top_up { amount })
}

/// A call of the order book.
pub fn orders(call: pallet_order_book::Call<Runtime>) -> RuntimeCall {
	RuntimeCall::OrderBook(call)
}

/// A call about communities.
pub fn microgrids(call: pallet_microgrids::Call<Runtime>) -> RuntimeCall {
	RuntimeCall::Microgrids(call)
}

/// A call about meters.
pub fn registry(call: pallet_meter_registry::Call<Runtime>) -> RuntimeCall {
	RuntimeCall::MeterRegistry(call)
}

/// By the sudo key.
pub fn sudo(call: RuntimeCall) -> RuntimeCall {
	RuntimeCall::Sudo(pallet_sudo::Call::sudo {
		call: Box::new(call),
	})
}

/// A call that gives a standing order.
pub fn standing(meter: MeterId, side: Side, price: u64, energy: u64) -> RuntimeCall {
	orders(Orders::set_standing_order {
		meter,
		side,
		instruction: Instruction {
			limit_price: Price(price),
			quantity: Quantity::Fixed(WattHours(energy)),
		},
	})
}

/// Lets the chain go on until a period is settled, everywhere.
pub fn settle(chain: &mut Chain, clock: &PeriodClock, period: Period) {
	chain.advance_to(clock.freezes_at(period));
	let behind = |grid| Settlement::progress(grid).is_none_or(|at| at.next <= period);
	while chain.read(|| behind(MICROGRID) || behind(AWAY)) {
		chain.next_block();
	}
	chain.next_block();
}

/// Communities change hands and terms, a link opens, carries, closes and goes, meters come and go, and one is
/// tampered with.
pub fn communities() -> Journal {
	let (mut chain, journal, clock) = two_operators();
	let terms = Terms {
		rules: MarketRules {
			mechanism: Mechanism::CallAuction,
			..development_terms().rules
		},
		..development_terms()
	};
	let create = microgrids(pallet_microgrids::Call::create_microgrid {
		operator: account("Dave"),
		terms,
	});
	assert_ok!(chain.submit("Alice", sudo(create)));
	let microgrid = MicrogridId(2);
	chain.next_block();
	let offer = || {
		microgrids(pallet_microgrids::Call::offer_operator {
			microgrid,
			successor: account("Ferdie"),
		})
	};
	for (who, call) in [
		(
			"Dave",
			microgrids(pallet_microgrids::Call::set_terms {
				microgrid,
				terms: development_terms(),
			}),
		),
		("Dave", offer()),
		(
			"Dave",
			microgrids(pallet_microgrids::Call::withdraw_offer { microgrid }),
		),
		("Dave", offer()),
		(
			"Ferdie",
			microgrids(pallet_microgrids::Call::accept_operator { microgrid }),
		),
	] {
		assert_ok!(chain.submit(who, call));
	}

	let genesis = genesis_hash(&mut chain);
	let mut seller = enrol(&mut chain, "Bob", 1);
	let mut buyer = enrol_in(&mut chain, (AWAY, "Eve"), "Charlie", 2);
	let link = |to, capacity| {
		microgrids(pallet_microgrids::Call::propose_link {
			terms: LinkTerms {
				from: MICROGRID,
				to,
				loss: Permill::from_percent(5),
				capacity: WattHours(capacity),
				wheeling_fee: Price(10_000),
				min_quantity: WattHours(10),
			},
		})
	};
	let close = |link| microgrids(pallet_microgrids::Call::close_link { link: LinkId(link) });
	assert_ok!(chain.submit("Eve", link(AWAY, 1_500)));
	let accept = microgrids(pallet_microgrids::Call::accept_link { link: LinkId(0) });
	assert_ok!(chain.submit("Operator", accept));
	assert_ok!(chain.submit("Operator", link(microgrid, 100)));
	assert_ok!(chain.submit("Operator", close(1)));
	let period = chain.read(|| {
		let range = pallet_microgrids::Periods::<Runtime>::get(MICROGRID);
		range.expect("it has begun").until
	});
	chain.next_block();
	let now = chain.now();
	chain.advance_to(now + u64::from(clock.period_length));
	assert_ok!(chain.submit("Operator", close(0)));
	assert_ok!(chain.submit(
		"Bob",
		order(seller.meter, Side::Ask, period, 2_000, 150_000)
	));
	assert_ok!(chain.submit(
		"Charlie",
		order(buyer.meter, Side::Bid, period, 950, 200_000)
	));
	check_orders_and_openings(&journal, &mut chain);

	// A day later it is delivered.
	chain.stand_still_until(clock.start_of(period));
	let base = clock.start_of(period);
	let base = vec![seller.read(&genesis, base), buyer.read(&genesis, base)];
	bring(&mut chain, 1, base);
	chain.advance_to(clock.end_of(period));
	(seller.export, buyer.import) = (900, 950);
	let end = clock.end_of(period);
	let delivered = vec![seller.read(&genesis, end), buyer.read(&genesis, end)];
	bring(&mut chain, 2, delivered);
	settle(&mut chain, &clock, period);

	// One was opened: its deposit goes to the fund.
	let now = chain.now();
	let mut opened = buyer.read(&genesis, now).reading;
	opened.status = status::COVER_OPENED;
	let opened = buyer.resign(opened, &genesis);
	bring(&mut chain, 3, vec![opened]);
	chain.next_block();
	chain.next_block();
	let appoint = Flags::appoint_inspector {
		microgrid: AWAY,
		inspector: account("Ferdie"),
	};
	assert_ok!(chain.submit("Eve", RuntimeCall::AnomalyFlags(appoint)));
	let confirm = Flags::confirm {
		meter: buyer.meter,
		kind: Kind::TamperSwitch,
		tampering: true,
	};
	assert_ok!(chain.submit("Ferdie", RuntimeCall::AnomalyFlags(confirm)));

	// A meter changes hands, and goes; another one was never used.
	let meter = seller.meter;
	let offers = [Some(account("Dave")), None, Some(account("Dave"))];
	for to in offers {
		assert_ok!(chain.submit(
			"Bob",
			registry(pallet_meter_registry::Call::offer_meter { meter, to })
		));
	}
	for (who, call) in [
		(
			"Dave",
			registry(pallet_meter_registry::Call::accept_meter { meter }),
		),
		(
			"Dave",
			registry(pallet_meter_registry::Call::retire_meter { meter }),
		),
	] {
		assert_ok!(chain.submit(who, call));
	}
	let unused = enrol(&mut chain, "Bob", 3).meter;
	let retire = registry(pallet_meter_registry::Call::retire_meter { meter: unused });
	assert_ok!(chain.submit("Bob", retire));
	let now = current(&mut chain);
	chain.advance_to(clock.expires_at(now) + 10 * u64::from(clock.period_length));
	journal
}

/// Orders of every sort, alone, in batches and by others; standing orders.
pub fn trading() -> Journal {
	let (mut chain, journal, clock) = two_operators();
	for who in ["Operator", "Bob"] {
		assert_ok!(chain.submit(who, top_up(100 * GRID)));
	}
	let mut seller = enrol(&mut chain, "Bob", 1);
	let mut buyer = enrol(&mut chain, "Charlie", 2);
	let period = current(&mut chain).saturating_add(2);
	let new = |meter, side, energy, price, time_in_force| NewOrder {
		meter,
		side,
		period,
		energy: WattHours(energy),
		limit_price: Price(price),
		time_in_force,
	};
	let good = TimeInForce::GoodUntilGate;
	// Charlie has nothing in the clearing house: the first order brings it there. Of the batch the second is
	// too dear for the market, and the fourth can never be filled.
	let batch = vec![
		new(buyer.meter, Side::Bid, 100, 90_000, good),
		new(buyer.meter, Side::Bid, 100, 2_000_000, good),
		new(buyer.meter, Side::Bid, 100, 91_000, good),
		new(
			buyer.meter,
			Side::Bid,
			100,
			300_000,
			TimeInForce::FillOrKill,
		),
	];
	assert_ok!(chain.submit(
		"Charlie",
		orders(Orders::place_orders {
			orders: batch.try_into().expect("few"),
		})
	));
	let (cancelled, replaced) = (OrderId(0), OrderId(1));
	let calls = vec![
		top_up(GRID),
		order(buyer.meter, Side::Bid, period, 200, 200_000),
		orders(Orders::reduce_order {
			order_id: OrderId(2),
			energy: WattHours(150),
		}),
		orders(Orders::cancel_order {
			order_id: cancelled,
		}),
		orders(Orders::replace_order {
			order_id: replaced,
			energy: WattHours(300),
			limit_price: Price(120_000),
		}),
	];
	assert_ok!(chain.submit(
		"Charlie",
		RuntimeCall::Utility(Utility::batch_all { calls })
	));
	// Takes the best and a part of the next, and its own is in the way of the rest.
	assert_ok!(chain.submit("Bob", order(seller.meter, Side::Ask, period, 250, 110_000)));
	let own = order(seller.meter, Side::Ask, period, 60, 130_000);
	assert_ok!(chain.submit("Bob", own));
	let cross = new(seller.meter, Side::Bid, 100, 140_000, good);
	assert_ok!(chain.submit("Bob", orders(Orders::place_order { order: cross })));
	let at_once = new(
		seller.meter,
		Side::Ask,
		500,
		100_000,
		TimeInForce::ImmediateOrCancel,
	);
	assert_ok!(chain.submit("Bob", orders(Orders::place_order { order: at_once })));
	let withdraw = pallet_settlement::Call::withdraw { amount: GRID };
	assert_ok!(chain.submit("Bob", RuntimeCall::Settlement(withdraw)));
	chain.next_block();
	check_orders_and_openings(&journal, &mut chain);

	// Standing orders: one that trades with another, one that is refused, one that is ended.
	assert_ok!(chain.submit("Bob", standing(seller.meter, Side::Ask, 150_000, 300)));
	assert_ok!(chain.submit("Charlie", standing(buyer.meter, Side::Bid, 160_000, 200)));
	assert_ok!(chain.submit("Bob", standing(seller.meter, Side::Bid, 2_000_000, 100)));
	chain.advance_to(clock.start_of(period));
	let base = clock.start_of(period);
	report(&mut chain, &mut seller, base);
	report(&mut chain, &mut buyer, base);
	assert_ok!(chain.submit(
		"Bob",
		orders(Orders::cancel_standing_order {
			meter: seller.meter,
			side: Side::Bid,
		})
	));
	check_orders_and_openings(&journal, &mut chain);
	chain.advance_to(clock.end_of(period));
	(seller.export, buyer.import) = (700, 400);
	report(&mut chain, &mut seller, clock.end_of(period));
	report(&mut chain, &mut buyer, clock.end_of(period));
	settle(&mut chain, &clock, period);
	journal
}

/// A member of the first community that neither tops up nor trades, read at the start of the period that is
/// returned: now.
pub fn metered(chain: &mut Chain, clock: &PeriodClock, who: &str, seed: u8) -> (Device, Period) {
	let mut device = enrol(chain, who, seed);
	let first = current(chain).next();
	chain.advance_to(clock.start_of(first));
	report(chain, &mut device, clock.start_of(first));
	(device, first)
}

/// Nobody has money: arrears and claims come and go; late readings; a fund is spent.
pub fn debts() -> Journal {
	let (mut chain, journal, clock) = two_operators();
	let (mut taker, _) = metered(&mut chain, &clock, "Bob", 1);
	let (mut giver, first) = metered(&mut chain, &clock, "Charlie", 2);
	// Charlie feeds in more than Bob takes: the operator owes, and so does Bob.
	chain.advance_to(clock.end_of(first));
	(taker.import, giver.export) = (500, 1_000);
	report(&mut chain, &mut taker, clock.end_of(first));
	report(&mut chain, &mut giver, clock.end_of(first));
	// Then Charlie takes, and Bob is silent: an estimate, and what it was comes late.
	let second = first.next();
	chain.advance_to(clock.end_of(second));
	giver.import = 800;
	report(&mut chain, &mut giver, clock.end_of(second));
	settle(&mut chain, &clock, second);
	taker.import += 100;
	taker.export += 50;
	report(&mut chain, &mut taker, clock.end_of(second));
	chain.next_block();
	let arrears = chain.read(|| Settlement::account(&account("Bob")).arrears);
	assert!(arrears > 0, "Bob owes");
	let pay = pallet_settlement::Call::pay_arrears {
		microgrid: MICROGRID,
		amount: arrears / 2,
	};
	assert_ok!(chain.submit("Bob", RuntimeCall::Settlement(pay)));
	assert_ok!(chain.submit("Bob", top_up(10 * GRID)));
	assert_ok!(chain.submit("Operator", top_up(10 * GRID)));
	chain.next_block();
	chain.next_block();
	// What both feed in pays the rest, and the pool leaves something for the fund.
	let third = current(&mut chain);
	chain.advance_to(clock.end_of(third));
	taker.export += 300;
	giver.import += 400;
	report(&mut chain, &mut taker, clock.end_of(third));
	report(&mut chain, &mut giver, clock.end_of(third));
	settle(&mut chain, &clock, third);
	let fund = chain.read(|| Settlement::fund(MICROGRID));
	assert!(fund > 0, "the fund has a share of the pool");
	let spend = pallet_settlement::Call::spend_fund {
		microgrid: MICROGRID,
		beneficiary: account("Dave"),
		amount: fund,
	};
	assert_ok!(chain.submit("Alice", sudo(RuntimeCall::Settlement(spend))));
	settle(&mut chain, &clock, third.saturating_add(3));
	let now = current(&mut chain);
	chain.advance_to(clock.expires_at(now));
	settle(&mut chain, &clock, now);
	journal
}

/// Auctions, of which one is too late; a chain that stands still.
pub fn standstill() -> Journal {
	let (mut chain, journal) = Journal::of(genesis("development", |config| {
		let grids = config["microgrids"]["microgrids"].as_array_mut();
		for grid in grids.expect("the preset has communities") {
			grid[1]["rules"]["mechanism"] = "CallAuction".into();
		}
	}));
	chain.next_block();
	let clock = chain.read(<Microgrids as SettlementClock>::clock);
	let seller = enrol(&mut chain, "Bob", 1);
	let buyer = enrol(&mut chain, "Charlie", 2);
	let period = current(&mut chain).saturating_add(2);
	let late = period.saturating_add(20);
	for period in [period, late] {
		for n in 0..3 {
			let sale = order(seller.meter, Side::Ask, period, 100, 100_000 + n);
			assert_ok!(chain.submit("Bob", sale));
			let purchase = order(buyer.meter, Side::Bid, period, 80, 150_000 + n);
			assert_ok!(chain.submit("Charlie", purchase));
		}
	}
	chain.advance_to(clock.start_of(period) + u64::from(clock.period_length));
	check_orders_and_openings(&journal, &mut chain);
	chain.stand_still_until(clock.freezes_at(late));
	assert_ok!(chain.submit("Bob", standing(seller.meter, Side::Ask, 150_000, 300)));
	// Until the gate of the period that opens next is closed; and then until it never opens.
	let next = current(&mut chain).saturating_add(97);
	chain.next_block();
	chain.stand_still_until(clock.start_of(next) + u64::from(BLOCK_SECONDS));
	for _ in 0..5 {
		chain.next_block();
	}
	let until = chain.read(|| {
		let range = pallet_microgrids::Periods::<Runtime>::get(MICROGRID);
		range.expect("it has begun").until
	});
	chain.stand_still_until(clock.start_of(until.saturating_add(30)));
	for _ in 0..5 {
		chain.next_block();
	}
	let now = current(&mut chain);
	settle(&mut chain, &clock, now.saturating_sub(clock.grace + 1));
	journal
}

/// Blocks with so little time that the chain gets on by single steps, until it has come as far as is wanted.
/// They begin with one in so many parts of a block's time, and get more.
pub fn creep(chain: &mut Chain, parts: u64, wanted: impl Fn() -> bool) {
	let most = RuntimeBlockWeights::get().max_block.ref_time();
	let mut left = most / parts;
	for _ in 0..100 {
		if chain.read(&wanted) {
			return;
		}
		fill(chain, left);
		chain.next_block();
		left += left / 20;
	}
	panic!("it never came so far");
}

/// Fills the block but for so much.
pub fn fill(chain: &mut Chain, left: u64) {
	let most = RuntimeBlockWeights::get().max_block.ref_time();
	chain.read(|| {
		let used = System::block_weight().total().ref_time();
		let full = Weight::from_parts(most.saturating_sub(used).saturating_sub(left), 0);
		System::register_extra_weight_unchecked(full, DispatchClass::Mandatory);
	});
}

/// Orders as the journal tells them are those that the chain has, and so is an opening of this moment.
pub fn check_orders_and_openings(journal: &Journal, chain: &mut Chain) {
	chain.next_block();
	check_orders(journal);
	let now = journal.opening_now();
	let balances: Balance = now
		.iter()
		.filter_map(|opening| match opening {
			Opening::Ledger { balance, .. } => Some(balance.0),
			_ => None,
		})
		.sum();
	let held = chain.read(|| {
		Settlement::members()
			.map(|(_, member)| member.balance)
			.sum::<Balance>()
	});
	assert_eq!(balances, held);
}
