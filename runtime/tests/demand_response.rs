//! How demand response is wired: devices measure and obey, the chain announces, measures and pays.

mod common;

use common::{
	account, genesis,
	meters::{bring, enrol, genesis_hash, Device, MICROGRID},
	Chain,
};
use frame_support::{assert_ok, traits::fungible::InspectHold};
use gridweave_primitives::{
	clock::is_weekend,
	cost,
	traits::{MeteredEnergy, SettlementClock},
	Be32, EventId, MeterId, Period, PeriodClock, Price, ProgrammeId, ResourceId, WattHours, Watts,
};
use gridweave_runtime::{
	Balances, DemandResponse, MeterRegistry, Microgrids, Runtime, RuntimeCall, RuntimeEvent,
	RuntimeHoldReason, GRID,
};
use pallet_demand_response::{
	baseline::Method,
	types::{Action, Baseline, Direction, Prices, ProgrammeTerms, Stage},
	Call, DayPages, HoldReason, IdleUntil,
};
use sp_runtime::Permill;

const REWARD: Price = Price(200_000);
const LIMIT: Action = Action::LimitImport(Watts(100_000));

fn demand(call: Call<Runtime>) -> RuntimeCall {
	RuntimeCall::DemandResponse(call)
}

/// Two members whose devices are read at the end of every period.
struct Village {
	chain: Chain,
	clock: PeriodClock,
	devices: [Device; 2],
	salt: u32,
}

impl Village {
	/// With days of eight periods, so that weeks pass.
	fn new() -> Self {
		let mut chain = Chain::from_genesis(genesis("development", |config| {
			config["microgrids"]["clock"]["periodsPerDay"] = 8.into();
		}));
		chain.next_block();
		let devices = [enrol(&mut chain, "Bob", 1), enrol(&mut chain, "Charlie", 2)];
		let clock = chain.read(<Microgrids as SettlementClock>::clock);
		let mut village = Self {
			chain,
			clock,
			devices,
			salt: 0,
		};
		let now = village.now();
		village.chain.advance_to(village.clock.start_of(now.next()));
		village.read();
		village
	}

	fn now(&mut self) -> Period {
		self.chain.read(<Microgrids as SettlementClock>::current)
	}

	/// Brings a reading of each device, captured now.
	fn read(&mut self) {
		let genesis = genesis_hash(&mut self.chain);
		let at = self.chain.now();
		self.salt += 1;
		let readings = self
			.devices
			.iter_mut()
			.map(|device| device.read(&genesis, at))
			.collect();
		bring(&mut self.chain, self.salt, readings);
	}

	/// Lets a period pass in which the members take this much.
	fn pass(&mut self, takes: [u64; 2]) {
		let now = self.now();
		let end = self.clock.end_of(now);
		self.chain.advance_to(end);
		for (device, takes) in self.devices.iter_mut().zip(takes) {
			device.import += takes;
		}
		self.read();
	}

	/// Opens a programme without commands, and enrols Bob's meter in it.
	fn enrolled(&mut self) -> (ProgrammeId, MeterId) {
		let terms = ProgrammeTerms {
			direction: Direction::Reduce,
			prices: Prices {
				reward: REWARD,
				bonus: Price(0),
				penalty: Price(0),
			},
			baseline: Baseline::LikeDays {
				method: Method::TenOfTen,
				adjustment: Permill::zero(),
			},
			least_days: 3,
			dead_band: Permill::zero(),
			rebound: 0,
			notice: 0,
			events_per_day: 1,
			command: None,
		};
		let open = Call::open_programme {
			microgrid: MICROGRID,
			terms,
			budget: GRID,
		};
		assert_ok!(self.chain.submit("Operator", demand(open)));
		let (programme, meter) = (ProgrammeId(0), self.devices[0].meter);
		let enrol = demand(Call::enrol { programme, meter });
		assert_ok!(self.chain.submit("Bob", enrol));
		(programme, meter)
	}

	fn held(&mut self, reason: HoldReason, who: &str) -> u128 {
		let reason = RuntimeHoldReason::DemandResponse(reason);
		self.chain
			.read(|| Balances::balance_on_hold(&reason, &account(who)))
	}
}

