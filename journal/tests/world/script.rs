//! What a run begins with, what it must not leave to chance, and how it ends.

use super::{random::TERMS, World, BLOCK};
use crate::model::{types::*, GRID};

/// Communities of all kinds: a pool, the tariff, a call auction, and a pool whose operator trades and has little.
pub fn communities() -> Vec<(usize, Terms)> {
	let tariff = Terms {
		fee: 0,
		gate_closure: 1,
		spread: None,
		..TERMS
	};
	let auction = Terms {
		auction: true,
		spread: Some(0),
		..TERMS
	};
	let poor = Terms {
		fee: 500,
		spread: Some(200_000),
		..TERMS
	};
	vec![(0, TERMS), (1, tariff), (0, auction), (17, poor)]
}

impl World {
	/// Members of four communities with meters, linked, when all links are open.
	pub fn begun(seed: u64, journal: bool) -> Self {
		let mut world = Self::new(seed, 20, &communities(), journal);
		let kinds = [Kind::Plain, Kind::Plain, Kind::Plain, Kind::Storage(2_000)];
		for place in 0..26usize {
			let who = world.members[place % 20];
			let grid = [0, 1, 2, 3, 0, 1, 0][place % 7];
			world.enrol(who, grid, kinds[place % 4]);
		}
		let link = |from, to, loss| LinkTerms {
			from,
			to,
			loss,
			capacity: 5_000,
			wheeling: 5_000,
			least: 10,
		};
		for terms in [
			link(0, 1, 50_000),
			link(1, 0, 123_456),
			link(0, 3, 0),
			link(3, 1, 10_000),
			link(2, 0, 0),
		] {
			let (from, to) = (
				world.model.grid(terms.from).operator,
				world.model.grid(terms.to).operator,
			);
			let no = world.model.next_link;
			assert!(world.call(Some(from), &Call::ProposeLink(terms)));
			if from != to {
				assert!(world.call(Some(to), &Call::AcceptLink(no)));
			}
		}
		for who in world.members.clone() {
			let amount = match world.model.accounts[&who] > 1_000 * GRID {
				true => 200 * GRID,
				false => 2 * GRID,
			};
			assert!(world.call(Some(who), &Call::TopUp(amount)));
		}
		// Links are open for periods that open from now on: the chain stands still until it is these.
		let day = u64::from(crate::model::HORIZON) + 2;
		world.next_block(day * world.model.clock.length);
		for _ in 0..24 {
			world.next_block(BLOCK);
		}
		world
	}

	/// What chance may leave out.
	pub fn rarities(&mut self) {
		let [seller, buyer, third] = [self.members[2], self.members[3], self.members[4]];
		let order = |meter, side, period, energy, limit| NewOrder {
			meter,
			side,
			period,
			energy,
			limit,
			force: Force::Gate,
		};
		// A community by governance; an operator who changes his mind.
		let created = Call::CreateGrid {
			operator: third,
			terms: TERMS,
		};
		assert!(self.call(None, &created));
		let operator = self.model.grid(0).operator;
		self.must(operator, Call::OfferOperator { grid: 0, to: third });
		self.must(operator, Call::WithdrawOffer { grid: 0 });

		// Of 21 Wh over a link that loses 5 %, 19 arrive if 20 are sent: the last one stays, and goes.
		let sells = self.enrol(seller, 0, Kind::Plain);
		let buys = self.enrol(buyer, 1, Kind::Plain);
		let far = self.model.current() + 60;
		self.must(seller, Call::Place(order(sells, Side::Ask, far, 21, 1_000)));
		self.must(buyer, Call::Place(order(buys, Side::Bid, far, 19, 300_000)));
		assert!(
			self.stats.reasons.contains_key("Cancelled/LinkRemainder"),
			"1 Wh is left"
		);

		// More orders than one may meet at once.
		let near = self.enrol(third, 0, Kind::Plain);
		self.must(
			seller,
			Call::PlaceMany(vec![order(sells, Side::Ask, far + 1, 10, 1_000); 60]),
		);
		self.must(
			third,
			Call::Place(order(near, Side::Bid, far + 1, 700, 300_000)),
		);
		assert!(
			self.stats.reasons.contains_key("Cancelled/FillLimit"),
			"50 are met"
		);

		// A standing order whose meter changes hands, and one that stays.
		let goes = self.enrol(third, 0, Kind::Plain);
		let (limit, quantity) = (150_000, Quantity::Fixed(30));
		for meter in [goes, near] {
			let call = Call::SetStanding {
				meter,
				side: Side::Ask,
				limit,
				quantity,
			};
			self.must(third, call);
		}
		self.must(
			third,
			Call::OfferMeter {
				meter: goes,
				to: Some(buyer),
			},
		);
		self.must(buyer, Call::AcceptMeter(goes));
		for _ in 0..12 {
			self.next_block(BLOCK);
		}
		assert!(
			self.stats.reasons.contains_key("StandingEnded/MeterGone"),
			"it is another's"
		);

		// An auction that comes too late, for the chain stands still; longer than periods are open ahead.
		let (one, two) = (
			self.enrol(seller, 2, Kind::Plain),
			self.enrol(buyer, 2, Kind::Plain),
		);
		let soon = self.model.current() + 2;
		self.must(
			seller,
			Call::Place(order(one, Side::Ask, soon, 100, 100_000)),
		);
		self.must(
			buyer,
			Call::Place(order(two, Side::Bid, soon, 100, 200_000)),
		);
		self.next_block(120 * self.model.clock.length);
		for _ in 0..60 {
			self.next_block(BLOCK);
		}
		for kind in ["AuctionAbandoned", "PeriodsSkipped", "StandingSkipped"] {
			assert!(self.stats.kinds.contains_key(kind), "{kind} comes of it");
		}
	}

