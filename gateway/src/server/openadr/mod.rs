//! Programmes, events, expected prices and reports of the chain, for clients of OpenADR 3.
//!
//! Nothing is followed while nobody asks. Who asks is answered from the last finalised block: the first one has the node
//! asked, and all others are answered by what was said to that one, until the next block. So however many clients ask,
//! and however often, the node is asked once a block. Reports are many, and asked for when a client does, by so few
//! at a time.
//!
//! | module | holds |
//! |---|---|
//! | [`facts`] | what the chain says |
//! | [`wire`], [`time`] | objects of OpenADR, and how they are written |
//! | [`map`], [`report`] | from the one to the other |

pub mod facts;
pub mod map;
pub mod report;
pub mod time;
pub mod wire;

#[cfg(test)]
mod tests;

use std::{
	collections::HashMap,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::{Duration, Instant},
};

use anyhow::Result;
use sp_core::H256;
use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use tracing::{debug, warn};

use self::{
	facts::{DemandEvent, Facts, Stage},
	map::Clock,
	wire::{Event, Program, Report},
};
use super::{
	chain::{within, ANSWER},
	node::Node,
	store::Block,
};

/// Most communities that are told of.
pub const MAX_COMMUNITIES: usize = 64;
/// Most programmes that are told of, and most events: the latest.
pub const MAX_PROGRAMMES: usize = 1_024;
/// See [`MAX_PROGRAMMES`].
pub const MAX_EVENTS: usize = 4_096;
/// Most objects in one answer: so says OpenADR.
pub const MAX_PAGE: usize = 50;
/// Most questions to the node for one answer of reports.
const MAX_QUESTIONS: usize = 64;
/// Most reports of an answer of the node.
const MAX_REPORTS: usize = 512;
/// Most clients for which the node is asked about reports at a time; others wait.
const MAX_WALKS: usize = 2;
/// How long the node is not asked again about a block of which it did not tell.
const PATIENCE: Duration = Duration::from_secs(3);

/// The communities that are told of: all, as far as there is room, if none is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Vec<u32>);

impl Scope {
	/// These; `None` if they are too many.
	pub fn new(mut microgrids: Vec<u32>) -> Option<Self> {
		microgrids.sort_unstable();
		microgrids.dedup();
		(microgrids.len() <= MAX_COMMUNITIES).then_some(Self(microgrids))
	}

	/// Of so many microgrids those that are told of.
	pub fn among(&self, count: u32) -> Vec<u32> {
		match self.0.is_empty() {
			true => (0..count).take(MAX_COMMUNITIES).collect(),
			false => self.0.iter().copied().filter(|id| *id < count).collect(),
		}
	}
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
	/// There is no node.
	#[error("the node is not connected; come again")]
	NoNode,
	/// It does not tell.
	#[error("the node does not tell of programmes, events and prices; come again")]
	Silent,
	/// What is asked for lies too far.
	#[error("there are too many reports before those asked for: name an eventID, or a clientName")]
	TooFar,
}

/// What is told. Clones share it.
#[derive(Clone)]
pub struct OpenAdr(Arc<Shared>);

struct Shared {
	scope: Scope,
	/// The node, and the last block that it has finalised.
	link: Mutex<Option<(Arc<dyn Node>, Block)>>,
	latest: AsyncMutex<Latest>,
	walks: Semaphore,
}

#[derive(Default)]
struct Latest {
	shown: Option<Arc<Shown>>,
	/// Of which block the node did not tell, and since when.
	silent: Option<(H256, Instant)>,
}

/// All that is told in the state of one block, but for reports.
pub struct Shown {
	at: H256,
	clock: Clock,
	/// Programmes and tariffs.
	pub programs: Vec<Program>,
	/// Events and prices; first what is to come.
	pub events: Vec<Event>,
	/// Events of which there are reports, the latest first.
	paid: Vec<(u32, DemandEvent)>,
}

/// Which reports are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reports {
	/// Only those of this programme.
	pub program: Option<String>,
	/// Only those of this event.
	pub event: Option<String>,
	/// Only those of the resource of this name.
	pub client: Option<String>,
	/// How many to pass over.
	pub skip: usize,
	/// Most of them.
	pub limit: usize,
}

impl OpenAdr {
	/// Nothing is known yet.
	pub fn new(scope: Scope) -> Self {
		Self(Arc::new(Shared {
			scope,
			link: Mutex::default(),
			latest: AsyncMutex::default(),
			walks: Semaphore::new(MAX_WALKS),
		}))
	}

