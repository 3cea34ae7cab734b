//! The figures of a run, and what is said of them.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use serde::Serialize;

use super::{faults::Faults, judge::Verdict, tally::Tally};

/// How often each fault has befallen a reading; of `rollover`, a device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Befallen {
	drop: u64,
	duplicate: u64,
	reorder: u64,
	delay: u64,
	drift: u64,
	restart: u64,
	rollover: u64,
}

/// A run in figures: the keys of `--json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
	/// Devices that took part.
	pub devices: u32,
	/// Readings that were posted; posted again, a reading counts once.
	pub readings_sent: u64,
	/// Of these, those that the gateway has acknowledged.
	pub readings_acknowledged: u64,
	/// Of these, those that the chain has accepted, finalised.
	pub readings_on_chain: u64,
	/// Posts of readings that the gateway knew already.
	pub duplicates: u64,
	/// Readings refused with reason, by the gateway or the chain: a newer one had come before.
	pub stale: u64,
	/// Acknowledged readings that the chain neither has nor had a reason to refuse.
	pub lost: u64,
	/// Longest time from the acknowledgement of a reading, captured by a clock that is right, to its finality.
	pub worst_lag_s: f64,
	/// Faults that befell readings and devices.
	pub faults: Befallen,
	/// Answers by which nothing became safe, by name.
	pub refusals: BTreeMap<String, u64>,
	/// Time from the first reading to the last acknowledgement.
	pub seconds: f64,
	/// Acknowledged readings in a second of that time.
	pub per_second: f64,
	/// Meters of which something is not as it should be.
	#[serde(skip)]
	pub differences: Vec<String>,
}

/// Rounded, as people read it.
fn rounded(seconds: f64) -> f64 {
	(seconds * 10.0).round() / 10.0
}

impl Figures {
	/// Of what was counted and judged.
	pub fn new(
		devices: u32,
		tally: &Tally,
		verdict: Verdict,
		worst_lag: Duration,
		took: Duration,
	) -> Self {
		let acknowledged = tally.acknowledged.get();
		let seconds = took.as_secs_f64();
		Self {
			devices,
			readings_sent: tally.sent.get(),
			readings_acknowledged: acknowledged,
			readings_on_chain: verdict.on_chain,
			duplicates: tally.duplicates.get(),
			stale: tally.stale.get().saturating_add(verdict.stale),
			lost: verdict.lost,
			worst_lag_s: rounded(worst_lag.as_secs_f64()),
			faults: Befallen {
				drop: tally.dropped.get(),
				duplicate: tally.duplicated.get(),
				reorder: tally.reordered.get(),
				delay: tally.delayed.get(),
				drift: tally.drifted.get(),
				restart: tally.restarted.get(),
				rollover: verdict.rolled_over,
			},
			refusals: tally.refusals(),
			seconds: rounded(seconds),
			per_second: rounded(acknowledged as f64 / seconds.max(1e-3)),
			differences: verdict.differences,
		}
	}

	/// What fails the run.
	pub fn failures(&self) -> Vec<String> {
		let mut failures = Vec::new();
		if self.lost > 0 {
			failures.push(format!("{} readings are lost", self.lost));
		}
		if self.readings_acknowledged == 0 {
			failures.push("no reading was acknowledged".into());
		}
		failures.extend(self.differences.iter().cloned());
		failures
	}

	/// For people.
	pub fn summary(&self, ordered: &Faults) -> String {
		let mut text = String::new();
		let refusals: Vec<String> = (self.refusals.iter())
			.map(|(name, count)| format!("{name} {count}"))
			.collect();
		for (what, value) in [
			(
				"readings",
				format!(
					"{} sent, {} acknowledged, {} on chain, {} duplicates, {} stale, {} lost",
					self.readings_sent,
					self.readings_acknowledged,
					self.readings_on_chain,
					self.duplicates,
					self.stale,
					self.lost
				),
			),
			(
				"pace",
				format!(
					"{} a second of {} devices, for {} s",
					self.per_second, self.devices, self.seconds
				),
			),
			(
				"finality",
				format!("at most {} s after the acknowledgement", self.worst_lag_s),
			),
			("faults ordered", or_none(ordered.to_string())),
			("answers", or_none(refusals.join(", "))),
		] {
			// Writing to a string cannot fail.
			let _ = writeln!(text, "  {what:<16} {value}");
		}
		text
	}
}

fn or_none(text: String) -> String {
	match text.is_empty() {
		true => "none".into(),
		false => text,
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn figures() -> Figures {
		let tally = Tally::default();
		for _ in 0..10 {
			tally.sent.add();
			tally.acknowledged.add();
		}
		tally.sent.add();
		tally.stale.add();
		let verdict = Verdict {
			on_chain: 9,
			stale: 1,
			..Verdict::default()
		};
		let seconds = Duration::from_secs;
		Figures::new(2, &tally, verdict, seconds(7), seconds(4))
	}

	#[test]
	fn figures_should_have_the_promised_keys() {
		let json = serde_json::to_value(figures()).unwrap();
		let mut keys: Vec<_> = (json.as_object().unwrap().keys())
			.map(String::as_str)
			.collect();
		keys.sort_unstable();
		assert_eq!(
			keys.join(" "),
			"devices duplicates faults lost per_second readings_acknowledged readings_on_chain readings_sent \
			 refusals seconds stale worst_lag_s"
		);
		assert_eq!(
			(&json["stale"], &json["per_second"]),
			(&2.into(), &2.5.into())
		);
		assert_eq!(json["faults"]["rollover"], 0);
	}

	#[test]
	fn only_a_run_without_faults_of_the_chain_should_pass() {
		assert!(figures().failures().is_empty());
		let lost = Figures {
			lost: 1,
			..figures()
		};
		assert_eq!(lost.failures(), ["1 readings are lost"]);
		let differs = Figures {
			differences: vec!["meter 7: x".into()],
			..figures()
		};
		assert_eq!(differs.failures(), ["meter 7: x"]);
		assert_eq!(Figures::default().failures().len(), 1);
		let summary = figures().summary(&"drop=2%".parse().unwrap());
		for part in ["11 sent, 10 acknowledged, 9 on chain", "drop=2%", "none"] {
			assert!(summary.contains(part), "{part} in\n{summary}");
		}
	}
}
