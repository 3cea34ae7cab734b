//! The off-chain worker: brings readings from gateways on chain.
//!
//! It runs on nodes that hold the ingest key of an authority, once per best block, and knows its gateways
//! from the persistent off-chain storage ([`GATEWAYS_KEY`], written by the node at every start). Each run
//!
//! 1. settles the batches in flight: those that are on chain, and those that were given up;
//! 2. fetches pages from all gateways (module `visit`), of each from its *cursor* on, and looks at each
//!    reading: settled (on chain, or never going to be), waiting, or to be brought now (module `select`);
//! 3. builds batches in order of meters (module `batches`), signs and submits them.
//!
//! **Nothing is lost.** A gateway's cursor never passes a reading that may still come on chain: whatever
//! becomes of a batch, its readings are looked at again. What a submission answers means next to nothing
//! (the pool answers `Ok` to what it refuses); only sequences on chain count. Gateways keep readings until
//! they are finalised: when the chain of the last run was left, and at every sweep, the cursor goes back to
//! the oldest of them, so that readings whose block was retracted are found again.
//!
//! **Nobody else's readings suffer.** A gateway that is dead, slow, lying, or flooding costs its own share
//! of the run: a part of the time, a bounded number of bytes and readings, and signatures up to a part of
//! what may fly; on failure it is left alone for some blocks. A meter with a long backlog costs its
//! neighbours no more than one place each in a batch.
//!
//! **No coordinator.** A page of meters belongs to one authority after the other ([`is_mine`]); the others
//! bring its readings only once they have waited for some blocks. Batches for the same page exclude one
//! another in the pool by their tags, so that no page is ever in two batches in flight. The tags follow from
//! the block that the pool knows; a page that has just come on chain is left alone for a block, until the
//! pool has seen it.
//!
//! Operators find what the worker did under [`PROGRESS_KEY`]; each run writes at most one line of log.

mod batches;
mod fetch;
mod lock;
mod select;
mod state;
#[cfg(test)]
mod tests;
mod visit;

use alloc::{string::String, vec::Vec};

use codec::{Decode, Encode};
use frame_support::traits::Get;
use frame_system::{offchain::SubmitTransaction, pallet_prelude::BlockNumberFor};
use gridweave_primitives::ingest::{IngestId, ReadingBatch, GATEWAYS_KEY, MAX_GATEWAYS};
use sp_application_crypto::RuntimeAppPublic;
use sp_core::{
	offchain::{Duration, StorageKind, Timestamp},
	H256,
};
use sp_runtime::{
	offchain::storage::StorageValueRef,
	traits::{UniqueSaturatedFrom, UniqueSaturatedInto},
};

use self::{
	batches::Draft,
	lock::Lock,
	select::Selection,
	state::{Flights, State},
};
use crate::{authorize::LONGEVITY, freshness::count, Call, Config, IngestKeys, Pallet};

pub use self::{
	fetch::FetchError,
	state::{GatewayProgress, Progress, Tally},
};

/// Key of the persistent off-chain storage under which the worker keeps its state between runs.
pub const STATE_KEY: &[u8] = b"gridweave/ingest/v1/state";
/// Key of the persistent off-chain storage with what the worker did: a SCALE-encoded [`Progress`].
pub const PROGRESS_KEY: &[u8] = b"gridweave/ingest/v1/progress";
/// Key of the lock that keeps runs apart.
pub const LOCK_KEY: &[u8] = b"gridweave/ingest/v1/lock";

/// A run that died leaves its lock for so long, in milliseconds: less than the time between blocks.
const LOCK_MS: u64 = 2_500;
/// When a run stops waiting for first answers, in milliseconds from its start.
const FIRST_MS: u64 = 750;
/// When a run stops fetching pages and checking signatures.
const LOOK_MS: u64 = 1_900;
/// When a run stops submitting batches; what is left of its lock is for writing its state.
const SUBMIT_MS: u64 = 2_300;
/// Most pages a run fetches from a gateway.
const MAX_PAGES: u32 = 16;
/// How many blocks' worth of readings may be in flight, of all authorities together: every batch in the
/// pool is verified again at every block.
const BLOCKS_IN_FLIGHT: u32 = 2;
/// A batch that is not on chain after so many blocks is given up: its readings are brought again. The pool
/// has forgotten it by then, even if it has not seen the last block yet.
const FLIGHT_BLOCKS: u64 = LONGEVITY + 1;
/// The same for what is left of a batch of which some readings came on chain.
const LANDED_BLOCKS: u64 = 2;
/// Blocks that a reading waits for the authority that its page belongs to.
const TAKE_OVER_BLOCKS: u64 = 3;
/// Blocks that a reading of an unknown meter, or from the future, may hold the cursor.
const GRACE_BLOCKS: u64 = 3;
/// Blocks after which pages belong to the next authority.
const ROTATION_BLOCKS: u64 = 64;
/// Blocks between sweeps.
const SWEEP_BLOCKS: u64 = 20;
/// Longest time a failing gateway is left alone.
const MAX_BACK_OFF_BLOCKS: u64 = 8;
/// How much later than now a batch may be included, in seconds, when its witness is computed: as long as it
/// may fly, even if half of the authorities are gone. One that comes later still leaves what its witness does
/// not allow for the next.
const WITNESS_MARGIN: u64 = 30;

