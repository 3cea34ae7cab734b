//! Chain specifications: `dev`, `local`, a file, or a template to make one of.

use gridweave_runtime::{genesis::STAGING_PRESET, SS58_PREFIX, WASM_BINARY};
use sc_service::ChainType;

/// Specification of a Gridweave chain.
pub type ChainSpec = sc_service::GenericChainSpec;

fn properties() -> sc_service::Properties {
	[
		("tokenSymbol".into(), "GRID".into()),
		("tokenDecimals".into(), 12.into()),
		("ss58Format".into(), SS58_PREFIX.into()),
	]
	.into_iter()
	.collect()
}

fn spec(name: &str, id: &str, chain_type: ChainType, preset: &str) -> Result<ChainSpec, String> {
	let wasm = WASM_BINARY.ok_or("this build has no runtime: it was made with SKIP_WASM_BUILD")?;
	Ok(ChainSpec::builder(wasm, None)
		.with_name(name)
		.with_id(id)
		.with_protocol_id("gridweave")
		.with_chain_type(chain_type)
		.with_properties(properties())
		.with_genesis_config_preset_name(preset)
		.build())
}

/// One authority, periods of 12 seconds.
pub fn development() -> Result<ChainSpec, String> {
	spec(
		"Gridweave Development",
		"gridweave_dev",
		ChainType::Development,
		sp_genesis_builder::DEV_RUNTIME_PRESET,
	)
}

/// Four authorities on one machine.
pub fn local() -> Result<ChainSpec, String> {
	spec(
		"Gridweave Local",
		"gridweave_local",
		ChainType::Local,
		sp_genesis_builder::LOCAL_TESTNET_RUNTIME_PRESET,
	)
}

/// A network without validators: they, the council and their money are added to its JSON (`scripts/chain-spec`).
pub fn staging_template() -> Result<ChainSpec, String> {
	spec(
		"Gridweave Staging",
		"gridweave_staging",
		ChainType::Live,
		STAGING_PRESET,
	)
}
