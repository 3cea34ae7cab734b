//! Money: balances and fees. Nothing is burned: fees and dust go to the block's author.

use frame_support::{
	parameter_types,
	traits::{
		fungible::{Balanced, Credit},
		ConstU32, ConstU8, OnUnbalanced, VariantCountOf,
	},
	weights::{ConstantMultiplier, IdentityFee},
	PalletId,
};
use pallet_transaction_payment::{FungibleAdapter, Multiplier, TargetedFeeAdjustment};
use sp_runtime::{traits::AccountIdConversion, FixedPointNumber, Perquintill};

use crate::{
	AccountId, Authorship, Balance, Balances, Runtime, RuntimeEvent, RuntimeFreezeReason,
	RuntimeHoldReason, System, MICRO_GRID, MILLI_GRID,
};

parameter_types! {
	pub const ExistentialDeposit: Balance = MILLI_GRID;
	/// A byte of a transaction costs this; a picosecond of computation costs one planck.
	pub const TransactionByteFee: Balance = MICRO_GRID;
	/// Fees rise while blocks are fuller than this; above it lies only what readings do not fill.
	pub const TargetFullness: Perquintill = Perquintill::from_percent(60);
	pub FeeVariability: Multiplier = Multiplier::saturating_from_rational(75, 1_000_000);
	pub LeastMultiplier: Multiplier = Multiplier::saturating_from_integer(1);
	pub MostMultiplier: Multiplier = Multiplier::saturating_from_integer(1_000);
	pub const TreasuryId: PalletId = PalletId(*b"gw/trsry");
	pub TreasuryAccount: AccountId = TreasuryId::get().into_account_truncating();
}

/// Gives fees and dust to the author of the block, and to the treasury what the author cannot take.
pub struct ToAuthor;

impl OnUnbalanced<Credit<AccountId, Balances>> for ToAuthor {
	fn on_nonzero_unbalanced(credit: Credit<AccountId, Balances>) {
		let rest = match Authorship::author() {
			Some(author) => Balances::resolve(&author, credit).err(),
			None => Some(credit),
		};
		if let Some(credit) = rest {
			// The treasury exists from genesis: only a chain without it would lose this.
			let _ = Balances::resolve(&TreasuryAccount::get(), credit);
		}
	}
}

impl pallet_balances::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeHoldReason = RuntimeHoldReason;
	type RuntimeFreezeReason = RuntimeFreezeReason;
	type Balance = Balance;
	type DustRemoval = ToAuthor;
	type ExistentialDeposit = ExistentialDeposit;
	type AccountStore = System;
	type ReserveIdentifier = [u8; 8];
	type FreezeIdentifier = RuntimeFreezeReason;
	type MaxLocks = ConstU32<0>;
	type MaxReserves = ConstU32<0>;
	type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
	type DoneSlashHandler = ();
	type WeightInfo = pallet_balances::weights::SubstrateWeight<Runtime>;
}

impl pallet_transaction_payment::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type OnChargeTransaction = FungibleAdapter<Balances, ToAuthor>;
	type WeightToFee = IdentityFee<Balance>;
	type LengthToFee = ConstantMultiplier<Balance, TransactionByteFee>;
	type FeeMultiplierUpdate = TargetedFeeAdjustment<
		Self,
		TargetFullness,
		FeeVariability,
		LeastMultiplier,
		MostMultiplier,
	>;
	type OperationalFeeMultiplier = ConstU8<5>;
	type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Runtime>;
}
