//! What the council decides, and what comes of it.

mod common;

use codec::Encode;
use frame_support::{
	assert_ok,
	traits::{
		fungible::{Inspect, InspectHold},
		PrivilegeCmp,
	},
};
use gridweave_primitives::traits::MicrogridInspect;
use gridweave_runtime::{
	configs::council::{ByVotes, MotionDuration},
	genesis::development_terms,
	AccountId, Balances, Microgrids, OriginCaller, Runtime, RuntimeCall, RuntimeEvent,
	RuntimeHoldReason, System, VERSION,
};
use pallet_collective::{Error as CouncilError, Instance1, RawOrigin as CouncilOrigin};
use sp_core::traits::{Externalities, ReadRuntimeVersion, ReadRuntimeVersionExt};
use sp_runtime::{
	traits::{BlakeTwo256, Hash},
	DispatchError, DispatchResult,
};

use common::{
	account,
	council::{decide, enact, outcome, propose, MEMBERS},
	Chain,
};

fn create_microgrid() -> RuntimeCall {
	RuntimeCall::Microgrids(pallet_microgrids::Call::create_microgrid {
		operator: account("Eve"),
		terms: development_terms(),
	})
}

/// What nobody but root may do.
fn write() -> RuntimeCall {
	RuntimeCall::System(frame_system::Call::set_storage {
		items: vec![(KEY.to_vec(), b"done".to_vec())],
	})
}

/// Where [`write`] writes.
const KEY: &[u8] = b"council tests";

fn written(chain: &mut Chain) -> bool {
	chain.read(|| sp_io::storage::get(KEY)).is_some()
}

fn members(chain: &mut Chain) -> Vec<AccountId> {
	let members = chain.read(pallet_collective::Members::<Runtime, Instance1>::get);
	let same = chain.read(pallet_membership::Members::<Runtime, Instance1>::get);
	assert_eq!(members, same.into_inner());
	members
}

fn accounts(names: &[&str]) -> Vec<AccountId> {
	let mut accounts: Vec<_> = names.iter().map(|name| account(name)).collect();
	accounts.sort();
	accounts
}

#[test]
fn more_than_half_of_the_council_should_open_communities() {
	let mut chain = Chain::development();
	let count = |chain: &mut Chain| chain.read(<Microgrids as MicrogridInspect<AccountId>>::count);
	assert_eq!(count(&mut chain), 2);
	assert_ok!(decide(&mut chain, 2, create_microgrid()));
	assert_eq!(count(&mut chain), 3);
	assert_eq!(
		chain.submit("Alice", create_microgrid()),
		Err(DispatchError::BadOrigin)
	);
}

#[test]
fn who_is_silent_until_the_end_should_not_have_agreed() {
	let mut chain = Chain::development();
	let motion = propose(&mut chain, 2, create_microgrid());
	assert_ok!(motion.vote(&mut chain, "Alice", true));
	let early = CouncilError::<Runtime, Instance1>::TooEarly;
	assert_eq!(motion.close(&mut chain, "Dave"), Err(early.into()));
	// A week later.
	chain.read(|| {
		let number = System::block_number();
		System::set_block_number(number + MotionDuration::get());
	});
	assert_ok!(motion.close(&mut chain, "Dave"));
	assert_eq!(outcome(&mut chain), None);
}

#[test]
fn strangers_should_neither_propose_nor_vote() {
	let mut chain = Chain::development();
	let motion = propose(&mut chain, 2, create_microgrid());
	let stranger = CouncilError::<Runtime, Instance1>::NotMember;
	assert_eq!(motion.vote(&mut chain, "Dave", true), Err(stranger.into()));
	let proposed = chain.submit(
		"Dave",
		RuntimeCall::Council(pallet_collective::Call::propose {
			threshold: 1,
			length_bound: 1_000,
			proposal: Box::new(write()),
		}),
	);
	let stranger = CouncilError::<Runtime, Instance1>::NotMember;
	assert_eq!(proposed, Err(stranger.into()));
}

