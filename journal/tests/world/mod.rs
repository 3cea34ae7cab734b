//! A chain and the model of its market, side by side.

pub mod chain;
pub mod dice;
pub mod keep;
pub mod lines;
pub mod random;
pub mod readings;
pub mod replay;
pub mod script;
pub mod stats;
pub mod words;

use std::collections::BTreeMap;

use chain::{Applied, Chain};
use dice::Dice;
use gridweave_journal::Snapshot;
use gridweave_primitives::{
	device::{registration_digest, DeviceKey, DeviceSignature, Serial},
	Be32, MeterId, MicrogridId, WattHours,
};
use gridweave_runtime::{Runtime, RuntimeCall, RuntimeEvent, System, BLOCK_SECONDS};
use pallet_balances::Event as Money;
use sp_core::{ed25519, Pair};
use sp_runtime::MultiAddress;

use crate::model::{
	tasks::{compare, Mismatch},
	types::*,
	Clock, Model, GRID,
};

pub const BLOCK: u64 = BLOCK_SECONDS as u64;

/// A chain, what the model makes of it, and what has been seen.
pub struct World {
	pub chain: Chain,
	pub model: Model,
	pub dice: Dice,
	pub seed: u64,
	/// Accounts by name.
	pub names: BTreeMap<Who, String>,
	pub members: Vec<Who>,
	pub devices: BTreeMap<MeterNo, readings::Device>,
	pub stats: stats::Stats,
	/// Calls that are still to be made.
	pub serial: u32,
	pub salt: u32,
	genesis: sp_core::H256,
	issuance: u128,
	/// The block after the last time that the chain stood still.
	pub moved: u32,
	/// How often everything is compared, and every invariant checked; in blocks.
	pub thorough: u32,
	last: String,
	/// All records, if they are to be kept.
	pub log: Option<Vec<Rec>>,
	/// Who recomputes the market from its journal, and the state at the end of the last block.
	pub replay: Option<(replay::Replay, Snapshot)>,
}

impl Drop for World {
	fn drop(&mut self) {
		if std::thread::panicking() {
			if std::env::var("GRIDWEAVE_MODEL_TRACE").is_ok() {
				self.log
					.iter()
					.flatten()
					.for_each(|record| eprintln!("{record:?}"));
			}
			eprintln!(
				"seed {}, block {}, call {}: {}",
				self.seed, self.chain.number, self.stats.calls, self.last
			);
		}
	}
}

/// What each account of a member owns at first, in GRID.
fn endowment(place: usize) -> u128 {
	match place {
		0..=15 => 100_000,
		_ => 30,
	}
}

impl World {
	/// A chain of these communities, whose operators are members by their places.
	pub fn new(seed: u64, members: usize, grids: &[(usize, Terms)], journal: bool) -> Self {
		let mut names: Vec<String> = (0..members).map(|place| format!("Member{place}")).collect();
		names.push("Bank".into());
		let accounts: Vec<_> = names
			.iter()
			.map(|name| {
				let pair = sp_core::sr25519::Pair::from_string(&format!("//{name}"), None);
				gridweave_runtime::AccountId::from(pair.expect("a valid derivation").public().0)
			})
			.collect();
		let mut chain = Chain::new(|config| {
			let balances = config["balances"]["balances"]
				.as_array_mut()
				.expect("a list");
			for (place, account) in accounts.iter().enumerate() {
				let amount = match place {
					place if place == members => 1_000_000_000 * GRID,
					place => endowment(place) * GRID,
				};
				balances.push(serde_json::json!([
					account,
					serde_json::Number::from_u128(amount)
				]));
			}
			let grids = grids
				.iter()
				.map(|(operator, terms)| (&accounts[*operator], words::to_terms(terms)));
			config["microgrids"]["microgrids"] =
				serde_json::to_value(grids.collect::<Vec<_>>()).expect("it serializes");
		});
		let who: Vec<Who> = accounts.iter().map(words::who).collect();
		let clock = gridweave_runtime::genesis::development_clock();
		let clock = Clock {
			length: clock.period_length.into(),
			grace: clock.grace.into(),
			retention: clock.retention.into(),
		};
		let of_model: Vec<(Who, Terms)> = grids
			.iter()
			.map(|(place, terms)| (who[*place], *terms))
			.collect();
		let deposit = <Runtime as pallet_order_book::Config>::StandingDeposit::get();
		let mut model = Model::new(clock, &of_model, deposit);
		for (place, who) in who.iter().take(members).enumerate() {
			model.accounts.insert(*who, endowment(place) * GRID);
		}
		let (genesis, issuance) = chain.read(|| {
			(
				System::block_hash(0),
				gridweave_runtime::Balances::total_issuance(),
			)
		});
		let mut world = Self {
			chain,
			model,
			dice: Dice::new(seed),
			seed,
			members: who[..members].to_vec(),
			names: who.into_iter().zip(names).collect(),
			devices: BTreeMap::new(),
			stats: stats::Stats::default(),
			serial: 0,
			salt: 0,
			genesis,
			issuance,
			moved: 1,
			thorough: 16,
			last: String::new(),
			log: None,
			replay: None,
		};
		if journal {
			let state = world.chain.read(Snapshot::take);
			let opening = gridweave_journal::opening(0, genesis, &state).expect("it can be told");
			world.replay = Some((replay::Replay::new(&opening), state));
		}
		world.begin(BLOCK);
		world
	}

