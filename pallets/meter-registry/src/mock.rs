//! A chain with meters and nothing else: two microgrids, one authority, quarter hours.

use std::{
	cell::{Cell, RefCell},
	collections::BTreeSet,
};

use codec::Encode;
use frame_support::{
	derive_impl, parameter_types,
	traits::{ConstU128, ConstU32},
	weights::Weight,
};
use gridweave_primitives::{
	device::{registration_digest, DeviceKey, DeviceSignature, Serial},
	ingest::{IngestPair, IngestSignature, ReadingBatch},
	meter::{Correction, MeterKind, Movement, Ratings},
	microgrid::Terms,
	reading::{Reading, SignedReading},
	traits::{
		CommunityFunds, MeterCommitments, MicrogridInspect, Observation, OnCorrection,
		OnMeterRetired, OnReading, SettlementClock, SettlementProgress,
	},
	Balance, MeterId, MicrogridId, Period, PeriodClock, WattHours, Watts,
};
use sp_core::{crypto::Pair as _, ed25519, H256};
use sp_runtime::{
	testing::{TestSignature, UintAuthorityId},
	traits::DispatchTransaction,
	transaction_validity::TransactionValidityError,
	BuildStorage,
};

use crate as pallet_meter_registry;

type TxExtension = frame_system::AuthorizeCall<Test>;
type Extrinsic = sp_runtime::testing::TestXt<RuntimeCall, TxExtension>;
type Block = sp_runtime::generic::Block<
	sp_runtime::generic::Header<u64, sp_runtime::traits::BlakeTwo256>,
	Extrinsic,
>;

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Registry: pallet_meter_registry,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = Block;
	type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
	type Balance = Balance;
	type ExistentialDeposit = ConstU128<1>;
}

/// Time at the start of every test: the first second of [`P0`].
pub const T0: u64 = 1_800_000_000;
/// The period that begins at [`T0`].
pub const P0: Period = Period(2_000_000);
/// Length of a period.
pub const L: u64 = 900;
/// Operates microgrid 0; 21 operates microgrid 1.
pub const OPERATOR: u64 = 20;
/// Holds the funds of both.
pub const FUNDS: u64 = 30;
/// Owners with money.
pub const ALICE: u64 = 1;
/// Another one.
pub const BOB: u64 = 2;
/// The community of most tests.
pub const HERE: MicrogridId = MicrogridId(0);
/// Rating of all meters: 1 kWh a period, either way.
pub const RATINGS: Ratings = Ratings {
	max_import: Watts(4_000),
	max_export: Watts(4_000),
};
/// Registers of seven digits.
pub const MODULUS: WattHours = WattHours(10_000_000);

/// A reading that was told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
	/// The community of its meter.
	pub microgrid: MicrogridId,
	/// What was measured.
	pub reading: Reading,
	/// The reading before.
	pub previous: Option<Reading>,
	/// How the import register moved.
	pub import: Movement,
	/// How the export register moved.
	pub export: Movement,
	/// What it was judged by.
	pub ratings: Ratings,
}

/// A correction that was called for.
pub type Corrected = (MeterId, Period, Correction);

thread_local! {
	static CORRECTIONS: RefCell<Vec<Corrected>> = const { RefCell::new(Vec::new()) };
	static READINGS: RefCell<Vec<Told>> = const { RefCell::new(Vec::new()) };
	static FREED: RefCell<Vec<MeterId>> = const { RefCell::new(Vec::new()) };
	static COMMITTED: RefCell<BTreeSet<MeterId>> = const { RefCell::new(BTreeSet::new()) };
	static FUNDED: RefCell<Vec<(MicrogridId, Balance)>> = const { RefCell::new(Vec::new()) };
	static SETTLED: Cell<Period> = const { Cell::new(Period(u32::MAX)) };
}

parameter_types! {
	pub static Now: u64 = T0;
	pub static Length: u32 = L as u32;
	pub static MaxSpan: u32 = 96;
	pub static MaxBlockReadings: u32 = 1_000;
	pub static TaskWeight: Weight = Weight::from_parts(1_000_000_000_000, u64::MAX);
	pub static DepositBase: Balance = 1_000;
}

/// What others charge to be told of a correction.
pub const CORRECTION_WEIGHT: Weight = Weight::from_parts(7_000_000, 70);
/// What correcting a meter weighs besides.
pub const CORRECTED_WEIGHT: Weight = Weight::from_parts(5_000_000, 1_000);
/// What others charge to be told of a freed meter.
pub const FREED_WEIGHT: Weight = Weight::from_parts(3_000_000, 30);

/// What others charge to be told of a page of readings.
pub const OBSERVED_PAGE_WEIGHT: Weight = Weight::from_parts(11_000, 11);
/// What a reading weighs besides.
pub const OBSERVED_WEIGHT: Weight = Weight::from_parts(1_300, 13);

