//! From a finalised block to the book.

use std::time::Instant;

use anyhow::Result;
use sp_core::H256;
use tracing::{debug, warn};

use super::{plan::Plan, Commands};
use crate::server::{
	chain::{within, ANSWER},
	node::Node,
	store::Store,
};

/// Follows commands through one connection to a node.
pub struct Follower {
	commands: Commands,
	store: Store,
	plan: Plan,
	error: Option<String>,
}

impl Follower {
	/// All will be looked at once.
	pub fn new(commands: Commands, store: Store) -> Self {
		Self {
			commands,
			store,
			plan: Plan::default(),
			error: None,
		}
	}

	/// Looks at what a finalised block may have changed. What fails is looked at again at the next: readings do
	/// not wait for commands.
	pub async fn block(&mut self, node: &dyn Node, at: H256) {
		match self.look(node, at).await {
			Ok(()) => self.error = None,
			Err(error) => {
				self.plan = Plan::default();
				let error = format!("{error:#}");
				if self.error.as_ref() != Some(&error) {
					warn!("commands to devices cannot be followed: {error}");
				}
				self.error = Some(error);
			}
		}
	}

	async fn look(&mut self, node: &dyn Node, at: H256) -> Result<()> {
		let mark = within(ANSWER, node.mark(at)).await?;
		self.commands
			.note(|known| known.time = Some((mark.now, Instant::now())));
		self.plan.block(mark, self.store.served().take_joined());
		loop {
			let pages = {
				let (served, known) = (self.store.served(), self.commands.lock());
				self.plan.next(&served, &known.book)
			};
			if pages.is_empty() {
				break;
			}
			debug!("looking at the commands of {} pages of meters", pages.len());
			let found = within(ANSWER, node.commands(at, pages)).await?;
			let slots: Vec<u32> = {
				let served = self.store.served();
				found.iter().map(|(page, _)| served.slots(*page)).collect()
			};
			let mut left_out = 0;
			self.commands.note(|known| {
				for ((page, commands), slots) in found.iter().zip(slots) {
					left_out += known.book.see(*page, slots, commands);
				}
			});
			if left_out > 0 {
				self.commands
					.0
					.metrics
					.commands_left_out
					.inc_by(left_out as u64);
				warn!("there is no room for the commands of {left_out} meters");
			}
		}
		if self.plan.is_complete() {
			self.commands.note(|known| known.complete = true);
		}
		Ok(())
	}
}
