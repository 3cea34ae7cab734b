//! Carries out what the command line says.

use std::path::Path;

use gridweave_runtime::opaque::Block;
use sc_cli::SubstrateCli;
use sc_service::PartialComponents;

use crate::{
	chain_spec,
	cli::{Cli, Subcommand},
	service,
};

impl SubstrateCli for Cli {
	fn impl_name() -> String {
		"Gridweave Node".into()
	}

	fn impl_version() -> String {
		env!("SUBSTRATE_CLI_IMPL_VERSION").into()
	}

	fn description() -> String {
		env!("CARGO_PKG_DESCRIPTION").into()
	}

	fn author() -> String {
		env!("CARGO_PKG_AUTHORS").into()
	}

	fn support_url() -> String {
		"the project's repository".into()
	}

	fn copyright_start_year() -> i32 {
		2026
	}

	fn load_spec(&self, id: &str) -> Result<Box<dyn sc_service::ChainSpec>, String> {
		Ok(match id {
			"dev" => Box::new(chain_spec::development()?),
			"local" => Box::new(chain_spec::local()?),
			"staging-template" => Box::new(chain_spec::staging_template()?),
			"" => return Err("name a chain: --dev, --chain local, or --chain FILE".into()),
			path => Box::new(chain_spec::ChainSpec::from_json_file(path.into())?),
		})
	}
}

/// Runs the node or one of its subcommands.
pub fn run() -> sc_cli::Result<()> {
	let cli = Cli::from_args();

	match &cli.subcommand {
		Some(Subcommand::Key(cmd)) => cmd.run(&cli),
		#[allow(deprecated)]
		// The stock command, kept for its scripts; export-chain-spec succeeds it.
		Some(Subcommand::BuildSpec(cmd)) => {
			let runner = cli.create_runner(cmd)?;
			runner.sync_run(|config| cmd.run(config.chain_spec, config.network))
		}
		Some(Subcommand::ExportChainSpec(cmd)) => {
			let spec = cli.load_spec(&cmd.chain)?;
			cmd.run(spec)
		}
		Some(Subcommand::CheckBlock(cmd)) => {
			let runner = cli.create_runner(cmd)?;
			runner.async_run(|config| {
				let PartialComponents {
					client,
					task_manager,
					import_queue,
					..
				} = service::new_partial(&config)?;
				Ok((cmd.run(client, import_queue), task_manager))
			})
		}
		Some(Subcommand::ExportBlocks(cmd)) => {
			let runner = cli.create_runner(cmd)?;
			runner.async_run(|config| {
				let PartialComponents {
					client,
					task_manager,
					..
				} = service::new_partial(&config)?;
				Ok((cmd.run(client, config.database), task_manager))
			})
		}
		Some(Subcommand::ExportState(cmd)) => {
			let runner = cli.create_runner(cmd)?;
			runner.async_run(|config| {
				let PartialComponents {
					client,
					task_manager,
					..
				} = service::new_partial(&config)?;
				Ok((cmd.run(client, config.chain_spec), task_manager))
			})
		}
		Some(Subcommand::ImportBlocks(cmd)) => {
			let runner = cli.create_runner(cmd)?;
			runner.async_run(|config| {
				let PartialComponents {
					client,
					task_manager,
					import_queue,
					..
				} = service::new_partial(&config)?;
				Ok((cmd.run(client, import_queue), task_manager))
			})
		}
		Some(Subcommand::PurgeChain(cmd)) => {
			let runner = cli.create_runner(cmd)?;
			runner.sync_run(|config| cmd.run(config.database))
		}
		Some(Subcommand::Revert(cmd)) => {
			let runner = cli.create_runner(cmd)?;
			runner.async_run(|config| {
				let PartialComponents {
					client,
					task_manager,
					backend,
					..
				} = service::new_partial(&config)?;
				let aux_revert = Box::new(|client, _, blocks| {
					sc_consensus_grandpa::revert(client, blocks)?;
					Ok(())
				});
				Ok((cmd.run(client, backend, Some(aux_revert)), task_manager))
			})
		}
		#[cfg(feature = "runtime-benchmarks")]
		Some(Subcommand::Benchmark(cmd)) => {
			use frame_benchmarking_cli::BenchmarkCmd;
			let runner = cli.create_runner(cmd)?;
			runner.sync_run(|config| match cmd {
				BenchmarkCmd::Pallet(cmd) => cmd
					.run_with_spec::<sp_runtime::traits::HashingFor<Block>, ()>(Some(
						config.chain_spec,
					)),
				_ => Err("only pallets are benchmarked by this command".into()),
			})
		}
		Some(Subcommand::ChainInfo(cmd)) => {
			let runner = cli.create_runner(cmd)?;
			runner.sync_run(|config| cmd.run::<Block>(&config))
		}
		None => {
			let runner = cli.create_runner(&cli.run)?;
			runner.run_node_until_exit(|mut config| async move {
				Cli::default_pruning(&mut config, std::env::args_os());
				let database = config.database.path().map(Path::to_path_buf);
				service::new_full(config, &cli.meter_gateways)
					.map_err(|error| explained(error, database.as_deref()))
			})
		}
	}
}

/// A database that cannot be opened is named, with the way back: the error alone tells neither.
fn explained(error: sc_service::Error, database: Option<&Path>) -> sc_cli::Error {
	use sp_blockchain::Error::Backend;
	let (sc_service::Error::Client(Backend(why)), Some(path)) = (&error, database) else {
		return sc_cli::Error::Service(error);
	};
	let told = format!(
		"the database in {} cannot be opened: {why}. If another node runs on it, end one of them. If the disk is full, \
		 make room. Else it is damaged: remove it with `purge-chain` and the same --chain and --base-path, and the node \
		 fetches the chain from others. If this is a validator, first read what docs/operators.md \
		 says of recovery.",
		path.display(),
	);
	sc_cli::Error::Application(told.into())
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_database_that_cannot_be_opened_should_be_named_with_the_way_back() {
		let error = || sp_blockchain::Error::Backend("Corruption".into()).into();
		let told = explained(error(), Some(Path::new("/data/db"))).to_string();
		for part in ["/data/db", "Corruption", "purge-chain"] {
			assert!(told.contains(part), "{told}");
		}
	}

	#[test]
	fn other_errors_should_stay_what_they_are() {
		let other = explained("no port".to_owned().into(), Some(Path::new("/data/db")));
		assert!(matches!(other, sc_cli::Error::Service(_)), "{other}");
		let elsewhere = sp_blockchain::Error::Backend("gone".into()).into();
		assert!(matches!(
			explained(elsewhere, None),
			sc_cli::Error::Service(_)
		));
	}
}