	fn link(&self) -> MutexGuard<'_, Option<(Arc<dyn Node>, Block)>> {
		self.0.link.lock().unwrap_or_else(PoisonError::into_inner)
	}

	/// A node has finalised this block.
	pub fn see(&self, node: &Arc<dyn Node>, block: Block) {
		*self.link() = Some((node.clone(), block));
	}

	/// There is no node any more.
	pub fn lose(&self) {
		*self.link() = None;
	}

	/// What is told at the last finalised block.
	pub async fn shown(&self) -> Result<Arc<Shown>, Unanswered> {
		let mut latest = self.0.latest.lock().await;
		// Only now: the one before may have taken its time.
		let (node, block) = self.link().clone().ok_or(Unanswered::NoNode)?;
		let at = block.hash;
		if let Some(shown) = latest.shown.as_ref().filter(|shown| shown.at == at) {
			return Ok(shown.clone());
		}
		let is_recent = |(of, since): (H256, Instant)| of == at && since.elapsed() < PATIENCE;
		if latest.silent.is_some_and(is_recent) {
			return Err(Unanswered::Silent);
		}
		match within(ANSWER, node.flexibility(at, &self.0.scope)).await {
			Ok(facts) => {
				let before = latest.shown.take();
				let shown = Arc::new(Shown::new(at, &facts, before.as_deref()));
				latest.shown = Some(shown.clone());
				latest.silent = None;
				Ok(shown)
			}
			Err(error) => {
				if latest.silent.is_none() {
					warn!("programmes, events and prices are not told: {error:#}");
				}
				latest.silent = Some((at, Instant::now()));
				Err(Unanswered::Silent)
			}
		}
	}

	/// Reports of events that are paid, those of the latest first.
	pub async fn reports(&self, wanted: &Reports) -> Result<Vec<Report>, Unanswered> {
		let _permit = self
			.0
			.walks
			.acquire()
			.await
			.map_err(|_| Unanswered::NoNode)?;
		let shown = self.shown().await?;
		let (node, _) = self.link().clone().ok_or(Unanswered::NoNode)?;
		within(ANSWER, async { Ok(shown.reports(&*node, wanted).await) })
			.await
			.unwrap_or(Err(Unanswered::Silent))
	}

	/// A report by its identity; `None` if there is none.
	pub async fn report(&self, id: &str) -> Result<Option<Report>, Unanswered> {
		let Some((event, resource)) = report::parse_report_id(id) else {
			return Ok(None);
		};
		let wanted = Reports {
			event: Some(map::event_id(event)),
			client: Some(report::resource_name(resource)),
			limit: 1,
			..Reports::default()
		};
		Ok(self.reports(&wanted).await?.pop())
	}
}

impl Shown {
	fn new(at: H256, facts: &Facts, before: Option<&Self>) -> Self {
		let (programs, mut events) = map::objects(facts);
		// Prices are told anew at every block, and have changed only if they have.
		let known: HashMap<&str, &Event> = before
			.iter()
			.flat_map(|before| &before.events)
			.map(|event| (event.id.as_str(), event))
			.collect();
		for event in &mut events {
			if let Some(known) = known.get(event.id.as_str()) {
				let changed = event.modification_date_time;
				event.modification_date_time = known.modification_date_time;
				if event != *known {
					event.modification_date_time = changed;
				}
			}
		}
		let paid = facts.events.iter().rev();
		let paid = paid.filter(|(_, event)| event.stage == Stage::Done);
		Self {
			at,
			clock: Clock(facts.period),
			programs,
			events,
			paid: paid.copied().collect(),
		}
	}

	async fn reports(&self, node: &dyn Node, wanted: &Reports) -> Result<Vec<Report>, Unanswered> {
		let resource = match &wanted.client {
			None => None,
			Some(name) => match report::parse_resource_name(name) {
				None => return Ok(Vec::new()),
				resource => resource,
			},
		};
		let is_wanted = |(id, event): &&(u32, DemandEvent)| {
			let of_event = wanted.event.as_ref();
			let of_program = wanted.program.as_ref();
			of_event.is_none_or(|wanted| *wanted == map::event_id(*id))
				&& of_program.is_none_or(|wanted| *wanted == map::programme_id(event.programme))
		};
		let (mut skip, mut questions) = (wanted.skip, 0);
		let mut found = Vec::new();
		for (id, event) in self.paid.iter().filter(is_wanted) {
			let mut from = resource.unwrap_or(0);
			while found.len() < wanted.limit {
				questions += 1;
				if questions > MAX_QUESTIONS {
					return Err(Unanswered::TooFar);
				}
				let most = match resource {
					Some(_) => 1,
					None => skip
						.saturating_add(wanted.limit - found.len())
						.min(MAX_REPORTS),
				};
				let told = node.reports(self.at, *id, from, most as u32).await;
				let told = told.map_err(|error| {
					debug!("reports of event {id} are not told: {error:#}");
					Unanswered::Silent
				})?;
				let next = told.last().and_then(|(last, _)| last.checked_add(1));
				let is_last = told.len() < most || resource.is_some();
				for (of, report) in &told {
					if resource.is_some_and(|resource| resource != *of) {
						continue;
					}
					if skip > 0 {
						skip -= 1;
					} else if found.len() < wanted.limit {
						found.push(report::report((*id, event), (*of, report), self.clock));
					}
				}
				match next {
					Some(next) if !is_last => from = next,
					_ => break,
				}
			}
			if found.len() >= wanted.limit {
				break;
			}
		}
		Ok(found)
	}
}
