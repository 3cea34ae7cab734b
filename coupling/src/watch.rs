//! What to do when: which auctions wait for a coupling, and what became of it.

use std::{
	collections::{BTreeMap, HashMap},
	io::{self, Write},
	time::Duration,
};

use anyhow::{Context, Result};
use gridweave_coupling::{couple, Coupling};
use gridweave_primitives::{Balance, Period, WattHours};
use serde_json::{json, Value as Json};
use subxt_signer::sr25519::Keypair;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::chain::{At, Chain, Group, Solution, LIMITS, MAX_CANDIDATES};

/// Pause between looks at the chain.
const PAUSE: Duration = Duration::from_millis(500);
/// A period of which nothing is known to close is looked at again after so many seconds: a new community opens
/// all its periods at once.
const AGAIN: u64 = 60;
/// Gates close before delivery, and windows are shorter than this, in seconds: periods that began before are over.
const LONGEST_WINDOW: u64 = 3_600;
/// In a window that ends within so many seconds, the time between blocks, no block follows.
const TOO_LATE: u64 = 3;
/// In a window of so many seconds there is time to wait until the block is finalised in which the gate closed. In
/// shorter ones, of chains with short periods, the best block has to do.
const LONG_WINDOW: u64 = 30;
/// A coupling is tried so often.
const TRIES: u32 = 5;
/// Planck of a unit of a coupling's gain.
const PLANCK: Balance = 1_000;

/// Auctions that are coupled: of a period, with gates that close at this time.
type Key = (Period, u64);

/// How far a group has come.
#[derive(Clone, Debug, Default)]
struct Progress {
	/// Whether it was dealt with.
	dealt: bool,
	/// How often it failed.
	failures: u32,
	/// What was told already: a part of it may have failed.
	told: Vec<Solution>,
}

/// What became of a coupling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
	/// It was submitted.
	Submitted,
	/// It would have been.
	Found,
	/// Nothing is gained by coupling.
	NothingGained,
	/// The chain keeps no more, and all of them claim as much.
	Outdone,
}

impl Outcome {
	fn name(self) -> &'static str {
		match self {
			Self::Submitted => "submitted",
			Self::Found => "found",
			Self::NothingGained => "nothing gained",
			Self::Outdone => "outdone",
		}
	}
}

/// Follows a chain.
pub struct Watch {
	chain: Chain,
	/// Who signs; nobody if nothing is to be submitted.
	signer: Option<Keypair>,
	/// When a period is looked at next.
	next: HashMap<Period, u64>,
	/// What is known of groups, until some time after the window has ended.
	known: BTreeMap<Key, Progress>,
}

impl Watch {
	pub fn new(chain: Chain, signer: Option<Keypair>) -> Self {
		Self {
			chain,
			signer,
			next: HashMap::new(),
			known: BTreeMap::new(),
		}
	}

	/// Couples what waits, again and again; with `once` until what waits was dealt with. Returns whether all of
	/// it could be.
	pub async fn run(&mut self, once: bool) -> Result<bool> {
		loop {
			let left = self.look().await?;
			if once && !left {
				return Ok(self.known.values().all(|progress| progress.dealt));
			}
			sleep(PAUSE).await;
		}
	}

	/// Deals with what waits; returns whether something is left that is to be tried again.
	async fn look(&mut self) -> Result<bool> {
		let (best, finalised) = (self.chain.best().await?, self.chain.finalised().await?);
		let now = self.chain.now(&best).await?;
		let settled = self.chain.now(&finalised).await?;
		let mut left = false;
		for group in self.open(&best, now).await? {
			let key = (group.period, group.gate_closes_at);
			let mut progress = self.known.get(&key).cloned().unwrap_or_default();
			if progress.dealt || progress.failures >= TRIES {
				continue;
			}
			let at = match group.window() < LONG_WINDOW {
				true => &best,
				false if settled >= group.gate_closes_at => &finalised,
				false => {
					left = true;
					continue;
				}
			};
			progress.dealt = self.deal(at, &group, &mut progress.told).await?;
			if !progress.dealt {
				progress.failures = progress.failures.saturating_add(1);
				left |= progress.failures < TRIES;
			}
			self.known.insert(key, progress);
		}
		self.known
			.retain(|(_, gate), _| now < gate.saturating_add(LONGEST_WINDOW));
		Ok(left)
	}