#[test]
fn a_device_that_obeys_should_be_measured_and_its_owner_paid() {
	let mut village = Village::new();
	let terms = ProgrammeTerms {
		direction: Direction::Reduce,
		prices: Prices {
			reward: REWARD,
			bonus: Price(0),
			penalty: Price(0),
		},
		baseline: Baseline::LikeDays {
			method: Method::TenOfTen,
			adjustment: Permill::from_percent(20),
		},
		least_days: 3,
		dead_band: Permill::from_percent(20),
		rebound: 1,
		notice: 0,
		events_per_day: 1,
		command: Some(LIMIT),
	};
	let budget = 10 * GRID;
	assert_ok!(village.chain.submit(
		"Operator",
		demand(Call::open_programme {
			microgrid: MICROGRID,
			terms,
			budget,
		})
	));
	let programme = ProgrammeId(0);
	for (who, at) in [("Bob", 0), ("Charlie", 1)] {
		let meter = village.devices[at].meter;
		assert_ok!(village
			.chain
			.submit(who, demand(Call::enrol { programme, meter })));
	}
	// Until there are three like days behind a working day.
	let mut days = 0;
	let mut seen = None;
	loop {
		let now = village.now();
		let day = village.clock.day_of(now);
		if seen.replace(day) != Some(day) && !is_weekend(day) {
			days += 1;
		}
		if days >= 6 && !is_weekend(day) && village.clock.period_of_day(now) == 3 {
			break;
		}
		village.pass([1_000, 1_000]);
	}
	let start = village.now().saturating_add(2);
	assert_ok!(village.chain.submit(
		"Operator",
		demand(Call::announce_event {
			programme,
			start,
			periods: 2,
			target: WattHours(2_000),
		})
	));
	let event = EventId(0);
	assert_eq!(village.held(HoldReason::Budget, "Operator"), budget);
	village.pass([1_000, 1_000]);
	// The command is out; Bob's device acknowledges it with its next reading.
	village.chain.next_block();
	let meters = [village.devices[0].meter, village.devices[1].meter];
	let pending = village
		.chain
		.read(|| DemandResponse::pending_commands(meters[0], 10));
	let told: Vec<_> = pending.commands.iter().map(|(meter, _)| *meter).collect();
	assert_eq!(told, meters);
	let (_, command) = pending.commands[0];
	assert_eq!(
		(command.action, command.from),
		(LIMIT, village.clock.start_of(start))
	);
	village.devices[0].acknowledged = Some(command.nonce);
	village.pass([1_000, 1_000]);
	let pending = village
		.chain
		.read(|| DemandResponse::pending_commands(meters[0], 10));
	assert_eq!(pending.commands.len(), 1);
	assert_eq!(pending.commands[0].0, meters[1]);

	village.pass([400, 1_000]);
	village.pass([300, 1_000]);
	while village.chain.read(DemandResponse::open_events) > 0 {
		village.pass([1_000, 1_000]);
	}
	let (_, record) = village.chain.read(|| DemandResponse::api_events(event, 1))[0];
	assert_eq!(record.stage, Stage::Done);
	let reports = village
		.chain
		.read(|| DemandResponse::api_reports(event, ResourceId(0), 10));
	let reward = cost(REWARD, WattHours(1_300));
	let found: Vec<_> = reports
		.iter()
		.map(|(_, report)| (report.delivered, report.paid))
		.collect();
	assert_eq!(found, [(WattHours(1_300), reward), (WattHours::ZERO, 0)]);
	assert_eq!(
		village.held(HoldReason::Budget, "Operator"),
		budget - reward
	);
	// What happened is known when its block has ended.
	village.chain.next_block();
	let paid = |event: &RuntimeEvent| match event {
		RuntimeEvent::DemandResponse(pallet_demand_response::Event::RewardPaid {
			who,
			amount,
			..
		}) => Some((who.clone(), *amount)),
		_ => None,
	};
	let paid: Vec<_> = village.chain.events.iter().filter_map(paid).collect();
	assert_eq!(paid, [(account("Bob"), reward)]);
}

#[test]
fn a_meter_should_leave_before_it_retires() {
	let mut village = Village::new();
	let (programme, meter) = village.enrolled();
	let retire = || RuntimeCall::MeterRegistry(pallet_meter_registry::Call::retire_meter { meter });
	assert!(village.held(HoldReason::Enrolment, "Bob") > GRID);
	let refused = village.chain.submit("Bob", retire());
	let expected = pallet_meter_registry::Error::<Runtime>::HasCommitments;
	assert_eq!(refused, Err(expected.into()));
	let leave = demand(Call::leave { programme, meter });
	assert_ok!(village.chain.submit("Bob", leave));
	assert_eq!(village.held(HoldReason::Enrolment, "Bob"), 0);
	assert_ok!(village.chain.submit("Bob", retire()));
}

#[test]
fn energy_should_be_kept_until_it_is_recorded() {
	let mut village = Village::new();
	let (_, meter) = village.enrolled();
	// Blocks are so full that nothing is recorded, for longer than settled energy is kept.
	let first = village.now();
	village.chain.read(|| IdleUntil::<Runtime>::put(u64::MAX));
	let most = village.clock.grace + village.clock.retention + 3;
	for period in 0..u64::from(most) {
		village.pass([1_000 + period, 1_000]);
	}
	let metered = |village: &mut Village, period| {
		village
			.chain
			.read(|| <MeterRegistry as MeteredEnergy>::metered(meter, period))
	};
	let of_first = metered(&mut village, first).expect("it is kept");
	assert_eq!(of_first.import, WattHours(1_000));
	village.chain.read(IdleUntil::<Runtime>::kill);
	for _ in 0..3 {
		village.chain.next_block();
	}
	let (number, place) = (
		village.clock.day_of(first),
		village.clock.period_of_day(first),
	);
	let recorded = village.chain.read(|| {
		let mut days = DayPages::<Runtime>::iter_prefix_values((Be32::from(meter.page()),));
		let day = days.find(|day| u64::from(day.number) == number)?;
		let of_meter = day.meters.iter().find(|day| day.slot == meter.slot())?;
		of_meter.sum(place, place + 1)
	});
	assert_eq!(recorded, Some(1_000));
	// What is recorded is pruned.
	village.pass([1_000, 1_000]);
	village.chain.next_block();
	assert_eq!(metered(&mut village, first), None);
}
