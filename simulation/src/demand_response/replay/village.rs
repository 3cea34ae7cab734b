//! A community on the chain, and its time.

use anyhow::{ensure, Context, Result};
use frame_support::traits::fungible::{Inspect, InspectHold};
use gridweave_grid::grid::{ROWS_PER_DAY, ROW_SECONDS};
use gridweave_primitives::{
	meter::{MeterKind, Ratings},
	Balance, EventId, MeterId, Period, PeriodClock, ProgrammeId, ResourceId, Watts,
};
use gridweave_runtime::{
	AccountId, Balances, DemandResponse, Runtime, RuntimeEvent, RuntimeHoldReason, BLOCK_SECONDS,
};
use pallet_demand_response::{
	types::{ProgrammeTerms, Report},
	Call, HoldReason,
};
use sp_core::{sr25519, Pair};

use crate::{
	community::{
		flow::{solve, POWER_FACTOR},
		Community,
	},
	demand_response::series::{Registers, FIRST_DAY},
	progress,
	random::Seed,
};

use super::{
	chain::{account, well_known, Chain},
	member::{Device, Plant, MICROGRID},
};

/// Blocks a period: the first brings the readings, and all do the chain's work.
const BLOCKS: u64 = 3;

/// Members registered in one block.
const AT_ONCE: usize = 8;

/// Most pending commands asked for at a time.
const PAGE: u32 = 500;

/// Ratings of the feeder's meter.
const FEEDER: Ratings = Ratings {
	max_import: Watts(1_000_000),
	max_export: Watts(1_000_000),
};

/// A member.
pub struct Member<'a> {
	owner: sr25519::Pair,
	/// Its meter.
	pub device: Device,
	/// What is behind it.
	pub plant: Plant<'a>,
	/// Whether it takes part.
	pub enrolled: bool,
}

/// What passed in a row.
pub struct Passed {
	/// What each member took, in mWh.
	pub nets: Vec<i64>,
	/// And what its meter shows of it, in Wh.
	pub shown: Vec<i64>,
	/// What the feeder took, in mWh.
	pub feeder: i64,
	/// What would have been, had nobody been told anything, in mWh.
	pub feeder_without: i64,
	/// What happened on chain when it had ended.
	pub events: Vec<RuntimeEvent>,
}

/// A community on the chain.
pub struct Village<'a> {
	/// The chain.
	pub chain: Chain,
	/// Its clock.
	pub clock: PeriodClock,
	/// Who operates it.
	pub operator: sr25519::Pair,
	/// Who has gathered those that take part, and is paid for them.
	pub aggregator: sr25519::Pair,
	/// Its members.
	pub members: Vec<Member<'a>>,
	/// The meter at its transformer.
	pub feeder: Device,
	/// The community of the data.
	pub community: &'a Community,
}

/// The second in which a row begins.
fn start_of(row: usize) -> u64 {
	FIRST_DAY * 86_400 + row as u64 * u64::from(ROW_SECONDS)
}

/// A key pair that follows from a seed.
fn pair(seed: Seed) -> sr25519::Pair {
	let mut bytes = [0u8; 32];
	for (place, byte) in bytes.iter_mut().enumerate() {
		*byte = seed.of(place as u64).below(256) as u8;
	}
	sr25519::Pair::from_seed(&bytes)
}

impl<'a> Village<'a> {
	/// Its members with their meters, in the first minutes of a row.
	pub fn found(community: &'a Community, row: usize, seed: Seed) -> Result<Self> {
		let clock = PeriodClock::default();
		let owners = (0..community.homes.len()).map(|place| pair(seed.of(0).of(place as u64)));
		let owners: Vec<_> = owners.collect();
		let (operator, aggregator) = (well_known("Operator")?, pair(seed.of(1)));
		let endowed: Vec<_> = owners.iter().chain([&aggregator]).map(account).collect();
		let begin = start_of(row) + u64::from(BLOCK_SECONDS);
		let mut chain = Chain::begin(clock, begin, &endowed)?;
		let mut members = Vec::new();
		for (place, (home, owner)) in community.homes.iter().zip(owners).enumerate() {
			if place % AT_ONCE == 0 {
				chain.pass_to(0)?;
			}
			let ratings = Ratings {
				max_import: Watts(home.max_import_w),
				max_export: Watts(home.max_export_w),
			};
			// What it has counted since the first of January.
			let mut registers = Registers::default();
			for row in 0..row {
				registers.pass(home.net(row));
			}
			let seed = seed.of(2).of(place as u64);
			let kind = (MeterKind::Prosumer, ratings);
			let device = Device::enrol(&mut chain, &operator, &owner, kind, seed, registers)?;
			let plant = Plant::new(home);
			members.push(Member {
				owner,
				device,
				enrolled: false,
				plant,
			});
		}
		let kind = (MeterKind::Feeder, FEEDER);
		let (owner, registers) = (operator.clone(), Registers::default());
		let feeder = Device::enrol(&mut chain, &operator, &owner, kind, seed.of(3), registers)?;
		Ok(Self {
			chain,
			clock,
			operator,
			aggregator,
			members,
			feeder,
			community,
		})
	}

