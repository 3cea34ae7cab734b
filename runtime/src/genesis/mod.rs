//! Genesis presets: `development` (one authority, on this machine only) and `local_testnet` (four), which
//! use well-known keys and are for tests alone; and `staging`, a template without anybody's keys: who makes
//! a network adds its validators, its council and their money (`scripts/chain-spec`).

use alloc::{format, string::ToString, vec, vec::Vec};

use frame_support::{build_struct_json_patch, BoundedVec};
use gridweave_primitives::{
	ingest::IngestId,
	microgrid::{MarketRules, Mechanism, ResidualRule, Terms},
	PeriodClock, Price, WattHours,
};
use serde_json::Value;
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_consensus_grandpa::AuthorityId as GrandpaId;
use sp_core::{ed25519, sr25519, Pair};
use sp_genesis_builder::{PresetId, DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use sp_runtime::Permill;

use crate::{
	configs::monetary::{ExistentialDeposit, TreasuryAccount},
	session_keys, AccountId, Balance, BalancesConfig, BlockNumber, CouncilMembershipConfig,
	MicrogridsConfig, RuntimeGenesisConfig, SessionConfig, SessionKeys, Settlement, SudoConfig,
	ValidatorSetConfig, BLOCK_SECONDS, GRID,
};

/// The preset without keys.
pub const STAGING_PRESET: &str = "staging";

/// What each well-known account owns.
const ENDOWMENT: Balance = 10_000_000 * GRID;

/// Blocks of a session: ten minutes.
const SESSION_BLOCKS: BlockNumber = 600 / BLOCK_SECONDS;

/// Members of the council.
const COUNCIL: [&str; 3] = ["Alice", "Bob", "Charlie"];

/// The presets' names.
pub fn names() -> Vec<PresetId> {
	vec![
		DEV_RUNTIME_PRESET.into(),
		LOCAL_TESTNET_RUNTIME_PRESET.into(),
		STAGING_PRESET.into(),
	]
}

/// A preset as JSON.
pub fn preset(id: &PresetId) -> Option<Vec<u8>> {
	let patch = match id.as_str() {
		DEV_RUNTIME_PRESET => genesis(&["Alice"]),
		LOCAL_TESTNET_RUNTIME_PRESET => genesis(&["Alice", "Bob", "Charlie", "Dave"]),
		STAGING_PRESET => template(),
		_ => return None,
	};
	Some(patch.to_string().into_bytes())
}

/// Public key of a well-known name.
fn key<P: Pair>(name: &str) -> P::Public {
	let path = format!("//{name}");
	#[allow(clippy::expect_used)] // Names are constants of this file.
	let pair = P::from_string(&path, None).expect("a name is a valid derivation");
	pair.public()
}

/// Account of a well-known name.
pub fn account(name: &str) -> AccountId {
	AccountId::from(key::<sr25519::Pair>(name).0)
}

fn authority_keys(name: &str) -> SessionKeys {
	session_keys(
		AuraId::from(key::<sr25519::Pair>(name)),
		GrandpaId::from(key::<ed25519::Pair>(name)),
		IngestId::from(key::<sr25519::Pair>(name)),
	)
}

/// Periods of 12 seconds, 96 to the day: 15 minutes of data each, so that a day passes in 19 minutes.
pub fn development_clock() -> PeriodClock {
	PeriodClock {
		period_length: 12,
		periods_per_day: 96,
		day_offset: 0,
		grace: 2,
		retention: 4,
	}
}

/// Terms of the well-known microgrids: 0.30 GRID per kWh from the grid, 0.08 into it.
pub fn development_terms() -> Terms {
	Terms {
		retail_price: Price(300_000),
		feed_in_price: Price(80_000),
		rules: MarketRules {
			mechanism: Mechanism::Continuous,
			price_floor: Price(1),
			price_cap: Price(1_000_000),
			min_quantity: WattHours(10),
			gate_closure: 0,
			fee: Price(1_000),
		},
		residual: ResidualRule::Pool {
			spread: Permill::from_percent(5),
		},
	}
}

/// What every chain begins with: accounts that must exist.
fn template() -> Value {
	let least = ExistentialDeposit::get();
	build_struct_json_patch!(RuntimeGenesisConfig {
		balances: BalancesConfig {
			balances: vec![
				(TreasuryAccount::get(), least),
				(Settlement::clearing_account(), least)
			],
		},
	})
}

fn genesis(authorities: &[&str]) -> Value {
	let endowed = [
		"Alice", "Bob", "Charlie", "Dave", "Eve", "Ferdie", "Operator", "Treasury",
	];
	let balances = endowed
		.iter()
		.map(|name| account(name))
		.chain([TreasuryAccount::get()])
		.map(|who| (who, ENDOWMENT))
		// So that the clearing house can always pay out all it owes.
		.chain([(Settlement::clearing_account(), ExistentialDeposit::get())])
		.collect::<Vec<_>>();
	build_struct_json_patch!(RuntimeGenesisConfig {
		balances: BalancesConfig { balances },
		validator_set: ValidatorSetConfig {
			validators: authorities.iter().map(|name| account(name)).collect(),
			session_length: Some(SESSION_BLOCKS),
		},
		session: SessionConfig {
			keys: authorities
				.iter()
				.map(|name| (account(name), account(name), authority_keys(name)))
				.collect::<Vec<_>>(),
		},
		sudo: SudoConfig {
			key: Some(account("Alice"))
		},
		council_membership: CouncilMembershipConfig {
			members: BoundedVec::truncate_from(COUNCIL.map(account).to_vec()),
		},
		microgrids: MicrogridsConfig {
			clock: development_clock(),
			microgrids: vec![
				(account("Operator"), development_terms()),
				(account("Operator"), development_terms()),
			],
		},
	})
}
