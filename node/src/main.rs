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

// With the C library's allocator memory grows, by 2 to 3 MiB a minute with a thousand readings a second.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> sc_cli::Result<()> {
	command::run()
}
