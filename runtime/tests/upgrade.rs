//! Upgrades: the migration of the rehearsal step by step, and a chain that stops at a migration that failed. Real
//! networks are upgraded in `e2e/tests/upgrade.rs`.

mod common;

use frame_support::{
	assert_ok,
	migrations::{MultiStepMigrator, SteppedMigration, SteppedMigrationError},
	traits::fungible::{Inspect, InspectHold, MutateHold},
	weights::{Weight, WeightMeter},
};
use gridweave_primitives::{traits::MeterDeposits, Be32, MeterId};
use gridweave_runtime::{
	configs::system::MigrationWeight,
	migrations::rehearsal::{CheaperMeters, DIVISOR, METERS_PER_STEP},
	Balance, Balances, Executive, Header, MeterRegistry, Runtime, RuntimeHoldReason, System,
	BLOCK_SECONDS,
};
use pallet_meter_registry::{HoldReason, Meters};
use pallet_migrations::MigrationCursor;
use sp_runtime::{
	generic::{Digest, DigestItem},
	traits::Header as _,
	ExtrinsicInclusionMode, Permill,
};

use common::{account, meters::enrol, Chain};

/// Meters of these chains, whose owners take turns.
const METERS: u8 = 7;

fn chain() -> Chain {
	let mut chain = Chain::development();
	for seed in 0..METERS {
		let owner = ["Alice", "Bob", "Eve"][usize::from(seed) % 3];
		enrol(&mut chain, owner, seed + 1);
	}
	chain
}

fn held(who: &str) -> Balance {
	let reason: RuntimeHoldReason = HoldReason::Registration.into();
	Balances::balance_on_hold(&reason, &account(who))
}

fn deposits() -> Vec<Balance> {
	let mut deposits: Vec<_> = Meters::<Runtime>::iter().collect();
	deposits.sort_by_key(|(key, _)| *key);
	deposits
		.into_iter()
		.map(|(_, meter)| meter.deposit)
		.collect()
}

/// A step with as much weight as a block gives.
fn step(cursor: Option<Be32>) -> Result<Option<Be32>, SteppedMigrationError> {
	let mut weight = WeightMeter::with_limit(MigrationWeight::get());
	CheaperMeters::transactional_step(cursor, &mut weight)
}

/// All steps; how many there were.
fn migrate() -> u32 {
	let (mut cursor, mut steps) = (None, 0);
	loop {
		steps += 1;
		cursor = step(cursor).expect("it succeeds");
		assert_ok!(MeterRegistry::do_try_state());
		if cursor.is_none() {
			return steps;
		}
	}
}

#[test]
fn deposits_should_be_released_in_steps_that_each_leave_a_good_state() {
	let mut chain = chain();
	chain.read(|| {
		let before = CheaperMeters::before().expect("a good state");
		let (old, issuance) = (deposits(), Balances::total_issuance());
		let (locked, free) = (held("Eve"), Balances::balance(&account("Eve")));
		assert_eq!(old.len(), usize::from(METERS));
		assert!(
			CheaperMeters::after(&before).is_err(),
			"nothing was done yet"
		);

		// The last one finds nobody left.
		assert_eq!(migrate(), u32::from(METERS).div_ceil(METERS_PER_STEP));
		assert_ok!(CheaperMeters::after(&before));
		let expected: Vec<_> = old.iter().map(|old| old.div_ceil(DIVISOR)).collect();
		assert_eq!(deposits(), expected);
		assert_eq!(Balances::total_issuance(), issuance);
		let released = locked - held("Eve");
		assert_eq!(released, locked / DIVISOR);
		assert_eq!(Balances::balance(&account("Eve")), free + released);
	});
}

#[test]
fn a_deposit_that_was_taken_in_part_should_keep_its_share_of_what_is_left() {
	let mut chain = chain();
	chain.read(|| {
		let id = MeterId(2);
		assert!(MeterRegistry::slash_deposit(id, Permill::from_percent(30)) > 0);
		// And an odd planck, of which nobody loses the half.
		Meters::<Runtime>::mutate(Be32::from(MeterId(0)), |meter| {
			let meter = meter.as_mut().expect("registered");
			let reason: RuntimeHoldReason = HoldReason::Registration.into();
			assert_ok!(Balances::hold(&reason, &meter.owner, 1));
			meter.deposit += 1;
		});
		let (before, old) = (CheaperMeters::before().expect("good"), deposits());
		migrate();
		assert_ok!(CheaperMeters::after(&before));
		let new = deposits();
		assert_eq!(new[2], old[2].div_ceil(DIVISOR));
		assert_eq!(new[0], old[0] / DIVISOR + 1);
	});
}

#[test]
fn checks_should_find_what_went_wrong() {
	let mut chain = chain();
	chain.read(|| {
		let before = CheaperMeters::before().expect("a good state");
		migrate();
		assert_ok!(CheaperMeters::after(&before));
		// A meter is changed twice.
		assert_ok!(step(None));
		assert!(CheaperMeters::after(&before).is_err());
	});
}