	/// Opens a programme, in which all take part as one group who can wait.
	pub fn open(&mut self, terms: ProgrammeTerms, budget: Balance) -> Result<ProgrammeId> {
		let chain = &mut self.chain;
		let (microgrid, programme, resource) = (MICROGRID, ProgrammeId(0), ResourceId(0));
		let call = Call::<Runtime>::open_programme {
			microgrid,
			terms,
			budget,
		};
		chain.submit(&self.operator, call)?;
		chain.submit(
			&self.aggregator,
			Call::<Runtime>::create_group { programme },
		)?;
		let able = self
			.members
			.iter_mut()
			.filter(|member| member.plant.can_wait());
		for (place, member) in able.enumerate() {
			if place % AT_ONCE == 0 {
				chain.pass_to(0)?;
			}
			let meter = member.device.meter;
			let call = Call::<Runtime>::invite {
				programme,
				resource,
				meter,
			};
			chain.submit(&self.aggregator, call)?;
			let call = Call::<Runtime>::join_group {
				programme,
				resource,
				meter,
			};
			chain.submit(&member.owner, call)?;
			member.enrolled = true;
		}
		let enrolled = self.members.iter().filter(|member| member.enrolled).count();
		ensure!(
			enrolled > 0,
			"nobody has a storage, a heat pump or a charger"
		);
		progress(format_args!(
			"{} members, of whom {enrolled} take part",
			self.members.len()
		));
		ensure!(
			chain.now() < self.clock.end_of(self.clock.period_at(chain.now())),
			"registration takes longer than a period"
		);
		Ok(programme)
	}

	/// Devices hear what is pending on chain.
	pub fn hear(&mut self) {
		let mut from = MeterId(0);
		loop {
			let page = self
				.chain
				.read(|| DemandResponse::pending_commands(from, PAGE));
			for (meter, command) in page.commands {
				let member = self
					.members
					.iter_mut()
					.find(|member| member.device.meter == meter);
				if let Some(member) = member {
					member.plant.command = Some(command);
					member.device.acknowledged = Some(command.nonce);
				}
			}
			match page.next {
				Some(next) => from = next,
				None => return,
			}
		}
	}

	/// How many devices heard a command.
	pub fn told(&self) -> usize {
		let told = |member: &&Member<'_>| member.plant.command.is_some();
		self.members.iter().filter(told).count()
	}

	/// A row passes, and its readings come on chain.
	pub fn pass(&mut self, row: usize) -> Result<Passed> {
		let at = start_of(row);
		let night = row % ROWS_PER_DAY < 24;
		let members = self.members.iter_mut();
		let (nets, shown): (Vec<i64>, Vec<i64>) = members
			.map(|member| {
				let net = member.plant.pass(row, at, night);
				(net, member.device.registers.pass(net))
			})
			.unzip();
		let feeder = self.feeder_of(row, &nets);
		self.feeder.registers.pass(feeder);
		let without: Vec<i64> = (self.community.homes.iter().map(|home| home.net(row))).collect();
		let feeder_without = self.feeder_of(row, &without);

		let (end, block) = (start_of(row + 1), u64::from(BLOCK_SECONDS));
		let mut events = self.chain.pass_to(end + block)?;
		let genesis = self.chain.genesis;
		let devices = self.members.iter_mut().map(|member| &mut member.device);
		let mut readings: Vec<_> = devices
			.chain([&mut self.feeder])
			.map(|device| device.read(&genesis, end))
			.collect();
		readings.sort_by_key(|signed| signed.reading.meter);
		self.chain.bring(readings)?;
		for number in 1..=BLOCKS {
			events.extend(self.chain.pass_to(end + (number + 1) * block)?);
		}
		Ok(Passed {
			nets,
			shown,
			feeder,
			feeder_without,
			events,
		})
	}

