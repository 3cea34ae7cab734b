//! The command line.

use sc_cli::RunCmd;

/// A validator or full node of a Gridweave chain.
#[derive(Debug, clap::Parser)]
pub struct Cli {
	#[command(subcommand)]
	pub subcommand: Option<Subcommand>,

	#[clap(flatten)]
	pub run: RunCmd,

	/// Base URL of a meter gateway that this node's off-chain worker pulls readings from, for example
	/// http://127.0.0.1:9950. Repeat it for several gateways; they are tried in this order. Without the
	/// option the worker pulls nothing.
	#[arg(long = "meter-gateway", value_name = "URL")]
	pub meter_gateways: Vec<crate::gateways::GatewayUrl>,
}

/// What the node can do other than run.
#[derive(Debug, clap::Subcommand)]
// Parsed once: the size of a variant does not matter.
#[allow(clippy::large_enum_variant)]
pub enum Subcommand {
	/// Key management.
	#[command(subcommand)]
	Key(sc_cli::KeySubcommand),

	/// Build a chain specification.
	BuildSpec(sc_cli::BuildSpecCmd),

	/// Export a chain specification.
	ExportChainSpec(sc_cli::ExportChainSpecCmd),

	/// Validate blocks.
	CheckBlock(sc_cli::CheckBlockCmd),

	/// Export blocks.
	ExportBlocks(sc_cli::ExportBlocksCmd),

	/// Export the state of a given block into a chain spec.
	ExportState(sc_cli::ExportStateCmd),

	/// Import blocks.
	ImportBlocks(sc_cli::ImportBlocksCmd),

	/// Remove the whole chain.
	PurgeChain(sc_cli::PurgeChainCmd),

	/// Revert the chain to a previous state.
	Revert(sc_cli::RevertCmd),

	/// Benchmark the runtime's pallets.
	#[cfg(feature = "runtime-benchmarks")]
	#[command(subcommand)]
	Benchmark(frame_benchmarking_cli::BenchmarkCmd),

	/// Show the chain's meta information as stored in the database.
	ChainInfo(sc_cli::ChainInfoCmd),
}