#[test]
fn a_step_without_the_weight_for_a_meter_should_change_nothing() {
	let mut chain = chain();
	chain.read(|| {
		let old = deposits();
		let mut weight = WeightMeter::with_limit(Weight::from_parts(1, 0));
		let required = match CheaperMeters::transactional_step(None, &mut weight) {
			Err(SteppedMigrationError::InsufficientWeight { required }) => required,
			other => panic!("{other:?}"),
		};
		assert_eq!(deposits(), old);
		// With just so much it goes on, by one meter.
		let mut weight = WeightMeter::with_limit(required);
		let cursor = CheaperMeters::transactional_step(None, &mut weight);
		assert_eq!(cursor, Ok(Some(Be32::from(MeterId(0)))));
		let new = deposits();
		let changed = new.iter().zip(&old).filter(|(new, old)| new != old);
		assert_eq!(changed.count(), 1);
		// A block gives more than a step takes.
		assert!(required
			.saturating_mul(METERS_PER_STEP.into())
			.all_lt(MigrationWeight::get()));
	});
}

#[test]
fn a_chain_without_meters_should_be_migrated_in_one_step() {
	let mut chain = Chain::development();
	chain.read(|| {
		let before = CheaperMeters::before().expect("a good state");
		assert_eq!(step(None), Ok(None));
		assert_ok!(CheaperMeters::after(&before));
	});
}

/// What the next block may take.
fn next_block_takes(chain: &mut Chain) -> ExtrinsicInclusionMode {
	chain.next_block();
	let time = chain.now() + u64::from(BLOCK_SECONDS);
	chain.read(|| {
		Executive::finalize_block();
		let number = System::block_number();
		let slot = codec::Encode::encode(&(time / u64::from(BLOCK_SECONDS)));
		let digest = Digest {
			logs: vec![DigestItem::PreRuntime(*b"aura", slot)],
		};
		let parent = System::block_hash(number - 1);
		Executive::initialize_block(&Header::new(
			number + 1,
			Default::default(),
			Default::default(),
			parent,
			digest,
		))
	})
}

#[test]
fn a_chain_whose_migration_failed_should_take_no_transactions() {
	assert_eq!(
		next_block_takes(&mut Chain::development()),
		ExtrinsicInclusionMode::AllExtrinsics
	);
	let mut chain = Chain::development();
	chain.read(|| pallet_migrations::Cursor::<Runtime>::put(MigrationCursor::Stuck));
	assert_eq!(
		next_block_takes(&mut chain),
		ExtrinsicInclusionMode::OnlyInherents
	);
	// And it does not get out of this by itself.
	chain.read(|| {
		pallet_migrations::Pallet::<Runtime>::step();
		assert!(pallet_migrations::Pallet::<Runtime>::ongoing());
	});
}

/// The whole upgrade as a node goes through it, with every check of try-runtime: before and after, of every pallet.
#[cfg(all(feature = "rehearsal", feature = "try-runtime"))]
#[test]
fn an_upgrade_should_pass_the_checks_of_try_runtime() {
	use frame_system::{LastRuntimeUpgrade, LastRuntimeUpgradeInfo};
	use frame_try_runtime::UpgradeCheckSelect;
	use gridweave_runtime::VERSION;

	let mut chain = chain();
	// The state as the runtime before this one leaves it: with the full deposits.
	let before = chain.read(|| {
		let full: Vec<_> = Meters::<Runtime>::iter().collect();
		for (key, mut meter) in full {
			let surplus = meter.deposit * (DIVISOR - 1);
			let reason: RuntimeHoldReason = HoldReason::Registration.into();
			assert_ok!(Balances::hold(&reason, &meter.owner, surplus));
			meter.deposit += surplus;
			Meters::<Runtime>::insert(key, meter);
		}
		LastRuntimeUpgrade::<Runtime>::put(LastRuntimeUpgradeInfo {
			spec_version: (VERSION.spec_version - 1).into(),
			spec_name: VERSION.spec_name,
		});
		CheaperMeters::before().expect("a good state")
	});
	chain.read(|| assert_ok!(Executive::try_runtime_upgrade(UpgradeCheckSelect::All)));
	// Here pallet-migrations calls the migration's own checks before its first step and after its last.
	let mut blocks = 0;
	while chain.read(pallet_migrations::Pallet::<Runtime>::ongoing) {
		chain.next_block();
		blocks += 1;
		assert!(blocks < 100, "it does not end");
	}
	assert!(blocks >= u32::from(METERS) / METERS_PER_STEP);
	chain.read(|| {
		assert_ok!(CheaperMeters::after(&before));
		let upgraded = LastRuntimeUpgrade::<Runtime>::get().expect("an upgrade");
		assert_eq!(upgraded.spec_version.0, VERSION.spec_version);
	});
}
