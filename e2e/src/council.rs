//! Motions of the council of the presets.

use anyhow::{ensure, Context, Result};
use futures::try_join;
use subxt::dynamic::{At as _, Value};

use crate::{
	chain::{call, Call, Chain},
	meter::account,
};

/// More than any call of these tests takes, in bytes.
const LENGTH: u32 = 1_000;

/// Two members of three propose and carry a motion, and somebody else closes it. An error if what it decides fails.
pub async fn decide(chain: &Chain, decision: Call) -> Result<()> {
	let (alice, bob) = (account("Alice")?, account("Bob")?);
	let propose = call(
		"Council",
		"propose",
		vec![
			("threshold", Value::from(2u32)),
			("proposal", decision.into_value()),
			("length_bound", Value::from(LENGTH)),
		],
	);
	let events = chain.run(&alice, &propose).await?;
	let proposed = events.iter().find(|event| event.is("Council", "Proposed"));
	let proposed = proposed.with_context(|| format!("no motion: {events:?}"))?;
	let index = proposed.number("proposal_index")?;
	let hash = proposed.fields.at("proposal_hash").context("no hash")?;
	let vote = call(
		"Council",
		"vote",
		vec![
			("proposal", hash.clone()),
			("index", Value::from(index)),
			("approve", Value::from(true)),
		],
	);
	try_join!(chain.run(&alice, &vote), chain.run(&bob, &vote))?;
	// Ten milliseconds of computation.
	let weight = [
		("ref_time", Value::from(10_000_000_000u64)),
		("proof_size", Value::from(1_000_000u64)),
	];
	let close = call(
		"Council",
		"close",
		vec![
			("proposal_hash", hash.clone()),
			("index", Value::from(index)),
			("proposal_weight_bound", Value::named_composite(weight)),
			("length_bound", Value::from(LENGTH)),
		],
	);
	let events = chain.run(&account("Dave")?, &close).await?;
	let executed = events.iter().find(|event| event.is("Council", "Executed"));
	let executed = executed.with_context(|| format!("it was not carried: {events:?}"))?;
	ensure!(succeeded(&executed.fields), "{executed:?}");
	Ok(())
}

/// Whether the field `result` of an event says that a call succeeded.
pub fn succeeded(fields: &Value<()>) -> bool {
	let result = fields.at("result").map(|result| &result.value);
	matches!(
		result,
		Some(subxt::ext::scale_value::ValueDef::Variant(result)) if result.name == "Ok"
	)
}