/// The clock of the test.
pub struct Clock;
impl SettlementClock for Clock {
	fn clock() -> PeriodClock {
		PeriodClock {
			period_length: Length::get(),
			..PeriodClock::default()
		}
	}
	fn now() -> u64 {
		Now::get()
	}
}

/// Two communities.
pub struct Microgrids;
impl MicrogridInspect<u64> for Microgrids {
	fn count() -> u32 {
		2
	}
	fn operator(microgrid: MicrogridId) -> Option<u64> {
		(microgrid.0 < Self::count()).then(|| OPERATOR + u64::from(microgrid.0))
	}
	fn terms(_: MicrogridId, _: Period) -> Option<Terms> {
		None
	}
	fn first_period(_: MicrogridId) -> Option<Period> {
		Some(P0)
	}
}

/// Records what this pallet tells others.
pub struct Others;
impl OnReading for Others {
	fn on_readings(microgrid: MicrogridId, observations: &[Observation]) {
		READINGS.with_borrow_mut(|all| {
			all.extend(observations.iter().map(|observation| Told {
				microgrid,
				reading: observation.reading.clone(),
				previous: observation.previous.clone(),
				import: observation.import,
				export: observation.export,
				ratings: observation.ratings,
			}))
		});
	}
	fn weight(pages: u32, readings: u32) -> Weight {
		OBSERVED_PAGE_WEIGHT * u64::from(pages) + OBSERVED_WEIGHT * u64::from(readings)
	}
}
impl OnCorrection for Others {
	fn on_corrections(meter: MeterId, corrections: &[(Period, Correction)]) {
		CORRECTIONS.with_borrow_mut(|all| {
			all.extend(
				corrections
					.iter()
					.map(|(period, correction)| (meter, *period, *correction)),
			)
		});
	}
	fn weight(meters: u32, corrections: u32) -> Weight {
		CORRECTION_WEIGHT * u64::from(corrections) + CORRECTED_WEIGHT * u64::from(meters)
	}
}
impl OnMeterRetired for Others {
	fn on_meter_retired(meter: MeterId) {
		FREED.with_borrow_mut(|all| all.push(meter));
	}
	fn weight() -> Weight {
		FREED_WEIGHT
	}
}
impl MeterCommitments for Others {
	fn has_commitments(meter: MeterId) -> bool {
		COMMITTED.with_borrow(|all| all.contains(&meter))
	}
}
impl CommunityFunds<u64> for Others {
	fn account() -> u64 {
		FUNDS
	}
	fn received(microgrid: MicrogridId, amount: Balance) {
		FUNDED.with_borrow_mut(|all| all.push((microgrid, amount)));
	}
}
impl SettlementProgress for Others {
	fn settled_before(_: MicrogridId) -> Period {
		SETTLED.get()
	}
}

impl crate::Config for Test {
	type RuntimeHoldReason = RuntimeHoldReason;
	type OwnerSignature = TestSignature;
	type OwnerPublic = UintAuthorityId;
	type Currency = Balances;
	type Microgrids = Microgrids;
	type Clock = Clock;
	type Readings = Others;
	type Corrections = Others;
	type Commitments = Others;
	type Progress = Others;
	type Retired = Others;
	type Funds = Others;
	type MaxAuthorities = ConstU32<4>;
	type MaxSpan = MaxSpan;
	type MaxBlockReadings = MaxBlockReadings;
	type DepositBase = DepositBase;
	type DepositPerByte = ConstU128<10>;
	type TaskWeight = TaskWeight;
	type WeightInfo = ();
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = Others;
}

#[cfg(feature = "runtime-benchmarks")]
impl crate::BenchmarkHelper<u64, TestSignature> for Others {
	fn microgrid() -> (MicrogridId, u64) {
		(HERE, OPERATOR)
	}
	fn funded(number: u32) -> u64 {
		let account = 1_000 + u64::from(number);
		let _ = <Balances as frame_support::traits::fungible::Mutate<u64>>::mint_into(
			&account,
			1 << 40,
		);
		account
	}
	fn signer(number: u32) -> u64 {
		Self::funded(number)
	}
	fn sign(owner: &u64, digest: &[u8; 32]) -> TestSignature {
		TestSignature(*owner, digest.to_vec())
	}
	fn set_now(now: u64) {
		Now::set(now);
	}
}

impl<LocalCall> frame_system::offchain::CreateTransactionBase<LocalCall> for Test
where
	RuntimeCall: From<LocalCall>,
{
	type RuntimeCall = RuntimeCall;
	type Extrinsic = Extrinsic;
}

