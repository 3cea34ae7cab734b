//! Any calls, from anybody, in any order, read out of bytes. A fuzzer finds the bytes (`fuzz/targets/calls.rs`), and
//! a test takes pseudo-random ones (`runtime/tests/calls.rs`).
//!
//! What is played on is a chain in service ([`Start`]): members with meters, readings, money, orders, a link, a
//! programme. Calls are made by their types ([`making`]), so that every call of every pallet is among them, new ones
//! as well, with accounts, meters, periods and hashes that exist more often than not. Accounts sign transactions
//! that go through the whole of `Executive`; root's and the council's calls are dispatched as such.
//!
//! Nothing may panic, no invariant may be broken by the end of any block, no block may weigh more than a block can,
//! and no call, whatever its arguments, more than it said.

mod making;
mod source;
mod start;

use std::collections::BTreeSet;

use frame_support::{
	dispatch::GetDispatchInfo,
	traits::{GetCallMetadata, UnfilteredDispatchable},
};
use frame_system::RawOrigin;
use gridweave_primitives::{
	ingest::{IngestSignature, ReadingBatch},
	MeterId, MicrogridId, WattHours,
};
use gridweave_runtime::{
	configs::system::{RuntimeBlockWeights, MAX_BLOCK_WEIGHT},
	tx_extension, Executive, OriginCaller, Runtime, RuntimeCall, Signature, SignedPayload, System,
	UncheckedExtrinsic,
};
use pallet_collective::RawOrigin as CouncilOrigin;
use sp_core::Pair;
use sp_runtime::{generic::Era, transaction_validity::TransactionValidityError, DispatchResult};

use super::common::{
	meters::{genesis_hash, Device},
	Chain,
};
use making::{Maker, OWN};
use source::Source;
pub use start::Start;

/// A call by the names of its pallet and of itself.
pub type Name = (&'static str, &'static str);

/// Calls that may stop a chain or break its state because they are for that, or that are none: they are never made.
pub const NEVER: &[(&str, &str, &str)] = &[
	(
		"Timestamp",
		"set",
		"the author's own: it panics at a second one in a block, which is no block then",
	),
	("System", "set_storage", "root writes what it likes"),
	("System", "kill_storage", "root deletes what it likes"),
	("System", "kill_prefix", "root deletes what it likes"),
	(
		"System",
		"set_code",
		"needs a host that reads code; see tests/council.rs",
	),
	(
		"System",
		"set_code_without_checks",
		"the chain stops at code that is none",
	),
	(
		"Balances",
		"force_set_balance",
		"root makes money of nothing, more than sums can hold",
	),
	(
		"Balances",
		"force_adjust_total_issuance",
		"root says how much money there is",
	),
	(
		"MultiBlockMigrations",
		"force_set_cursor",
		"stops the chain, as migrations that fail do",
	),
	(
		"MultiBlockMigrations",
		"force_set_active_cursor",
		"stops the chain until there is nothing to migrate",
	),
];

/// Calls that weigh what their arguments say: too heavy ones find no block, which is what is meant.
const WEIGHED_BY_ARGUMENTS: &[(&str, &str)] = &[
	("Council", "close"),
	("Grandpa", "report_equivocation"),
	("Grandpa", "report_equivocation_unsigned"),
	("MeterRegistry", "relay_readings"),
	("MeterRegistry", "submit_readings"),
	("MultiBlockMigrations", "clear_historic"),
	("Sudo", "sudo_unchecked_weight"),
	("Utility", "with_weight"),
	("ValidatorSet", "report_aura_equivocation"),
];

/// The second community.
const AWAY: MicrogridId = MicrogridId(1);

/// Most steps of a sequence: later bytes are not looked at.
const MAX_STEPS: usize = 40;

/// What came of sequences.
#[derive(Default)]
pub struct Tally {
	/// How many calls were made.
	pub calls: u64,
	/// How many of them succeeded.
	pub good: u64,
	/// Which calls were made.
	pub made: BTreeSet<Name>,
	/// Which of them succeeded at least once.
	pub succeeded: BTreeSet<Name>,
	/// Which of them took more than a block has, so that nobody could ever make them.
	pub too_heavy: BTreeSet<Name>,
}

