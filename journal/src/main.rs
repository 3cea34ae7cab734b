//! `gridweave-journal`: what the market did in a range of blocks, as JSON lines on standard output.

mod node;

use std::{
	io::{self, ErrorKind, Write},
	process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{error::ErrorKind as Misuse, CommandFactory, Parser};
use gridweave_journal::{opening, records, Block, Line};
use node::{At, Node};

/// What the market did in a range of finalised blocks, as JSON lines: see docs/journal.md.
#[derive(Debug, Parser)]
#[command(name = "gridweave-journal", version, about)]
struct Cli {
	/// The first block; at least 1.
	#[arg(long, value_name = "BLOCK", value_parser = clap::value_parser!(u32).range(1..))]
	from: u32,

	/// The last block.
	#[arg(long, value_name = "BLOCK", value_parser = clap::value_parser!(u32).range(1..))]
	to: u32,

	/// The node to ask, by WebSocket. It must keep the state of these blocks.
	#[arg(long, value_name = "WS", default_value = "ws://127.0.0.1:9944")]
	url: String,
}

fn main() -> ExitCode {
	let cli = Cli::parse();
	if cli.from > cli.to {
		let misuse = "--from must not lie behind --to";
		Cli::command().error(Misuse::ValueValidation, misuse).exit();
	}
	match run(&cli) {
		Ok(()) => ExitCode::SUCCESS,
		Err(error) if is_unread(&error) => ExitCode::SUCCESS,
		Err(error) => {
			eprintln!("gridweave-journal: {error:#}");
			ExitCode::FAILURE
		}
	}
}

/// Whether nobody reads any more what is written.
fn is_unread(error: &anyhow::Error) -> bool {
	error
		.downcast_ref::<io::Error>()
		.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

fn run(cli: &Cli) -> Result<()> {
	let node = Node::connect(&cli.url)?;
	node.ensure_finalised(cli.to)?;
	let before_first = cli.from.saturating_sub(1);
	let (lines, mut before) = begin(&node, before_first)
		.with_context(|| format!("what there was at the end of block {before_first}"))?;
	write(&lines)?;
	for number in cli.from..=cli.to {
		let (lines, after) =
			tell(&node, number, &before).with_context(|| format!("block {number}"))?;
		write(&lines)?;
		before = after;
	}
	Ok(())
}

/// The first lines, and the state that they tell: that at the end of a block.
fn begin(node: &Node, number: u32) -> Result<(Vec<Line>, At<'_>)> {
	// Its state is stored as the runtime does it that made it.
	node.ensure_runtime(node.hash(number.saturating_sub(1))?)?;
	let state = node.at(number)?;
	let lines = opening(number, node.hash(0)?, &state)?;
	Ok((lines, state))
}

/// The lines of a block, and the state at its end.
fn tell<'a>(node: &'a Node, number: u32, before: &At<'_>) -> Result<(Vec<Line>, At<'a>)> {
	node.ensure_runtime(before.hash())?;
	let after = node.at(number)?;
	let events = after.events()?;
	let block = Block {
		number,
		hash: after.hash(),
		events: &events,
	};
	let lines = records(&block, before, &after)?;
	Ok((lines, after))
}

/// Writes the lines of a block, all at once.
fn write(lines: &[Line]) -> Result<()> {
	let mut text = Vec::new();
	for line in lines {
		serde_json::to_writer(&mut text, line)?;
		text.push(b'\n');
	}
	let mut out = io::stdout().lock();
	out.write_all(&text)?;
	out.flush()?;
	Ok(())
}
