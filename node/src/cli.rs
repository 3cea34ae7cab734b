//! The command line.

use clap::{parser::ValueSource, CommandFactory};
use sc_cli::RunCmd;
use sc_service::{config::BlocksPruning, Configuration};

/// Blocks whose bodies an authority keeps, if it is not told otherwise: a day.
const AUTHORITY_BLOCKS: u32 = 28_800;

/// A validator or full node of a Gridweave chain.
#[derive(Debug, clap::Parser)]
pub struct Cli {
	#[command(subcommand)]
	pub subcommand: Option<Subcommand>,

	#[clap(flatten)]
	pub run: RunCmd,

	/// Base URL of a meter gateway that this node's off-chain worker pulls readings from, for example
	/// http://127.0.0.1:9950. Repeat it for several gateways, at most 16: the worker asks all of them after
	/// every block, and none is preferred. Without the option it pulls nothing.
	#[arg(long = "meter-gateway", value_name = "URL")]
	pub meter_gateways: Vec<crate::gateways::GatewayUrl>,
}

impl Cli {
	/// Authorities keep the bodies of a day's blocks, unless these arguments say otherwise: readings make
	/// them large. Other nodes keep all, as the option's help says.
	pub fn default_pruning<I>(config: &mut Configuration, arguments: I)
	where
		I: IntoIterator,
		I::Item: Into<std::ffi::OsString> + Clone,
	{
		if config.role.is_authority() && !is_given("blocks_pruning", arguments) {
			config.blocks_pruning = BlocksPruning::Some(AUTHORITY_BLOCKS);
		}
	}
}

/// Whether these arguments of a run of the node name an option.
fn is_given<I>(option: &str, arguments: I) -> bool
where
	I: IntoIterator,
	I::Item: Into<std::ffi::OsString> + Clone,
{
	let matches = Cli::command().try_get_matches_from(arguments);
	// Arguments that cannot be read have ended the node before.
	matches.is_ok_and(|found| found.value_source(option) == Some(ValueSource::CommandLine))
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

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn an_option_should_be_given_by_either_of_its_names() {
		let given = |arguments: &[&str]| {
			let program = ["gridweave-node"].into_iter();
			is_given("blocks_pruning", program.chain(arguments.iter().copied()))
		};
		assert!(given(&["--validator", "--blocks-pruning", "archive"]));
		assert!(given(&["--blocks-pruning=archive-canonical"]));
		assert!(given(&["--alice", "--keep-blocks=7"]));
		assert!(!given(&["--validator", "--state-pruning=archive"]));
	}
}
