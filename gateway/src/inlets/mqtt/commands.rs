//! Commands to devices, from the gateway to the broker.
//!
//! Each command is published, retained, on the topic of its meter until its time is over, it is withdrawn, or a
//! later one takes its place; then an empty message clears the topic. What the broker keeps is what a device
//! hears that was off: so whenever the broker is connected to, all that holds is told again, and what the broker
//! keeps beyond that is cleared. Nothing is kept on disk.

use std::{
	collections::{BTreeMap, BTreeSet},
	sync::{Arc, Mutex, PoisonError},
};

use futures::future::pending;
use tokio::{sync::Notify, time::sleep};
use tracing::{debug, info, warn};

use super::{
	broker::{Link, Message},
	LONGEST_PAUSE, PAUSE,
};
use crate::{
	command::{self, Command},
	inlets::gateway::{Changes, Cursor, Gateway},
};

/// For how many seconds the gateway is to wait for a change.
const WAIT: u64 = 20;
/// Most meters of which the broker keeps something that are remembered.
const MAX_FOUND: usize = 1 << 20;

/// Meters of whose topics the broker keeps a message. Clones share them.
#[derive(Clone, Default)]
pub struct Found(Arc<(Mutex<BTreeSet<u32>>, Notify)>);

impl Found {
	/// Notes what the broker keeps.
	pub fn note(&self, message: &Message) {
		// What is not retained is the echo of what was told just now.
		if let (true, Some(meter)) = (message.retained, command::meter_of(&message.topic)) {
			self.add(meter);
		}
	}

	fn add(&self, meter: u32) {
		let mut found = self.0 .0.lock().unwrap_or_else(PoisonError::into_inner);
		if found.len() < MAX_FOUND {
			found.insert(meter);
			self.0 .1.notify_one();
		}
	}

	fn take(&self) -> BTreeSet<u32> {
		std::mem::take(&mut *self.0 .0.lock().unwrap_or_else(PoisonError::into_inner))
	}

	async fn changed(&self) {
		self.0 .1.notified().await;
	}
}

/// What to say to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Say {
	/// A command, for so many seconds.
	Tell(Command, u64),
	/// That nothing holds any more.
	Clear(u32),
}

/// What the broker was told, and how far the gateway's changes were followed.
#[derive(Default)]
struct Mirror {
	told: BTreeMap<u32, Command>,
	cursor: Cursor,
	/// Whether all that holds is known.
	complete: bool,
}

impl Mirror {
	/// Takes an answer of the gateway.
	fn take(&mut self, changes: &Changes, found: &Found) -> Vec<Say> {
		if self.cursor.epoch.as_ref() != Some(&changes.epoch) {
			self.forget(found);
		}
		let mut say = Vec::new();
		for given in &changes.commands {
			let (meter, command) = (given.command.meter, given.command);
			if given.state.is_told() && changes.now < command.until {
				if self.told.insert(meter, command) != Some(command) {
					let seconds = command.until.saturating_sub(changes.now);
					say.push(Say::Tell(command, seconds));
				}
			} else if self.told.remove(&meter).is_some() {
				say.push(Say::Clear(meter));
			}
		}
		let over = |command: &Command| command.until <= changes.now;
		let all = self.told.iter();
		let over: Vec<u32> = all
			.filter(|(_, command)| over(command))
			.map(|(meter, _)| *meter)
			.collect();
		for meter in over {
			self.told.remove(&meter);
			say.push(Say::Clear(meter));
		}
		self.cursor = changes.cursor();
		self.complete |= !changes.more;
		say
	}

	/// What the broker keeps that does not hold; nobody knows before all that holds is known.
	fn sweep(&self, found: &Found) -> Vec<Say> {
		if !self.complete {
			return Vec::new();
		}
		let found = found.take().into_iter();
		found
			.filter(|meter| !self.told.contains_key(meter))
			.map(Say::Clear)
			.collect()
	}

