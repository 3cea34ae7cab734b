//! The Gridweave node.

// The errors that the SDK's commands return are what they are.
#![allow(clippy::result_large_err)]

mod anomalies;
mod answers;
mod board;
mod chain_spec;
mod cli;
mod command;
mod door;
mod gateways;
mod ingest;
mod market;
mod rpc;
mod service;
mod validators;

fn main() -> sc_cli::Result<()> {
	command::run()
}
