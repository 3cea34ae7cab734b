//! What Prometheus reads.

use prometheus::{
	Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
	Registry, TextEncoder,
};

/// Counters and gauges, all named `gridweave_gateway_…`.
pub struct Metrics {
	registry: Registry,
	/// Readings in bodies of posts.
	pub received: IntCounter,
	/// Readings newly written to disk.
	pub stored_total: IntCounter,
	/// Readings that had been stored before.
	pub duplicates: IntCounter,
	/// Readings and requests refused, by reason.
	pub refused: IntCounterVec,
	/// Readings in pages served, repetitions included.
	pub served: IntCounter,
	/// Readings deleted because the chain had finalised them or a later one of their meter.
	pub finalised: IntCounter,
	/// Readings deleted because of their age.
	pub expired: IntCounter,
	/// Readings deleted because their meter has another key now.
	pub superseded: IntCounter,
	/// Readings kept now.
	pub stored: IntGauge,
	/// Seconds that the gateway has run since the oldest reading kept arrived.
	pub oldest_age: IntGauge,
	/// Readings that the chain has accepted of the meters that delivered here, whoever brought them. Of a
	/// meter of which nothing is kept, the number may be old.
	pub accepted: IntGauge,
	/// Latest commands to devices whose readings come here, by what has become of them.
	pub commands: IntGaugeVec,
	/// Commands that there was no room for; counted at every look.
	pub commands_left_out: IntCounter,
	/// Number of the last finalised block seen.
	pub finalised_block: IntGauge,
	/// 1 while connected to the node.
	pub node_connected: IntGauge,
	/// Posts whose signatures are being checked now; never more than there are cores.
	pub verifying: IntGauge,
	/// Time of a commit, which syncs to disk.
	pub fsync: Histogram,
}

impl Metrics {
	/// All at zero.
	pub fn new() -> prometheus::Result<Self> {
		let registry = Registry::new_custom(Some("gridweave_gateway".into()), None)?;
		let counter = |name: &str, help: &str| {
			let counter = IntCounter::new(name, help)?;
			registry.register(Box::new(counter.clone()))?;
			prometheus::Result::Ok(counter)
		};
		let gauge = |name: &str, help: &str| {
			let gauge = IntGauge::new(name, help)?;
			registry.register(Box::new(gauge.clone()))?;
			prometheus::Result::Ok(gauge)
		};
		let refused = IntCounterVec::new(
			Opts::new("refused_total", "Readings and requests refused, by reason"),
			&["reason"],
		)?;
		registry.register(Box::new(refused.clone()))?;
		let commands = IntGaugeVec::new(
			Opts::new(
				"commands",
				"Latest commands to devices whose readings come here, by state",
			),
			&["state"],
		)?;
		registry.register(Box::new(commands.clone()))?;
		let fsync = Histogram::with_opts(
			HistogramOpts::new("fsync_seconds", "Time of a commit, which syncs to disk").buckets(
				vec![
					0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0,
				],
			),
		)?;
		registry.register(Box::new(fsync.clone()))?;
		Ok(Self {
			received: counter("received_total", "Readings in bodies of posts")?,
			stored_total: counter("stored_total", "Readings newly written to disk")?,
			duplicates: counter("duplicates_total", "Readings that had been stored before")?,
			refused,
			served: counter(
				"served_total",
				"Readings in pages served, repetitions included",
			)?,
			finalised: counter(
				"finalised_total",
				"Readings deleted once finalised on chain",
			)?,
			expired: counter("expired_total", "Readings deleted because of their age")?,
			superseded: counter(
				"superseded_total",
				"Readings deleted because their meter has another key now",
			)?,
			stored: gauge("stored", "Readings kept now")?,
			oldest_age: gauge("oldest_age_seconds", "Age of the oldest reading kept")?,
			accepted: gauge(
				"accepted_on_chain",
				"Readings the chain accepted of the meters here",
			)?,
			commands,
			commands_left_out: counter(
				"commands_left_out_total",
				"Commands that there was no room for",
			)?,
			finalised_block: gauge("finalised_block", "Last finalised block seen")?,
			node_connected: gauge("node_connected", "1 while connected to the node")?,
			verifying: gauge("verifying", "Posts whose signatures are being checked now")?,
			fsync,
			registry,
		})
	}

	/// In Prometheus' text format.
	pub fn render(&self) -> prometheus::Result<String> {
		let mut text = Vec::new();
		TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
		String::from_utf8(text).map_err(|error| prometheus::Error::Msg(error.to_string()))
	}
}
