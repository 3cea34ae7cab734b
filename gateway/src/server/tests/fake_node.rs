//! A node without a chain.

use std::collections::BTreeMap;

use futures::FutureExt;
use tokio::sync::Notify;

use super::*;
use crate::server::{
	commands::{book::Given, plan::Mark},
	node::{ChainClock, CommandPage, Connect, Node},
	openadr::{
		facts::{Facts, Report},
		Scope,
	},
	store::{Block, Finalised},
};

/// A node whose chain is what a test says.
#[derive(Clone)]
pub struct FakeNode(Arc<Mutex<State>>, Arc<Notify>);

/// What it is at the moment.
pub struct State {
	pub up: bool,
	pub genesis: H256,
	/// Hashes of its blocks, by number; the last is the best.
	pub blocks: Vec<H256>,
	pub finalised: usize,
	/// Progress of meters in the state of each block.
	pub progress: HashMap<H256, BTreeMap<u32, u64>>,
	/// Meters per answer for progress.
	pub page: usize,
	pub meters: HashMap<u32, Known>,
	/// Which meters were asked for.
	pub asked: Vec<u32>,
	pub clock: ChainClock,
	/// What tells whether commands were given; `None`: the chain has no such pallet.
	pub mark: Option<Mark>,
	/// Commands in the state of every block.
	pub commands: BTreeMap<u32, Given>,
	/// Pages of commands that were asked for.
	pub looked_at: Vec<u32>,
	/// Programmes, events and prices; `None`: the chain has no such pallet.
	pub facts: Option<Facts>,
	/// Reports, by event and resource.
	pub reports: BTreeMap<(u32, u32), Report>,
	/// How often it was asked for facts, and for reports.
	pub questions: (usize, usize),
}

/// Hash of a block of one run of the chain.
pub fn hash(run: u8, number: usize) -> H256 {
	let mut hash = H256::repeat_byte(run);
	hash.0[..8].copy_from_slice(&number.to_le_bytes());
	hash
}

impl FakeNode {
	/// Of this run of the chain, so many blocks long and all finalised.
	pub fn new(run: u8, length: usize) -> Self {
		let state = State {
			up: true,
			genesis: GENESIS,
			blocks: (0..=length).map(|number| hash(run, number)).collect(),
			finalised: length,
			progress: HashMap::new(),
			page: 2_000,
			meters: HashMap::new(),
			asked: Vec::new(),
			clock: ChainClock {
				now: 0,
				period: 900,
			},
			mark: None,
			commands: BTreeMap::new(),
			looked_at: Vec::new(),
			facts: None,
			reports: BTreeMap::new(),
			questions: (0, 0),
		};
		Self(Arc::new(Mutex::new(state)), Arc::default())
	}

	/// Changes it, and wakes who waits for a block.
	pub fn set(&self, change: impl FnOnce(&mut State)) {
		change(&mut self.0.lock().unwrap());
		self.1.notify_one();
	}

	fn ask<R: Send + 'static>(
		&self,
		ask: impl FnOnce(&mut State) -> R,
	) -> BoxFuture<'_, anyhow::Result<R>> {
		let state = &mut *self.0.lock().unwrap();
		let answer = match state.up {
			true => Ok(ask(state)),
			false => Err(anyhow::anyhow!("the node is down")),
		};
		futures::future::ready(answer).boxed()
	}
}

impl Connect for FakeNode {
	fn connect(&self) -> BoxFuture<'_, anyhow::Result<Arc<dyn Node>>> {
		let node = self.clone();
		self.ask(|_| Arc::new(node) as Arc<dyn Node>)
	}
}

impl Node for FakeNode {
	fn genesis(&self) -> H256 {
		self.0.lock().unwrap().genesis
	}

	fn finalised(&self) -> BoxFuture<'_, anyhow::Result<Block>> {
		self.ask(|state| Block {
			number: state.finalised as u64,
			hash: state.blocks[state.finalised],
		})
	}

	fn next_finalised(&self) -> BoxFuture<'_, anyhow::Result<()>> {
		async {
			self.1.notified().await;
			self.ask(|_| ()).await
		}
		.boxed()
	}

	fn hash_of(&self, number: u64) -> BoxFuture<'_, anyhow::Result<Option<H256>>> {
		self.ask(|state| state.blocks.get(number as usize).copied())
	}

	fn progress(&self, at: H256, from: MeterId) -> BoxFuture<'_, anyhow::Result<Vec<Finalised>>> {
		self.ask(|state| {
			let meters = state.progress.get(&at).into_iter();
			let meters = meters.flat_map(|meters| meters.range(from.0..));
			let progress = meters.map(|(meter, sequence)| Finalised {
				meter: MeterId(*meter),
				sequence: *sequence,
				accepted: *sequence,
			});
			progress.take(state.page).collect()
		})
	}

	fn meters(&self, meters: Vec<MeterId>) -> BoxFuture<'_, anyhow::Result<Vec<(MeterId, Known)>>> {
		self.ask(|state| {
			state.asked.extend(meters.iter().map(|meter| meter.0));
			let known = |meter: &MeterId| state.meters.get(&meter.0).copied();
			let known = |meter| (meter, known(&meter).unwrap_or(Known::Unknown));
			meters.into_iter().map(known).collect()
		})
	}

	fn mark(&self, _: H256) -> BoxFuture<'_, anyhow::Result<Mark>> {
		async {
			let mark = self.ask(|state| state.mark).await?;
			mark.ok_or_else(|| anyhow::anyhow!("no such pallet"))
		}
		.boxed()
	}

	fn commands(
		&self,
		_: H256,
		pages: Vec<u32>,
	) -> BoxFuture<'_, anyhow::Result<Vec<(u32, CommandPage)>>> {
		self.ask(|state| {
			state.looked_at.extend(&pages);
			let on_page = |page: u32| {
				let meters = state.commands.range(page * 32..=page * 32 + 31);
				let given = |(meter, given): (&u32, &Given)| (MeterId(*meter).slot(), *given);
				(page, meters.map(given).collect())
			};
			pages.into_iter().map(on_page).collect()
		})
	}

	fn flexibility<'a>(&'a self, _: H256, _: &'a Scope) -> BoxFuture<'a, anyhow::Result<Facts>> {
		async {
			let facts = self.ask(|state| {
				state.questions.0 += 1;
				state.facts.clone()
			});
			facts
				.await?
				.ok_or_else(|| anyhow::anyhow!("no such pallet"))
		}
		.boxed()
	}

	fn reports(
		&self,
		_: H256,
		event: u32,
		from: u32,
		most: u32,
	) -> BoxFuture<'_, anyhow::Result<Vec<(u32, Report)>>> {
		self.ask(|state| {
			state.questions.1 += 1;
			let reports = state.reports.range((event, from)..=(event, u32::MAX));
			let reports = reports.map(|((_, resource), report)| (*resource, *report));
			reports.take(most as usize).collect()
		})
	}

	fn clock(&self) -> BoxFuture<'_, anyhow::Result<ChainClock>> {
		self.ask(|state| state.clock)
	}
}
