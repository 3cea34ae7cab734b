//! `gridweave-coupling`: couples call auctions over links, and tells the chain.

mod chain;
mod key;
mod watch;

use std::{
	io::{self, ErrorKind, IsTerminal},
	path::PathBuf,
	process::ExitCode,
	time::{Duration, Instant},
};

use anyhow::{ensure, Result};
use chain::Chain;
use clap::Parser;
use subxt_signer::sr25519::Keypair;
use tokio::signal::unix::{signal, SignalKind};
use tracing::{info, warn};
use watch::Watch;

/// Shortest pause while the node is away.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause while the node is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Couples call auctions over links as their gates close, and submits what it finds: see docs/links.md.
///
/// Prints a JSON object a line for each coupling that it looked for.
#[derive(Debug, Parser)]
#[command(name = "gridweave-coupling", version, about)]
struct Cli {
	/// The node to follow, by WebSocket.
	#[arg(long, value_name = "WS", default_value = "ws://127.0.0.1:9944")]
	url: String,

	/// File with the key of the account that submits and pays the deposit; only its owner may read it.
	#[arg(long, value_name = "FILE", required_unless_present_any = ["dev", "dry_run"], conflicts_with_all = ["dev", "dry_run"])]
	key: Option<PathBuf>,

	/// Submit as a well-known account, such as Alice: on development chains only.
	#[arg(long, value_name = "NAME", conflicts_with = "dry_run")]
	dev: Option<String>,

	/// Submit nothing.
	#[arg(long)]
	dry_run: bool,

	/// End when what waits now was dealt with.
	#[arg(long)]
	once: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
	let filter = tracing_subscriber::EnvFilter::try_from_default_env()
		.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
	tracing_subscriber::fmt()
		.with_env_filter(filter)
		.with_writer(io::stderr)
		.with_ansi(io::stderr().is_terminal())
		// Who reads the log may be gone: telling so on the same pipe would end the program.
		.log_internal_errors(false)
		.init();
	let cli = Cli::parse();
	let ended = tokio::select! {
		ended = run(&cli) => ended,
		signal = interrupted() => signal.map(|()| true).map_err(Into::into),
	};
	match ended {
		Ok(true) => ExitCode::SUCCESS,
		Ok(false) => ExitCode::FAILURE,
		Err(error) if is_unread(&error) => ExitCode::SUCCESS,
		Err(error) => {
			eprintln!("gridweave-coupling: {error:#}");
			ExitCode::FAILURE
		}
	}
}

/// Waits for SIGINT or SIGTERM.
async fn interrupted() -> io::Result<()> {
	let mut terminate = signal(SignalKind::terminate())?;
	tokio::select! {
		interrupted = tokio::signal::ctrl_c() => interrupted,
		_ = terminate.recv() => Ok(()),
	}
}

/// Whether nobody reads any more what is written.
fn is_unread(error: &anyhow::Error) -> bool {
	error
		.downcast_ref::<io::Error>()
		.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Connects, and again when the node was away; with `--once` only once.
async fn run(cli: &Cli) -> Result<bool> {
	let signer = match (&cli.key, &cli.dev) {
		(Some(path), _) => Some(key::read(path)?),
		(None, Some(name)) => Some(key::well_known(name)?),
		(None, None) => None,
	};
	let mut pause = SHORTEST_PAUSE;
	loop {
		let since = Instant::now();
		let error = match follow(cli, signer.clone()).await {
			Ok(dealt) => return Ok(dealt),
			Err(error) => error,
		};
		if cli.once || is_unread(&error) || error.is::<NotForDevelopment>() {
			return Err(error);
		}
		if since.elapsed() > LONGEST_PAUSE {
			pause = SHORTEST_PAUSE;
		}
		warn!("{error:#}; again in {pause:?}");
		tokio::time::sleep(pause).await;
		pause = (pause * 2).min(LONGEST_PAUSE);
	}
}

/// A well-known account would sign where it is worth something.
#[derive(Debug, thiserror::Error)]
#[error("this is no development chain: everybody has the key of a well-known account")]
struct NotForDevelopment;

/// Follows the node until it is away; with `--once` until what waits was dealt with.
async fn follow(cli: &Cli, signer: Option<Keypair>) -> Result<bool> {
	let chain = Chain::connect(&cli.url).await?;
	let for_development = cli.dev.is_none() || chain.is_for_development().await?;
	ensure!(for_development, NotForDevelopment);
	info!("following {}", cli.url);
	Watch::new(chain, signer).run(cli.once).await
}
