//! Motions of the council.

use codec::Encode;
use frame_support::{assert_ok, dispatch::GetDispatchInfo};
use gridweave_runtime::{Hash, Runtime, RuntimeCall, RuntimeEvent, System};
use pallet_collective::{Call, Event, Instance1, ProposalCount};
use sp_runtime::{
	traits::{BlakeTwo256, Hash as _},
	DispatchResult,
};

use super::Chain;

/// Names of the council's members in the presets.
pub const MEMBERS: [&str; 3] = ["Alice", "Bob", "Charlie"];

/// A motion on its way.
pub struct Motion {
	hash: Hash,
	index: u32,
	call: RuntimeCall,
}

/// Alice's motion to do this, for which so many votes are needed; two at least.
pub fn propose(chain: &mut Chain, threshold: u32, call: RuntimeCall) -> Motion {
	let index = chain.read(ProposalCount::<Runtime, Instance1>::get);
	let motion = Motion {
		hash: BlakeTwo256::hash_of(&call),
		index,
		call: call.clone(),
	};
	assert_ok!(chain.submit(
		MEMBERS[0],
		RuntimeCall::Council(Call::propose {
			threshold,
			length_bound: length(&call),
			proposal: Box::new(call),
		}),
	));
	motion
}

fn length(call: &RuntimeCall) -> u32 {
	u32::try_from(call.encoded_size()).expect("short")
}

impl Motion {
	/// A member's vote.
	pub fn vote(&self, chain: &mut Chain, who: &str, approve: bool) -> DispatchResult {
		chain.submit(
			who,
			RuntimeCall::Council(Call::vote {
				proposal: self.hash,
				index: self.index,
				approve,
			}),
		)
	}

	/// Closes it: anybody may.
	pub fn close(&self, chain: &mut Chain, who: &str) -> DispatchResult {
		chain.submit(
			who,
			RuntimeCall::Council(Call::close {
				proposal_hash: self.hash,
				index: self.index,
				proposal_weight_bound: self.call.get_dispatch_info().call_weight,
				length_bound: length(&self.call),
			}),
		)
	}
}

/// What came of the motion that was closed last in this block; `None` if it was disapproved.
pub fn outcome(chain: &mut Chain) -> Option<DispatchResult> {
	let events = chain.read(System::events);
	events
		.into_iter()
		.rev()
		.find_map(|record| match record.event {
			RuntimeEvent::Council(
				Event::Executed { result, .. } | Event::MemberExecuted { result, .. },
			) => Some(Some(result)),
			RuntimeEvent::Council(Event::Disapproved { .. }) => Some(None),
			_ => None,
		})
		.expect("a motion was closed")
}

/// A motion with the votes of the first members, two at least; what came of it.
pub fn decide(chain: &mut Chain, votes: u32, call: RuntimeCall) -> DispatchResult {
	let motion = propose(chain, votes, call);
	for who in MEMBERS.iter().take(usize::try_from(votes).expect("few")) {
		assert_ok!(motion.vote(chain, who, true));
	}
	assert_ok!(motion.close(chain, "Dave"));
	outcome(chain).expect("it has its votes")
}

/// A decision of two thirds to do this as root.
pub fn enact(chain: &mut Chain, call: RuntimeCall) -> DispatchResult {
	let call = Box::new(call);
	decide(
		chain,
		2,
		RuntimeCall::Mandate(pallet_mandate::Call::enact { call }),
	)
}