const LOG: &str = "runtime::meter-registry::ingest";

/// A run of the worker after `block` was imported.
pub(crate) fn run<T: Config>(block: BlockNumberFor<T>) {
	let authorities = IngestKeys::<T>::get();
	let local = IngestId::all();
	let mine: Vec<usize> = authorities
		.iter()
		.enumerate()
		.filter_map(|(place, key)| local.contains(key).then_some(place))
		.collect();
	let Some(key) = mine.first().and_then(|place| authorities.get(*place)) else {
		return;
	};
	let urls = gateways();
	if urls.is_empty() {
		return;
	}
	let start = sp_io::offchain::timestamp();
	let Some(_lock) = Lock::take(start) else {
		log::debug!(target: LOG, "the run before is not over");
		return;
	};
	let block: u64 = block.unique_saturated_into();
	let run = Run {
		block,
		mine,
		authorities: count(authorities.len()),
		start,
	};
	run.run::<T>(key, &urls);
}

/// The base URLs that the node has written.
fn gateways() -> Vec<Vec<u8>> {
	let stored = StorageValueRef::persistent(GATEWAYS_KEY).get::<Vec<Vec<u8>>>();
	let mut urls = stored.ok().flatten().unwrap_or_default();
	urls.truncate(MAX_GATEWAYS);
	urls
}

/// Whether a page belongs at `block` to an authority with its place in `mine`: pages go round all of them.
pub fn is_mine(page: u32, block: u64, mine: &[usize], authorities: u32) -> bool {
	let turn = (block / ROTATION_BLOCKS).wrapping_add(page.into());
	let owner = turn.checked_rem(authorities.into());
	owner
		.and_then(|owner| usize::try_from(owner).ok())
		.is_some_and(|owner| mine.contains(&owner))
}

/// What a run knows from its start.
struct Run {
	block: u64,
	/// Places of the local keys among the authorities.
	mine: Vec<usize>,
	authorities: u32,
	start: Timestamp,
}

impl Run {
	fn after(&self, milliseconds: u64) -> Timestamp {
		self.start.add(Duration::from_millis(milliseconds))
	}

	fn run<T: Config>(&self, key: &IngestId, urls: &[Vec<u8>]) {
		let stored = sp_io::offchain::local_storage_get(StorageKind::PERSISTENT, STATE_KEY);
		// State that cannot be read is that of another version: what is on chain is known from the chain.
		let mut state = stored
			.as_deref()
			.and_then(|mut stored| State::decode(&mut stored).ok())
			.unwrap_or_default();
		state.keep_only(urls);
		state.arrive(self.block, hash_of::<T>);
		let mut tally = Tally::default();
		let landed = state.flights.settle(self.block, &mut tally, |meter| {
			Pallet::<T>::latest(meter).map(|latest| latest.sequence)
		});

		let mut aloft = state.flights.pages();
		aloft.extend(landed);
		let mut selection = Selection::<T>::new(self.block, &self.mine, self.authorities, aloft);
		let room = self.room::<T>(&state.flights);
		visit::all(self, &mut state.gateways, &mut selection, room, &mut tally);
		let drafts = selection.into_batches();
		self.submit::<T>(key, drafts, &mut state.flights, &mut tally);

		// Whoever took the lock meanwhile knows better.
		let kept = sp_io::offchain::local_storage_compare_and_set(
			StorageKind::PERSISTENT,
			STATE_KEY,
			stored,
			&state.encode(),
		);
		match kept {
			true => self.tell(tally, &state),
			false => log::warn!(target: LOG, "block {}: another run was faster", self.block),
		}
	}

