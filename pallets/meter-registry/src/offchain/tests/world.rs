//! What lies around the worker: gateways that behave as told, a transaction pool, storage that outlives
//! chains, and a clock that moves only when somebody waits.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex, MutexGuard},
};

use codec::{Decode, Encode};
use frame_support::traits::Hooks;
use gridweave_primitives::{
	ingest::{ReadingBatch, GATEWAYS_KEY, INGEST},
	reading::{ReadingPage, SignedReading},
};
use sp_core::{
	crypto::Pair,
	offchain::{
		DbExternalities, Externalities, HttpError, HttpRequestId, HttpRequestStatus, OffchainDbExt,
		OffchainWorkerExt, OpaqueNetworkState, StorageKind, Timestamp, TransactionPool,
		TransactionPoolExt,
	},
	OpaquePeerId,
};
use sp_keystore::{testing::MemoryKeystore, Keystore, KeystoreExt};

pub use super::servers::Server;
use crate::{
	mock::*,
	offchain::{Progress, PROGRESS_KEY},
	Call,
};

type Extrinsic = <Test as frame_system::offchain::CreateTransactionBase<Call<Test>>>::Extrinsic;

struct Answer {
	status: HttpRequestStatus,
	/// When it comes.
	at: u64,
	body: Vec<u8>,
	read: usize,
	server: Server,
}

#[derive(Default)]
struct Inner {
	clock: u64,
	/// Milliseconds that go by whenever somebody looks at the clock.
	tick: u64,
	servers: BTreeMap<String, Server>,
	/// Milliseconds that servers take to answer.
	delays: BTreeMap<String, u64>,
	answers: BTreeMap<u16, Answer>,
	requests: Vec<String>,
	bytes: usize,
	storage: BTreeMap<Vec<u8>, Vec<u8>>,
	pool: Vec<Vec<u8>>,
	refusing: bool,
	swallowing: bool,
	/// Milliseconds that the pool takes for a transaction.
	checking: u64,
	seed: u8,
}

/// A node's surroundings. Clones share them.
#[derive(Clone, Default)]
pub struct World(Arc<Mutex<Inner>>);

impl World {
	fn inner(&self) -> MutexGuard<'_, Inner> {
		self.0.lock().expect("no test panics while it holds it")
	}

	/// Lets a gateway at this URL behave so from now on.
	pub fn set(&self, url: &str, server: Server) {
		self.inner().servers.insert(url.into(), server);
	}

	/// A gateway at this URL that serves these readings with offsets from 1.
	pub fn serve(&self, url: &str, readings: &[SignedReading]) {
		let readings = (1..).zip(readings.iter().cloned()).collect();
		self.set(url, Server::Honest { epoch: 1, readings });
	}

	/// The gateways that the node was started with.
	pub fn configure(&self, urls: &[&str]) {
		let urls: Vec<&[u8]> = urls.iter().map(|url| url.as_bytes()).collect();
		self.store(GATEWAYS_KEY, &urls.encode());
	}

	/// Writes to the off-chain storage.
	pub fn store(&self, key: &[u8], value: &[u8]) {
		self.inner().storage.insert(key.to_vec(), value.to_vec());
	}

	/// Serves the page that the function makes of the offset asked after.
	pub fn hold(&self, url: &str, make: impl Fn(u64) -> ReadingPage + Send + Sync + 'static) {
		self.set(url, Server::Made(Arc::new(make)));
	}

	/// What the off-chain storage has under the key.
	pub fn stored(&self, key: &[u8]) -> Option<Vec<u8>> {
		self.inner().storage.get(key).cloned()
	}

	/// Whether the off-chain storage has the key.
	pub fn has(&self, key: &[u8]) -> bool {
		self.inner().storage.contains_key(key)
	}

	/// What the worker told operators.
	pub fn progress(&self) -> Progress {
		let told = self
			.inner()
			.storage
			.get(PROGRESS_KEY)
			.cloned()
			.expect("told");
		Progress::decode(&mut &told[..]).expect("progress")
	}

	/// Milliseconds since the world began.
	pub fn clock(&self) -> u64 {
		self.inner().clock
	}

	/// Lets time go by.
	pub fn wait(&self, milliseconds: u64) {
		self.inner().clock += milliseconds;
	}

	/// Lets time go by whenever somebody looks at the clock.
	pub fn tick(&self, milliseconds: u64) {
		self.inner().tick = milliseconds;
	}

	/// Lets a server take so long for every answer.
	pub fn delay(&self, url: &str, milliseconds: u64) {
		self.inner().delays.insert(url.into(), milliseconds);
	}

	/// Lets the pool take so long for every transaction.
	pub fn check_for(&self, milliseconds: u64) {
		self.inner().checking = milliseconds;
	}

	/// Lets the pool take everything and forget it, or no longer: so the real one does with what it refuses.
	pub fn swallow(&self, swallowing: bool) {
		self.inner().swallowing = swallowing;
	}

	/// Lets the pool refuse everything, or no longer.
	pub fn refuse(&self, refusing: bool) {
		self.inner().refusing = refusing;
	}

	/// The URLs asked for since this was asked last.
	pub fn requests(&self) -> Vec<String> {
		core::mem::take(&mut self.inner().requests)
	}

	/// The bytes of bodies that were read.
	pub fn bytes(&self) -> usize {
		self.inner().bytes
	}

	/// The batches submitted since this was asked last, as calls.
	pub fn submitted(&self) -> Vec<RuntimeCall> {
		let pool = core::mem::take(&mut self.inner().pool);
		let decode = |bytes: Vec<u8>| Extrinsic::decode(&mut &bytes[..]).expect("an extrinsic");
		pool.into_iter()
			.map(|bytes| decode(bytes).function)
			.collect()
	}

	/// Gives a chain these surroundings.
	pub fn around(&self, ext: &mut sp_io::TestExternalities, authorities: &[u32]) {
		let keystore = MemoryKeystore::new();
		for place in authorities {
			let pair = authority(*place);
			let suri = format!("0x{}", hex(&authority_seed(*place)));
			keystore
				.insert(INGEST, &suri, pair.public().as_ref())
				.expect("inserted");
		}
		ext.register_extension(KeystoreExt::new(keystore));
		ext.register_extension(OffchainWorkerExt::new(self.clone()));
		ext.register_extension(OffchainDbExt::new(self.clone()));
		ext.register_extension(TransactionPoolExt::new(self.clone()));
	}

	/// Runs a test on a fresh chain in these surroundings, and checks the invariants after it.
	pub fn run(&self, authorities: &[u32], test: impl FnOnce()) {
		let mut ext = ext();
		self.around(&mut ext, authorities);
		ext.execute_with(|| {
			test();
			Registry::do_try_state().expect("the invariants hold");
		});
	}
}

