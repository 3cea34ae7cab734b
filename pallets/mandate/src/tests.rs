//! Calls dispatched as root.

use codec::Encode;
use frame_support::{
	assert_noop, assert_ok, construct_runtime, derive_impl, dispatch::GetDispatchInfo,
	storage::unhashed, traits::Contains,
};
use frame_system::{EnsureSignedBy, RawOrigin};
use sp_runtime::{
	traits::{BadOrigin, BlakeTwo256, Hash},
	DispatchError,
};

use crate as pallet_mandate;
use crate::WeightInfo;

construct_runtime!(
	pub enum Test {
		System: frame_system,
		Mandate: pallet_mandate,
	}
);

type Block = frame_system::mocking::MockBlock<Test>;

/// Signed calls may only be remarks and mandates.
pub struct Filter;

impl Contains<RuntimeCall> for Filter {
	fn contains(call: &RuntimeCall) -> bool {
		!matches!(
			call,
			RuntimeCall::System(frame_system::Call::set_storage { .. })
		)
	}
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = Block;
	type BaseCallFilter = Filter;
}

frame_support::ord_parameter_types! {
	pub const Entrusted: u64 = 1;
}

impl pallet_mandate::Config for Test {
	type Call = RuntimeCall;
	type EnactOrigin = EnsureSignedBy<Entrusted, u64>;
	type WeightInfo = ();
}

/// Only root may do this, and the filter stops whoever is not.
fn write(value: &[u8]) -> RuntimeCall {
	frame_system::Call::set_storage {
		items: vec![(b"key".to_vec(), value.to_vec())],
	}
	.into()
}

fn on_chain(test: impl FnOnce()) {
	sp_io::TestExternalities::default().execute_with(|| {
		System::set_block_number(1);
		test();
	});
}

fn enact(who: u64, call: RuntimeCall) -> frame_support::dispatch::DispatchResultWithPostInfo {
	Mandate::enact(RawOrigin::Signed(who).into(), Box::new(call))
}

#[test]
fn those_entrusted_should_act_as_root() {
	on_chain(|| {
		let call = write(b"value");
		assert_ok!(enact(1, call.clone()));
		assert_eq!(unhashed::get_raw(b"key"), Some(b"value".to_vec()));
		System::assert_last_event(
			pallet_mandate::Event::Enacted {
				call: BlakeTwo256::hash(&call.encode()),
			}
			.into(),
		);
	});
}

#[test]
fn nobody_else_should_act_as_root() {
	on_chain(|| {
		assert_noop!(enact(2, write(b"value")), BadOrigin);
		assert_noop!(
			Mandate::enact(RawOrigin::None.into(), Box::new(write(b"value"))),
			BadOrigin
		);
		// A mandate is of those entrusted, not of root.
		assert_noop!(
			Mandate::enact(RawOrigin::Root.into(), Box::new(write(b"value"))),
			BadOrigin
		);
	});
}

#[test]
fn a_call_that_fails_should_say_why_and_change_nothing() {
	on_chain(|| {
		let call = frame_system::Call::apply_authorized_upgrade { code: vec![1] };
		let failed = enact(1, call.into()).expect_err("nothing is authorised");
		assert_eq!(
			failed.error,
			frame_system::Error::<Test>::NothingAuthorized.into()
		);
		assert!(System::events().is_empty());
		// A mandate within a mandate: root has none.
		let nested = pallet_mandate::Call::enact {
			call: Box::new(write(b"value")),
		};
		let failed = enact(1, nested.into()).expect_err("refused");
		assert_eq!(failed.error, DispatchError::BadOrigin);
		assert_eq!(unhashed::get_raw(b"key"), None);
	});
}

#[test]
fn enacting_should_weigh_as_much_as_the_call_and_a_little_more() {
	let call = write(b"value");
	let own = call.get_dispatch_info();
	let enact = RuntimeCall::from(pallet_mandate::Call::enact {
		call: Box::new(call),
	})
	.get_dispatch_info();
	assert_eq!(
		enact.call_weight,
		own.call_weight.saturating_add(<() as WeightInfo>::enact())
	);
	assert_eq!(enact.class, own.class);
}
