//! A load generator: thousands of simulated devices from one process, with faults to order, and at the end a
//! judgement, meter by meter, of what the chain made of it.
//!
//! | module | holds |
//! |---|---|
//! | [`faults`], [`plan`] | which faults are ordered; what befalls which reading |
//! | [`schedule`], [`course`] | when devices read their registers, and what these show |
//! | [`meters`], [`enrol`] | the devices' meters; how thousands of them join |
//! | [`flash`] | what devices keep through a restart |
//! | [`life`], [`post`], [`tally`] | a device at work; one post; what is counted |
//! | [`watch`] | the chain meanwhile, whatever becomes of the node |
//! | [`expect`], [`judge`], [`report`] | what the chain may accept; what it did; figures and verdict |

mod course;
mod enrol;
mod expect;
mod faults;
mod flash;
mod judge;
mod life;
mod meters;
mod plan;
mod post;
mod report;
mod run;
mod schedule;
mod tally;
mod watch;

use std::{
	io::{stderr, stdout, Write},
	path::PathBuf,
	sync::Arc,
	time::{Duration, UNIX_EPOCH},
};

use anyhow::{ensure, Context, Result};
use gridweave_primitives::PeriodClock;

use self::{
	course::Course,
	enrol::{enrol, Candidate},
	faults::Faults,
	flash::Flash,
	meters::{device, member_of, registers, roomy_ratings, Community, Keys, Meter},
	plan::Plan,
	report::Figures,
	schedule::{Amount, Schedule},
};
use super::{
	calendar::row_of_date,
	chain::{Account, Chain},
	grid::{Grid, GridSource},
	participant::{fresh_seed, kind},
	tell_failures, Signals, PATIENCE,
};

/// Options of `gridweave-gateway load`.
#[derive(Clone, Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("amount").required(true).args(["minutes", "readings"])))]
pub struct LoadArgs {
	/// WebSocket URL of a node of a development chain; it may go away and come back while devices report.
	#[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:9944")]
	pub node: String,
	/// Base URL of the gateway that the devices post to; it may go away and come back.
	#[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9950")]
	pub gateway: String,
	/// Grid folder, and which of its grids: devices replay its members' profiles in turn.
	#[arg(long, value_name = "DIR[:NAME]")]
	pub grid: GridSource,
	/// The first so many members of the grid only.
	#[arg(long, value_name = "N")]
	pub members: Option<usize>,
	/// Day and time of the data to begin with, in UTC.
	#[arg(long, value_name = "DATE", default_value = "2016-06-12T06:45", value_parser = row_of_date)]
	pub from: usize,
	/// How many devices.
	#[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
	pub devices: u32,
	/// For how long they report.
	#[arg(long, value_name = "M", value_parser = positive)]
	pub minutes: Option<f64>,
	/// How many readings they give together, at least.
	#[arg(long, value_name = "N")]
	pub readings: Option<u64>,
	/// How often each reads its registers, in seconds; by default once per settlement period.
	#[arg(long, value_name = "S", value_parser = positive)]
	pub every: Option<f64>,
	/// How many readings all give together in a second, instead of --every.
	#[arg(long, value_name = "R", value_parser = positive, conflicts_with = "every")]
	pub rate: Option<f64>,
	/// What keys and faults follow from; by default another one every time.
	#[arg(long, value_name = "N")]
	pub seed: Option<u64>,
	/// Faults, as drop=2%,duplicate=2%,reorder=2%,delay=5%:30s,drift=1%:20s,restart=1%,rollover=1%: shares
	/// of readings, of rollover: of devices.
	#[arg(long, value_name = "LIST", default_value = "")]
	pub faults: Faults,
	/// What devices sign with.
	#[arg(long, value_enum, default_value_t = Keys::Ed25519)]
	pub keys: Keys,
	/// Folder for keys and sequences: with it the next run goes on with the same devices.
	#[arg(long, value_name = "DIR")]
	pub state: Option<PathBuf>,
	/// How many readings are on their way to the gateway at a time.
	#[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=512))]
	pub connections: u32,
	/// Print the figures as one JSON object, the last line of standard output; everything else goes to
	/// standard error.
	#[arg(long)]
	pub json: bool,
}

fn positive(text: &str) -> Result<f64, String> {
	let number = text
		.parse()
		.ok()
		.filter(|number| *number > 0.0 && *number < 1e9);
	number.ok_or_else(|| "expected a number above 0".into())
}

/// How soon after the enrolment the first device reports.
const SOON: Duration = Duration::from_secs(3);

