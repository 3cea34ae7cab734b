//! A chain in service, from which sequences begin.

use frame_support::assert_ok;
use gridweave_primitives::{
	link::LinkTerms, market::Side, traits::SettlementClock, Price, ProgrammeId, WattHours, Watts,
};
use gridweave_runtime::{AccountId, Microgrids, RuntimeCall, GRID};
use pallet_demand_response::{
	baseline::Method,
	types::{Action, Baseline, Direction, Prices, ProgrammeTerms},
};
use pallet_order_book::{Instruction, Quantity};
use scale_info::{MetaType, PortableRegistry, Registry};
use sp_core::{sr25519, H256};
use sp_runtime::Permill;

use super::{
	super::common::{
		account,
		meters::{enrol, enrol_in, order, report, Device, MICROGRID},
		pair,
	},
	check_block, Chain, AWAY,
};

/// Who takes part. The first is the only authority, too.
const MEMBERS: [&str; 7] = [
	"Alice", "Bob", "Charlie", "Dave", "Eve", "Operator", "Treasury",
];

/// Nodes of a state's trie by their keys, each with how often it is referred to.
type Nodes = Vec<(Vec<u8>, (Vec<u8>, i32))>;

/// A chain in service, and the types of its calls.
pub struct Start {
	state: (Nodes, H256),
	number: u32,
	time: u64,
	/// Accounts with their keys.
	pub members: Vec<(AccountId, sr25519::Pair)>,
	/// Devices that are read.
	pub devices: Vec<Device>,
	/// Types of calls and of all that is in them.
	pub types: PortableRegistry,
	/// Which of them is that of calls.
	pub call_type: u32,
}

impl Start {
	/// The operator among [`Self::members`].
	pub const OPERATOR: usize = 5;

	/// Two communities with members who trade.
	pub fn new() -> Self {
		let mut chain = Chain::development();
		chain.next_block();
		let mut devices = vec![
			enrol(&mut chain, "Alice", 1),
			enrol(&mut chain, "Bob", 2),
			enrol(&mut chain, "Bob", 3),
			enrol(&mut chain, "Charlie", 4),
			enrol_in(&mut chain, (AWAY, "Operator"), "Eve", 5),
		];
		let clock = chain.read(<Microgrids as SettlementClock>::clock);
		let now = chain.read(<Microgrids as SettlementClock>::current);
		for who in ["Alice", "Bob", "Charlie", "Eve", "Operator"] {
			let amount = 1_000 * GRID;
			let top_up = pallet_settlement::Call::top_up { amount };
			assert_ok!(chain.submit(who, RuntimeCall::Settlement(top_up)));
		}
		link(&mut chain);
		programme(&mut chain, &devices);
		trade(&mut chain, &devices);
		// Some periods pass, with readings of all but the last.
		for period in 1..4 {
			chain.advance_to(clock.start_of(now.saturating_add(period)));
			let at = chain.now();
			for device in devices.iter_mut().take(4) {
				device.import += 300;
				device.export += 100;
				report(&mut chain, device, at);
			}
		}
		chain.next_block();
		Self::of(chain, devices)
	}

	fn of(chain: Chain, devices: Vec<Device>) -> Self {
		let (number, time) = (chain.number, chain.time);
		let mut ext = chain.ext;
		ext.commit_all().expect("no transaction is open");
		let mut types = Registry::new();
		let call_type = types.register_type(&MetaType::new::<RuntimeCall>()).id;
		Self {
			state: ext.into_raw_snapshot(),
			number,
			time,
			members: MEMBERS.map(|name| (account(name), pair(name))).to_vec(),
			devices,
			types: types.into(),
			call_type,
		}
	}

	/// A copy of the chain, whose blocks are looked at.
	pub fn chain(&self) -> Chain {
		let (raw, root) = self.state.clone();
		Chain {
			ext: sp_io::TestExternalities::from_raw_snapshot(raw, root, Default::default()),
			number: self.number,
			time: self.time,
			events: Vec::new(),
			watch: Box::new(check_block),
		}
	}

	/// Whose key brings batches of readings.
	pub fn authority(&self) -> &sr25519::Pair {
		&self.members[0].1
	}

	/// Which member has this account.
	pub fn member(&self, account: &AccountId) -> Option<usize> {
		self.members
			.iter()
			.position(|(member, _)| member == account)
	}
}

/// A link from the first community to the second, both of one operator.
fn link(chain: &mut Chain) {
	let terms = LinkTerms {
		from: MICROGRID,
		to: AWAY,
		loss: Permill::from_percent(5),
		capacity: WattHours(1_500),
		wheeling_fee: Price(10_000),
		min_quantity: WattHours(10),
	};
	let propose = pallet_microgrids::Call::propose_link { terms };
	assert_ok!(chain.submit("Operator", RuntimeCall::Microgrids(propose)));
}

/// A programme in which two take part.
fn programme(chain: &mut Chain, devices: &[Device]) {
	let terms = ProgrammeTerms {
		direction: Direction::Reduce,
		prices: Prices {
			reward: Price(200_000),
			bonus: Price(0),
			penalty: Price(0),
		},
		baseline: Baseline::LikeDays {
			method: Method::TenOfTen,
			adjustment: Permill::from_percent(5),
		},
		least_days: 1,
		dead_band: Permill::from_percent(5),
		rebound: 1,
		notice: 0,
		events_per_day: 4,
		command: Some(Action::LimitImport(Watts(1_500))),
	};
	let open = pallet_demand_response::Call::open_programme {
		microgrid: MICROGRID,
		terms,
		budget: 100 * GRID,
	};
	assert_ok!(chain.submit("Operator", RuntimeCall::DemandResponse(open)));
	for (who, device) in [("Alice", 0), ("Bob", 1)] {
		let enrol = pallet_demand_response::Call::enrol {
			programme: ProgrammeId(0),
			meter: devices[device].meter,
		};
		assert_ok!(chain.submit(who, RuntimeCall::DemandResponse(enrol)));
	}
}

/// Orders that rest, some that are filled, and one that stands.
fn trade(chain: &mut Chain, devices: &[Device]) {
	let now = chain.read(<Microgrids as SettlementClock>::current);
	for ahead in 2..6 {
		let period = now.saturating_add(ahead);
		let sale = order(devices[0].meter, Side::Ask, period, 1_000, 150_000);
		assert_ok!(chain.submit("Alice", sale));
		let purchase = order(devices[1].meter, Side::Bid, period, 600, 200_000);
		assert_ok!(chain.submit("Bob", purchase));
		let purchase = order(devices[3].meter, Side::Bid, period, 500, 120_000);
		assert_ok!(chain.submit("Charlie", purchase));
	}
	let standing = pallet_order_book::Call::set_standing_order {
		meter: devices[3].meter,
		side: Side::Bid,
		instruction: Instruction {
			limit_price: Price(160_000),
			quantity: Quantity::Fixed(WattHours(100)),
		},
	};
	assert_ok!(chain.submit("Charlie", RuntimeCall::OrderBook(standing)));
}
