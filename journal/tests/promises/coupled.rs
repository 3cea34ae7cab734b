//! Auctions of linked communities: carried out as a solution says that somebody submitted, and recomputed by the model
//! and from the journal.

use gridweave_primitives::{LinkId, MicrogridId, WattHours};
use gridweave_runtime::{OrderBook, RuntimeCall};
use pallet_order_book::{Call as Orders, LinkFlow, PriceAt, Solution};

use super::*;

/// Two communities with call auctions, and a link from the second to the first: a seller there, buyers in both.
fn linked() -> (World, [(Who, MeterNo); 4]) {
	let terms = Terms {
		auction: true,
		..TERMS
	};
	let mut world = World::new(5, 6, &[(0, terms), (1, terms)], true);
	world.thorough = 1;
	let link = LinkTerms {
		from: 1,
		to: 0,
		loss: 50_000,
		capacity: 5_000,
		wheeling: 5_000,
		least: 10,
	};
	let [to, from] = [world.members[0], world.members[1]];
	world.must(from, Call::ProposeLink(link));
	world.must(to, Call::AcceptLink(0));
	let members = [(2, 0), (3, 0), (4, 1), (5, 1)].map(|(place, grid)| {
		let who = world.members[place];
		let meter = world.enrol(who, grid, Kind::Plain);
		let device = world.serial;
		world
			.devices
			.insert(meter, Device::new(device, Habit::Empty));
		world.must(who, Call::TopUp(20 * GRID));
		(who, meter)
	});
	// The link is open for periods that open from now on: the chain stands still until it is these.
	let day = u64::from(crate::model::HORIZON) + 2;
	world.next_block(day * world.model.clock.length);
	for _ in 0..24 {
		world.next_block(BLOCK);
	}
	world.log = Some(Vec::new());
	(world, members)
}

#[test]
fn coupled_auctions_should_be_as_the_model_says_and_recomputed() {
	let (mut world, [buyer, dear, seller, other]) = linked();
	let period = world.model.current() + 3;
	let order = |meter, side, energy, limit| {
		Call::Place(NewOrder {
			meter,
			side,
			period,
			energy,
			limit,
			force: Force::Gate,
		})
	};
	// Here 1,000 Wh are bid for and 400 Wh offered dearly; there 900 Wh are cheap, of which 100 Wh are bid for.
	world.must(buyer.0, order(buyer.1, Side::Bid, 600, 240_000));
	world.must(buyer.0, order(buyer.1, Side::Bid, 400, 220_000));
	world.must(dear.0, order(dear.1, Side::Ask, 400, 200_000));
	world.must(seller.0, order(seller.1, Side::Ask, 500, 100_000));
	world.must(seller.0, order(seller.1, Side::Ask, 400, 110_000));
	world.must(other.0, order(other.1, Side::Bid, 100, 150_000));
	let gate = world.model.clock.start(period);
	until(&mut world, gate);
	// 760 Wh arrive of 800: the rest of what is bid for here is had from the dear seller.
	let solution = Solution {
		flows: vec![LinkFlow {
			link: LinkId(0),
			received: WattHours(760),
		}]
		.try_into()
		.expect("one"),
		prices: [(0, 200_000), (1, 110_000)]
			.map(|(grid, price)| PriceAt {
				microgrid: MicrogridId(grid),
				price: gridweave_primitives::Price(price),
			})
			.to_vec()
			.try_into()
			.expect("two"),
	};
	let at = gridweave_primitives::Period(period);
	let score = world
		.chain
		.read(|| OrderBook::coupling_score(at, &solution));
	let claim = score.expect("it holds");
	// What 760 Wh more are worth here and cost there, less what they displace.
	let [bids, asks] = [240 * 600 + 220 * 400, 100 * 500 + 110 * 400 + 200 * 240];
	let [alone_here, alone_there] = [(240 - 200) * 400, (150 - 100) * 100];
	let gain = bids + 150 * 100 - asks - 5 * 760 - alone_here - alone_there;
	assert_eq!(claim, gain * 1_000_000);
	let submission = RuntimeCall::OrderBook(Orders::submit_coupling {
		period: at,
		solution,
		claim,
	});
	let applied = world.chain.submit("Bank", submission);
	assert_eq!(applied.result, Ok(Ok(())));
	// The model follows; so does the journal.
	until(&mut world, gate + 120);
	let log = world.log.clone().unwrap_or_default();
	let count = |kind| log.iter().filter(|record| record.kind() == kind).count();
	assert_eq!(count("Coupled"), 1);
	assert_eq!((count("CoupledFill"), count("LinkCarried")), (4, 1));
	assert_eq!((count("AuctionCleared"), count("AuctionAbandoned")), (2, 0));
	let operator = world.members[1];
	let earned = cost(200_000, 760) - cost(110_000, 800);
	assert!(log.iter().any(|record| matches!(
		record,
		Rec::LinkCarried { operator: of, earned: amount, .. } if (*of, *amount) == (operator, earned)
	)));
	let end = world.model.clock.freezes(period) + 10 * BLOCK;
	until(&mut world, end);
	let settled =
		|record: &&Rec| matches!(record, Rec::Settled { period: of, .. } if *of == period);
	let log = world.log.iter().flatten();
	assert_eq!(log.filter(settled).count(), 2);
	let (replay, _) = world.replay.as_ref().expect("it is kept");
	assert!(replay.compared > 10, "{}", replay.compared);
}