impl<LocalCall> frame_system::offchain::CreateTransaction<LocalCall> for Test
where
	RuntimeCall: From<LocalCall>,
{
	type Extension = TxExtension;
	fn create_transaction(call: RuntimeCall, extension: Self::Extension) -> Extrinsic {
		Extrinsic::new_transaction(call, extension)
	}
}

impl<LocalCall> frame_system::offchain::CreateAuthorizedTransaction<LocalCall> for Test
where
	RuntimeCall: From<LocalCall>,
{
	fn create_extension() -> Self::Extension {
		TxExtension::new()
	}
}

/// Runs a test on a fresh chain, and checks the invariants after it.
pub fn run(test: impl FnOnce()) {
	ext().execute_with(|| {
		test();
		Registry::do_try_state().expect("the invariants hold");
	});
}

/// A fresh chain at block 1, with one authority.
pub fn ext() -> sp_io::TestExternalities {
	let storage = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: vec![(ALICE, 1_000_000), (BOB, 1_000_000), (3, 1_000)],
			..Default::default()
		},
		..Default::default()
	}
	.build_storage()
	.expect("a genesis");
	Now::set(T0);
	Length::set(900);
	MaxSpan::set(96);
	MaxBlockReadings::set(1_000);
	TaskWeight::set(Weight::from_parts(1_000_000_000_000, u64::MAX));
	DepositBase::set(1_000);
	SETTLED.set(Period(u32::MAX));
	COMMITTED.take();
	CORRECTIONS.take();
	READINGS.take();
	FREED.take();
	FUNDED.take();
	let mut ext = sp_io::TestExternalities::new(storage);
	ext.execute_with(|| {
		System::set_block_number(1);
		crate::IngestKeys::<Test>::put(frame_support::BoundedVec::truncate_from(vec![
			authority(0).public(),
			authority(1).public(),
		]));
	});
	ext
}

/// Sets how far settlement has come.
pub fn settle_before(period: Period) {
	SETTLED.set(period);
}

/// Opens or closes commitments of a meter.
pub fn commit(meter: MeterId, committed: bool) {
	COMMITTED.with_borrow_mut(|all| match committed {
		true => all.insert(meter),
		false => all.remove(&meter),
	});
}

/// The corrections called for since this was asked last.
pub fn corrections() -> Vec<Corrected> {
	CORRECTIONS.take()
}

/// The readings told of since this was asked last.
pub fn readings_told() -> Vec<Told> {
	READINGS.take()
}

/// The meters freed since this was asked last.
pub fn freed() -> Vec<MeterId> {
	FREED.take()
}

/// What funds have received since this was asked last.
pub fn funded() -> Vec<(MicrogridId, Balance)> {
	FUNDED.take()
}

/// The ingest key of an authority.
pub fn authority(place: u32) -> IngestPair {
	let mut seed = [7u8; 32];
	seed[..4].copy_from_slice(&place.to_le_bytes());
	IngestPair::from_seed(&seed)
}

/// The hash of the first block.
pub fn genesis() -> H256 {
	System::block_hash(0)
}

/// A metering device.
#[derive(Clone)]
pub struct Device {
	/// Its key pair.
	pub pair: ed25519::Pair,
	/// Its id on chain, once registered.
	pub id: MeterId,
}

impl Device {
	/// The device with a number of its own.
	pub fn new(number: u32) -> Self {
		let mut seed = [1u8; 32];
		seed[..4].copy_from_slice(&number.to_le_bytes());
		Self {
			pair: ed25519::Pair::from_seed(&seed),
			id: MeterId(u32::MAX),
		}
	}

	/// Its public key.
	pub fn key(&self) -> DeviceKey {
		DeviceKey::Ed25519(self.pair.public())
	}

	/// Its signature over a digest.
	pub fn sign(&self, digest: &[u8; 32]) -> DeviceSignature {
		DeviceSignature::Ed25519(self.pair.sign(digest))
	}

	/// Its proof of possession.
	pub fn proof(&self, owner: u64, microgrid: MicrogridId) -> DeviceSignature {
		self.sign(&registration_digest(
			&genesis(),
			&owner,
			microgrid,
			&serial(),
		))
	}

	/// A signed reading of it.
	pub fn read(&self, sequence: u64, at: u64, import: u64, export: u64) -> SignedReading {
		self.sign_reading(reading(self.id, sequence, at, import, export))
	}

	/// Signs a reading.
	pub fn sign_reading(&self, reading: Reading) -> SignedReading {
		let signature = self.sign(&reading.digest(&genesis()));
		SignedReading { reading, signature }
	}
}

/// A reading.
pub fn reading(meter: MeterId, sequence: u64, at: u64, import: u64, export: u64) -> Reading {
	Reading {
		meter,
		sequence,
		captured_at: at,
		import_register: WattHours(import),
		export_register: WattHours(export),
		state_of_charge: None,
		quality: None,
		acknowledged: None,
		status: 0,
	}
}