/// Who makes a call.
enum Who {
	/// One of [`Start::members`] signs it.
	Signed(usize),
	Root,
	/// So many votes of three.
	Council(u32),
	/// Nobody, in a transaction without anything.
	Nobody,
	/// Nobody, in one that the call itself has to authorise.
	General,
}

/// Plays what the bytes say, until they end, on a chain of its own.
pub fn play(start: &Start, bytes: &[u8], tally: &mut Tally) {
	let mut game = Game {
		start,
		chain: start.chain(),
		devices: start.devices.clone(),
		salt: 1_000,
		source: Source::new(bytes),
	};
	for _ in 0..MAX_STEPS {
		let Some(kind) = game.source.next() else {
			break;
		};
		match kind {
			0..=179 => game.call(tally),
			180..=204 => game.read(),
			205..=239 => game.chain.next_block(),
			_ => {
				let seconds = 3 * (1 + u64::from(game.source.byte()));
				let until = game.chain.now() + seconds;
				game.chain.stand_still_until(until);
			}
		}
	}
	// What is left to do goes on for some blocks.
	for _ in 0..3 {
		game.chain.next_block();
	}
}

struct Game<'a> {
	start: &'a Start,
	chain: Chain,
	devices: Vec<Device>,
	salt: u32,
	source: Source<'a>,
}

impl Game<'_> {
	fn call(&mut self, tally: &mut Tally) {
		let (start, source) = (self.start, &mut self.source);
		let (call, meter) = self.chain.read(|| {
			let mut maker = Maker::new(start, source);
			(maker.make(), maker.meter)
		});
		let who = self.who(meter);
		let Some(call) = call else { return };
		let metadata = call.get_call_metadata();
		let name = (metadata.pallet_name, metadata.function_name);
		if too_heavy(&call) && !WEIGHED_BY_ARGUMENTS.contains(&name) && !carries(&call) {
			tally.too_heavy.insert(name);
		}
		tally.calls += 1;
		tally.made.insert(name);
		if self.apply(who, call) == Ok(Ok(())) {
			tally.good += 1;
			tally.succeeded.insert(name);
		}
	}

	/// Who makes the call; often the owner of the meter that it names.
	fn who(&mut self, meter: Option<MeterId>) -> Who {
		let owner = |meter: MeterId| {
			let record = pallet_meter_registry::Meters::<Runtime>::get(
				gridweave_primitives::Be32::from(meter),
			)?;
			self.start.member(&record.owner)
		};
		match self.source.byte() {
			0..=79 => {
				let owner = self.chain.read(|| meter.and_then(owner));
				Who::Signed(owner.unwrap_or(Start::OPERATOR))
			}
			80..=129 => Who::Signed(Start::OPERATOR),
			kind @ 130..=209 => Who::Signed(usize::from(kind) % self.start.members.len()),
			210..=229 => Who::Root,
			kind @ 230..=244 => Who::Council(u32::from(kind) % 4),
			245..=249 => Who::Nobody,
			_ => Who::General,
		}
	}

	fn apply(
		&mut self,
		who: Who,
		call: RuntimeCall,
	) -> Result<DispatchResult, TransactionValidityError> {
		let start = self.start;
		self.chain.read(|| match who {
			Who::Signed(member) => start
				.sign(member, call)
				.and_then(Executive::apply_extrinsic),
			Who::Root => Ok(dispatch(RawOrigin::Root.into(), call)),
			Who::Council(votes) => Ok(dispatch(
				OriginCaller::Council(CouncilOrigin::Members(votes, 3)),
				call,
			)),
			Who::Nobody => Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(call)),
			Who::General => Executive::apply_extrinsic(UncheckedExtrinsic::new_transaction(
				call,
				tx_extension(Era::Immortal, 0, 0),
			)),
		})
	}

	/// Brings a reading that a device has signed, good or bad, as the authority's worker does.
	fn read(&mut self) {
		let genesis = genesis_hash(&mut self.chain);
		let index = self.source.below(self.devices.len());
		let device = &mut self.devices[index];
		let number = |byte: u8| [0, 10, 500, 2_500, 1 << 33, u64::MAX / 3][usize::from(byte) % 6];
		device.import = device.import.wrapping_add(number(self.source.byte()));
		device.export = device.export.wrapping_add(number(self.source.byte()));
		let late = u64::from(self.source.byte());
		let captured_at = match late {
			0..=127 => self.chain.now(),
			_ => self.chain.now().saturating_add(180).saturating_sub(late),
		};
		let mut signed = device.read(&genesis, captured_at);
		if self.source.byte() > 200 {
			signed.reading.status = self.source.byte().into();
			signed.reading.sequence = self.source.byte().into();
			signed.reading.import_register = WattHours(self.source.byte().into());
			signed = device.resign(signed.reading, &genesis);
		}
		self.salt += 1;
		let batch = ReadingBatch {
			authority: 0,
			salt: self.salt,
			spans: 200,
			corrections: 200,
			readings: vec![signed].try_into().expect("one"),
		};
		let signature = self.start.authority().sign(&batch.digest(&genesis));
		let signature = IngestSignature::from(signature);
		// Bad ones find no block.
		let _ = self.chain.submit_authorised(RuntimeCall::MeterRegistry(
			pallet_meter_registry::Call::submit_readings { batch, signature },
		));
	}
}

