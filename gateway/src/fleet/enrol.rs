//! Members join: accounts are funded, meters registered and admitted, trading balances filled.

use anyhow::{Context, Result};
use codec::Compact;
use futures::{stream, TryStreamExt};
use gridweave_primitives::{MeterId, MicrogridId, WattHours};
use subxt::ext::scale_decode::DecodeAsType;

use super::{
	chain::{Account, Call, Chain, ExtrinsicEvents},
	device::REGISTER_MODULUS,
	participant::Participant,
};

/// The community the fleet joins: the first of a development chain.
pub const MICROGRID: MicrogridId = MicrogridId(0);

/// Planck of one GRID.
const GRID: u128 = 1_000_000_000_000;
/// What the treasury gives each member.
pub const ENDOWMENT: u128 = 1_000 * GRID;
/// What a member pays into its trading balance.
const PREFUND: u128 = 500 * GRID;
/// What the operator pays into its own, to front what members owe.
const OPERATOR_PREFUND: u128 = 100_000 * GRID;
/// Calls of one batch.
const BATCH: usize = 50;
/// Transactions on their way at a time.
const IN_FLIGHT: usize = 64;

/// The event that tells a meter's id, and the field that is read of it.
pub const REGISTERED: (&str, &str, &[&str]) = ("MeterRegistry", "MeterRegistered", &["meter"]);

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Registered {
	meter: u32,
}

/// Enrols all participants, in four blocks or so; devices learn the ids of their meters.
pub async fn enrol(
	chain: &Chain,
	treasury: &mut Account,
	operator: &mut Account,
	participants: &mut [Participant],
) -> Result<()> {
	chain.refresh_nonce(treasury).await?;
	chain.refresh_nonce(operator).await?;
	let gifts = participants
		.iter()
		.map(|participant| transfer(chain, participant.account.id(), ENDOWMENT))
		.collect::<Result<Vec<_>>>()?;
	let prefund = chain.call("Settlement", "top_up", &OPERATOR_PREFUND)?;
	let (funded, prefunded) = tokio::join!(
		batches(chain, treasury, &gifts),
		chain.run(operator, &prefund)
	);
	funded.context("the treasury cannot fund the members")?;
	prefunded.context("the operator cannot fill its trading balance")?;

	stream::iter(participants.iter_mut().map(Ok))
		.try_for_each_concurrent(IN_FLIGHT, |participant| async move {
			register(chain, participant)
				.await
				.with_context(|| format!("{} cannot register", participant.node))
		})
		.await?;

	let admissions = participants
		.iter()
		.map(|participant| {
			let args = (participant.device.meter(), participant.ratings);
			chain.call("MeterRegistry", "admit_meter", &args)
		})
		.collect::<Result<Vec<_>>>()?;
	batches(chain, operator, &admissions)
		.await
		.context("the operator cannot admit the meters")
}

/// The call that gives so much to an account.
pub fn transfer(chain: &Chain, to: [u8; 32], amount: u128) -> Result<Call> {
	// MultiAddress::Id is variant 0.
	chain.call(
		"Balances",
		"transfer_allow_death",
		&(0u8, to, Compact(amount)),
	)
}

/// Runs the calls in batches, one nonce after another, without waiting for a block in between.
async fn batches(chain: &Chain, account: &mut Account, calls: &[Call]) -> Result<()> {
	let mut watched = Vec::new();
	for calls in calls.chunks(BATCH) {
		watched.push(chain.submit(account, &chain.batch_all(calls)?).await?);
	}
	stream::iter(watched.into_iter().map(Ok))
		.try_for_each_concurrent(None, |progress| async move {
			chain.included(progress).await.map(drop)
		})
		.await
}

async fn register(chain: &Chain, participant: &mut Participant) -> Result<()> {
	let owner = participant.account.id();
	let genesis_hash = chain.genesis_hash().0.into();
	let proof = participant
		.device
		.prove_possession(&genesis_hash, &owner, MICROGRID);
	let registration = (
		MICROGRID,
		participant.kind,
		participant.device.key(),
		participant.device.serial().clone(),
		WattHours(REGISTER_MODULUS),
		proof,
	);
	let calls = [
		chain.call("Settlement", "top_up", &PREFUND)?,
		chain.call("MeterRegistry", "register_meter", &registration)?,
	];
	let events = chain
		.run(&mut participant.account, &chain.batch_all(&calls)?)
		.await?;
	let meter = registered(&events)?.pop();
	let meter = meter.context("the chain tells no meter id")?;
	participant.device.set_meter(meter);
	Ok(())
}

/// The meters that a transaction has registered, in its order.
pub fn registered(events: &ExtrinsicEvents) -> Result<Vec<MeterId>> {
	let mut meters = Vec::new();
	for event in events.iter() {
		let event = event?;
		if (event.pallet_name(), event.event_name()) == (REGISTERED.0, REGISTERED.1) {
			let Registered { meter } = event.decode_fields_unchecked_as()?;
			meters.push(MeterId(meter));
		}
	}
	Ok(meters)
}
