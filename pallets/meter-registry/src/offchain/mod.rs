//! The off-chain worker: brings readings from gateways on chain.
//!
//! It runs on nodes that hold the ingest key of an authority, once per best block, and knows its gateways
//! from the persistent off-chain storage ([`GATEWAYS_KEY`], written by the node at every start). Each run
//!
//! 1. settles the batches in flight: those that are on chain, and those that were given up;
//! 2. fetches pages from each gateway in turn, from its *cursor* on, and looks at each reading: settled
//!    (on chain, or never going to be), waiting, or to be brought now (module `select`);
//! 3. builds batches in order of meters, signs and submits them (module `batches`).
//!
//! **Nothing is lost.** A gateway's cursor never passes a reading that may still come on chain: whatever
//! becomes of a batch, its readings are looked at again. What a submission answers means nothing; only
//! sequences on chain do. At every sweep the cursor goes back to where it was a sweep before, so that
//! readings whose block was retracted are found again.
//!
//! **Nobody else's readings suffer.** A gateway that is dead, slow, lying, or flooding costs its own share
//! of the run: a part of the time, a bounded number of bytes and readings, and signatures up to a part of
//! what may fly; on failure it is left alone for some blocks.
//!
//! **No coordinator.** A page of meters belongs to one authority after the other ([`is_mine`]); the others
//! bring its readings only once they have waited for some blocks. Batches for the same page exclude one
//! another in the pool by their tags, so that no page is ever in two batches in flight.
//!
//! Operators find what the worker did under [`PROGRESS_KEY`]; each run writes at most one line of log.

mod batches;
mod fetch;
mod select;
mod state;
#[cfg(test)]
mod tests;

use alloc::{string::String, vec, vec::Vec};

use frame_support::traits::Get;
use frame_system::{offchain::SubmitTransaction, pallet_prelude::BlockNumberFor};
use gridweave_primitives::ingest::{IngestId, ReadingBatch, GATEWAYS_KEY, MAX_BATCH_READINGS};
use sp_application_crypto::RuntimeAppPublic;
use sp_core::offchain::{Duration, Timestamp};
use sp_runtime::{
	offchain::{storage::StorageValueRef, storage_lock::StorageLock},
	traits::UniqueSaturatedInto,
};

use self::{
	batches::Draft,
	select::{Selection, Share},
	state::{Flights, GatewayState, State},
};
use crate::{freshness::count, Call, Config, IngestKeys, Pallet};

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

/// Most gateways; further ones are ignored.
pub const MAX_GATEWAYS: usize = 16;
/// A run that died leaves its lock for so long, in milliseconds: less than the time between blocks.
const LOCK_MS: u64 = 2_500;
/// When a run stops asking gateways, in milliseconds from its start.
const FETCH_MS: u64 = 1_500;
/// When a run stops checking signatures.
const VERIFY_MS: u64 = 1_900;
/// Most pages a run fetches from a gateway.
const MAX_PAGES: u32 = 16;
/// How many blocks' worth of readings may be in flight, of all authorities together: every batch in the
/// pool is verified again at every block.
const BLOCKS_IN_FLIGHT: u32 = 2;
/// A batch that is not on chain after so many blocks is given up: its readings are brought again.
const FLIGHT_BLOCKS: u64 = 8;
/// The same for a batch that the pool refused at once.
const REFUSED_BLOCKS: u64 = 2;
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
/// How much later than now a batch may be included, in seconds, when its witness is computed.
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
	let mut lock = StorageLock::with_deadline(LOCK_KEY, Duration::from_millis(LOCK_MS));
	let Ok(_guard) = lock.try_lock() else {
		log::debug!(target: LOG, "the run before is not over");
		return;
	};
	let block: u64 = block.unique_saturated_into();
	let start = sp_io::offchain::timestamp();
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

/// What came of looking at a gateway.
#[derive(Default)]
struct Visit {
	error: Option<FetchError>,
	waiting: u32,
	oldest: Option<u64>,
}

impl Run {
	fn after(&self, milliseconds: u64) -> Timestamp {
		self.start.add(Duration::from_millis(milliseconds))
	}

