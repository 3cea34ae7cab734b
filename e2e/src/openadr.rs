//! A client of OpenADR that this project did not write (toadr3), in a Python environment of its own.

use std::{path::PathBuf, process::Command};

use anyhow::{ensure, Context, Result};
use serde_json::Value;

/// What all paths of the facade begin with.
pub const BASE: &str = "/openadr3/3.0.1";

/// The environment's Python: scripts/test makes it.
fn python() -> Result<PathBuf> {
	let cache = match std::env::var_os("GRIDWEAVE_CACHE") {
		Some(cache) => PathBuf::from(cache),
		None => {
			PathBuf::from(std::env::var_os("HOME").context("no home")?).join(".cache/gridweave")
		}
	};
	let python = cache.join("openadr/bin/python");
	ensure!(
		python.exists(),
		"{} is missing: . scripts/lib.sh && python_environment openadr e2e/openadr/requirements.txt",
		python.display()
	);
	Ok(python)
}

/// What the client makes of the gateway at `url`: see `e2e/openadr/client.py`.
pub fn look(url: &str) -> Result<Value> {
	let client = concat!(env!("CARGO_MANIFEST_DIR"), "/openadr/client.py");
	let output = Command::new(python()?)
		.arg("-B")
		.arg(client)
		.arg(format!("{url}{BASE}"))
		.output()?;
	ensure!(
		output.status.success(),
		"the client failed: {}",
		String::from_utf8_lossy(&output.stderr)
	);
	Ok(serde_json::from_slice(&output.stdout)?)
}
