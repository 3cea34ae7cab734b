//! A rehearsal of upgrades: the deposits of meters become [`DIVISOR`] times smaller, and what is held too much of
//! the meters that are there is released to their owners.
//!
//! The feature `rehearsal` makes a runtime that does so, of the next version. The build script builds it beside the
//! runtime proper, and real networks are upgraded to it in tests and by who wants to see how it goes
//! (`docs/operators.md`). It is no release: nothing begins with it, and the next version will be another.
//!
//! It is made as a migration ought to be: in steps that each fit into a block; with a cursor, so that no meter is
//! changed twice; every invariant holds after every step; and what it did can be checked ([`CheaperMeters::before`],
//! [`CheaperMeters::after`]).

#[cfg(any(feature = "std", feature = "try-runtime"))]
use alloc::collections::BTreeMap;
#[cfg(feature = "try-runtime")]
use alloc::vec::Vec;

#[cfg(any(feature = "std", feature = "try-runtime"))]
use frame_support::{ensure, traits::fungible::InspectHold};
use frame_support::{
	migrations::{MigrationId, SteppedMigration, SteppedMigrationError},
	traits::{fungible::MutateHold, tokens::Precision, Defensive},
	weights::{Weight, WeightMeter},
};
use gridweave_primitives::Be32;
use pallet_meter_registry::{HoldReason, Meter, Meters};
#[cfg(any(feature = "std", feature = "try-runtime"))]
use sp_runtime::TryRuntimeError;

use crate::{AccountId, Balance, Balances, Runtime, RuntimeHoldReason};

/// By how much smaller deposits become.
pub const DIVISOR: Balance = 2;

/// Most meters of one step, and so of one block. A real migration would take as many as the weight allows; here few
/// meters must take several blocks.
pub const METERS_PER_STEP: u32 = 2;

/// Makes the deposits of meters [`DIVISOR`] times smaller.
pub struct CheaperMeters;

/// What each meter's deposit was, and what was held of each owner for meters.
#[cfg(any(feature = "std", feature = "try-runtime"))]
#[derive(codec::Encode, codec::Decode)]
pub struct Before {
	deposits: BTreeMap<u32, Balance>,
	held: BTreeMap<AccountId, Balance>,
}

fn reason() -> RuntimeHoldReason {
	HoldReason::Registration.into()
}

/// What is kept of a deposit: of an odd planck nobody loses the half.
fn kept(deposit: Balance) -> Balance {
	deposit.div_ceil(DIVISOR)
}

/// At most what one meter costs: its record, what is held of its owner, and the owner's account, each read and
/// written. Nobody has measured it; storage is most of it, and it is counted twice.
fn weight_per_meter() -> Weight {
	<Runtime as frame_system::Config>::DbWeight::get().reads_writes(6, 6)
}

fn release(record: &mut Meter<AccountId>) {
	let surplus = record.deposit.saturating_sub(kept(record.deposit));
	// As much as is held, which is all of it: that a hold has gone missing must not stop the chain.
	let released = Balances::release(&reason(), &record.owner, surplus, Precision::BestEffort)
		.defensive_unwrap_or_default();
	record.deposit = record.deposit.saturating_sub(released);
}

impl SteppedMigration for CheaperMeters {
	/// The meter that was changed last.
	type Cursor = Be32;
	type Identifier = MigrationId<20>;

	fn id() -> Self::Identifier {
		MigrationId {
			pallet_id: *b"gridweave::rehearsal",
			version_from: 1,
			version_to: 2,
		}
	}

	fn step(
		mut cursor: Option<Be32>,
		meter: &mut WeightMeter,
	) -> Result<Option<Be32>, SteppedMigrationError> {
		let required = weight_per_meter();
		if !meter.can_consume(required) {
			return Err(SteppedMigrationError::InsufficientWeight { required });
		}
		// In the order of ids: keys of this map are not hashed.
		let mut rest = match cursor {
			Some(last) => Meters::<Runtime>::iter_from_key(last),
			None => Meters::<Runtime>::iter(),
		};
		for _ in 0..METERS_PER_STEP {
			if meter.try_consume(required).is_err() {
				break;
			}
			let Some((key, mut record)) = rest.next() else {
				return Ok(None);
			};
			release(&mut record);
			Meters::<Runtime>::insert(key, record);
			cursor = Some(key);
		}
		Ok(cursor)
	}

	#[cfg(feature = "try-runtime")]
	fn pre_upgrade() -> Result<Vec<u8>, TryRuntimeError> {
		Self::before().map(|before| codec::Encode::encode(&before))
	}

	#[cfg(feature = "try-runtime")]
	fn post_upgrade(state: Vec<u8>) -> Result<(), TryRuntimeError> {
		let before = codec::Decode::decode(&mut &state[..]).map_err(|_| "no state of before")?;
		Self::after(&before)
	}
}

#[cfg(any(feature = "std", feature = "try-runtime"))]
impl CheaperMeters {
	/// What there is before the migration, for [`Self::after`]. Fails if the registry's invariants do not hold.
	pub fn before() -> Result<Before, TryRuntimeError> {
		pallet_meter_registry::Pallet::<Runtime>::do_try_state()?;
		let mut before = Before {
			deposits: BTreeMap::new(),
			held: BTreeMap::new(),
		};
		for (key, meter) in Meters::<Runtime>::iter() {
			before.deposits.insert(key.get(), meter.deposit);
			let held = Balances::balance_on_hold(&reason(), &meter.owner);
			before.held.insert(meter.owner, held);
		}
		Ok(before)
	}

	/// Checks that the registry's invariants hold, that no meter was lost, that each deposit is what is to be kept of
	/// it, and that owners got back the difference, nothing more.
	pub fn after(before: &Before) -> Result<(), TryRuntimeError> {
		pallet_meter_registry::Pallet::<Runtime>::do_try_state()?;
		let mut surplus = BTreeMap::<AccountId, Balance>::new();
		let mut meters = 0usize;
		for (key, meter) in Meters::<Runtime>::iter() {
			meters = meters.saturating_add(1);
			let old = before.deposits.get(&key.get()).ok_or("a meter is new")?;
			ensure!(meter.deposit == kept(*old), "a deposit is not what is kept");
			let of_owner = surplus.entry(meter.owner).or_default();
			*of_owner = of_owner.saturating_add(old.saturating_sub(meter.deposit));
		}
		ensure!(meters == before.deposits.len(), "a meter was lost");
		for (owner, held) in &before.held {
			let released = surplus.get(owner).copied().unwrap_or_default();
			ensure!(
				Some(Balances::balance_on_hold(&reason(), owner)) == held.checked_sub(released),
				"another amount was released than there was too much"
			);
		}
		Ok(())
	}
}
