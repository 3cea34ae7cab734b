//! `gridweave-gateway alerts`: what the chain flags about meters, to those who look after them.
//!
//! The flags of the communities that are named are asked for at finalised blocks and compared with what was
//! told before, which is on disk. So an alert survives that anything is away for a time, this program included,
//! and what is flagged again and again is told once: when it is raised, when it is confirmed, when it ends. An
//! alert may come twice if this program ends right after sending it; it has the same `id` then.
//!
//! | module | holds |
//! |---|---|
//! | [`flags`] | flags, as a node tells them |
//! | [`due`] | which alerts are due |
//! | [`memory`] | what was told, on disk |
//! | [`webhook`], [`broker`] | whom to tell |

pub mod broker;
pub mod due;
pub mod flags;
pub mod memory;
pub mod webhook;

use std::{path::PathBuf, time::Duration};

use anyhow::{ensure, Context, Result};
use serde::Deserialize;
use serde_json::Value;
use tokio::{task::JoinSet, time::sleep};
use tracing::{info, warn};

use self::{
	broker::Broker,
	due::{due, Alert},
	flags::{Node, Severity},
	memory::Memory,
	webhook::Webhook,
};
use crate::{inlets::mqtt::settings::Settings, interrupted};

/// Longest pause while something is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Options of `gridweave-gateway alerts`.
#[derive(Clone, Debug, clap::Args)]
pub struct AlertsArgs {
	/// File that names the node, the communities, and whom to tell (docs/anomalies.md).
	#[arg(long, value_name = "FILE")]
	pub config: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
	/// The node's WebSocket.
	node: String,
	/// The communities.
	microgrids: Vec<u32>,
	/// Folder for what was told.
	state: PathBuf,
	/// The least severity that is told.
	#[serde(default)]
	least: Severity,
	/// How often flags are asked for, in seconds.
	#[serde(default = "ten")]
	every: u64,
	/// A webhook to tell.
	webhook: Option<webhook::Settings>,
	/// A broker to tell.
	mqtt: Option<Settings>,
}

fn ten() -> u64 {
	10
}

/// Somebody to tell.
enum Outlet {
	Webhook(Box<Webhook>),
	Broker(Broker),
}

/// What became of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
	/// It was taken.
	Taken,
	/// It was refused, and others need not be.
	Refused(String),
}

impl Outlet {
	/// By what it is known in the memory and the log.
	fn name(&self) -> &'static str {
		match self {
			Self::Webhook(_) => "webhook",
			Self::Broker(_) => "mqtt",
		}
	}

	/// An error if nothing is taken at present.
	async fn tell(&mut self, alert: &Alert, message: &Value) -> Result<Answer> {
		match self {
			Self::Webhook(webhook) => webhook.post(message).await,
			Self::Broker(broker) => broker.publish(alert, message).await,
		}
	}
}

/// Runs until SIGINT or SIGTERM.
pub async fn run(args: AlertsArgs) -> Result<()> {
	let text = std::fs::read_to_string(&args.config)
		.with_context(|| format!("{} cannot be read", args.config.display()))?;
	let config: Config =
		toml::from_str(&text).with_context(|| format!("in {}", args.config.display()))?;
	ensure!(!config.microgrids.is_empty(), "no microgrids are named");
	ensure!(
		(1..=3_600).contains(&config.every),
		"every is a second to an hour"
	);
	let mut outlets = Vec::new();
	if let Some(settings) = &config.webhook {
		outlets.push(Outlet::Webhook(Box::new(Webhook::new(settings)?)));
	}
	let mut tasks = JoinSet::new();
	if let Some(settings) = &config.mqtt {
		let (broker, connection) = Broker::new(settings)?;
		tasks.spawn(connection);
		outlets.push(Outlet::Broker(broker));
	}
	ensure!(!outlets.is_empty(), "neither webhook nor mqtt is named");
	let memory = Memory::open(&config.state)?;
	for outlet in outlets {
		info!("telling {} what {} flags", outlet.name(), config.node);
		tasks.spawn(tell(
			Node::new(&config.node),
			config.microgrids.clone(),
			config.least,
			Duration::from_secs(config.every),
			memory.clone(),
			outlet,
		));
	}
	tokio::select! {
		ended = tasks.join_next() => match ended {
			// Another chain than the memory is of; or a panic.
			Some(ended) => ended?,
			None => Ok(()),
		},
		signal = interrupted() => Ok(signal?),
	}
}

/// Tells one outlet what is due, for ever.
async fn tell(
	mut node: Node,
	microgrids: Vec<u32>,
	least: Severity,
	every: Duration,
	memory: Memory,
	mut outlet: Outlet,
) -> Result<()> {
	let mut pause = every;
	loop {
		pause = match round(&mut node, &microgrids, least, &memory, &mut outlet).await {
			Ok(()) => every,
			Err(error) if error.is::<memory::OtherChain>() => return Err(error),
			Err(error) => {
				let pause = (pause * 2).min(LONGEST_PAUSE.max(every));
				warn!("{}: {error:#}; again in {pause:?}", outlet.name());
				node.disconnect();
				pause
			}
		};
		sleep(pause).await;
	}
}

/// Tells an outlet what is due now.
async fn round(
	node: &mut Node,
	microgrids: &[u32],
	least: Severity,
	memory: &Memory,
	outlet: &mut Outlet,
) -> Result<()> {
	let at = node.finalised().await?;
	memory.check(&at.genesis)?;
	let mut refused = None;
	for &microgrid in microgrids {
		let open = node.open_flags(&at, microgrid).await?;
		let told = memory.told(outlet.name(), microgrid)?;
		for alert in due(microgrid, &told, &open, least) {
			let flag = match &alert.flag {
				Some(flag) => Some(flag.clone()),
				// How it ended.
				None => node.remembered(&at, alert.meter, &alert.kind).await?,
			};
			let suspects = match alert.is_of_feeder() {
				true => Some(node.suspects(&at, microgrid).await?),
				false => None,
			};
			let message = alert.message(&at, flag.as_ref(), suspects);
			match outlet.tell(&alert, &message).await? {
				Answer::Taken => memory.note(outlet.name(), &alert)?,
				Answer::Refused(why) => {
					refused = Some(format!("{} was refused: {why}", alert.id()))
				}
			}
		}
	}
	refused.map_or(Ok(()), |why| Err(anyhow::anyhow!(why)))
}
