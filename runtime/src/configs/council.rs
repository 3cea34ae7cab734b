//! Who decides: the council, by motions. A motion is a call with its votes: one of more than half of the
//! members may do what [`MoreThanHalf`] guards, one of two thirds what [`TwoThirds`] does, and by
//! [`pallet_mandate`] everything that root may. Nobody else is root, but for the sudo key of development.

use core::cmp::Ordering;

use frame_support::{
	parameter_types,
	traits::{
		fungible::HoldConsideration, ConstU32, EitherOfDiverse, LinearStoragePrice, PrivilegeCmp,
	},
	weights::Weight,
};
use frame_system::{EnsureRoot, RawOrigin};
use pallet_collective::{
	DefaultVote, EnsureProportionAtLeast, EnsureProportionMoreThan, Instance1, MemberCount,
	RawOrigin as CouncilOrigin,
};
use sp_runtime::Perbill;

use super::{
	governance::deposit,
	system::{BLOCK_SECONDS, MAX_BLOCK_WEIGHT},
};
use crate::{
	AccountId, Balance, Balances, BlockNumber, Council, OriginCaller, Preimage, Runtime,
	RuntimeCall, RuntimeEvent, RuntimeHoldReason, RuntimeOrigin, System,
};

/// Most members of the council.
pub const MAX_MEMBERS: u32 = 32;

/// Most motions at a time.
const MAX_MOTIONS: u32 = 32;

/// A motion of more than half of the council, or root.
pub type MoreThanHalf =
	EitherOfDiverse<EnsureRoot<AccountId>, EnsureProportionMoreThan<AccountId, Instance1, 1, 2>>;

/// A motion of two thirds of the council.
pub type TwoThirdsOfCouncil = EnsureProportionAtLeast<AccountId, Instance1, 2, 3>;

/// A motion of two thirds of the council, or root.
pub type TwoThirds = EitherOfDiverse<EnsureRoot<AccountId>, TwoThirdsOfCouncil>;

parameter_types! {
	/// For how long members may vote: a week. What has its votes, or can no longer have them, is closed before.
	pub const MotionDuration: BlockNumber = 7 * 24 * 3_600 / BLOCK_SECONDS;
	pub MaxMotionWeight: Weight = Perbill::from_percent(50) * MAX_BLOCK_WEIGHT;
}

/// Who has not voted when time is up has not agreed.
pub struct SilenceIsNo;

impl DefaultVote for SilenceIsNo {
	fn default_vote(_: Option<bool>, _: MemberCount, _: MemberCount, _: MemberCount) -> bool {
		false
	}
}

impl pallet_collective::Config<Instance1> for Runtime {
	type RuntimeOrigin = RuntimeOrigin;
	type Proposal = RuntimeCall;
	type RuntimeEvent = RuntimeEvent;
	type MotionDuration = MotionDuration;
	type MaxProposals = ConstU32<MAX_MOTIONS>;
	type MaxMembers = ConstU32<MAX_MEMBERS>;
	type DefaultVote = SilenceIsNo;
	type WeightInfo = pallet_collective::weights::SubstrateWeight<Runtime>;
	// Members change by the membership pallet, which keeps the two lists one.
	type SetMembersOrigin = EnsureRoot<AccountId>;
	type MaxProposalWeight = MaxMotionWeight;
	type DisapproveOrigin = TwoThirds;
	type KillOrigin = TwoThirds;
	// Only members propose, only so many motions at a time, and anybody may close one whose time is up.
	type Consideration = ();
}

impl pallet_membership::Config<Instance1> for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type AddOrigin = TwoThirds;
	type RemoveOrigin = TwoThirds;
	type SwapOrigin = TwoThirds;
	type ResetOrigin = TwoThirds;
	type PrimeOrigin = TwoThirds;
	type MembershipInitialized = Council;
	type MembershipChanged = Council;
	type MaxMembers = ConstU32<MAX_MEMBERS>;
	type WeightInfo = pallet_membership::weights::SubstrateWeight<Runtime>;
}

impl pallet_mandate::Config for Runtime {
	type Call = RuntimeCall;
	type EnactOrigin = TwoThirdsOfCouncil;
	type WeightInfo = crate::weights::pallet_mandate::WeightInfo<Runtime>;
}

parameter_types! {
	pub const PreimageDepositBase: Balance = deposit(2, 64);
	pub const PreimageDepositPerByte: Balance = deposit(0, 1);
	pub const PreimageHold: RuntimeHoldReason =
		RuntimeHoldReason::Preimage(pallet_preimage::HoldReason::Preimage);
}

impl pallet_preimage::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_preimage::weights::SubstrateWeight<Runtime>;
	type Currency = Balances;
	type ManagerOrigin = TwoThirds;
	type Consideration = HoldConsideration<
		AccountId,
		Balances,
		PreimageHold,
		LinearStoragePrice<PreimageDepositBase, PreimageDepositPerByte, Balance>,
	>;
}

parameter_types! {
	pub MaxScheduledWeight: Weight = Perbill::from_percent(50) * MAX_BLOCK_WEIGHT;
}

/// Who may cancel what was scheduled: root everything, the council what no larger share of it decided.
pub struct ByVotes;

impl PrivilegeCmp<OriginCaller> for ByVotes {
	fn cmp_privilege(left: &OriginCaller, right: &OriginCaller) -> Option<Ordering> {
		match (left, right) {
			(left, right) if left == right => Some(Ordering::Equal),
			(OriginCaller::system(RawOrigin::Root), _) => Some(Ordering::Greater),
			(
				OriginCaller::Council(CouncilOrigin::Members(left, of_left)),
				OriginCaller::Council(CouncilOrigin::Members(right, of_right)),
			) => {
				let share = |votes: &u32, seats: &u32| u64::from(*votes) * u64::from(*seats);
				Some(share(left, of_right).cmp(&share(right, of_left)))
			}
			_ => None,
		}
	}
}

impl pallet_scheduler::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeOrigin = RuntimeOrigin;
	type PalletsOrigin = OriginCaller;
	type RuntimeCall = RuntimeCall;
	type MaximumWeight = MaxScheduledWeight;
	// What is scheduled is done in the name of whoever scheduled it, with no more power.
	type ScheduleOrigin = MoreThanHalf;
	type OriginPrivilegeCmp = ByVotes;
	type MaxScheduledPerBlock = ConstU32<32>;
	type WeightInfo = pallet_scheduler::weights::SubstrateWeight<Runtime>;
	type Preimages = Preimage;
	type BlockNumberProvider = System;
}
