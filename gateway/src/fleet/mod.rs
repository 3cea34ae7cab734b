//! The simulated meter fleet: meters that replay a grid's measured year, agents that trade for their
//! owners, a live table of what the chain makes of it, and an independent recount of all of it.
//!
//! | module | holds |
//! |---|---|
//! | [`gridweave_grid`] | members and profiles of a grid folder; rows by date; what devices do when told |
//! | [`replay`] | what meters show while the year is replayed; how storages behave |
//! | [`obey`] | how devices are told |
//! | [`programme`] | the operator's events, and who takes part |
//! | [`device`] | a meter's key, sequence and signed readings |
//! | [`deliver`] | the way of a reading to the gateway |
//! | [`agents`] | what members expect, and what they offer and bid |
//! | [`participant`] | a member with account and meter, and its keys |
//! | [`enrol`] | members are funded, registered and admitted |
//! | [`live`], [`trade`] | the fleet at work, period by period; the agents at the market |
//! | [`load`] | thousands of devices with faults to order: another program on the same parts |
//! | [`chain`], [`follow`], [`progress`] | a node by metadata at run time; its finalised blocks; how far meters are |
//! | [`names`], [`events`], [`observe`] | what they say, and what it comes to |
//! | [`recount`] | energy and money computed again, by other code |
//! | [`audit`], [`judge`] | follows a run, and compares all that the chain says and holds with the recount |
//! | [`table`], [`report`] | the live table; figures, checks and verdict |

pub mod agents;
pub mod audit;
pub mod chain;
pub mod deliver;
pub mod device;
pub mod enrol;
pub mod events;
pub mod follow;
pub mod judge;
pub mod live;
pub mod load;
pub mod names;
pub mod obey;
pub mod observe;
pub mod participant;
pub mod programme;
pub mod progress;
pub mod recount;
pub mod replay;
pub mod report;
pub mod table;
pub mod trade;

use std::{
	collections::BTreeMap,
	io::{stderr, stdout, Write},
	path::PathBuf,
	sync::Arc,
	time::Duration,
};

use anyhow::{bail, ensure, Context, Result};
use gridweave_gateway::inlets::gateway::Gateway;
use gridweave_grid::{calendar, flex, grid, profiles};
use gridweave_primitives::PeriodClock;
use tokio::{
	signal::unix::{signal, Signal, SignalKind},
	sync::{mpsc, watch},
	task::JoinSet,
	time::Instant,
};

use self::{
	audit::Audit,
	calendar::row_of_date,
	chain::{Account, Chain},
	deliver::Delivery,
	enrol::{enrol, ENDOWMENT, REGISTERED},
	follow::follow,
	grid::{Grid, GridSource, ROW_SECONDS},
	judge::{Expected, Member},
	live::{current_period, Fleet},
	names::missing,
	obey::Ears,
	observe::Observed,
	participant::{fresh_seed, participants, save},
	report::Evidence,
	trade::REFUSED,
};

/// Options of `gridweave-gateway fleet`.
#[derive(Clone, Debug, clap::Args)]
pub struct FleetArgs {
	/// WebSocket URL of a node of a development chain.
	#[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:9944")]
	pub node: String,
	/// Base URL of the gateway that the devices post to.
	#[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9950")]
	pub gateway: String,
	/// Grid folder, and which of its grids.
	#[arg(long, value_name = "DIR[:NAME]")]
	pub grid: GridSource,
	/// Day and time of the data to begin with, in UTC.
	#[arg(long, value_name = "DATE", default_value = "2016-06-12T06:45", value_parser = row_of_date)]
	pub from: usize,
	/// How much faster than the data: must be what the chain's periods are made for. Without it, whatever
	/// the chain has.
	#[arg(long, value_name = "X")]
	pub speed: Option<f64>,
	/// End after so many settled periods; without it, on SIGINT or SIGTERM.
	#[arg(long, value_name = "N")]
	pub periods: Option<usize>,
	/// The first so many members of the grid only.
	#[arg(long, value_name = "N")]
	pub members: Option<usize>,
	/// Every so many periods (12 at least) the operator announces an event of demand response: members with storage,
	/// heat pumps or chargers take part, and their devices are told to take nothing from the grid for two periods.
	#[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(i64::from(programme::LEAST_BETWEEN)..))]
	pub events_every: Option<u32>,
	/// Folder to keep the run's keys in.
	#[arg(long, value_name = "DIR")]
	pub state: Option<PathBuf>,
	/// Print the figures as one JSON object, the last line of standard output; everything else goes to
	/// standard error.
	#[arg(long)]
	pub json: bool,
}

