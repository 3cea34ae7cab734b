//! A winter day of a community on the real runtime, with an event that the chain announces of its own accord.
//!
//! Everything goes the way it goes on a network, but for the node: members and their meters are registered and
//! admitted, devices sign a reading a period, an authority's batches bring them, the runtime settles, watches the
//! feeder, announces, commands, measures and pays. Devices obey what is pending on chain, and their next reading says
//! so. What is left out is the market: nobody trades.

pub mod chain;
pub mod member;
mod outcome;
mod village;

use anyhow::{bail, ensure, Context, Result};
use gridweave_grid::grid::ROWS_PER_DAY;
use gridweave_primitives::{EventId, WattHours};
use gridweave_runtime::{DemandResponse, Runtime, GRID};
use pallet_demand_response::{
	types::{Condition, ProgrammeTerms, Stage, Trigger},
	Call,
};

use crate::{community::Community, progress, random::Seed};

pub use self::outcome::Outcome;
use self::{chain::account, village::Village};
use super::series::{weekend, Span};

/// Days of history behind the day: ten working days, and a day on which it begins.
pub const HISTORY: usize = 15;

/// How many days of data are needed.
pub const LEAST_DAYS: usize = HISTORY + 3;

/// The days among which the winter's is sought end here.
const WINTER: usize = 60;

/// Place in the day at which the operator sets the trigger, for the evening: 17 h.
const WATCH_FROM: usize = 68;

/// Place in the day at which it is taken away: 22 h.
const WATCH_UNTIL: usize = 88;

/// Place in the next day at which all is over: 8 h.
pub const OVER: usize = 32;

/// The evening, from 16 to 20 h.
pub(crate) const EVENING: Span = Span {
	from: 64,
	until: 80,
};

/// The trigger's threshold: so many percent of what the evenings before peaked at, on average.
pub const THRESHOLD_PERCENT: u64 = 85;

/// How many periods the event lasts.
const LENGTH: u32 = 8;

/// What it is to bring at most.
const TARGET: WattHours = WattHours(500_000);

/// What the operator puts in.
pub const BUDGET: u128 = 250 * GRID;

/// The working day on which members take most in the evening, of those behind which there is enough.
pub fn winter_day(community: &Community) -> Option<usize> {
	let last = community.days.saturating_sub(1).min(WINTER);
	let evening = |day: &usize| -> i64 {
		let rows = (EVENING.from..EVENING.until).map(|place| day * ROWS_PER_DAY + place);
		let of_row = |row| {
			community
				.homes
				.iter()
				.map(|home| home.net(row))
				.sum::<i64>()
		};
		rows.map(of_row).sum()
	};
	(HISTORY..last)
		.filter(|day| !weekend(*day))
		.max_by_key(evening)
}

/// Replays it.
pub fn run(community: &Community, terms: ProgrammeTerms, seed: Seed) -> Result<Outcome> {
	let day = winter_day(community)
		.with_context(|| format!("{} days are too few: {LEAST_DAYS} at least", community.days))?;
	let first = (day - HISTORY) * ROWS_PER_DAY;
	let mut village = Village::found(community, first, seed)?;
	let programme = village.open(terms, BUDGET)?;
	let (operator, aggregator) = (village.operator.clone(), account(&village.aggregator));
	let owned = village.owns(&aggregator);
	let mut outcome = Outcome::new(&village, day, first);
	for row in first..(day + 1) * ROWS_PER_DAY + OVER {
		if row % ROWS_PER_DAY == 0 {
			progress(format_args!("day {} of {day}", row / ROWS_PER_DAY));
		}
		if row == day * ROWS_PER_DAY + WATCH_FROM {
			outcome.threshold = outcome.usual_peak(THRESHOLD_PERCENT);
			outcome.expected = village.expected(programme, day);
			let condition = Condition::NetImport {
				feeder: village.feeder.meter,
				above: outcome.threshold,
			};
			let trigger = Some(Trigger {
				condition,
				periods: LENGTH,
				target: TARGET,
			});
			let call = Call::<Runtime>::set_trigger { programme, trigger };
			village.chain.submit(&operator, call)?;
		}
		if row == day * ROWS_PER_DAY + WATCH_UNTIL {
			let trigger = None;
			let call = Call::<Runtime>::set_trigger { programme, trigger };
			village.chain.submit(&operator, call)?;
		}
		village.hear();
		let passed = village.pass(row)?;
		outcome.note(passed, &village);
	}
	let events = village
		.chain
		.read(|| DemandResponse::api_events(EventId(0), 10));
	let [(id, event)] = events[..] else {
		bail!("{} events were announced, and not one", events.len());
	};
	let stage = event.stage;
	ensure!(stage == Stage::Done, "the event is not done: {stage:?}");
	outcome.event = Some(event);
	outcome.told = village.told();
	outcome.reports = village.reports(id)?;
	outcome.earned = village.owns(&aggregator).saturating_sub(owned);
	outcome.returned = village.budget_held();
	let call = Call::<Runtime>::close_programme { programme };
	village.chain.submit(&operator, call)?;
	village.settle_down()?;
	outcome.held = village.held();
	outcome.check(&village)?;
	Ok(outcome)
}