	/// What the feeder takes when members take this, with what is lost in the wires, in mWh.
	fn feeder_of(&self, row: usize, nets: &[i64]) -> i64 {
		let wires = &self.community.wires;
		let reactive_of_active = (1.0 / (POWER_FACTOR * POWER_FACTOR) - 1.0f64).sqrt();
		let mut active = vec![0.0; wires.nodes.len()];
		let mut reactive = active.clone();
		let homes = self.community.homes.iter().zip(&self.community.places);
		for (net, (home, place)) in nets.iter().zip(homes) {
			// A quarter of an hour in mWh is four times that in mW.
			active[*place] += *net as f64 * 0.004;
			let generation = home.generation.get(row).copied().unwrap_or_default();
			let load = (*net + i64::from(generation)).max(0);
			reactive[*place] += load as f64 * 0.004 * reactive_of_active;
		}
		let flow = solve(wires, &active, &reactive);
		let losses = (flow.lines_w + flow.transformer_w) * 250.0;
		nets.iter().sum::<i64>() + losses as i64
	}

	/// What the chain expects of all who take part in the second half of a day by its unadjusted baseline, in Wh by
	/// period; `None` where one of them has none.
	pub fn expected(&mut self, programme: ProgrammeId, day: usize) -> Vec<Option<i64>> {
		let (from, count) = (
			day * ROWS_PER_DAY + ROWS_PER_DAY / 2,
			ROWS_PER_DAY as u32 / 2,
		);
		let from = self.clock.period_at(start_of(from));
		let members = self.members.iter().filter(|member| member.enrolled);
		let meters: Vec<_> = members.map(|member| member.device.meter).collect();
		let of_meters = self.chain.read(|| {
			let of = |meter| DemandResponse::expected_load(programme, meter, from, count);
			meters.into_iter().map(of).collect::<Vec<_>>()
		});
		let sum = |place: usize| {
			let mut of_period = of_meters.iter().map(|of| of.get(place).copied().flatten());
			of_period.try_fold(0i64, |sum, of| Some(sum + of?))
		};
		(0..count as usize).map(sum).collect()
	}

	/// The row of a period.
	pub fn row_of(&self, period: Period) -> usize {
		let since = self.clock.start_of(period).saturating_sub(start_of(0));
		usize::try_from(since / u64::from(ROW_SECONDS)).unwrap_or(usize::MAX)
	}

	/// The reports of an event.
	pub fn reports(&mut self, event: EventId) -> Result<Vec<Report<AccountId>>> {
		let reports = self
			.chain
			.read(|| DemandResponse::api_reports(event, ResourceId(0), PAGE));
		ensure!(!reports.is_empty(), "the event has no report");
		Ok(reports.into_iter().map(|(_, report)| report).collect())
	}

	/// What an account owns, held or not.
	pub fn owns(&mut self, who: &AccountId) -> Balance {
		self.chain.read(|| Balances::total_balance(who))
	}

	/// What is held of the operator for its budget.
	pub fn budget_held(&mut self) -> Balance {
		let who = account(&self.operator);
		let reason = RuntimeHoldReason::DemandResponse(HoldReason::Budget);
		self.chain.read(|| Balances::balance_on_hold(&reason, &who))
	}

	/// What is held for demand response of anybody.
	pub fn held(&mut self) -> Balance {
		let members = self.members.iter().map(|member| &member.owner);
		let accounts: Vec<_> = members
			.chain([&self.operator, &self.aggregator])
			.map(account)
			.collect();
		let reasons = [
			HoldReason::Budget,
			HoldReason::Enrolment,
			HoldReason::Commitment,
		];
		self.chain.read(|| {
			let of = |who: &AccountId| {
				let reasons = reasons.map(RuntimeHoldReason::DemandResponse);
				reasons
					.iter()
					.map(|reason| Balances::balance_on_hold(reason, who))
					.sum::<Balance>()
			};
			accounts.iter().map(of).sum()
		})
	}

	/// Blocks until a programme that is closing is closed, and a check of what must always hold.
	pub fn settle_down(&mut self) -> Result<()> {
		const MOST: usize = 200;
		for _ in 0..MOST {
			self.chain.pass_to(0)?;
			let open = self
				.chain
				.read(|| DemandResponse::api_programmes(ProgrammeId(0), 1));
			if open.is_empty() {
				return self.chain.check();
			}
		}
		None.context("the programme does not close")
	}
}
