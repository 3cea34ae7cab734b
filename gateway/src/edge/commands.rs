//! Commands to the devices behind meters that are signed for: from the gateway to the edge's own broker, and
//! what devices say of them into the next signed reading.
//!
//! A device cannot speak to the chain, and need not reach the gateway: it hears its command on the topic
//! `gridweave/v1/commands/<meter>` of the broker beside it, as `docs/gateway.md` describes it, and says on
//! `…/ack` which it carries out. The edge believes nothing but the nonce of the command that it told last.

use std::time::Duration;

use anyhow::Result;
use gridweave_primitives::MeterId;
use serde::Deserialize;
use tokio::{
	sync::mpsc,
	time::{interval, MissedTickBehavior},
};
use tracing::{debug, info, warn};

use super::outbox::Outbox;
use crate::{
	command::{self, orders::Orders, Command},
	inlets::{gateway::Gateway, mqtt::broker::Link},
	server::keys::unix_now,
};

/// How often the gateway is asked, at the most and at the least: four times between readings.
const ASK: (u64, u64) = (1, 60);

/// Where a device says what it carries out.
pub fn ack_topic(meter: MeterId) -> String {
	format!("{}/ack", command::topic(meter.0))
}

/// What a device says.
#[derive(Deserialize)]
struct Ack {
	nonce: u32,
}

/// The nonce in what a device says.
pub fn read_ack(payload: &[u8]) -> Option<u32> {
	let Ack { nonce } = serde_json::from_slice(payload).ok()?;
	Some(nonce)
}

/// What one meter's device is told, and what it says.
pub struct Teller {
	meter: MeterId,
	orders: Orders,
	/// What the broker keeps: a command, or none; unknown at first.
	kept: Option<Option<Command>>,
}

impl Teller {
	/// Of a device that said last that it carries out this nonce.
	pub fn new(meter: MeterId, carried_out: Option<u32>) -> Self {
		Self {
			meter,
			orders: Orders::remembering(carried_out),
			kept: None,
		}
	}

	/// Hears what the gateway tells, at `now`; returns what the broker is to keep from now on, if that changes.
	pub fn hear(&mut self, told: Option<Command>, now: u64) -> Option<Option<Command>> {
		match told {
			Some(command) => drop(self.orders.hear(command, now)),
			None => self.orders.hear_none(),
		}
		self.pass(now)
	}

	/// The broker may have forgotten what it kept.
	pub fn forget(&mut self) {
		self.kept = None;
	}

	/// The time is `now`: what the broker is to keep from now on, if that changes.
	pub fn pass(&mut self, now: u64) -> Option<Option<Command>> {
		let holds = self.orders.latest().filter(|command| now < command.until);
		(self.kept != Some(holds)).then(|| {
			self.kept = Some(holds);
			holds
		})
	}

	/// Whether a device that names this nonce at `now` is to be believed, and it is news.
	pub fn acknowledge(&mut self, nonce: u32, now: u64) -> bool {
		let is_news = self.orders.acknowledged() != Some(nonce);
		if self.orders.follows(nonce) {
			self.orders.carry_out(now);
		}
		is_news && self.orders.acknowledged() == Some(nonce)
	}
}

/// Tells the device of a meter what its gateway says, for ever; ends only if the outbox fails.
pub async fn tell(
	meter: MeterId,
	gateway: Gateway,
	link: Link,
	outbox: Outbox,
	between_readings: u64,
	mut acks: mpsc::Receiver<u32>,
) -> Result<()> {
	let carried_out = outbox.carried_out(meter).await?;
	let mut teller = Teller::new(meter, carried_out.map(|(nonce, _)| nonce));
	let mut connections = link.connections();
	let pause = (between_readings / 4).clamp(ASK.0, ASK.1);
	let mut ask = interval(Duration::from_secs(pause));
	ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
	loop {
		let keep = tokio::select! {
			_ = ask.tick() => match gateway.commands_of(meter.0).await {
				Ok(commands) => {
					let told = commands.first().map(|given| given.command);
					teller.hear(told, unix_now())
				}
				Err(error) => {
					// What was told holds on until its time is over.
					debug!("commands to the device of meter {meter}: {error:#}");
					teller.pass(unix_now())
				}
			},
			_ = connections.changed() => {
				teller.forget();
				teller.pass(unix_now())
			},
			Some(nonce) = acks.recv() => {
				let now = unix_now();
				if teller.acknowledge(nonce, now) {
					info!("the device of meter {meter} carries out command {nonce}");
					outbox.carry_out(meter, nonce, now).await?;
				}
				None
			},
		};
		if let Some(keep) = keep {
			let payload = keep.map_or(Vec::new(), |command| command.payload());
			if !link.retain(&command::topic(teller.meter.0), payload) {
				warn!("no room for a command to the device of meter {meter}; it is told again");
				teller.forget();
			}
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::command::Action;

	const COMMAND: Command = Command {
		meter: 7,
		nonce: 5,
		action: Action::Discharge,
		watts: None,
		from: 100,
		until: 200,
		event: None,
	};

	#[test]
	fn the_broker_should_keep_what_holds_and_be_told_changes_only() {
		let mut teller = Teller::new(MeterId(7), None);
		// At first nobody knows what it keeps.
		assert_eq!(teller.hear(None, 50), Some(None));
		assert_eq!(teller.hear(None, 51), None);
		assert_eq!(teller.hear(Some(COMMAND), 60), Some(Some(COMMAND)));
		assert_eq!(teller.hear(Some(COMMAND), 61), None);
		teller.forget();
		assert_eq!(teller.pass(62), Some(Some(COMMAND)));
		// While the gateway is away, time passes.
		assert_eq!(teller.pass(199), None);
		assert_eq!(teller.pass(200), Some(None));
	}

	#[test]
	fn only_the_command_that_was_told_last_should_be_acknowledged_and_in_time() {
		let mut teller = Teller::new(MeterId(7), None);
		assert!(!teller.acknowledge(5, 50));
		teller.hear(Some(COMMAND), 50);
		assert!(!teller.acknowledge(4, 60));
		assert!(teller.acknowledge(5, 60));
		assert!(!teller.acknowledge(5, 61), "it is known");
		let later = Command {
			nonce: 6,
			..COMMAND
		};
		teller.hear(Some(later), 70);
		assert!(!teller.acknowledge(5, 71));
		assert!(!teller.acknowledge(6, 200), "too late");
	}

	#[test]
	fn after_a_restart_nothing_older_than_what_the_device_said_should_be_told() {
		let mut teller = Teller::new(MeterId(7), Some(5));
		let earlier = Command {
			nonce: 4,
			..COMMAND
		};
		assert_eq!(teller.hear(Some(earlier), 150), Some(None));
		assert_eq!(teller.hear(Some(COMMAND), 150), Some(Some(COMMAND)));
		assert!(!teller.acknowledge(5, 151), "it is known");
	}

	#[test]
	fn what_a_device_says_should_name_a_nonce() {
		assert_eq!(read_ack(br#"{"nonce": 5}"#), Some(5));
		for bad in ["", "5", "{}", r#"{"nonce": -1}"#, r#"{"nonce": "5"}"#] {
			assert_eq!(read_ack(bad.as_bytes()), None, "{bad}");
		}
		assert_eq!(ack_topic(MeterId(7)), "gridweave/v1/commands/7/ack");
	}
}