	/// The groups whose window is open.
	async fn open(&mut self, at: &At, now: u64) -> Result<Vec<Group>> {
		let clock = self.chain.clock(at).await?;
		let first = clock.period_at(now.saturating_sub(LONGEST_WINDOW));
		let horizon = self.chain.horizon(at)?;
		let last = clock.period_at(now).0.saturating_add(horizon);
		let mut open = Vec::new();
		for period in (first.0..=last).map(Period) {
			if self.next.get(&period).is_some_and(|next| now < *next) {
				continue;
			}
			let communities = self.chain.communities(at, period).await?;
			let mut next = now.saturating_add(AGAIN);
			for group in Group::of(period, communities) {
				if group.gate_closes_at > now {
					next = next.min(group.gate_closes_at);
				} else if now.saturating_add(TOO_LATE) < group.window_ends_at {
					// It may have to be tried again.
					next = now;
					open.push(group);
				}
			}
			self.next.insert(period, next);
		}
		self.next.retain(|period, _| *period >= first);
		Ok(open)
	}

	/// Couples a group, submits what is found and was not `told` before, and tells of it. Whether nothing failed;
	/// what did is logged.
	async fn deal(&self, at: &At, group: &Group, told: &mut Vec<Solution>) -> Result<bool> {
		let found = match self.find(at, group).await {
			Ok(found) => found,
			Err(error) => {
				warn!("period {}: {error:#}", group.period);
				return Ok(false);
			}
		};
		if found.is_empty() && told.is_empty() {
			say(
				group,
				&line(group, Outcome::NothingGained),
				Outcome::NothingGained,
			)?;
		}
		let mut dealt = true;
		for coupling in &found {
			let solution = group.solution(coupling);
			if told.contains(&solution) {
				continue;
			}
			match self.submit(at, group, coupling, &solution).await {
				Ok((outcome, line)) => {
					say(group, &line, outcome)?;
					told.push(solution);
				}
				Err(error) => {
					warn!("period {}: {error:#}", group.period);
					dealt = false;
				}
			}
		}
		Ok(dealt)
	}

	/// What can be gained by coupling a group.
	async fn find(&self, at: &At, group: &Group) -> Result<Vec<Coupling>> {
		let network = group.network(self.chain.books(at, group).await?);
		Ok(tokio::task::spawn_blocking(move || couple(&network, &LIMITS)).await??)
	}

	/// Submits a solution, if the chain would take it.
	async fn submit(
		&self,
		at: &At,
		group: &Group,
		coupling: &Coupling,
		solution: &Solution,
	) -> Result<(Outcome, Json)> {
		let score = self.chain.score(at, group.period, solution).await?;
		// The chain's word: what it would refuse would cost the deposit.
		let claim = score
			.map_err(|error| anyhow::anyhow!("{error:?}"))
			.context("the chain refuses what was found")?;
		let gain = Balance::try_from(coupling.gain)? * PLANCK;
		if claim != gain {
			warn!("the chain counts a gain of {claim} planck, not {gain}");
		}
		let claims = self.chain.claims(at, group).await?;
		// Others may claim what does not hold, to keep good solutions away: so it is submitted as long as the
		// chain takes it.
		let outdone = claims.len() >= MAX_CANDIDATES && claims.iter().all(|other| *other >= claim);
		let (outcome, block) = match &self.signer {
			_ if outdone => (Outcome::Outdone, None),
			None => (Outcome::Found, None),
			Some(signer) => {
				let submitted = self.chain.submit(signer, group.period, solution, claim);
				let block = submitted.await.context("it could not be submitted")?;
				(Outcome::Submitted, Some(block))
			}
		};
		let mut line = line(group, outcome);
		line["claim"] = json!(claim.to_string());
		line["block"] = json!(block);
		tell_solution(&mut line, group, solution);
		Ok((outcome, line))
	}
}

/// A line for standard output.
fn line(group: &Group, outcome: Outcome) -> Json {
	json!({
		"period": group.period,
		"gate_closes_at": group.gate_closes_at,
		"communities": group.communities.len(),
		"outcome": outcome.name(),
	})
}

fn tell_solution(line: &mut Json, group: &Group, solution: &Solution) {
	let flow = |flow: &crate::chain::LinkFlow| {
		let sent: Option<WattHours> = group.sent(flow);
		json!({ "link": flow.link, "received": flow.received, "sent": sent })
	};
	let price =
		|at: &crate::chain::PriceAt| json!({ "microgrid": at.microgrid, "price": at.price });
	line["flows"] = solution.flows.iter().map(flow).collect();
	line["prices"] = solution.prices.iter().map(price).collect();
}

/// Tells what became of a coupling.
fn say(group: &Group, line: &Json, outcome: Outcome) -> Result<()> {
	info!("period {}: {}", group.period, outcome.name());
	let mut out = io::stdout().lock();
	writeln!(out, "{line}")?;
	out.flush()?;
	Ok(())
}
