//! `gridweave-gateway edge`: the edge signer, beside meters that cannot sign.
//!
//! It reads what meters show ([`crate::inlets`]), signs it with keys it keeps for them, and posts the signed
//! readings to a gateway, which may be away for days.
//!
//! | module | holds |
//! |---|---|
//! | [`config`] | the file that names meters, keys and sources |
//! | [`commands`] | from the gateway to devices, and what they say of it |
//! | [`key`] | what signs: a file, or whatever else implements [`key::Signer`] |
//! | [`tool`] | `gridweave-gateway key`: new keys, and proofs for registration |
//! | [`outbox`] | signed readings on disk until the gateway has them |
//! | [`deliver`] | from the outbox to the gateway |
//! | [`import`] | `gridweave-gateway import`: load profiles from files |

pub mod commands;
pub mod config;
pub mod deliver;
pub mod import;
pub mod key;
pub mod outbox;
pub mod tool;

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{ensure, Context, Result};
use gridweave_primitives::MeterId;
use rumqttc::QoS;
use tokio::{sync::mpsc, task::JoinSet};
use tracing::{info, warn};

use self::{
	config::{Config, MeterConfig, SourceConfig},
	deliver::Delivery,
	key::{FileSigner, Signer},
	outbox::{Outbox, Record, Recorded},
};
use crate::{
	inlets::{
		gateway::Gateway,
		measurement::Measurement,
		mqtt::broker::{Broker, Message},
		p1::P1,
		sml::Sml,
		stream, zigbee, Framing,
	},
	interrupted,
	server::keys::unix_now,
};

/// Measurements that may wait to be recorded; further ones are left in the line.
const QUEUE: usize = 16;
/// How often counts are told.
const REPORTS: Duration = Duration::from_secs(3_600);

/// Options of `gridweave-gateway edge`.
#[derive(Clone, Debug, clap::Args)]
pub struct EdgeArgs {
	/// File that names meters, their keys and where their measurements come from (docs/meters.md).
	#[arg(long, value_name = "FILE")]
	pub config: PathBuf,
}

/// A meter that is signed for.
#[derive(Clone)]
pub struct Meter {
	/// Its id on chain.
	pub id: MeterId,
	/// Its key.
	pub signer: Arc<dyn Signer>,
}

/// Runs until SIGINT or SIGTERM.
pub async fn run(args: EdgeArgs) -> Result<()> {
	let config = Config::read(&args.config)?;
	let outbox = Outbox::open(&config.outbox, config.genesis, config.max_waiting)?;
	let mut tasks = JoinSet::new();
	let gateway = Gateway::new(&config.gateway)?;
	let (mut states, mut acks, mut commanded) = (HashMap::new(), HashMap::new(), Vec::new());
	for meter in &config.meters {
		let id = MeterId(meter.id);
		let signer = FileSigner::read(&meter.key)?;
		let signed_for = prepare(id, Arc::new(signer), &outbox).await?;
		if meter.commands {
			let (sink, said) = mpsc::channel(QUEUE);
			acks.insert(commands::ack_topic(id), sink);
			commanded.push((id, said));
		}
		let Some(source) = &meter.source else {
			continue;
		};
		let (sink, measurements) = mpsc::channel(QUEUE);
		info!("meter {}: {source}", id.0);
		match source {
			SourceConfig::P1(stream) => {
				tasks.spawn(read(stream.source()?, Box::<P1>::default(), sink));
			}
			SourceConfig::Sml(stream) => {
				tasks.spawn(read(stream.source()?, Box::<Sml>::default(), sink));
			}
			SourceConfig::Zigbee2Mqtt(state) => {
				let before = states.insert(state.topic.clone(), sink);
				ensure!(before.is_none(), "{} has two meters", state.topic);
			}
		}
		let recorder = record(signed_for, outbox.clone(), config.interval, measurements);
		tasks.spawn(async move { recorder.await.with_context(|| format!("meter {}", id.0)) });
	}
	if !states.is_empty() || !acks.is_empty() {
		let settings = config.mqtt.as_ref().context("zigbee2mqtt needs [mqtt]")?;
		// What a state says is soon said again, and what a device says is kept: nothing is lost if one is.
		let topics = states.keys().chain(acks.keys()).cloned().collect();
		let (broker, link) = Broker::new(settings, topics, QoS::AtMostOnce)?;
		for (id, said) in commanded {
			let (gateway, link, outbox) = (gateway.clone(), link.clone(), outbox.clone());
			let tell = commands::tell(id, gateway, link, outbox, config.interval, said);
			tasks.spawn(async move { tell.await.with_context(|| format!("meter {}", id.0)) });
		}
		tasks.spawn(async move {
			broker
				.run(move |message| match acks.get(&message.topic) {
					Some(sink) => take_ack(&message, sink),
					None => take_state(&message, &states),
				})
				.await;
			Ok(())
		});
	}
	let meters = config.meters.iter().map(|meter| MeterId(meter.id));
	let delivery = Delivery::new(outbox.clone(), gateway, meters);
	tasks.spawn(delivery.run());
	info!("{} meters, for {}", config.meters.len(), config.gateway);

	let stopped = interrupted();
	tokio::pin!(stopped);
	let mut reports = tokio::time::interval(REPORTS);
	loop {
		tokio::select! {
			signal = &mut stopped => {
				info!("stopping; what waits is on disk");
				return Ok(signal?);
			},
			// A source that has come to its end; any failure ends the process, for its supervisor to see.
			Some(ended) = tasks.join_next() => ended??,
			_ = reports.tick() => report(&outbox, &config.meters).await?,
		}
	}
}