	fn run<T: Config>(&self, key: &IngestId, urls: &[Vec<u8>]) {
		let storage = StorageValueRef::persistent(STATE_KEY);
		// State that cannot be read is that of another version: what is on chain is known from the chain.
		let mut state = storage.get::<State>().ok().flatten().unwrap_or_default();
		state.keep_only(urls);
		let mut tally = Tally::default();
		state.flights.settle(self.block, &mut tally, |meter| {
			Pallet::<T>::latest(meter).map(|latest| latest.sequence)
		});

		let room = self.room::<T>(&state.flights);
		let mut selection = Selection::<T>::new(
			self.block,
			&self.mine,
			self.authorities,
			self.after(VERIFY_MS),
			state.flights.pages(),
		);
		let mut reports = vec![None; urls.len()];
		// Another one is first every time: time and room may run out.
		let first = self.block.checked_rem(urls.len() as u64).unwrap_or(0);
		let order = (0..urls.len())
			.cycle()
			.skip(usize::try_from(first).unwrap_or(0));
		for (n, place) in order.take(urls.len()).enumerate() {
			let Some(gateway) = state.gateways.get_mut(place) else {
				break;
			};
			let left = count(urls.len().saturating_sub(n)).max(1);
			let room = room.saturating_sub(selection.taken()).div_ceil(left);
			let visit = self.visit(gateway, &mut selection, Share { room, left }, &mut tally);
			if let Some(report) = reports.get_mut(place) {
				*report = Some(GatewayProgress {
					url: gateway.url.clone(),
					cursor: gateway.cursor,
					waiting: visit.waiting,
					oldest: visit.oldest,
					failures: gateway.failures,
					error: visit.error,
				});
			}
		}

		let drafts = selection.into_batches();
		self.submit::<T>(key, drafts, &mut state.flights, &mut tally);
		storage.set(&state);
		self.tell(
			tally,
			state.flights.readings(),
			reports.into_iter().flatten().collect(),
		);
	}

	/// How many readings may still depart.
	fn room<T: Config>(&self, flights: &Flights) -> u32 {
		let all = T::MaxBlockReadings::get().saturating_mul(BLOCKS_IN_FLIGHT);
		let own = all
			.checked_div(self.authorities)
			.unwrap_or(0)
			.max(MAX_BATCH_READINGS);
		own.saturating_sub(flights.readings())
	}

	/// Looks at what a gateway has, page by page.
	fn visit<T: Config>(
		&self,
		gateway: &mut GatewayState,
		selection: &mut Selection<'_, T>,
		share: Share,
		tally: &mut Tally,
	) -> Visit {
		let mut visit = Visit::default();
		if gateway.rests(self.block) {
			return visit;
		}
		gateway.sweep_if_due(self.block);
		let now = sp_io::offchain::timestamp();
		let left = self.after(FETCH_MS).diff(&now).millis();
		let part = left.checked_div(share.left.into()).unwrap_or(0);
		let deadline = now.add(Duration::from_millis(part));

		let mut window = selection.window(share.room);
		let mut after = gateway.cursor;
		for _ in 0..MAX_PAGES {
			if sp_io::offchain::timestamp() >= deadline {
				break;
			}
			let page = match fetch::page(&gateway.url, gateway.epoch, after, deadline) {
				Ok(page) => page,
				Err(error) => {
					visit.error = Some(error);
					break;
				}
			};
			if gateway.epoch != Some(page.epoch) {
				// Another store: its offsets have nothing to do with those before.
				gateway.begin(page.epoch, self.block);
				window.restart();
				after = 0;
			}
			let full = page.readings.len() >= fetch::PAGE_READINGS;
			let Some(last) = page.readings.last().map(|(offset, _)| *offset) else {
				break;
			};
			gateway.mark(self.block, last);
			for (offset, signed) in page.readings {
				window.look(offset, gateway.age(offset, self.block), signed, tally);
			}
			after = last;
			if !full || !window.has_room() {
				break;
			}
		}
		let first = window.first_waiting();
		visit.waiting = window.waiting();
		visit.oldest = first.map(|offset| gateway.age(offset, self.block));
		gateway.cursor = first.map_or(after, |offset| offset.saturating_sub(1));
		match visit.error {
			Some(_) => gateway.fail(self.block),
			None => gateway.failures = 0,
		}
		visit
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
		for Draft { readings, spans } in drafts {
			salt = salt.wrapping_add(1);
			let batch = ReadingBatch {
				authority,
				salt,
				spans,
				readings,
			};
			let Some(signature) = key.sign(&batch.digest(&genesis)) else {
				log::error!(target: LOG, "the keystore does not sign with the ingest key");
				return;
			};
			let readings = batch.readings.clone();
			tally.batches = tally.batches.saturating_add(1);
			tally.submitted = tally.submitted.saturating_add(count(readings.len()));
			let call = Call::<T>::submit_readings { batch, signature };
			let transaction = T::create_authorized_transaction(call.into());
			let patience = match SubmitTransaction::<T, Call<T>>::submit_transaction(transaction) {
				Ok(()) => FLIGHT_BLOCKS,
				Err(()) => {
					tally.refused = tally.refused.saturating_add(1);
					REFUSED_BLOCKS
				}
			};
			flights.depart(self.block, self.block.saturating_add(patience), &readings);
		}
	}

	fn tell(&self, tally: Tally, in_flight: u32, gateways: Vec<GatewayProgress>) {
		let block = self.block;
		let failing = gateways
			.iter()
			.find_map(|gateway| Some((gateway, gateway.error.as_ref()?)));
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
			gateways,
		};
		StorageValueRef::persistent(PROGRESS_KEY).set(&progress);
	}
}