/// How long the node may take to answer, and gateway and chain to take the last readings.
const PATIENCE: Duration = Duration::from_secs(60);

/// Failures that are told one by one.
const FAILURES_SHOWN: usize = 20;

/// Runs the fleet; fails unless every check of the run passes.
pub async fn run(args: FleetArgs) -> Result<()> {
	let mut signals = Signals::new()?;
	// Nobody may be listening any more, which is no reason to fail.
	let say = |text: &str| {
		let _ = match args.json {
			true => writeln!(stderr(), "{text}"),
			false => writeln!(stdout(), "{text}"),
		};
	};
	let grid = Arc::new(Grid::load(&args.grid, args.members)?);
	let chain = Arc::new(Chain::connect(&args.node, PATIENCE).await?);
	let mut needed = vec![REGISTERED, REFUSED];
	needed.extend(args.events_every.map(|_| programme::OPENED));
	let missing = missing(|pallet, event| chain.fields_of(pallet, event), &needed);
	ensure!(
		missing.is_empty(),
		"the chain does not have {}: this fleet is made for another",
		missing.join(", ")
	);
	let clock: PeriodClock = chain
		.ask(&chain.best().await?, "MicrogridsApi_clock", &())
		.await?;
	check_speed(args.speed, &clock)?;

	let (sender, mut blocks) = mpsc::channel(64);
	let mut follower = tokio::spawn(follow(chain.clone(), sender));

	let seed = fresh_seed();
	let mut members = participants(&grid, &seed, clock.period_length)?;
	say(&format!("{}: {} members join", grid.name, members.len()));
	let mut treasury = Account::from_uri("//Treasury")?;
	let mut operator = Account::from_uri("//Operator")?;
	tokio::select! {
		enrolled = enrol(&chain, &mut treasury, &mut operator, &mut members) => enrolled?,
		() = signals.next() => interrupted("nothing was settled yet"),
	}
	if let Some(folder) = &args.state {
		save(folder, &seed, &members)?;
	}
	let operator_id = operator.id();
	let mut events = None;
	if let Some(every) = args.events_every {
		let (programme, count) = tokio::select! {
			opened = programme::open(&chain, &mut operator, &grid, &mut members) => opened?,
			() = signals.next() => interrupted("nothing was settled yet"),
		};
		say(&format!("{count} of them take part in demand response"));
		events = Some((programme, every));
	}

	let first = current_period(&clock).next();
	let mut audit = Audit {
		chain: chain.clone(),
		source: GridSource {
			name: Some(grid.name.clone()),
			..args.grid.clone()
		},
		first,
		first_row: args.from,
		expected: Expected {
			members: (members.iter())
				.map(|member| Member {
					node: member.node.clone(),
					meter: member.device.meter().0,
					account: member.account.id(),
				})
				.collect(),
			operator: operator_id,
			endowment: ENDOWMENT,
			outcomes: BTreeMap::new(),
		},
		observed: Observed::default(),
		terms: BTreeMap::new(),
		evidence: Evidence {
			periods_wanted: args.periods,
			..Default::default()
		},
		obeyed: Vec::new(),
		last: None,
	};
	let ears = Ears::default();
	let mut helpers = JoinSet::new();
	helpers.spawn(ears.clone().listen(Gateway::new(&args.gateway)?));
	if let Some((programme, every)) = events {
		let chain = chain.clone();
		helpers.spawn(programme::announce(
			chain, operator, programme, clock, first, every,
		));
	}
	let (stop, stopping) = watch::channel(false);
	let fleet = Fleet {
		chain: chain.clone(),
		grid: grid.clone(),
		participants: members,
		clock,
		first,
		first_row: args.from,
		delivery: Delivery::new(&args.gateway)?,
		ears,
	};
	let mut fleet = tokio::spawn(fleet.run(stopping));
	say(&format!(
		"all are admitted; periods of {} s are metered from {first} on",
		clock.period_length
	));
	say(table::HEADER);

	let patience = between_rows(&clock);
	let mut deadline = Instant::now() + patience;
	while args
		.periods
		.is_none_or(|wanted| audit.evidence.rows.len() < wanted)
	{
		tokio::select! {
			block = blocks.recv() => match block {
				Some(block) => for row in audit.take(block, args.periods).await? {
					say(&row.to_string());
					deadline = Instant::now() + patience;
				},
				None => return (&mut follower).await?.and_then(|()| bail!("the node went away")),
			},
			ended = &mut fleet => return ended?.and_then(|_| bail!("the fleet ended before its time")),
			() = tokio::time::sleep_until(deadline) => {
				bail!("no period was settled for {} s", patience.as_secs())
			},
			() = signals.next() => {
				say("stopping: waiting for the last readings");
				break
			},
		}
	}

	let _ = stop.send(true);
	// What is announced now would be obeyed by nobody.
	drop(helpers);
	let deadline = Instant::now() + PATIENCE;
	let mut sent: Option<Vec<(u32, u64)>> = None;
	loop {
		if let Some(sent) = &sent {
			if audit.is_complete(sent).await? {
				break;
			}
		}
		tokio::select! {
			ended = &mut fleet, if sent.is_none() => {
				let done = ended??;
				audit.obeyed = done.obeyed;
				sent = Some(done.sent);
			},
			block = blocks.recv() => match block {
				Some(block) => drop(audit.take(block, args.periods).await?),
				None => return follower.await?.and_then(|()| bail!("the node went away")),
			},
			() = tokio::time::sleep_until(deadline) => break,
			() = signals.next() => interrupted("the last readings were not on chain yet"),
		}
	}
	let sent = sent.with_context(|| {
		format!(
			"the gateway has not taken the last readings in {} s",
			PATIENCE.as_secs()
		)
	})?;
	let evidence = audit.conclude(&sent).await?;
	follower.abort();
	if evidence.rows.is_empty() && args.periods.is_none() {
		interrupted("nothing was settled yet");
	}

	say(&evidence.summary());
	let failures = evidence.failures();
	tell_failures(&say, &failures);
	if args.json {
		writeln!(stdout(), "{}", serde_json::to_string(&evidence.figures())?)?;
	}
	ensure!(failures.is_empty(), "{} checks failed", failures.len());
	Ok(())
}