/// Tells how each meter's readings are doing.
async fn report(outbox: &Outbox, meters: &[MeterConfig]) -> Result<()> {
	for meter in meters {
		let row = outbox.row(MeterId(meter.id)).await?.unwrap_or_default();
		let (waiting, delivered) = (row.waiting, row.delivered);
		info!(
			"meter {}: {waiting} readings wait, {delivered} were delivered, {} refused for good, {} dropped",
			meter.id, row.refused, row.dropped
		);
	}
	Ok(())
}

/// Reads a source, as a task: if it panics, the process ends.
async fn read(
	source: stream::Source,
	framing: Box<dyn Framing>,
	sink: mpsc::Sender<Measurement>,
) -> Result<()> {
	stream::read(source, framing, sink).await;
	Ok(())
}

/// Makes sure that what waits of a meter is signed with its key.
async fn prepare(id: MeterId, signer: Arc<dyn Signer>, outbox: &Outbox) -> Result<Meter> {
	let renewed = outbox.sign_anew(id, signer.clone()).await?;
	if renewed > 0 {
		info!(
			"meter {}: {renewed} readings are signed anew with its new key",
			id.0
		);
	}
	Ok(Meter { id, signer })
}

/// Hands what a device says of a command to its meter's teller.
fn take_ack(message: &Message, sink: &mpsc::Sender<u32>) {
	if let Some(nonce) = commands::read_ack(&message.payload) {
		// Devices may say it again.
		let _ = sink.try_send(nonce);
	}
}

/// Hands the state of a zigbee2mqtt device to its meter's recorder.
fn take_state(message: &Message, states: &HashMap<String, mpsc::Sender<Measurement>>) {
	// One that the broker kept says how things were, nobody knows when.
	if message.retained {
		return;
	}
	if let (Some(sink), Some(measured)) =
		(states.get(&message.topic), zigbee::parse(&message.payload))
	{
		// Recorders sample: one that has enough to do may miss some.
		let _ = sink.try_send(measured);
	}
}

/// Records the first measurement of each span of `interval` seconds, so that readings fall on the
/// boundaries of settlement periods.
async fn record(
	meter: Meter,
	outbox: Outbox,
	interval: u64,
	mut measurements: mpsc::Receiver<Measurement>,
) -> Result<()> {
	let row = outbox.row(meter.id).await?;
	let mut last = row.map(|row| row.captured_at);
	while let Some(measured) = measurements.recv().await {
		let now = unix_now();
		if last.is_some_and(|last| now / interval <= last / interval) {
			continue;
		}
		let record = Record {
			captured_at: now,
			import: measured.import.get(),
			export: measured.export.get(),
			quality: measured.quality(),
			power_failures: measured.power_failures,
		};
		match outbox
			.record_one(meter.id, meter.signer.clone(), record)
			.await?
		{
			Recorded::As(_) => last = Some(now),
			Recorded::NotNewer => {}
			Recorded::Incomplete => {
				warn!(
					"meter {}: a register is missing; waiting for a whole measurement",
					meter.id.0
				);
			}
		}
	}
	Ok(())
}