impl Start {
	/// A transaction signed by a member, who may always pay for it.
	fn sign(
		&self,
		member: usize,
		call: RuntimeCall,
	) -> Result<UncheckedExtrinsic, TransactionValidityError> {
		let (account, pair) = &self.members[member];
		let nonce = System::account_nonce(account);
		let payload = SignedPayload::new(call, tx_extension(Era::Immortal, nonce, 0))?;
		let signature = codec::Encode::using_encoded(&payload, |bytes| pair.sign(bytes));
		let (call, extension, _) = payload.deconstruct();
		Ok(UncheckedExtrinsic::new_signed(
			call,
			account.clone().into(),
			Signature::Sr25519(signature),
			extension,
		))
	}
}

/// Dispatches a call as root or the council does; those of this project must take no more than they said. Some of
/// the SDK's do, where their arguments say too little, and are charged what they said.
fn dispatch(origin: OriginCaller, call: RuntimeCall) -> DispatchResult {
	let said = call.get_dispatch_info().call_weight;
	let own = OWN.contains(&call.get_call_metadata().pallet_name);
	let shown = format!("{call:?}");
	let result = call.dispatch_bypass_filter(origin.into());
	let info = match &result {
		Ok(info) => *info,
		Err(failure) => failure.post_info,
	};
	if let Some(took) = info.actual_weight.filter(|_| own) {
		assert!(
			took.all_lte(said),
			"{took:?} instead of {said:?}: {shown:.300}"
		);
	}
	result.map(|_| ()).map_err(|failure| failure.error)
}

/// Whether no block has room for it.
fn too_heavy(call: &RuntimeCall) -> bool {
	let info = call.get_dispatch_info();
	let most = RuntimeBlockWeights::get().get(info.class).max_extrinsic;
	info.call_weight.any_gt(most.unwrap_or(MAX_BLOCK_WEIGHT))
}

/// Whether it carries other calls, whose weight it has.
fn carries(call: &RuntimeCall) -> bool {
	matches!(
		call,
		RuntimeCall::Utility(_)
			| RuntimeCall::Proxy(_)
			| RuntimeCall::Multisig(_)
			| RuntimeCall::Sudo(_)
			| RuntimeCall::Mandate(_)
			| RuntimeCall::Council(_)
	)
}

/// Called at the end of every block.
fn check_block(number: u32) {
	let took = System::block_weight().total();
	assert!(
		took.all_lte(MAX_BLOCK_WEIGHT),
		"block {number} takes {took:?} of {MAX_BLOCK_WEIGHT:?}"
	);
}
