//! What a device makes of the commands it hears: the rules of `docs/gateway.md` in code.
//!
//! Messages come at least once, in any order, and may be old. The nonce tells which of two was given later,
//! validity whether there is still anything to do; the clock has to be right for the second.

use super::{Action, Command};

/// What a message was to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
	/// The device follows it from now on.
	New,
	/// The device follows it already.
	Known,
	/// It was given before the one that the device follows or has acknowledged.
	Old,
	/// Its time is over: it voids what was told before, no more.
	Over,
}

/// What a device is told to do, and what it says of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Orders {
	latest: Option<Command>,
	carried_out: Option<u32>,
}

impl Orders {
	/// Of a device that remembers the nonce it named last: nothing older is followed.
	pub fn remembering(carried_out: Option<u32>) -> Self {
		Self {
			latest: None,
			carried_out,
		}
	}

	/// Hears a command at `now` (Unix seconds).
	pub fn hear(&mut self, command: Command, now: u64) -> Heard {
		let newest = self.latest.map(|latest| latest.nonce).max(self.carried_out);
		if Some(command.nonce) < newest {
			return Heard::Old;
		}
		let known = self.latest == Some(command);
		// Also one whose time is over voids those before it.
		self.latest = Some(command);
		match (command.until <= now, known) {
			(true, _) => Heard::Over,
			(false, true) => Heard::Known,
			(false, false) => Heard::New,
		}
	}

	/// The command that was given last, whether it holds or not.
	pub fn latest(&self) -> Option<Command> {
		self.latest
	}

	/// Whether the latest command has this nonce.
	pub fn follows(&self, nonce: u32) -> bool {
		self.latest.is_some_and(|latest| latest.nonce == nonce)
	}

	/// Hears that no command holds any more: an empty message.
	pub fn hear_none(&mut self) {
		self.latest = None;
	}

	/// The command that holds at `now`, if any; a release is none.
	pub fn in_force(&self, now: u64) -> Option<Command> {
		self.latest.filter(|command| {
			let holds = command.from <= now && now < command.until;
			holds && command.action != Action::Release
		})
	}

	/// Notes that the device has set itself up as its latest command says, at `now`: it obeys from the command's
	/// beginning on. Nothing is noted of one whose time is over.
	pub fn carry_out(&mut self, now: u64) {
		if let Some(command) = self.latest.filter(|command| now < command.until) {
			self.carried_out = Some(command.nonce);
		}
	}

	/// What the next reading says in `acknowledged`.
	pub fn acknowledged(&self) -> Option<u32> {
		self.carried_out
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::command::tests::any_command;
	use proptest::prelude::*;

	const COMMAND: Command = Command {
		meter: 7,
		nonce: 5,
		action: Action::Charge,
		watts: None,
		from: 100,
		until: 200,
		event: None,
	};

	#[test]
	fn a_command_should_hold_from_its_beginning_to_its_end() {
		let mut orders = Orders::default();
		assert_eq!(orders.hear(COMMAND, 50), Heard::New);
		assert_eq!(orders.hear(COMMAND, 60), Heard::Known);
		assert_eq!(orders.in_force(99), None);
		assert_eq!(orders.in_force(100), Some(COMMAND));
		assert_eq!(orders.in_force(199), Some(COMMAND));
		assert_eq!(orders.in_force(200), None);
		assert_eq!(orders.hear(COMMAND, 200), Heard::Over);
	}

	#[test]
	fn a_later_command_should_void_an_earlier_one_and_not_the_other_way() {
		let mut orders = Orders::default();
		let later = Command {
			nonce: 6,
			action: Action::Release,
			..COMMAND
		};
		assert_eq!(orders.hear(COMMAND, 150), Heard::New);
		assert_eq!(orders.hear(later, 150), Heard::New);
		assert_eq!(orders.hear(COMMAND, 150), Heard::Old);
		assert_eq!(orders.in_force(150), None);
		orders.carry_out(150);
		assert_eq!(orders.acknowledged(), Some(6));
	}

	#[test]
	fn an_empty_message_should_free_the_device_and_not_what_it_said() {
		let mut orders = Orders::default();
		orders.hear(COMMAND, 150);
		orders.carry_out(150);
		orders.hear_none();
		assert_eq!(orders.in_force(150), None);
		assert_eq!(orders.acknowledged(), Some(5));
	}

	#[test]
	fn a_device_that_was_off_should_follow_nothing_older_than_what_it_said() {
		let mut orders = Orders::remembering(Some(5));
		let earlier = Command {
			nonce: 4,
			..COMMAND
		};
		assert_eq!(orders.hear(earlier, 150), Heard::Old);
		assert_eq!(orders.hear(COMMAND, 150), Heard::New);
		assert_eq!(orders.in_force(150), Some(COMMAND));
	}

	#[test]
	fn nothing_should_be_said_of_a_command_that_came_too_late() {
		let mut orders = Orders::default();
		orders.hear(COMMAND, 150);
		orders.carry_out(200);
		assert_eq!(orders.acknowledged(), None);
	}

	proptest! {
		/// Copies and old messages change nothing, in whatever order they come: of a chain, a nonce names one command.
		#[test]
		fn the_last_command_given_should_be_followed(
			commands in prop::collection::vec(any_command(7), 1..8),
			order in prop::collection::vec(any::<prop::sample::Index>(), 1..40),
			now in 0u64..200,
		) {
			let by_nonce: std::collections::BTreeMap<_, _> =
				commands.into_iter().map(|command| (command.nonce, command)).collect();
			let commands: Vec<_> = by_nonce.into_values().collect();
			let mut orders = Orders::default();
			let (mut latest, mut said): (Option<Command>, _) = (None, None);
			for index in order {
				let command = *index.get(&commands);
				orders.hear(command, now);
				orders.carry_out(now);
				if latest.is_none_or(|latest| latest.nonce < command.nonce) {
					latest = Some(command);
					said = Some(command.nonce).filter(|_| command.until > now).or(said);
				}
			}
			prop_assert_eq!(orders.acknowledged(), said);
			let holds = |command: &Command| {
				command.from <= now && now < command.until && command.action != Action::Release
			};
			prop_assert_eq!(orders.in_force(now), latest.filter(holds));
		}
	}
}
