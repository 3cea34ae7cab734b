//! States that take minutes to make, kept on disk between runs.

use std::{
	fs,
	path::{Path, PathBuf},
	time::Instant,
};

use anyhow::{Context, Result};
use codec::Encode;
use gridweave_runtime::WASM_BINARY;
use sc_service::TaskManager;
use sp_storage::Storage;

use crate::{
	chain::Chain,
	community::Community,
	market::{Delivered, Market},
	responding::Responding,
};

/// A state that a chain may begin with.
#[derive(Clone, Copy, Debug)]
pub enum State {
	/// A community whose meters report.
	Reporting(Community),
	/// One with a market and what rests in its book.
	Market(Market),
	/// One with a period that was traded and metered and is to be settled.
	Delivered(Delivered),
	/// One whose meters did what an event asked of them.
	Responding(Responding),
}

impl State {
	fn name(&self) -> String {
		match self {
			Self::Reporting(community) => format!("reporting-{}", community.meters),
			Self::Market(market) => market.name(),
			Self::Delivered(delivered) => format!("delivered-{}", delivered.meters),
			Self::Responding(responding) => format!("responding-{}", responding.meters),
		}
	}

	fn storage(&self) -> Result<Storage> {
		match self {
			Self::Reporting(community) => community.storage(|| Ok(())),
			Self::Market(market) => market.storage(),
			Self::Delivered(delivered) => delivered.storage(),
			Self::Responding(responding) => responding.storage(),
		}
	}
}

/// A place on disk for chains, and what they run on, for as long as they are needed.
pub struct Stage {
	tasks: TaskManager,
	_runtime: tokio::runtime::Runtime,
	place: tempfile::TempDir,
}

impl Stage {
	/// An empty one.
	pub fn new() -> Result<Self> {
		let runtime = tokio::runtime::Runtime::new()?;
		Ok(Self {
			tasks: TaskManager::new(runtime.handle().clone(), None)?,
			_runtime: runtime,
			place: tempfile::tempdir()?,
		})
	}

	/// A chain of its own, called `name`, that begins with this state.
	pub fn chain(&self, state: State, name: &str) -> Result<Chain> {
		let kept = kept(state, &self.tasks)?;
		let folder = self.place.path().join(name);
		fs::create_dir_all(&folder)?;
		for file in fs::read_dir(&kept)? {
			let file = file?;
			fs::copy(file.path(), folder.join(file.file_name()))?;
		}
		Chain::open(&folder, Storage::default(), &self.tasks)
	}
}

/// The folder of the kept state, made if need be.
fn kept(state: State, tasks: &TaskManager) -> Result<PathBuf> {
	let cache = std::env::var_os("GRIDWEAVE_CACHE").context(
		"GRIDWEAVE_CACHE names the folder for what is kept between runs: start by scripts/bench",
	)?;
	let code =
		WASM_BINARY.context("this build has no runtime: it was made with SKIP_WASM_BUILD")?;
	let sources = (
		include_bytes!("community.rs"),
		include_bytes!("market.rs"),
		include_bytes!("responding.rs"),
		include_bytes!("service.rs"),
	);
	let hash = sp_io::hashing::twox_64(&(code, sources).encode());
	let hash = sp_core::hexdisplay::HexDisplay::from(&hash).to_string();
	let (all, name) = (Path::new(&cache).join("bench"), state.name());
	let folder = all.join(format!("{name}-{hash}"));
	if folder.exists() {
		return Ok(folder);
	}
	let started = Instant::now();
	let unfinished = all.join(format!("{name}-unfinished"));
	if unfinished.exists() {
		fs::remove_dir_all(&unfinished)?;
	}
	fs::create_dir_all(&unfinished)?;
	drop(Chain::open(&unfinished, state.storage()?, tasks)?);
	// States of older runtimes are of no use.
	for other in fs::read_dir(&all)? {
		let other = other?;
		let of = other.file_name();
		if of.to_string_lossy().starts_with(&format!("{name}-")) && other.path() != unfinished {
			fs::remove_dir_all(other.path())?;
		}
	}
	fs::rename(&unfinished, &folder)?;
	eprintln!("{name}: made in {:.0} s", started.elapsed().as_secs_f64());
	Ok(folder)
}
