//! A run: devices at work, the chain meanwhile, and the judgement.

use std::{
	collections::BTreeMap,
	sync::Arc,
	time::{Duration, Instant},
};

use anyhow::{bail, Context, Result};
use tokio::{
	sync::{watch, Semaphore},
	task::JoinSet,
	time::{interval, sleep, MissedTickBehavior},
};

use super::{
	course::Course,
	flash::Flash,
	judge::{judge, Latest},
	life::{Field, Life, Log, Phase},
	meters::{is_full, member_of, Community},
	now,
	plan::Plan,
	post::Post,
	report::Figures,
	schedule::Schedule,
	tally::{Tally, Waiting},
	watch::{insist, watch, Link, Seen},
	LoadArgs, SOON,
};
use crate::fleet::{chain::Chain, grid::Grid, interrupted, Signals};

/// How long nothing may happen, at the gateway or on chain, where something is waited for.
const PATIENCE: Duration = Duration::from_secs(180);
/// Pause between two lines of progress.
const LINE: Duration = Duration::from_secs(10);
/// For so long nothing may come on chain before a run that goes on with the devices of another.
const QUIET: Duration = Duration::from_secs(15);

/// All that a run needs.
pub struct Run<'a> {
	/// As it was ordered.
	pub args: &'a LoadArgs,
	/// Whose profiles are replayed.
	pub grid: &'a Grid,
	/// The node.
	pub chain: Arc<Chain>,
	/// Length of a settlement period, in seconds.
	pub period: u32,
	/// The turns; the first at zero.
	pub schedule: Schedule,
	/// The faults.
	pub plan: Plan,
	/// The devices.
	pub community: Community,
	/// Whether they have never reported.
	pub is_new: bool,
	/// What they keep.
	pub flash: Flash,
	/// Ctrl-C.
	pub signals: Signals,
}

impl Run<'_> {
	/// From the first reading to the judgement.
	pub async fn through(self, say: &impl Fn(&str)) -> Result<Figures> {
		let Self {
			args,
			grid,
			chain,
			period,
			mut schedule,
			plan,
			community,
			is_new,
			flash,
			mut signals,
		} = self;
		let ids: Vec<u32> = community.meters.iter().map(|meter| meter.id).collect();
		let mut link = Link::new(&args.node, chain.clone());
		let before = match is_new {
			true => BTreeMap::new(),
			false => {
				say("waiting until what these devices sent before has come on chain");
				quiet(&mut link, &ids).await?
			}
		};
		let newest = before.values().map(|latest| latest.captured_at).max();
		schedule.start = match is_new {
			true => Duration::from_secs(community.origin),
			// The last reading before may have been captured by a clock that was ahead.
			false => (now() + SOON).max(Duration::from_secs(newest.unwrap_or(0) + 1)),
		};
		let seconds = schedule.end().as_secs().saturating_sub(community.origin);
		let (phase, phases) = watch::channel(Phase::Running);
		let field = Arc::new(Field {
			plan,
			schedule,
			course: Course::new(grid, community.row, period, seconds)?,
			origin: community.origin,
			genesis: chain.genesis_hash().0.into(),
			period,
			flash,
			post: Post::new(&args.gateway)?,
			permits: Semaphore::new(args.connections as usize),
			tally: Tally::default(),
			waiting: Waiting::new(args.devices),
			phase: phases,
		});
		let (tell, mut seen) = watch::channel(Seen::default());
		let watching = tokio::spawn(watch(
			Link::new(&args.node, chain),
			field.clone(),
			ids.clone(),
			tell,
		));
		say(&format!(
			"all are admitted; {} devices report {} times each, once in {:?}",
			args.devices, schedule.rounds, schedule.every
		));
		let lives = lives(&field, grid, &community);
		let started = Instant::now();
		let before_count: u64 = before.values().map(|latest| latest.accepted).sum();
		let line = |seen: &Seen| {
			format!(
				"{:>6} s: {} sent, {} acknowledged, {} on chain, {:.1} s behind at worst",
				started.elapsed().as_secs(),
				field.tally.sent.get(),
				field.tally.acknowledged.get(),
				seen.accepted(&ids).saturating_sub(before_count),
				seen.worst_lag.as_secs_f64(),
			)
		};
		let logs = devices(lives, &field, &phase, &mut signals, || {
			say(&line(&seen.borrow()))
		})
		.await?;
		let took = now().saturating_sub(schedule.start);
		say("all readings are acknowledged; waiting for the chain");
		finality(&mut seen, &ids, &logs, &mut signals, |seen| {
			say(&line(seen))
		})
		.await?;
		let after = insist(PATIENCE, async || link.latest(&ids).await).await?;
		let worst_lag = seen.borrow().worst_lag;
		drop(seen);
		watching.abort();
		let verdict = judge(&logs, &community.meters, &before, &after);
		Ok(Figures::new(
			args.devices,
			&field.tally,
			verdict,
			worst_lag,
			took,
		))
	}
}

