//! What a run has covered.

use std::collections::BTreeMap;

use crate::model::types::{Call, Rec, KINDS};

#[derive(Default)]
pub struct Stats {
	/// Calls that were made, accepted or refused; batches count once.
	pub calls: u64,
	pub accepted: u64,
	/// Transactions that could not be included.
	pub invalid: u64,
	pub blocks: u64,
	pub kinds: BTreeMap<&'static str, u64>,
	pub reasons: BTreeMap<String, u64>,
	pub refusals: BTreeMap<String, u64>,
	pub made: BTreeMap<String, u64>,
}

impl Stats {
	pub fn note(&mut self, records: &[Rec]) {
		for record in records {
			*self.kinds.entry(record.kind()).or_default() += 1;
			let reason = match record {
				Rec::Cancelled { reason, .. } => format!("Cancelled/{reason:?}"),
				Rec::StandingEnded { reason, .. } => format!("StandingEnded/{reason:?}"),
				Rec::Refused { error, .. } => format!("Refused/{error}"),
				Rec::StandingRefused { error, .. } => format!("StandingRefused/{error}"),
				Rec::ClaimPaid { set_off, .. } => format!("ClaimPaid/set_off={set_off}"),
				_ => continue,
			};
			*self.reasons.entry(reason).or_default() += 1;
		}
	}

	pub fn note_call(&mut self, call: &Call, result: &Result<(), String>) {
		let name = format!("{call:?}");
		let name: String = name.chars().take_while(|c| c.is_alphanumeric()).collect();
		match result {
			Ok(()) => {
				self.accepted += 1;
				*self.made.entry(name).or_default() += 1;
			}
			Err(error) => *self.refusals.entry(format!("{name}/{error}")).or_default() += 1,
		}
	}

	/// The kinds of records that never came.
	pub fn missing(&self) -> Vec<&'static str> {
		// For couplings there is a story of their own.
		let told = ["Coupled", "CoupledFill", "LinkCarried"];
		KINDS
			.iter()
			.copied()
			.filter(|kind| !self.kinds.contains_key(kind) && !told.contains(kind))
			.collect()
	}

	pub fn report(&self) -> String {
		let list = |what: &str, counts: Vec<(String, u64)>| {
			let counts: Vec<String> = counts
				.iter()
				.map(|(name, count)| format!("{name} {count}"))
				.collect();
			format!("{what}: {}\n", counts.join(", "))
		};
		let owned = |counts: &BTreeMap<String, u64>| {
			counts.iter().map(|(name, n)| (name.clone(), *n)).collect()
		};
		let kinds = self
			.kinds
			.iter()
			.map(|(name, count)| ((*name).to_owned(), *count))
			.collect();
		format!(
			"{} calls in {} blocks, {} accepted, {} transactions left out\n{}{}{}{}",
			self.calls,
			self.blocks,
			self.accepted,
			self.invalid,
			list("records", kinds),
			list("reasons", owned(&self.reasons)),
			list("calls", owned(&self.made)),
			list("refused", owned(&self.refusals)),
		)
	}
}
