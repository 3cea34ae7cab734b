//! How well meters that lie are found.

use anyhow::Result;
use serde_json::{Map, Value};

use crate::Options;

/// Runs it.
pub fn run(_options: &Options) -> Result<Map<String, Value>> {
	anyhow::bail!("not yet")
}
