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

use crate::{chain::Chain, community};

/// A chain of its own in `folder` that begins with `meters` meters.
pub fn chain(meters: u32, folder: &Path, tasks: &TaskManager) -> Result<Chain> {
	let kept = kept(meters, tasks)?;
	fs::create_dir_all(folder)?;
	for file in fs::read_dir(&kept)? {
		let file = file?;
		fs::copy(file.path(), folder.join(file.file_name()))?;
	}
	Chain::open(folder, Storage::default(), tasks)
}

/// The folder of the kept state, made if need be.
fn kept(meters: u32, tasks: &TaskManager) -> Result<PathBuf> {
	let cache = std::env::var_os("GRIDWEAVE_CACHE").context(
		"GRIDWEAVE_CACHE names the folder for what is kept between runs: start by scripts/bench",
	)?;
	let code =
		WASM_BINARY.context("this build has no runtime: it was made with SKIP_WASM_BUILD")?;
	let made_by = (code, include_bytes!("community.rs"));
	let hash = sp_io::hashing::twox_64(&made_by.encode());
	let all = Path::new(&cache).join("bench");
	let state = all.join(format!(
		"{meters}-{}",
		sp_core::hexdisplay::HexDisplay::from(&hash)
	));
	if state.exists() {
		return Ok(state);
	}
	let started = Instant::now();
	let unfinished = all.join(format!("{meters}-unfinished"));
	if unfinished.exists() {
		fs::remove_dir_all(&unfinished)?;
	}
	fs::create_dir_all(&unfinished)?;
	drop(Chain::open(
		&unfinished,
		community::storage(meters)?,
		tasks,
	)?);
	// States of older runtimes are of no use.
	for folder in fs::read_dir(&all)? {
		let folder = folder?;
		let name = folder.file_name();
		if name.to_string_lossy().starts_with(&format!("{meters}-")) && folder.path() != unfinished
		{
			fs::remove_dir_all(folder.path())?;
		}
	}
	fs::rename(&unfinished, &state)?;
	eprintln!(
		"{meters} meters: made in {:.0} s",
		started.elapsed().as_secs_f64()
	);
	Ok(state)
}
