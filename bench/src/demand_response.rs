//! What demand response costs for an event of many meters: recording their energy, measuring them, paying them.
//!
//! Measuring and paying take many blocks, each with little of it, and for hours at times: periods go by meanwhile, and are
//! settled and recorded. So the blocks of a period that follows, in which nothing else is done, are measured as well,
//! and what they take is taken off.

use anyhow::{ensure, Context, Result};
use gridweave_primitives::cost;
use gridweave_runtime::{opaque::Block, BLOCK_SECONDS};
use pallet_demand_response::types::{DemandEvent, Stage as EventStage};
use serde_json::{json, Value};

use crate::{
	chain::Chain,
	community::CLOCK,
	figures::{median, rounded},
	responding::{event, Responding, REWARD},
	state::{Stage, State},
	stopwatch::Took,
	trading::us,
};

/// Far more blocks than anything here takes.
const PATIENCE: u32 = 100_000;

/// What a block does, most of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
	Record,
	Measure,
	Pay,
	/// Nothing of an event.
	Rest,
}

/// The blocks of a kind of work.
#[derive(Debug, Default)]
struct Sum {
	blocks: u32,
	took: Took,
}

/// Measures the import of all blocks that record, measure and pay an event of so many meters.
pub fn run(meters: u32) -> Result<Value> {
	let responding = Responding::of_at_least(meters);
	let stage = Stage::new()?;
	let author = stage.chain(State::Responding(responding), "author")?;
	let blocks = respond(&author)?;
	check(&author, &responding)?;
	drop(author);
	let importer = stage.chain(State::Responding(responding), "importer")?;
	let (mut record, mut measure, mut pay) = (Sum::default(), Sum::default(), Sum::default());
	let (mut worst, mut rest, mut others) = (Took::default(), Sum::default(), Vec::new());
	let mut blocks = blocks.into_iter();
	// In the first one of some hundred the runtime is compiled: it is left out.
	if let Some((_, first)) = blocks.next() {
		importer.import(first)?;
	}
	for (work, block) in blocks {
		let took = importer.import(block)?;
		let sum = match work {
			Work::Record => &mut record,
			Work::Measure => &mut measure,
			Work::Pay => &mut pay,
			Work::Rest => {
				others.push(us(took, 1));
				&mut rest
			}
		};
		sum.blocks += 1;
		sum.took += took;
		if work != Work::Rest {
			worst = if took.cpu > worst.cpu { took } else { worst };
		}
	}
	eprintln!(
		"{responding:?}: recording {record:?}, measuring {measure:?}, paying {pay:?}, then {rest:?}"
	);
	let meters = responding.meters;
	let empty = median(others)?;
	let mean = us(rest.took, rest.blocks);
	let each = |sum: &Sum, other: f64, count: u32| {
		rounded((us(sum.took, 1) - f64::from(sum.blocks) * other) / f64::from(count))
	};
	Ok(json!({
		"meters": meters,
		// No period ends meanwhile.
		"us_per_meter_recorded": each(&record, empty, meters * Responding::recorded()),
		"us_per_meter_measured": each(&measure, mean, meters),
		"us_per_meter_paid": each(&pay, mean, meters),
		"blocks": record.blocks + measure.blocks + pay.blocks,
		"worst_block_us": rounded(us(worst, 1)),
		"empty_block_us": empty,
		"other_block_us": rounded(mean),
	}))
}

/// Makes blocks until the event is paid, each with what it began with; then those of a period.
fn respond(author: &Chain) -> Result<Vec<(Work, Block)>> {
	let stage = || -> Result<EventStage> {
		let event = author.look(event)?;
		Ok(event.context("there is no event")?.stage)
	};
	let interval = u64::from(BLOCK_SECONDS);
	let (mut time, mut blocks) = (Responding::due() + interval, Vec::new());
	let mut left = CLOCK.period_length / BLOCK_SECONDS;
	for _ in 0..PATIENCE {
		let work = match stage()? {
			EventStage::Announced => Work::Record,
			EventStage::Measuring => Work::Measure,
			EventStage::Paying => Work::Pay,
			EventStage::Done | EventStage::Cancelled if left == 0 => return Ok(blocks),
			EventStage::Done | EventStage::Cancelled => {
				left -= 1;
				Work::Rest
			}
		};
		blocks.push((work, author.extend(time, [])?.block));
		time += interval;
	}
	anyhow::bail!("the event is never paid")
}

/// All meters must have delivered, and been paid for it.
fn check(chain: &Chain, responding: &Responding) -> Result<()> {
	let event: DemandEvent = chain.look(event)?.context("there is no event")?;
	let delivered = responding.delivered();
	ensure!(
		event.delivered == delivered && event.paid == cost(REWARD, delivered),
		"measured otherwise than expected: {event:?}"
	);
	Ok(())
}