/// All devices at work, each with its number.
fn lives(field: &Arc<Field>, grid: &Grid, community: &Community) -> JoinSet<Result<(u32, Log)>> {
	let mut lives = JoinSet::new();
	for (number, meter) in (0u32..).zip(&community.meters) {
		let member = member_of(grid, number);
		let life = Life {
			number,
			member,
			device: community.device(number, meter, &grid.members[member]),
			start: meter.start,
			measures_charge: is_full(number),
			field: field.clone(),
		};
		lives.spawn(async move {
			let log = life.run().await;
			log.map(|log| (number, log))
				.with_context(|| format!("device {number} cannot go on"))
		});
	}
	lives
}

/// Waits for all devices; their logs, in their order.
async fn devices(
	mut lives: JoinSet<Result<(u32, Log)>>,
	field: &Field,
	phase: &watch::Sender<Phase>,
	signals: &mut Signals,
	tell: impl Fn(),
) -> Result<Vec<Log>> {
	let mut logs = BTreeMap::new();
	let mut lines = interval(LINE);
	lines.set_missed_tick_behavior(MissedTickBehavior::Delay);
	let faults = &field.plan.faults;
	let patience = PATIENCE + faults.delay_by + faults.drift_by;
	let mut acknowledged = (field.tally.acknowledged.get(), Instant::now());
	loop {
		tokio::select! {
			ended = lives.join_next() => match ended {
				None => break,
				Some(ended) => {
					let (number, log) = ended??;
					logs.insert(number, log);
				}
			},
			_ = lines.tick() => {
				tell();
				let count = field.tally.acknowledged.get();
				if count != acknowledged.0 {
					acknowledged = (count, Instant::now());
				}
				let over = now() > field.schedule.end() || *phase.borrow() > Phase::Running;
				if over && acknowledged.1.elapsed() > patience {
					phase.send_replace(Phase::GivenUp);
				}
			}
			() = signals.next() => match *phase.borrow() {
				Phase::Running => _ = phase.send_replace(Phase::Closing),
				_ => interrupted("the last readings were not acknowledged yet"),
			},
		}
	}
	Ok(logs.into_values().collect())
}

/// Waits until the last reading of each device is finalised, as long as the chain gets on.
async fn finality(
	seen: &mut watch::Receiver<Seen>,
	ids: &[u32],
	logs: &[Log],
	signals: &mut Signals,
	tell: impl Fn(&Seen),
) -> Result<()> {
	// How many readings were accepted when more were than before, and when that was.
	let mut newest = (0, Instant::now());
	let mut lines = interval(LINE);
	loop {
		let (is_done, accepted) = {
			let seen = seen.borrow_and_update();
			let is_done = ids.iter().zip(logs).all(|(id, log)| {
				let sequence = seen.progress.get(id).map(|progress| progress.sequence);
				sequence >= log.last.map(|last| last.sequence)
			});
			(is_done, seen.accepted(ids))
		};
		if accepted > newest.0 {
			newest = (accepted, Instant::now());
		}
		// What is missing then is told meter by meter.
		if is_done || newest.1.elapsed() > PATIENCE {
			return Ok(());
		}
		tokio::select! {
			changed = seen.changed() => changed.context("nobody looks at the chain any more")?,
			_ = lines.tick() => tell(&seen.borrow()),
			() = signals.next() => interrupted("the last readings were not on chain yet"),
		}
	}
}

/// Waits until nothing more comes on chain of these meters; their latest readings.
async fn quiet(link: &mut Link, ids: &[u32]) -> Result<BTreeMap<u32, Latest>> {
	let deadline = Instant::now() + PATIENCE;
	let mut before = insist(PATIENCE, async || link.latest(ids).await).await?;
	loop {
		sleep(QUIET).await;
		let latest = insist(PATIENCE, async || link.latest(ids).await).await?;
		if latest == before {
			return Ok(latest);
		}
		if Instant::now() > deadline {
			bail!("somebody else sends readings of these devices");
		}
		before = latest;
	}
}