	/// A meter of a member, admitted.
	pub fn enrol(&mut self, who: Who, grid: Grid, kind: Kind) -> MeterNo {
		let before: Vec<MeterNo> = self.model.meters.keys().copied().collect();
		self.serial += 1;
		let device = self.serial;
		let registered = Call::Register { grid, kind, device };
		assert!(self.call(Some(who), &registered), "there is room");
		self.note_device(device);
		let new = self
			.model
			.meters
			.keys()
			.copied()
			.find(|no| !before.contains(no));
		let meter = new.expect("registered");
		let ratings = Ratings {
			import: 1_000_000,
			export: 1_000_000,
		};
		let operator = self.model.grid(grid).operator;
		assert!(
			self.call(Some(operator), &Call::Admit { meter, ratings }),
			"there is room"
		);
		meter
	}

	/// A call that must be accepted.
	pub fn must(&mut self, who: Who, call: Call) {
		let accepted = self.stats.accepted;
		assert!(self.call(Some(who), &call), "there is room");
		assert_eq!(self.stats.accepted, accepted + 1, "{call:?} is accepted");
	}

	/// Lets everything come to its end: no calls any more, until nothing is open.
	pub fn come_to_rest(&mut self) {
		let standing: Vec<(MeterNo, Side, Who)> = self
			.model
			.standing
			.iter()
			.map(|((_, meter, side), standing)| (*meter, *side, standing.owner))
			.collect();
		for (meter, side, owner) in standing {
			self.afford(owner);
			// Those whose meter is gone end by themselves.
			self.call(Some(owner), &Call::CancelStanding { meter, side });
		}
		let links: Vec<(LinkNo, Who)> = self
			.model
			.links
			.iter()
			.map(|(no, link)| (*no, link.operator))
			.collect();
		for (link, operator) in links {
			self.afford(operator);
			self.call(Some(operator), &Call::CloseLink(link));
			self.next_block(BLOCK);
		}
		let length = self.model.clock.length;
		let periods = u64::from(crate::model::HORIZON) + 2 + self.model.clock.grace;
		for _ in 0..periods * length / BLOCK {
			self.read_devices();
			self.next_block(BLOCK);
		}
		self.check(true);
		self.model.check_at_rest().expect("nothing is left open");
	}

	fn afford(&mut self, who: Who) {
		if self.model.accounts[&who] < 50 * GRID {
			self.give(who, 50 * GRID);
		}
	}

	/// Debts are paid, meters retired: everything that was held comes back.
	pub fn wind_up(&mut self) {
		let arrears: Vec<(Who, Grid)> = self.model.arrears.keys().copied().collect();
		for (who, grid) in arrears {
			let amount = self.model.arrears[&(who, grid)];
			self.give(who, amount + 50 * GRID);
			self.must(who, Call::PayArrears { grid, amount });
			self.next_block(BLOCK);
		}
		let meters: Vec<(MeterNo, Who)> = self
			.model
			.meters
			.iter()
			.filter(|(_, meter)| !meter.retired)
			.map(|(no, meter)| (*no, meter.owner))
			.collect();
		for (meter, owner) in meters {
			self.afford(owner);
			if self.model.arrears.is_empty() {
				self.must(owner, Call::Retire(meter));
			} else {
				self.call(Some(owner), &Call::Retire(meter));
			}
		}
		let clock = self.model.clock;
		let periods = 3 + clock.grace + clock.retention;
		for _ in 0..periods * clock.length / BLOCK {
			self.read_devices();
			self.next_block(BLOCK);
		}
		self.check(true);
	}
}
