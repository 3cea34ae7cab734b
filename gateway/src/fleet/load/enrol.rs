//! Thousands of meters join: the operator funds their owners' accounts, registers the meters with the owners'
//! consent, and admits them, a hundred by each transaction.

use std::collections::VecDeque;

use anyhow::{ensure, Result};
use gridweave_primitives::{
	device::{consent_digest, DeviceKey, DeviceSignature, Serial},
	meter::{MeterKind, Ratings},
	WattHours,
};

use crate::fleet::{
	chain::{Account, Chain, ExtrinsicEvents, Progress},
	device::Device,
	enrol::{registered, transfer, MICROGRID},
};

/// Meters of one owner, registered by one call.
const MOST: usize = 100;
/// What an owner is given for each meter's deposit, in planck: about twice of what is held.
const GIFT: u128 = 2_000_000_000_000;
/// For how many seconds a consent may be used.
const CONSENT: u64 = 3_600;
/// Transactions on their way at a time.
const IN_FLIGHT: usize = 8;
/// `MultiSignature::Sr25519`.
const SR25519: u8 = 1;

/// A device that is to join.
pub struct Candidate {
	/// The device.
	pub device: Device,
	/// What stands behind it.
	pub kind: MeterKind,
	/// Its registers count modulo this many Wh.
	pub modulus: u64,
	/// What its connection may take and give.
	pub ratings: Ratings,
}

/// As `MeterRegistry.register_meters` takes it.
type Onboarding = (
	[u8; 32],
	MeterKind,
	DeviceKey,
	Serial,
	WattHours,
	Ratings,
	DeviceSignature,
	u64,
	(u8, [u8; 64]),
);

/// Enrols all of them, in their order; devices learn the ids of their meters. `owner` makes the account of
/// the owner of this number.
pub async fn enrol(
	chain: &Chain,
	operator: &mut Account,
	candidates: &mut [Candidate],
	owner: impl Fn(usize) -> Result<Account>,
	now: u64,
) -> Result<()> {
	chain.refresh_nonce(operator).await?;
	let mut watched: VecDeque<(&mut [Candidate], Progress)> = VecDeque::new();
	for (number, members) in candidates.chunks_mut(MOST).enumerate() {
		if watched.len() >= IN_FLIGHT {
			if let Some((members, progress)) = watched.pop_front() {
				join(members, &chain.included(progress).await?)?;
			}
		}
		let owner = owner(number)?;
		let onboarding: Vec<Onboarding> = (members.iter())
			.map(|member| onboarding(chain, operator, &owner, member, now + CONSENT))
			.collect();
		let calls = [
			transfer(chain, owner.id(), GIFT * (1 + members.len() as u128))?,
			chain.call("MeterRegistry", "register_meters", &(MICROGRID, onboarding))?,
		];
		let progress = chain.submit(operator, &chain.batch_all(&calls)?).await?;
		watched.push_back((members, progress));
	}
	for (members, progress) in watched {
		join(members, &chain.included(progress).await?)?;
	}
	Ok(())
}

fn onboarding(
	chain: &Chain,
	operator: &Account,
	owner: &Account,
	member: &Candidate,
	expires: u64,
) -> Onboarding {
	let genesis = chain.genesis_hash().0.into();
	let Candidate { device, .. } = member;
	let consent = consent_digest(
		&genesis,
		&operator.id(),
		MICROGRID,
		&device.key(),
		device.serial(),
		expires,
	);
	(
		owner.id(),
		member.kind,
		device.key(),
		device.serial().clone(),
		WattHours(member.modulus),
		member.ratings,
		device.prove_possession(&genesis, &owner.id(), MICROGRID),
		expires,
		(SR25519, owner.sign(&consent)),
	)
}

/// Tells devices the ids that the chain has given their meters.
fn join(members: &mut [Candidate], events: &ExtrinsicEvents) -> Result<()> {
	let meters = registered(events)?;
	ensure!(
		meters.len() == members.len(),
		"{} meters were registered by a call for {}",
		meters.len(),
		members.len()
	);
	for (member, meter) in members.iter_mut().zip(meters) {
		member.device.set_meter(meter);
	}
	Ok(())
}
