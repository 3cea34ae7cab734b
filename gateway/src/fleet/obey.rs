//! What devices hear from the gateway, and what they make of it.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::Duration,
};

use gridweave_gateway::{
	command::{
		orders::{Heard, Orders},
		Action, Command,
	},
	inlets::gateway::{Changes, Cursor, Gateway},
	server::keys::unix_now,
};
use gridweave_primitives::Watts;
use tracing::{debug, warn};

use super::flex::Told;

/// For how many seconds the gateway is to wait for a change.
const WAIT: u64 = 20;
/// Pause after a question that was not answered.
const PAUSE: Duration = Duration::from_secs(1);

/// What a device did as it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Obeyed {
	/// Place of the period, from the first metered one on.
	pub period: usize,
	/// Place of the member.
	pub member: usize,
	/// What it was told.
	pub told: Told,
}

/// The ears of all devices, by their meters. Clones share them.
#[derive(Clone, Default)]
pub struct Ears(Arc<Mutex<BTreeMap<u32, Orders>>>);

impl Ears {
	fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Orders>> {
		self.0.lock().unwrap_or_else(PoisonError::into_inner)
	}

	/// Hears what the gateway tells, for ever.
	pub async fn listen(self, gateway: Gateway) {
		let mut cursor = Cursor::default();
		loop {
			match gateway.changes(&cursor, WAIT).await {
				Ok(changes) => {
					self.hear(&changes, unix_now());
					cursor = changes.cursor();
				}
				Err(error) => {
					warn!("commands to devices: {error:#}");
					tokio::time::sleep(PAUSE).await;
				}
			}
		}
	}

	fn hear(&self, changes: &Changes, now: u64) {
		let mut ears = self.lock();
		for given in &changes.commands {
			let command = given.command;
			let orders = ears.entry(command.meter).or_default();
			if given.state.is_told() {
				if orders.hear(command, now) == Heard::New {
					debug!("meter {} hears {command:?}", command.meter);
				}
			} else if orders.follows(command.nonce) {
				orders.hear_none();
			}
		}
	}

	/// The device of a meter sets itself up for a period of so many seconds that begins at `now`: what it does as it
	/// is told, and what its readings say.
	pub fn obey(&self, meter: u32, now: u64, period_seconds: u32) -> (Option<Told>, Option<u32>) {
		let mut ears = self.lock();
		let Some(orders) = ears.get_mut(&meter) else {
			return (None, None);
		};
		orders.carry_out(now);
		let command = orders.in_force(now);
		let told = command.and_then(|command| told(&command, period_seconds));
		(told, orders.acknowledged())
	}
}

/// What a command says of a period of so many seconds; `None` for a release.
fn told(command: &Command, period_seconds: u32) -> Option<Told> {
	let most = |watts: Option<u32>| {
		let watts = Watts(watts.unwrap_or(0));
		watts.over(period_seconds.into()).0
	};
	match command.action {
		Action::LimitImport => Some(Told::Import(most(command.watts))),
		Action::Curtail => Some(Told::Export(most(command.watts))),
		Action::Charge => Some(Told::Charge),
		Action::Discharge => Some(Told::Discharge),
		Action::Release => None,
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::json;

	fn changes(nonce: u32, action: &str, state: &str) -> Changes {
		let watts = (action == "limit_import").then_some(30_000);
		serde_json::from_value(json!({ "epoch": "1", "now": 0, "next": 1, "more": false, "commands": [{
			"meter": 7, "nonce": nonce, "action": action, "watts": watts, "from": 24, "until": 48, "event": null,
			"state": state, "acknowledged": null }] }))
		.unwrap()
	}

	#[test]
	fn a_device_should_obey_for_the_time_of_a_command_and_say_so() {
		let ears = Ears::default();
		assert_eq!(ears.obey(7, 12, 12), (None, None));
		ears.hear(&changes(3, "limit_import", "open"), 13);
		// Announced: it is set up, and waits.
		assert_eq!(ears.obey(7, 12, 12), (None, Some(3)));
		assert_eq!(ears.obey(7, 24, 12), (Some(Told::Import(100)), Some(3)));
		ears.hear(&changes(3, "limit_import", "acknowledged"), 25);
		assert_eq!(ears.obey(7, 36, 12), (Some(Told::Import(100)), Some(3)));
		assert_eq!(ears.obey(7, 48, 12), (None, Some(3)));
		assert_eq!(ears.obey(8, 24, 12), (None, None));
	}

	#[test]
	fn a_device_should_be_free_when_it_is_released_or_its_command_withdrawn() {
		let ears = Ears::default();
		ears.hear(&changes(3, "charge", "open"), 13);
		assert_eq!(ears.obey(7, 24, 12), (Some(Told::Charge), Some(3)));
		ears.hear(&changes(4, "release", "open"), 25);
		assert_eq!(ears.obey(7, 24, 12), (None, Some(4)));
		ears.hear(&changes(5, "discharge", "open"), 26);
		// Old news changes nothing.
		ears.hear(&changes(3, "charge", "withdrawn"), 26);
		assert_eq!(ears.obey(7, 36, 12), (Some(Told::Discharge), Some(5)));
		ears.hear(&changes(5, "discharge", "withdrawn"), 26);
		assert_eq!(ears.obey(7, 36, 12), (None, Some(5)));
	}

	#[test]
	fn limits_should_be_those_of_the_period() {
		let command = |action, watts| Command {
			meter: 7,
			nonce: 1,
			action,
			watts,
			from: 0,
			until: 9,
			event: None,
		};
		let told = |action, watts| told(&command(action, watts), 12);
		assert_eq!(
			told(Action::LimitImport, Some(30_000)),
			Some(Told::Import(100))
		);
		assert_eq!(told(Action::Curtail, Some(0)), Some(Told::Export(0)));
		assert_eq!(told(Action::Charge, None), Some(Told::Charge));
		assert_eq!(told(Action::Discharge, None), Some(Told::Discharge));
		assert_eq!(told(Action::Release, None), None);
	}
}
