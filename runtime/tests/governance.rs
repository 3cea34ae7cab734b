//! Who may do what: sudo lives in development only, proxies do what their type says and no more.

mod common;

use common::{account, genesis, Chain};
use frame_support::{assert_noop, assert_ok, traits::InstanceFilter};
use gridweave_primitives::MeterId;
use gridweave_runtime::{configs::governance::ProxyType, RuntimeCall, Sudo, GRID};
use serde_json::Value;

fn sudo(call: RuntimeCall) -> RuntimeCall {
	RuntimeCall::Sudo(pallet_sudo::Call::sudo {
		call: Box::new(call),
	})
}

fn remark() -> RuntimeCall {
	RuntimeCall::System(frame_system::Call::remark { remark: vec![1] })
}

#[test]
fn sudo_should_work_for_its_key_in_development() {
	let mut chain = Chain::development();
	assert_ok!(chain.submit("Alice", sudo(remark())));
	assert!(chain.submit("Bob", sudo(remark())).is_err());
}

#[test]
fn sudo_should_fail_for_everybody_without_a_key() {
	let mut chain = Chain::from_genesis(genesis("development", |config| {
		config["sudo"]["key"] = Value::Null
	}));
	for who in ["Alice", "Bob", "Operator"] {
		assert_eq!(
			chain.submit(who, sudo(remark())),
			Err(pallet_sudo::Error::<gridweave_runtime::Runtime>::RequireSudo.into()),
		);
	}
	chain.read(|| {
		assert_noop!(
			Sudo::set_key(
				frame_system::RawOrigin::Signed(account("Alice")).into(),
				account("Bob").into()
			),
			pallet_sudo::Error::<gridweave_runtime::Runtime>::RequireSudo
		);
	});
}

#[test]
fn the_default_genesis_should_have_no_sudo_key() {
	let config = serde_json::to_value(gridweave_runtime::RuntimeGenesisConfig::default())
		.expect("it serializes");
	assert_eq!(config["sudo"]["key"], Value::Null);
}

#[test]
fn trading_and_device_proxies_should_move_no_money_out() {
	let transfer = RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
		dest: account("Bob").into(),
		value: GRID,
	});
	let withdraw = RuntimeCall::Settlement(pallet_settlement::Call::withdraw { amount: GRID });
	let top_up = RuntimeCall::Settlement(pallet_settlement::Call::top_up { amount: GRID });
	for kind in [ProxyType::Trading, ProxyType::Device] {
		assert!(!kind.filter(&transfer));
		assert!(!kind.filter(&withdraw));
		assert!(!kind.filter(&remark()));
		assert!(ProxyType::Any.is_superset(&kind));
		assert!(!kind.is_superset(&ProxyType::Any));
	}
	let meter = MeterId(0);
	let offer = RuntimeCall::MeterRegistry(pallet_meter_registry::Call::offer_meter {
		meter,
		to: Some(account("Bob")),
	});
	let accept = RuntimeCall::MeterRegistry(pallet_meter_registry::Call::accept_meter { meter });
	let retire = RuntimeCall::MeterRegistry(pallet_meter_registry::Call::retire_meter { meter });
	for kind in [ProxyType::Trading, ProxyType::Device] {
		assert!(!kind.filter(&offer));
		assert!(!kind.filter(&accept));
	}
	assert!(ProxyType::Device.filter(&retire));
	assert!(ProxyType::Trading.filter(&top_up));
	assert!(!ProxyType::Device.filter(&top_up));
	assert!(ProxyType::Any.filter(&transfer));
}

#[test]
fn a_batch_should_not_smuggle_calls_past_a_proxy() {
	let mut chain = Chain::development();
	assert_ok!(chain.submit(
		"Bob",
		RuntimeCall::Proxy(pallet_proxy::Call::add_proxy {
			delegate: account("Charlie").into(),
			proxy_type: ProxyType::Trading,
			delay: 0,
		}),
	));
	let before = chain.read(|| gridweave_runtime::Balances::free_balance(account("Eve")));
	let transfer = RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
		dest: account("Eve").into(),
		value: GRID,
	});
	// The outer call passes, the inner one is stopped by the filter of the proxy's origin.
	let _ = chain.submit(
		"Charlie",
		RuntimeCall::Proxy(pallet_proxy::Call::proxy {
			real: account("Bob").into(),
			force_proxy_type: None,
			call: Box::new(RuntimeCall::Utility(pallet_utility::Call::batch {
				calls: vec![transfer],
			})),
		}),
	);
	assert_eq!(
		chain.read(|| gridweave_runtime::Balances::free_balance(account("Eve"))),
		before
	);
}