/// What is printed on every meter.
pub fn serial() -> Serial {
	Serial::truncate_from(b"GW-1".to_vec())
}

/// Registers the device with a number for an owner.
pub fn registered(number: u32, owner: u64, microgrid: MicrogridId, kind: MeterKind) -> Device {
	let mut device = Device::new(number);
	Registry::register_meter(
		RuntimeOrigin::signed(owner),
		microgrid,
		kind,
		device.key(),
		serial(),
		MODULUS,
		device.proof(owner, microgrid),
	)
	.expect("registers");
	device.id = crate::Keys::<Test>::get(Registry::key_hash(&device.key())).expect("registered");
	device
}

/// Lets the operator admit a meter, or change its ratings.
pub fn admit(device: &Device, ratings: Ratings) -> sp_runtime::DispatchResult {
	Registry::admit_meter(RuntimeOrigin::signed(OPERATOR), device.id, ratings)
}

/// Takes a meter out of service.
pub fn retire(device: &Device) {
	Registry::retire_meter(RuntimeOrigin::signed(ALICE), device.id).expect("retires");
}

/// Registers and admits the device with a number.
pub fn admitted(number: u32) -> Device {
	admitted_as(number, MeterKind::Prosumer)
}

/// Registers and admits the device with a number.
pub fn admitted_as(number: u32, kind: MeterKind) -> Device {
	let device = registered(number, ALICE, HERE, kind);
	admit(&device, RATINGS).expect("admits");
	device
}

/// A batch of the first authority, with a witness that suffices.
pub fn batch(readings: Vec<SignedReading>) -> ReadingBatch {
	let readings = frame_support::BoundedVec::truncate_from(readings);
	ReadingBatch {
		authority: 0,
		salt: 0,
		spans: crate::MAX_SPANS,
		corrections: crate::MAX_CORRECTIONS,
		readings,
	}
}

/// The signature of the authority that the batch names.
pub fn sign(batch: &ReadingBatch) -> IngestSignature {
	authority(batch.authority).sign(&batch.digest(&genesis()))
}

/// The call that submits a batch.
pub fn call(batch: ReadingBatch) -> RuntimeCall {
	let signature = sign(&batch);
	RuntimeCall::Registry(crate::Call::submit_readings { batch, signature })
}

/// Sends a call as a general transaction, as a node does.
pub fn send(
	call: RuntimeCall,
) -> Result<
	sp_runtime::DispatchResultWithInfo<frame_support::dispatch::PostDispatchInfo>,
	TransactionValidityError,
> {
	use frame_support::dispatch::GetDispatchInfo;
	let (info, length) = (call.get_dispatch_info(), call.encoded_size());
	TxExtension::new().dispatch_transaction(RuntimeOrigin::none(), call, &info, length, 5)
}

/// Brings readings on chain in a batch, which must succeed.
pub fn bring(readings: Vec<SignedReading>) {
	send(call(batch(readings)))
		.expect("valid")
		.expect("dispatched");
}

/// Brings one reading of a device: register values at a time.
pub fn bring_one(device: &Device, sequence: u64, at: u64, import: u64, export: u64) {
	bring(vec![device.read(sequence, at, import, export)]);
}

/// The deposits held of an account.
pub fn held(who: u64) -> Balance {
	use frame_support::traits::fungible::InspectHold;
	Balances::balance_on_hold(&crate::HoldReason::Registration.into(), &who)
}

/// The events of this pallet since the last block began.
pub fn events() -> Vec<crate::Event<Test>> {
	System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::Registry(event) => Some(event),
			_ => None,
		})
		.collect()
}

/// Advances chain time.
pub fn set_now(now: u64) {
	Now::set(now);
	System::set_block_number(System::block_number() + 1);
}

/// Brings readings whose signatures were verified, for tests of what comes after.
pub fn bring_unsigned(readings: Vec<Reading>) {
	let signature = DeviceSignature::Ed25519(Default::default());
	let readings = readings.into_iter().map(|reading| SignedReading {
		reading,
		signature: signature.clone(),
	});
	let batch = batch(readings.collect());
	let signature = sign(&batch);
	Registry::submit_readings(frame_system::RawOrigin::Authorized.into(), batch, signature)
		.expect("dispatched");
}

/// Prunes all there is to prune.
pub fn prune() {
	Registry::prune(&mut frame_support::weights::WeightMeter::new());
}

impl Clock {
	/// Whether the n-th period from [`P0`] on is frozen.
	pub fn is_frozen_at(n: u32) -> bool {
		<Self as SettlementClock>::is_frozen(P0.saturating_add(n))
	}
}
