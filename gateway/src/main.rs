//! `gridweave-gateway`: the gateway between meters and chain, and the simulated meter fleet.

mod fleet;

use std::io::IsTerminal;

use clap::{Parser, Subcommand};
use gridweave_gateway::{alerts, edge, inlets, server};

/// Meter readings in, pages for the chain's off-chain workers out.
#[derive(Debug, Parser)]
#[command(
	name = "gridweave-gateway",
	version,
	about,
	arg_required_else_help = true
)]
struct Cli {
	#[command(subcommand)]
	command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
	/// Take readings from meters, keep them until the chain has finalised them, and serve them to its
	/// off-chain workers.
	Serve(server::ServeArgs),
	/// Sign and deliver the readings of meters that cannot sign.
	Edge(edge::EdgeArgs),
	/// Sign and deliver the load profile of a meter that exports it as CSV.
	Import(edge::import::ImportArgs),
	/// Bring signed readings from an MQTT broker to a gateway.
	Mqtt(inlets::mqtt::MqttArgs),
	/// Tell a webhook and an MQTT broker what the chain flags about meters.
	Alerts(alerts::AlertsArgs),
	/// Make and show device keys.
	Key(edge::tool::KeyArgs),
	/// Simulate the meters of a grid and their owners' trading agents.
	Fleet(fleet::FleetArgs),
	/// Simulate thousands of devices, with faults to order, and judge what becomes of their readings.
	Load(fleet::load::LoadArgs),
}

// As the node's: what was given back is not kept in pieces, and memory stays flat.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
	let filter = tracing_subscriber::EnvFilter::try_from_default_env()
		.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
	tracing_subscriber::fmt()
		.with_env_filter(filter)
		.with_writer(std::io::stderr)
		.with_ansi(std::io::stderr().is_terminal())
		// Who reads the log may be gone: telling so on the same pipe would end the program.
		.log_internal_errors(false)
		.init();
	match Cli::parse().command {
		Command::Serve(args) => server::run(args).await,
		Command::Edge(args) => edge::run(args).await,
		Command::Import(args) => edge::import::run(args).await,
		Command::Mqtt(args) => inlets::mqtt::run(args).await,
		Command::Alerts(args) => alerts::run(args).await,
		Command::Key(args) => edge::tool::run(args),
		Command::Fleet(args) => fleet::run(args).await,
		Command::Load(args) => fleet::load::run(args).await,
	}
}
