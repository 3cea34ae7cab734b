//! `gridweave-gateway`: the gateway between meters and chain, and the simulated meter fleet.

mod fleet;

use std::io::IsTerminal;

use clap::{Parser, Subcommand};
use gridweave_gateway::server;

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
	/// Simulate the meters of a grid and their owners' trading agents.
	Fleet(fleet::FleetArgs),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
	let filter = tracing_subscriber::EnvFilter::try_from_default_env()
		.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
	tracing_subscriber::fmt()
		.with_env_filter(filter)
		.with_writer(std::io::stderr)
		.with_ansi(std::io::stderr().is_terminal())
		.init();
	match Cli::parse().command {
		Command::Serve(args) => server::run(args).await,
		Command::Fleet(args) => fleet::run(args).await,
	}
}