	fn records(&self, events: &[RuntimeEvent], tasks: bool) -> Vec<Rec> {
		let known = |record: &Rec| match record {
			Rec::Charged { who, .. } | Rec::GivenBack { who, .. } => {
				self.model.accounts.contains_key(who)
			}
			_ => true,
		};
		events
			.iter()
			.filter_map(|event| words::record(event, tasks))
			.filter(known)
			.collect()
	}

	fn note(&mut self, records: &[Rec]) {
		self.stats.note(records);
		if let Some(log) = &mut self.log {
			log.extend_from_slice(records);
		}
	}

	fn fail(&self, mismatch: Mismatch) -> ! {
		panic!(
			"not as the model says\n  seen: {:?}\n  model: {}",
			mismatch.seen, mismatch.expected
		);
	}

	/// Ends the block, and begins another one so many seconds later.
	pub fn next_block(&mut self, after: u64) {
		self.end();
		self.begin(after);
	}

	fn begin(&mut self, after: u64) {
		self.last = "tasks at the begin of a block".into();
		if std::env::var("GRIDWEAVE_MODEL_TRACE").is_ok() {
			self.log = Some(Vec::new());
		}
		self.chain.read(keep::forget_findings);
		let events = self.chain.begin(after);
		if after > 10 * BLOCK {
			self.moved = self.chain.number;
		}
		self.model.begin_block(self.chain.number, self.chain.time);
		let kept = self.chain.read(keep::pruned);
		self.model.prune_energy(kept);
		let records = self.records(&events, true);
		self.note(&records);
		let room = self.chain.read(keep::has_room);
		if let Err(mismatch) = self
			.model
			.tasks(records)
			.and_then(|()| self.model.end_of_poll(room))
		{
			self.fail(mismatch);
		}
		let (rounds, closed) = self.chain.read(|| (keep::rounds(), keep::closed()));
		self.model.note_rounds(&rounds);
		self.model.begun = None;
		if let (Some((begun, pages)), None) = (closed, &self.model.job) {
			self.model.close_pages(begun.1, &pages);
			self.model.begun = Some(begun);
		}
	}

	fn end(&mut self) {
		self.last = "tasks at the end of a block".into();
		let events = self.chain.end();
		let records = self.records(&events, true);
		self.note(&records);
		if let Err(mismatch) = self.model.tasks(records) {
			self.fail(mismatch);
		}
		self.model.end_turn();
		let rounds = self.chain.read(keep::rounds);
		self.model.note_rounds(&rounds);
		self.stats.blocks += 1;
		self.tell();
		let thorough = self.chain.number.is_multiple_of(self.thorough);
		self.check(thorough);
	}

	/// Tells the block as its journal does, and has it recomputed.
	fn tell(&mut self) {
		let Some((replay, before)) = &mut self.replay else {
			return;
		};
		self.last = "the journal of the block".into();
		let after = self.chain.read(Snapshot::take);
		let block = gridweave_journal::Block {
			number: self.chain.number,
			hash: self.genesis,
			events: self.chain.stored(),
		};
		let lines = gridweave_journal::records(&block, before, &after).expect("it can be told");
		replay.block(lines);
		*before = after;
	}

	/// Compares what chain and model keep.
	pub fn check(&mut self, thorough: bool) {
		self.last = "checks at the end of a block".into();
		let members = self.members.clone();
		let meters: Vec<MeterNo> = self.model.meters.keys().copied().collect();
		let current = self.model.current();
		let kept = self
			.chain
			.read(|| keep::kept(&members, &meters, current, thorough));
		assert_eq!(
			kept.issuance, self.issuance,
			"money is neither made nor lost"
		);
		if let Err(difference) = self.model.compare_kept(&kept) {
			panic!("not as the model says: {difference}");
		}
		if !thorough {
			return;
		}
		self.model.check_sums().expect("sums add up");
		if self.chain.number >= self.moved + 60 {
			self.model.check_due().expect("nothing is due for long");
		}
		self.chain.read(keep::invariants);
	}