/// Runs the devices; fails unless the chain has every acknowledged reading exactly once.
pub async fn run(args: LoadArgs) -> Result<()> {
	let signals = Signals::new()?;
	// Nobody may be listening any more, which is no reason to fail.
	let say = |text: &str| {
		let _ = match args.json {
			true => writeln!(stderr(), "{text}"),
			false => writeln!(stdout(), "{text}"),
		};
	};
	let grid = Grid::load(&args.grid, args.members)?;
	let chain = Arc::new(Chain::connect(&args.node, PATIENCE).await?);
	let clock: PeriodClock = chain
		.ask(&chain.best().await?, "MicrogridsApi_clock", &())
		.await?;
	let schedule = schedule(&args, &clock)?;
	let found = (args.state.as_deref())
		.map(Community::load)
		.transpose()?
		.flatten();
	let is_new = found.is_none();
	let seed = match (&found, args.seed) {
		(Some(found), _) => found.seed,
		(None, Some(seed)) => seed,
		(None, None) => u64::from_le_bytes(*fresh_seed().first_chunk().context("a short seed")?),
	};
	let plan = Plan {
		faults: args.faults,
		seed,
	};
	let community = match found {
		Some(found) => {
			check(&found, &args, &chain, &grid)?;
			found
		}
		None => {
			say(&format!("{} devices join, of seed {seed}", args.devices));
			join(&args, &chain, &grid, &clock, &schedule, &plan).await?
		}
	};
	let flash = match &args.state {
		Some(folder) => {
			std::fs::create_dir_all(folder)
				.with_context(|| format!("cannot make {}", folder.display()))?;
			Flash::open(&folder.join("sequences"), args.devices)?
		}
		None => Flash::memory(args.devices),
	};
	let run = run::Run {
		args: &args,
		grid: &grid,
		chain,
		period: clock.period_length,
		schedule,
		plan,
		community,
		is_new,
		flash,
		signals,
	};
	let figures: Figures = run.through(&say).await?;

	say(&figures.summary(&args.faults));
	let failures = figures.failures();
	tell_failures(&say, &failures);
	if args.json {
		writeln!(stdout(), "{}", serde_json::to_string(&figures)?)?;
	}
	ensure!(failures.is_empty(), "{} checks failed", failures.len());
	Ok(())
}

fn now() -> Duration {
	UNIX_EPOCH.elapsed().unwrap_or_default()
}

/// When devices have their turns; the first, as seen from here, at zero.
fn schedule(args: &LoadArgs, clock: &PeriodClock) -> Result<Schedule> {
	let every = match (args.every, args.rate) {
		(Some(every), _) => every,
		(None, Some(rate)) => f64::from(args.devices) / rate,
		(None, None) => f64::from(clock.period_length),
	};
	let amount = match (args.minutes, args.readings) {
		(Some(minutes), _) => Amount::Time(Duration::from_secs_f64(minutes * 60.0)),
		(None, readings) => Amount::Readings(readings.unwrap_or(0)),
	};
	let every = Duration::from_millis((every * 1e3) as u64);
	Schedule::new(Duration::ZERO, every, args.devices, amount)
}

/// A state that was kept is of one chain, one grid and its devices.
fn check(found: &Community, args: &LoadArgs, chain: &Chain, grid: &Grid) -> Result<()> {
	let same = |what: &str, kept: String, given: String| {
		ensure!(
			kept == given,
			"--state is of another run: {what} is {kept} there, and {given} here"
		);
		Ok(())
	};
	let genesis = hex::encode(chain.genesis_hash());
	same("the chain's genesis", found.genesis.clone(), genesis)?;
	let devices = (found.meters.len(), args.devices);
	same("--devices", devices.0.to_string(), devices.1.to_string())?;
	same("--grid", found.grid.clone(), grid.name.clone())?;
	let members = (found.members, grid.members.len());
	same("members", members.0.to_string(), members.1.to_string())?;
	same(
		"--keys",
		format!("{:?}", found.keys),
		format!("{:?}", args.keys),
	)?;
	let seed = args.seed.unwrap_or(found.seed);
	same("--seed", found.seed.to_string(), seed.to_string())
}

/// All devices join the community, and are kept for the next run.
async fn join(
	args: &LoadArgs,
	chain: &Chain,
	grid: &Grid,
	clock: &PeriodClock,
	schedule: &Schedule,
	plan: &Plan,
) -> Result<Community> {
	let seconds = schedule.end().as_secs();
	let course = Course::new(grid, args.from, clock.period_length, seconds)?;
	let mut starts = Vec::new();
	let mut candidates = Vec::new();
	for number in 0..args.devices {
		let place = member_of(grid, number);
		let member = &grid.members[place];
		let period = clock.period_length;
		let ratings = roomy_ratings(member, period, plan)?;
		let (modulus, start) =
			registers(number, place, &ratings, period, (&course, seconds), plan)?;
		starts.push(start);
		candidates.push(Candidate {
			device: device(plan.seed, args.keys, number, modulus, member),
			kind: kind(member),
			modulus,
			ratings,
		});
	}
	let mut operator = Account::from_uri("//Operator")?;
	let owner = |owner| {
		let seed = hex::encode(meters::key_seed(plan.seed));
		Account::from_uri(&format!("0x{seed}//Owner//{owner}"))
	};
	enrol(
		chain,
		&mut operator,
		&mut candidates,
		owner,
		now().as_secs(),
	)
	.await
	.context("the devices cannot join")?;
	let meters = (candidates.iter().zip(starts))
		.map(|(candidate, start)| Meter {
			id: candidate.device.meter().0,
			modulus: candidate.modulus,
			start,
		})
		.collect();
	let community = Community {
		genesis: hex::encode(chain.genesis_hash()),
		seed: plan.seed,
		keys: args.keys,
		grid: grid.name.clone(),
		members: grid.members.len(),
		row: args.from,
		origin: (now() + SOON).as_secs(),
		meters,
	};
	if let Some(folder) = &args.state {
		community.save(folder)?;
	}
	Ok(community)
}
