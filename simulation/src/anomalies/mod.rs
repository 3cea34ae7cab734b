//! How well meters that lie are found: the real flags pallet against thieves and honest members.
//!
//! | module | holds |
//! |---|---|
//! | [`attack`] | what thieves do to what their meters show |
//! | [`device`] | a meter: its error, its registers, its readings |
//! | `chain` | the pallet, and what it asks others for |
//! | `member` | a member at work: what it takes, and what its meter is read to say |
//! | [`scene`] | a span of days of a community, in as many copies as one likes |
//! | [`results`], [`study`], [`trials`] | what is tried, on whom and when; what came of it |
//! | [`figures`] | shares, rates and intervals |
//! | [`tell`], [`targets`], [`curves`] | the report: its tables; what was aimed at; its charts |

pub mod attack;
mod chain;
pub mod curves;
pub mod device;
pub mod figures;
mod member;
pub mod results;
pub mod scene;
pub mod study;
pub mod targets;
pub mod tell;
pub mod trials;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::{random::Seed, Options};
use figures::Figures;

/// Tries everything, writes the report and its charts, and returns the figures.
pub fn run(options: &Options) -> Result<Map<String, Value>> {
	let results = study::run(options)?;
	let figures = Figures {
		results: &results,
		seed: Seed(options.seed),
	};
	let told = tell::tell(&figures, options);
	let mut files = told.charts;
	files.push(("report.md", told.report));
	for (name, content) in files {
		let path = options.out.join(name);
		std::fs::write(&path, content)
			.with_context(|| format!("cannot write {}", path.display()))?;
	}
	Ok(figures.json())
}