/// Tells what fails a run.
fn tell_failures(say: &impl Fn(&str), failures: &[String]) {
	for failure in failures.iter().take(FAILURES_SHOWN) {
		say(&format!("FAILED: {failure}"));
	}
	if failures.len() > FAILURES_SHOWN {
		say(&format!("and {} more", failures.len() - FAILURES_SHOWN));
	}
}

/// Ends the program as a shell expects it after Ctrl-C, where there is nothing to judge.
fn interrupted(why: &str) -> ! {
	let _ = writeln!(stderr(), "stopped: {why}");
	std::process::exit(130)
}

/// How long it may take from one settled period to the next, and from the start to the first: that one has to
/// begin, to pass, and to freeze.
fn between_rows(clock: &PeriodClock) -> Duration {
	Duration::from_secs(u64::from(clock.period_length) * (u64::from(clock.grace) + 2)) + PATIENCE
}

/// SIGINT and SIGTERM, as often as they come.
struct Signals {
	interrupt: Signal,
	terminate: Signal,
}

impl Signals {
	fn new() -> Result<Self> {
		Ok(Self {
			interrupt: signal(SignalKind::interrupt())?,
			terminate: signal(SignalKind::terminate())?,
		})
	}

	/// Resolves at the next one.
	async fn next(&mut self) {
		tokio::select! {
			_ = self.interrupt.recv() => (),
			_ = self.terminate.recv() => (),
		}
	}
}

/// A chain is made for one speed: that at which its period holds a quarter of an hour of data.
fn check_speed(speed: Option<f64>, clock: &PeriodClock) -> Result<()> {
	let actual = f64::from(ROW_SECONDS) / f64::from(clock.period_length.max(1));
	if let Some(speed) = speed {
		ensure!(
			(speed - actual).abs() < 1e-6 * actual,
			"--speed {speed}: this chain's periods last {} s, which is speed {actual}",
			clock.period_length,
		);
	}
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn only_the_speed_of_the_chain_should_do() {
		let clock = |period_length| PeriodClock {
			period_length,
			..Default::default()
		};
		assert!(check_speed(None, &clock(12)).is_ok());
		assert!(check_speed(Some(75.0), &clock(12)).is_ok());
		assert!(check_speed(Some(33.333333), &clock(27)).is_ok());
		let error = check_speed(Some(60.0), &clock(12)).unwrap_err().to_string();
		assert!(error.contains("speed 75"), "{error}");
	}
}
