//! What chain specifications begin with.

mod common;

use common::genesis;
use gridweave_runtime::{genesis::names, RuntimeGenesisConfig};
use serde_json::Value;

/// The template of networks without well-known keys.
const TEMPLATE: &str = "staging";

#[test]
fn only_presets_for_tests_should_have_a_sudo_key_and_well_known_accounts() {
	let names: Vec<String> = names().iter().map(ToString::to_string).collect();
	assert_eq!(names, ["development", "local_testnet", TEMPLATE]);
	for name in names {
		let config = genesis(&name, |_| ());
		let for_tests = name != TEMPLATE;
		assert_eq!(config["sudo"]["key"] != Value::Null, for_tests, "{name}");
		for (pallet, field) in [
			("validatorSet", "validators"),
			("session", "keys"),
			("councilMembership", "members"),
			("microgrids", "microgrids"),
		] {
			let list = config[pallet][field].as_array().expect("a list");
			assert_eq!(!list.is_empty(), for_tests, "{name}: {pallet}.{field}");
		}
	}
}

#[test]
fn the_template_should_have_the_clock_of_production() {
	let config = genesis(TEMPLATE, |_| ());
	let default = serde_json::to_value(RuntimeGenesisConfig::default()).expect("it serializes");
	assert_eq!(config["microgrids"], default["microgrids"]);
	assert_eq!(config["validatorSet"]["sessionLength"], Value::Null);
	// The treasury and the clearing house.
	assert_eq!(
		config["balances"]["balances"].as_array().map(Vec::len),
		Some(2)
	);
}