	/// Begins anew: what was told may have been lost, or may hold no more.
	fn forget(&mut self, found: &Found) {
		let told = std::mem::take(&mut self.told);
		told.into_keys().for_each(|meter| found.add(meter));
		*self = Self::default();
	}
}

/// Tells devices what the gateway says, for ever.
pub async fn tell(link: Link, gateway: Gateway, found: Option<Found>) {
	let Some(found) = found else {
		return pending().await;
	};
	let mut connections = link.connections();
	let (mut mirror, mut pause, mut announced) = (Mirror::default(), PAUSE, false);
	loop {
		// Before there is a connection, nothing needs to be said.
		if *connections.borrow_and_update() == 0 {
			let _ = connections.changed().await;
			continue;
		}
		say(&link, mirror.sweep(&found)).await;
		let answer = tokio::select! {
			// A connection is new: the broker may have forgotten what it was told.
			_ = connections.changed() => {
				mirror.forget(&found);
				continue;
			},
			() = found.changed(), if mirror.complete => continue,
			answer = gateway.changes(&mirror.cursor, WAIT) => answer,
		};
		match answer {
			Ok(changes) => {
				pause = PAUSE;
				say(&link, mirror.take(&changes, &found)).await;
				if mirror.complete && !announced {
					announced = true;
					info!(
						"telling devices what the chain commands on {}",
						command::TOPICS
					);
				}
			}
			Err(error) => {
				warn!("commands to devices: {error:#}; asking again in {pause:?}");
				sleep(pause).await;
				pause = (pause * 2).min(LONGEST_PAUSE);
			}
		}
	}
}