#[test]
fn two_thirds_of_the_council_should_change_its_members() {
	let mut chain = Chain::development();
	assert_eq!(members(&mut chain), accounts(&MEMBERS));
	let add = |name: &str| {
		RuntimeCall::CouncilMembership(pallet_membership::Call::add_member {
			who: account(name).into(),
		})
	};
	assert_ok!(decide(&mut chain, 2, add("Dave")));
	assert_eq!(
		members(&mut chain),
		accounts(&["Alice", "Bob", "Charlie", "Dave"])
	);
	// Two of four are less than two thirds now.
	assert_eq!(
		decide(&mut chain, 2, add("Eve")),
		Err(DispatchError::BadOrigin)
	);
	assert_ok!(decide(&mut chain, 3, add("Eve")));
	assert_eq!(members(&mut chain).len(), 5);
}

#[test]
fn a_mandate_should_need_two_thirds_of_the_council() {
	let mut chain = Chain::development();
	assert_eq!(
		decide(&mut chain, 3, write()),
		Err(DispatchError::BadOrigin),
		"the council itself is not root"
	);
	let mandate = || {
		RuntimeCall::Mandate(pallet_mandate::Call::enact {
			call: Box::new(write()),
		})
	};
	let one = chain.submit(
		"Alice",
		RuntimeCall::Council(pallet_collective::Call::propose {
			threshold: 1,
			length_bound: 1_000,
			proposal: Box::new(mandate()),
		}),
	);
	assert_ok!(one);
	assert_eq!(outcome(&mut chain), Some(Err(DispatchError::BadOrigin)));
	assert_eq!(
		chain.submit("Alice", mandate()),
		Err(DispatchError::BadOrigin)
	);
	assert!(!written(&mut chain));
	assert_ok!(enact(&mut chain, write()));
	assert!(written(&mut chain));
}

#[test]
fn what_is_scheduled_should_be_done_when_it_is_due_in_the_councils_name() {
	let mut chain = Chain::development();
	let when = chain.read(System::block_number) + 3;
	let schedule = |call: RuntimeCall| {
		RuntimeCall::Scheduler(pallet_scheduler::Call::schedule {
			when,
			maybe_periodic: None,
			priority: 0,
			call: Box::new(call),
		})
	};
	let mandate = RuntimeCall::Mandate(pallet_mandate::Call::enact {
		call: Box::new(write()),
	});
	assert_ok!(decide(&mut chain, 2, schedule(mandate)));
	assert_ok!(decide(&mut chain, 2, schedule(create_microgrid())));
	let done = |chain: &mut Chain| -> Vec<DispatchResult> {
		let events = chain.read(System::events).into_iter();
		events
			.filter_map(|record| match record.event {
				RuntimeEvent::Scheduler(pallet_scheduler::Event::Dispatched { result, .. }) => {
					Some(result)
				}
				_ => None,
			})
			.collect()
	};
	chain.next_block();
	chain.next_block();
	assert_eq!(done(&mut chain), []);
	assert!(!written(&mut chain));
	chain.next_block();
	assert_eq!(done(&mut chain), [Ok(()), Ok(())]);
	assert!(written(&mut chain));
}

#[test]
fn more_votes_should_cancel_what_fewer_have_scheduled() {
	let votes = |ayes, seats| OriginCaller::Council(CouncilOrigin::Members(ayes, seats));
	let root = || OriginCaller::system(frame_system::RawOrigin::Root);
	let signed = OriginCaller::system(frame_system::RawOrigin::Signed(account("Alice")));
	let compare = |left: &OriginCaller, right: &OriginCaller| ByVotes::cmp_privilege(left, right);
	use core::cmp::Ordering::{Equal, Greater, Less};
	assert_eq!(compare(&root(), &votes(3, 3)), Some(Greater));
	assert_eq!(compare(&root(), &root()), Some(Equal));
	assert_eq!(compare(&votes(2, 3), &votes(4, 6)), Some(Equal));
	assert_eq!(compare(&votes(3, 4), &votes(2, 3)), Some(Greater));
	assert_eq!(compare(&votes(2, 3), &votes(3, 4)), Some(Less));
	assert_eq!(compare(&votes(3, 3), &root()), None);
	assert_eq!(compare(&signed, &votes(1, 3)), None);
	let member = OriginCaller::Council(CouncilOrigin::Member(account("Alice")));
	assert_eq!(compare(&member, &votes(1, 3)), None);
}