	/// How many readings may still depart: this authority's part of what may fly.
	fn room<T: Config>(&self, flights: &Flights) -> u32 {
		let all = T::MaxBlockReadings::get().saturating_mul(BLOCKS_IN_FLIGHT);
		let own = all.checked_div(self.authorities).unwrap_or(0);
		own.saturating_sub(flights.readings())
	}

	/// How much weight may still depart, in picoseconds: what late readings declare is a multiple of what
	/// others do, and batches that no block has room for only cost their verification.
	fn room_by_weight<T: Config>(&self, flights: &Flights) -> u64 {
		let block = T::BlockWeights::get().max_block.ref_time();
		let all = block.saturating_mul(BLOCKS_IN_FLIGHT.into());
		let own = all.checked_div(self.authorities.into()).unwrap_or(0);
		own.saturating_sub(flights.weight())
	}

	fn submit<T: Config>(
		&self,
		key: &IngestId,
		drafts: Vec<Draft>,
		flights: &mut Flights,
		tally: &mut Tally,
	) {
		let Some(authority) = self.mine.first().map(|place| count(*place)) else {
			return;
		};
		let genesis = Pallet::<T>::genesis_hash();
		let seed = sp_io::offchain::random_seed();
		let mut salt = seed
			.first_chunk::<4>()
			.map_or(0, |bytes| u32::from_le_bytes(*bytes));
		let mut room = self.room_by_weight::<T>(flights);
		for Draft { readings, witness } in drafts {
			// The pool checks every signature before it answers.
			if sp_io::offchain::timestamp() >= self.after(SUBMIT_MS) {
				return;
			}
			salt = salt.wrapping_add(1);
			let batch = ReadingBatch {
				authority,
				salt,
				spans: witness.spans,
				corrections: witness.corrections,
				readings,
			};
			let weight = Pallet::<T>::weight_of_batch(&batch.readings, witness)
				.saturating_add(Pallet::<T>::weight_of_review(&batch.readings))
				.ref_time();
			// One may always go: whatever it weighs, it fits a block.
			if weight > room && flights.batches() > 0 {
				return;
			}
			let Some(signature) = key.sign(&batch.digest(&genesis)) else {
				log::error!(target: LOG, "the keystore does not sign with the ingest key");
				return;
			};
			let readings = batch.readings.clone();
			tally.batches = tally.batches.saturating_add(1);
			tally.submitted = tally.submitted.saturating_add(count(readings.len()));
			let call = Call::<T>::submit_readings { batch, signature };
			let transaction = T::create_authorized_transaction(call.into());
			match SubmitTransaction::<T, Call<T>>::submit_transaction(transaction) {
				Ok(()) => {
					let expires = self.block.saturating_add(FLIGHT_BLOCKS);
					flights.depart(self.block, expires, &readings, weight);
					room = room.saturating_sub(weight);
				}
				// The pool did not even look at it: it is full, say. The next run brings its readings.
				Err(()) => tally.refused = tally.refused.saturating_add(1),
			}
		}
	}

	fn tell(&self, tally: Tally, state: &State) {
		let block = self.block;
		let in_flight = state.flights.readings();
		let gateways: Vec<GatewayProgress> = state
			.gateways
			.iter()
			.map(|gateway| gateway.progress(block))
			.collect();
		// One that is left alone has failed before, and was told of.
		let failing = state
			.gateways
			.iter()
			.zip(&gateways)
			.find_map(|(state, told)| {
				state
					.failed_at(block)
					.then_some((told, told.error.as_ref()?))
			});
		match failing {
			Some((gateway, error)) => log::warn!(
				target: LOG,
				"block {block}: {tally}; {in_flight} in flight; gateway {} {error}",
				String::from_utf8_lossy(&gateway.url),
			),
			None if tally.is_noteworthy() => {
				log::info!(target: LOG, "block {block}: {tally}; {in_flight} in flight")
			}
			None => {}
		}
		let progress = Progress {
			block,
			tally,
			in_flight,
			batches_in_flight: state.flights.batches(),
			gateways,
		};
		StorageValueRef::persistent(PROGRESS_KEY).set(&progress);
	}
}

/// The hash of a block of the chain that the worker is on; of one long ago, nothing but zeros.
fn hash_of<T: Config>(block: u64) -> H256 {
	frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::unique_saturated_from(block))
}