	/// Money from outside, for who has none left.
	pub fn give(&mut self, who: Who, amount: Planck) {
		let dest = words::account(who);
		let call = pallet_balances::Call::transfer_keep_alive {
			dest: MultiAddress::Id(dest),
			value: amount,
		};
		let applied = self.chain.submit("Bank", RuntimeCall::Balances(call));
		if applied.result == Ok(Ok(())) {
			*self.model.accounts.get_mut(&who).expect("a member") += amount;
		}
	}

	/// Makes a call, and compares what it comes to with what the model says. Whether the transaction was valid: one that
	/// is not, for there is no room left in the block or nothing to pay the fee of, never happened.
	pub fn call(&mut self, who: Option<Who>, call: &Call) -> bool {
		self.last = format!("{who:?} {call:?}");
		let applied = self.apply(who, call);
		let Ok(result) = applied.result else {
			self.stats.invalid += 1;
			return false;
		};
		self.stats.calls += 1;
		let events = &applied.events;
		let (taken, paid) = who.map_or((0, 0), |who| fees(events, who));
		let new = events
			.iter()
			.find_map(|event| match words::record(event, false) {
				Some(Rec::MeterRegistered { meter, .. }) => Some(meter),
				_ => None,
			});
		if let Some(who) = who {
			*self.model.accounts.get_mut(&who).expect("a member") -= taken;
		}
		let (expected, predicted) = self.model.call(who, call, new);
		if let Some(who) = who {
			*self.model.accounts.get_mut(&who).expect("a member") += taken - paid;
		}
		let result = result.map_err(|error| words::error(&error));
		self.stats.note_call(call, &result);
		assert_eq!(result, expected.map_err(String::from), "chain, and model");
		let records = self.records(&applied.events, false);
		self.note(&records);
		let mut seen = records.into();
		if let Err(mismatch) = compare(&predicted, &mut seen) {
			self.fail(mismatch);
		}
		assert!(seen.is_empty(), "the model knows nothing of {seen:?}");
		if let (Ok(()), Call::Register { .. } | Call::AcceptMeter(_)) = (&result, call) {
			let meter = match call {
				Call::AcceptMeter(meter) => *meter,
				_ => new.expect("registered"),
			};
			let stored =
				|| pallet_meter_registry::Meters::<Runtime>::get(Be32::from(MeterId(meter)));
			let deposit = self.chain.read(stored).expect("registered").deposit;
			self.model.note_deposit(meter, deposit);
		}
		true
	}

	fn apply(&mut self, who: Option<Who>, call: &Call) -> Applied {
		match (who, call) {
			(None, Call::Readings(readings)) => self.bring(readings),
			(None, call) => self.chain.root(words::call(call)),
			(Some(who), Call::Register { grid, kind, device }) => {
				let call = self.registration(who, *grid, *kind, *device);
				let name = self.names[&who].clone();
				self.chain.submit(&name, call)
			}
			(Some(who), call) => {
				let name = self.names[&who].clone();
				self.chain.submit(&name, words::call(call))
			}
		}
	}

	/// A device's key pair, by its number.
	pub fn device_pair(number: u32) -> ed25519::Pair {
		let mut seed = [7; 32];
		seed[..4].copy_from_slice(&number.to_le_bytes());
		ed25519::Pair::from_seed(&seed)
	}

	fn registration(&mut self, who: Who, grid: Grid, kind: Kind, device: u32) -> RuntimeCall {
		let pair = Self::device_pair(device);
		let serial = Serial::try_from(device.to_le_bytes().to_vec()).expect("short");
		let owner = words::account(who);
		let digest = registration_digest(&self.genesis, &owner, MicrogridId(grid), &serial);
		RuntimeCall::MeterRegistry(pallet_meter_registry::Call::register_meter {
			microgrid: MicrogridId(grid),
			kind: words::to_kind(kind),
			key: DeviceKey::Ed25519(pair.public()),
			serial,
			modulus: WattHours(1 << 40),
			proof: DeviceSignature::Ed25519(pair.sign(&digest)),
		})
	}
}

/// What a transaction took of who signed it at first, and what it cost in the end.
fn fees(events: &[RuntimeEvent], signer: Who) -> (Planck, Planck) {
	let taken = events.iter().find_map(|event| match event {
		RuntimeEvent::Balances(Money::Withdraw { who, amount }) if words::who(who) == signer => {
			Some(*amount)
		}
		_ => None,
	});
	let paid = events.iter().find_map(|event| match event {
		RuntimeEvent::TransactionPayment(
			pallet_transaction_payment::Event::TransactionFeePaid { actual_fee, .. },
		) => Some(*actual_fee),
		_ => None,
	});
	(taken.unwrap_or(0), paid.unwrap_or(0))
}