/// Waits while there is no room in the queue to the broker.
async fn say(link: &Link, all: Vec<Say>) {
	for say in all {
		debug!("{say:?}");
		let (meter, payload, seconds) = match say {
			Say::Tell(command, seconds) => (command.meter, command.payload(), Some(seconds)),
			Say::Clear(meter) => (meter, Vec::new(), None),
		};
		while !link.retain_for(&command::topic(meter), payload.clone(), seconds) {
			sleep(PAUSE).await;
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{
		command::{tests::any_command, Action},
		inlets::gateway::Given,
		server::commands::book::State,
	};
	use proptest::prelude::*;

	fn command(meter: u32, nonce: u32) -> Command {
		Command {
			meter,
			nonce,
			action: Action::Charge,
			watts: None,
			from: 0,
			until: 100,
			event: None,
		}
	}

	fn changes(epoch: &str, now: u64, commands: &[(Command, State)]) -> Changes {
		let given = |(command, state): &(Command, State)| Given {
			command: *command,
			state: *state,
		};
		Changes {
			epoch: epoch.into(),
			now,
			next: 1,
			more: false,
			commands: commands.iter().map(given).collect(),
		}
	}

	#[test]
	fn a_command_should_be_told_once_and_cleared_when_it_holds_no_more() {
		let (mut mirror, found) = (Mirror::default(), Found::default());
		let first = command(7, 1);
		let mut take = |now, commands: &[_]| mirror.take(&changes("1", now, commands), &found);
		assert_eq!(take(40, &[(first, State::Open)]), [Say::Tell(first, 60)]);
		assert_eq!(take(41, &[(first, State::Acknowledged)]), []);
		let second = command(7, 2);
		assert_eq!(take(42, &[(second, State::Open)]), [Say::Tell(second, 58)]);
		assert_eq!(take(43, &[(second, State::Withdrawn)]), [Say::Clear(7)]);
		assert_eq!(take(44, &[(command(8, 3), State::Expired)]), []);
		// The gateway says that it is over, or the time does.
		take(
			50,
			&[(command(9, 4), State::Open), (command(10, 5), State::Open)],
		);
		assert_eq!(
			take(99, &[(command(9, 4), State::Expired)]),
			[Say::Clear(9)]
		);
		assert_eq!(take(100, &[]), [Say::Clear(10)]);
	}

	#[test]
	fn what_the_broker_keeps_should_be_cleared_once_all_that_holds_is_known() {
		let (mut mirror, found) = (Mirror::default(), Found::default());
		[7, 8].into_iter().for_each(|meter| found.add(meter));
		assert_eq!(mirror.sweep(&found), []);
		let first = changes("1", 0, &[(command(7, 1), State::Open)]);
		mirror.take(
			&Changes {
				more: true,
				..first
			},
			&found,
		);
		assert_eq!(mirror.sweep(&found), []);
		mirror.take(&changes("1", 0, &[]), &found);
		assert_eq!(mirror.sweep(&found), [Say::Clear(8)]);
		assert_eq!(mirror.sweep(&found), []);
	}

	#[test]
	fn after_a_new_connection_or_start_all_should_be_told_again_and_the_rest_cleared() {
		let (mut mirror, found) = (Mirror::default(), Found::default());
		let (kept, gone) = (command(7, 1), command(8, 2));
		let both = [(kept, State::Open), (gone, State::Open)];
		mirror.take(&changes("1", 0, &both), &found);
		mirror.forget(&found);
		assert_eq!(mirror.sweep(&found), []);
		let told = mirror.take(&changes("1", 0, &[both[0]]), &found);
		assert_eq!(told, [Say::Tell(kept, 100)]);
		assert_eq!(mirror.sweep(&found), [Say::Clear(8)]);
		// The gateway has started anew.
		let told = mirror.take(&changes("2", 0, &[both[1]]), &found);
		assert_eq!(told, [Say::Tell(gone, 100)]);
		assert_eq!(mirror.sweep(&found), [Say::Clear(7)]);
	}

	#[derive(Clone, Debug)]
	enum Step {
		Change(Command, State),
		Pass(u64),
		Reconnect,
		Restart,
	}

	fn step() -> impl Strategy<Value = Step> {
		let meter = (0u32..3).prop_flat_map(any_command);
		prop_oneof![
			4 => (meter, prop::sample::select(&State::ALL[..])).prop_map(|(c, s)| Step::Change(c, s)),
			1 => (1u64..40).prop_map(Step::Pass),
			1 => Just(Step::Reconnect),
			1 => Just(Step::Restart),
		]
	}

	proptest! {
		/// Whatever happens, in the end the broker keeps what holds, and nothing else.
		#[test]
		fn the_broker_should_keep_what_holds(
			steps in prop::collection::vec(step(), 0..40),
			stale in prop::collection::btree_set(0u32..5, 0..3),
		) {
			let (mut mirror, found) = (Mirror::default(), Found::default());
			let mut broker: BTreeMap<u32, Command> =
				stale.iter().map(|meter| (*meter, command(*meter, 0))).collect();
			stale.iter().for_each(|meter| found.add(*meter));
			let mut all: BTreeMap<u32, (Command, State)> = BTreeMap::new();
			let (mut now, mut epoch, mut fresh) = (0, 1, Vec::new());
			for step in steps {
				match step {
					Step::Change(command, state) => {
						all.insert(command.meter, (command, state));
						fresh.push((command, state));
					}
					Step::Pass(seconds) => now += seconds,
					Step::Reconnect => mirror.forget(&found),
					Step::Restart => epoch += 1,
				}
				let epoch = epoch.to_string();
				// Who does not know this order of changes is told all.
				let news = match mirror.cursor.epoch.as_ref() == Some(&epoch) {
					true => std::mem::take(&mut fresh),
					false => all.values().copied().collect(),
				};
				fresh.clear();
				let mut said = mirror.take(&changes(&epoch, now, &news), &found);
				said.extend(mirror.sweep(&found));
				for say in said {
					match say {
						Say::Tell(command, _) => drop(broker.insert(command.meter, command)),
						Say::Clear(meter) => drop(broker.remove(&meter)),
					}
				}
				let holds = all.values().filter(|(command, state)| state.is_told() && now < command.until);
				let holds: BTreeMap<_, _> = holds.map(|(command, _)| (command.meter, *command)).collect();
				prop_assert_eq!(&broker, &holds);
			}
		}
	}
}