#[test]
fn a_preimage_should_be_paid_for_while_it_is_kept() {
	let mut chain = Chain::development();
	let bytes = vec![7; 10_000];
	let hash = BlakeTwo256::hash(&bytes);
	let held = |chain: &mut Chain| {
		let reason = RuntimeHoldReason::Preimage(pallet_preimage::HoldReason::Preimage);
		chain.read(|| Balances::balance_on_hold(&reason, &account("Eve")))
	};
	assert_ok!(chain.submit(
		"Eve",
		RuntimeCall::Preimage(pallet_preimage::Call::note_preimage { bytes })
	));
	let deposit = gridweave_runtime::configs::governance::deposit(2, 64 + 10_000);
	assert_eq!(held(&mut chain), deposit);
	assert_ok!(chain.submit(
		"Eve",
		RuntimeCall::Preimage(pallet_preimage::Call::unnote_preimage { hash })
	));
	assert_eq!(held(&mut chain), 0);
}

/// Reads the versions of runtimes that are nothing but their encoded versions.
struct Versions;

impl ReadRuntimeVersion for Versions {
	fn read_runtime_version(
		&self,
		code: &[u8],
		_: &mut dyn Externalities,
	) -> Result<Vec<u8>, String> {
		Ok(code.to_vec())
	}
}

/// The code of a runtime with this version, as [`Versions`] reads it.
fn code(spec_version: u32) -> Vec<u8> {
	let mut version = VERSION;
	version.spec_version = spec_version;
	version.encode()
}

fn authorize(code: &[u8]) -> RuntimeCall {
	RuntimeCall::System(frame_system::Call::authorize_upgrade {
		code_hash: BlakeTwo256::hash(code),
	})
}

fn apply(code: Vec<u8>) -> RuntimeCall {
	RuntimeCall::System(frame_system::Call::apply_authorized_upgrade { code })
}

#[test]
fn the_runtime_should_be_upgraded_to_what_the_council_authorised_and_nothing_else() {
	let mut chain = Chain::development();
	chain
		.host()
		.register_extension(ReadRuntimeVersionExt::new(Versions));
	let next = code(VERSION.spec_version + 1);
	let nothing = frame_system::Error::<Runtime>::NothingAuthorized;
	assert_eq!(
		chain.submit("Eve", apply(next.clone())),
		Err(nothing.into())
	);
	// Nobody but two thirds of the council authorises one.
	assert_eq!(
		chain.submit("Alice", authorize(&next)),
		Err(DispatchError::BadOrigin)
	);
	assert_eq!(
		decide(&mut chain, 3, authorize(&next)),
		Err(DispatchError::BadOrigin),
		"the council itself is not root"
	);
	assert_ok!(enact(&mut chain, authorize(&next)));

	let other = code(VERSION.spec_version + 2);
	let unauthorized = frame_system::Error::<Runtime>::Unauthorized;
	assert_eq!(chain.submit("Eve", apply(other)), Err(unauthorized.into()));
	// Anybody brings the code, at no cost.
	let balance = |chain: &mut Chain| chain.read(|| Balances::balance(&account("Eve")));
	let before = balance(&mut chain);
	assert_ok!(chain.submit("Eve", apply(next.clone())));
	assert_eq!(balance(&mut chain), before);
	chain.read(|| {
		let stored = sp_io::storage::get(sp_core::storage::well_known_keys::CODE);
		assert_eq!(stored.map(|code| code.to_vec()), Some(next));
		System::assert_has_event(
			frame_system::Event::CodeUpdated {
				hash: BlakeTwo256::hash(&code(VERSION.spec_version + 1)),
			}
			.into(),
		);
	});
}

#[test]
fn an_upgrade_to_no_newer_version_should_be_rejected() {
	let mut chain = Chain::development();
	chain
		.host()
		.register_extension(ReadRuntimeVersionExt::new(Versions));
	let same = code(VERSION.spec_version);
	assert_ok!(enact(&mut chain, authorize(&same)));
	assert_ok!(chain.submit("Eve", apply(same.clone())));
	let rejected = chain.read(System::events).into_iter().any(|record| {
		matches!(
			record.event,
			RuntimeEvent::System(frame_system::Event::RejectedInvalidAuthorizedUpgrade { .. })
		)
	});
	assert!(rejected);
	chain.read(|| {
		let stored = sp_io::storage::get(sp_core::storage::well_known_keys::CODE);
		assert_ne!(stored.map(|code| code.to_vec()), Some(same));
	});
}