fn authority_seed(place: u32) -> [u8; 32] {
	let mut seed = [7u8; 32];
	seed[..4].copy_from_slice(&place.to_le_bytes());
	seed
}

fn hex(bytes: &[u8]) -> String {
	bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The batch of a call.
pub fn batch_of(call: &RuntimeCall) -> &ReadingBatch {
	match call {
		RuntimeCall::Registry(Call::submit_readings { batch, .. }) => batch,
		other => panic!("not a batch: {other:?}"),
	}
}

/// Meters and sequences that a call brings.
pub fn brought(call: &RuntimeCall) -> Vec<(u32, u64)> {
	let readings = batch_of(call).readings.iter();
	readings
		.map(|signed| (signed.reading.meter.0, signed.reading.sequence))
		.collect()
}

/// The worker's run at the present block.
pub fn work() {
	Registry::offchain_worker(System::block_number());
}

/// The next block, and the worker's run after it.
pub fn next_block() {
	System::set_block_number(System::block_number() + 1);
	work();
}

/// The block with this number has this hash from now on.
pub fn name_block(number: u64, hash: u8) {
	frame_system::BlockHash::<Test>::insert(number, sp_core::H256([hash; 32]));
}

/// Includes the calls in the next block: every one must be valid, and take all its readings.
pub fn include(calls: Vec<RuntimeCall>) {
	System::set_block_number(System::block_number() + 1);
	System::reset_events();
	for call in calls {
		let readings = batch_of(&call).readings.len() as u32;
		send(call).expect("valid").expect("dispatched");
		let told = events().pop().expect("an event");
		assert!(
			matches!(told, crate::Event::ReadingsAccepted { accepted, .. } if accepted == readings),
			"{told:?}",
		);
	}
}

/// As [`include`], without checking signatures again: for many readings.
pub fn include_trusting(calls: Vec<RuntimeCall>) {
	System::set_block_number(System::block_number() + 1);
	for call in calls {
		let origin = frame_system::RawOrigin::Authorized.into();
		frame_support::traits::UnfilteredDispatchable::dispatch_bypass_filter(call, origin)
			.expect("dispatched");
	}
}

impl Externalities for World {
	fn is_validator(&self) -> bool {
		true
	}

	fn network_state(&self) -> Result<OpaqueNetworkState, ()> {
		Err(())
	}

	fn timestamp(&mut self) -> Timestamp {
		let mut inner = self.inner();
		inner.clock += inner.tick;
		Timestamp::from_unix_millis(inner.clock)
	}

	fn sleep_until(&mut self, deadline: Timestamp) {
		let mut inner = self.inner();
		inner.clock = inner.clock.max(deadline.unix_millis());
	}

	fn random_seed(&mut self) -> [u8; 32] {
		let mut inner = self.inner();
		inner.seed = inner.seed.wrapping_add(1);
		[inner.seed; 32]
	}

	fn http_request_start(
		&mut self,
		method: &str,
		uri: &str,
		_: &[u8],
	) -> Result<HttpRequestId, ()> {
		assert_eq!(method, "GET");
		let host = {
			let mut inner = self.inner();
			inner.requests.push(uri.into());
			let mut servers = inner.servers.iter();
			let asked = servers.find(|(host, _)| uri.starts_with(&format!("{host}/v1/")));
			asked.map(|(host, server)| (host.clone(), server.clone()))
		};
		let (host, server) = host.ok_or(())?;
		let (status, body) = server.answer(uri);
		let mut inner = self.inner();
		let at = inner.clock + inner.delays.get(&host).copied().unwrap_or(0);
		let id = inner.answers.len() as u16;
		inner.answers.insert(
			id,
			Answer {
				status,
				at,
				body,
				read: 0,
				server,
			},
		);
		Ok(HttpRequestId(id))
	}

	fn http_request_add_header(&mut self, _: HttpRequestId, _: &str, _: &str) -> Result<(), ()> {
		Ok(())
	}

	fn http_request_write_body(
		&mut self,
		_: HttpRequestId,
		_: &[u8],
		deadline: Option<Timestamp>,
	) -> Result<(), HttpError> {
		deadline.map(|_| ()).ok_or(HttpError::Invalid)
	}

	fn http_response_wait(
		&mut self,
		ids: &[HttpRequestId],
		deadline: Option<Timestamp>,
	) -> Vec<HttpRequestStatus> {
		let deadline = deadline.expect("whoever waits without a deadline waits for ever");
		let mut inner = self.inner();
		let mut statuses = Vec::new();
		// It ends when the last has answered, or time is over. All are on their way at once.
		let mut end = inner.clock;
		for id in ids {
			let answer = &inner.answers[&id.0];
			let late = answer.at.max(inner.clock) >= deadline.unix_millis();
			let status = match late {
				true => HttpRequestStatus::DeadlineReached,
				false => answer.status,
			};
			end = end.max(match status {
				HttpRequestStatus::DeadlineReached => deadline.unix_millis(),
				_ => answer.at,
			});
			statuses.push(status);
		}
		inner.clock = end;
		statuses
	}

	fn http_response_headers(&mut self, _: HttpRequestId) -> Vec<(Vec<u8>, Vec<u8>)> {
		vec![]
	}

	fn http_response_read_body(
		&mut self,
		id: HttpRequestId,
		buffer: &mut [u8],
		deadline: Option<Timestamp>,
	) -> Result<usize, HttpError> {
		let deadline = deadline.expect("whoever reads without a deadline reads for ever");
		let mut inner = self.inner();
		let inner = &mut *inner;
		let answer = inner.answers.get_mut(&id.0).ok_or(HttpError::Invalid)?;
		let read = match answer.server {
			Server::Endless => {
				assert!(inner.bytes < 64 << 20, "the worker reads without end");
				buffer.len()
			}
			Server::Dripping => {
				inner.clock += 50;
				if inner.clock >= deadline.unix_millis() {
					return Err(HttpError::DeadlineReached);
				}
				1
			}
			_ => {
				let rest = &answer.body[answer.read..];
				let read = rest.len().min(buffer.len());
				buffer[..read].copy_from_slice(&rest[..read]);
				answer.read += read;
				read
			}
		};
		inner.bytes += read;
		Ok(read)
	}

	fn set_authorized_nodes(&mut self, _: Vec<OpaquePeerId>, _: bool) {}
}

impl DbExternalities for World {
	fn local_storage_set(&mut self, _: StorageKind, key: &[u8], value: &[u8]) {
		self.store(key, value);
	}

	fn local_storage_clear(&mut self, _: StorageKind, key: &[u8]) {
		self.inner().storage.remove(key);
	}

	fn local_storage_compare_and_set(
		&mut self,
		_: StorageKind,
		key: &[u8],
		old_value: Option<&[u8]>,
		new_value: &[u8],
	) -> bool {
		let mut inner = self.inner();
		let same = inner.storage.get(key).map(Vec::as_slice) == old_value;
		if same {
			inner.storage.insert(key.to_vec(), new_value.to_vec());
		}
		same
	}

	fn local_storage_get(&mut self, _: StorageKind, key: &[u8]) -> Option<Vec<u8>> {
		self.inner().storage.get(key).cloned()
	}
}

impl TransactionPool for World {
	fn submit_transaction(&mut self, extrinsic: Vec<u8>) -> Result<(), ()> {
		let mut inner = self.inner();
		inner.clock += inner.checking;
		if inner.refusing {
			return Err(());
		}
		if inner.swallowing {
			return Ok(());
		}
		inner.pool.push(extrinsic);
		Ok(())
	}
}
