//! Who acts in whose name: sudo (its key is set in development presets only), utility, proxy, multisig. What
//! the council decides is in [`super::council`].

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
	parameter_types,
	traits::{ConstU32, InstanceFilter},
};
use scale_info::TypeInfo;

use crate::{
	Balance, Balances, OriginCaller, Runtime, RuntimeCall, RuntimeEvent, System, MICRO_GRID,
};

/// Deposit for a storage item of this many bytes.
pub const fn deposit(items: u32, bytes: u32) -> Balance {
	items as Balance * 10_000 * MICRO_GRID + bytes as Balance * 100 * MICRO_GRID
}

impl pallet_sudo::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeCall = RuntimeCall;
	type WeightInfo = pallet_sudo::weights::SubstrateWeight<Runtime>;
}

impl pallet_utility::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeCall = RuntimeCall;
	type PalletsOrigin = OriginCaller;
	type WeightInfo = pallet_utility::weights::SubstrateWeight<Runtime>;
}

/// What a proxy may do in the name of its principal.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum ProxyType {
	/// Everything.
	#[default]
	Any,
	/// The market: place, change and cancel orders, give and end standing ones, and fund the trading
	/// balance. It can withdraw nothing and transfer nothing; what orders lock and standing ones hold and
	/// cost, it can spend.
	Trading,
	/// Meters: register and retire them, change their keys, relay their readings. It can neither give a meter
	/// away nor take one over.
	Device,
}

impl InstanceFilter<RuntimeCall> for ProxyType {
	fn filter(&self, call: &RuntimeCall) -> bool {
		match self {
			Self::Any => true,
			Self::Trading => matches!(
				call,
				RuntimeCall::OrderBook(..)
					| RuntimeCall::Settlement(pallet_settlement::Call::top_up { .. })
					| RuntimeCall::Utility(
						pallet_utility::Call::batch { .. } | pallet_utility::Call::batch_all { .. }
					)
			),
			Self::Device => match call {
				RuntimeCall::MeterRegistry(call) => !matches!(
					call,
					pallet_meter_registry::Call::offer_meter { .. }
						| pallet_meter_registry::Call::accept_meter { .. }
				),
				RuntimeCall::Utility(call) => matches!(
					call,
					pallet_utility::Call::batch { .. } | pallet_utility::Call::batch_all { .. }
				),
				_ => false,
			},
		}
	}

	fn is_superset(&self, other: &Self) -> bool {
		self == other || *self == Self::Any
	}
}

parameter_types! {
	pub const ProxyDepositBase: Balance = deposit(1, 8);
	pub const ProxyDepositFactor: Balance = deposit(0, 33);
	pub const AnnouncementDepositBase: Balance = deposit(1, 8);
	pub const AnnouncementDepositFactor: Balance = deposit(0, 66);
	pub const MultisigDepositBase: Balance = deposit(1, 88);
	pub const MultisigDepositFactor: Balance = deposit(0, 32);
}

impl pallet_proxy::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeCall = RuntimeCall;
	type Currency = Balances;
	type ProxyType = ProxyType;
	type ProxyDepositBase = ProxyDepositBase;
	type ProxyDepositFactor = ProxyDepositFactor;
	type MaxProxies = ConstU32<32>;
	type MaxPending = ConstU32<32>;
	type CallHasher = sp_runtime::traits::BlakeTwo256;
	type AnnouncementDepositBase = AnnouncementDepositBase;
	type AnnouncementDepositFactor = AnnouncementDepositFactor;
	type BlockNumberProvider = System;
	type WeightInfo = pallet_proxy::weights::SubstrateWeight<Runtime>;
}

impl pallet_multisig::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeCall = RuntimeCall;
	type Currency = Balances;
	type DepositBase = MultisigDepositBase;
	type DepositFactor = MultisigDepositFactor;
	type MaxSignatories = ConstU32<100>;
	type BlockNumberProvider = System;
	type WeightInfo = pallet_multisig::weights::SubstrateWeight<Runtime>;
}
