//! Meter by meter: what the chain holds, against what the gateway has acknowledged.

use std::collections::BTreeMap;

use codec::{Compact, Decode};

use super::{
	expect::accepted,
	life::{Log, Stand},
	meters::Meter,
};

/// A meter's latest reading and energy, as the chain's `MeterRegistryApi_latest` tells them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Decode)]
pub struct Latest {
	/// Sequence of the reading.
	#[codec(compact)]
	pub sequence: u64,
	/// When it was captured.
	#[codec(compact)]
	pub captured_at: u64,
	/// Its import register.
	#[codec(compact)]
	pub import_register: u64,
	/// Its export register.
	#[codec(compact)]
	pub export_register: u64,
	_state_of_charge: Option<Compact<u64>>,
	_acknowledged: Option<Compact<u32>>,
	#[codec(compact)]
	_status: u16,
	/// How many readings were accepted.
	#[codec(compact)]
	pub accepted: u64,
	/// All import ever counted.
	#[codec(compact)]
	pub imported: u64,
	/// All export ever counted.
	#[codec(compact)]
	pub exported: u64,
	#[codec(compact)]
	_pruned_estimate: u64,
	_settles: bool,
	_retired_at: Option<Compact<u64>>,
}

/// What a run comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
	/// Readings on chain.
	pub on_chain: u64,
	/// Acknowledged readings that the chain has refused with reason: a clock was wrong, and a newer reading
	/// had come before.
	pub stale: u64,
	/// Acknowledged readings that the chain does not have, without reason.
	pub lost: u64,
	/// Devices whose registers have rolled over.
	pub rolled_over: u64,
	/// All that is not as it should be.
	pub differences: Vec<String>,
}

/// Compares the devices' logs with what the chain held before the run and holds after it, both by meter.
pub fn judge(
	logs: &[Log],
	meters: &[Meter],
	before: &BTreeMap<u32, Latest>,
	after: &BTreeMap<u32, Latest>,
) -> Verdict {
	let mut verdict = Verdict::default();
	let none = Latest::default();
	for (log, meter) in logs.iter().zip(meters) {
		let after = after.get(&meter.id).unwrap_or(&none);
		let mut wrong = log.wrong.clone();
		if log.gave_up {
			wrong.push("the gateway has not taken its last reading".into());
		}
		verdict.count(log, before.get(&meter.id), after, &mut wrong);
		verdict.compare(log, meter, before.get(&meter.id), after, &mut wrong);
		let of_meter = |wrong| format!("meter {}: {wrong}", meter.id);
		verdict.differences.extend(wrong.into_iter().map(of_meter));
	}
	verdict
}

impl Verdict {
	/// Every acknowledged reading is on chain once, or was refused with reason.
	fn count(
		&mut self,
		log: &Log,
		before: Option<&Latest>,
		after: &Latest,
		wrong: &mut Vec<String>,
	) {
		let before = before.map_or(0, |before| before.accepted);
		let on_chain = after.accepted.saturating_sub(before);
		let acknowledged = log.acknowledged.len() as u64;
		self.on_chain += on_chain;
		let right: Vec<u64> = accepted(&log.acknowledged)
			.into_iter()
			.map(u64::from)
			.collect();
		if right.contains(&on_chain) {
			self.stale += acknowledged - on_chain;
			return;
		}
		let least = right.first().copied().unwrap_or(0);
		self.lost += least.saturating_sub(on_chain);
		wrong.push(format!(
			"{on_chain} readings on chain of {acknowledged} acknowledged, where {right:?} are right"
		));
	}

	/// The chain's last reading is the device's, and energy is the difference of registers.
	fn compare(
		&mut self,
		log: &Log,
		meter: &Meter,
		before: Option<&Latest>,
		after: &Latest,
		wrong: &mut Vec<String>,
	) {
		let (Some(first), Some(last)) = (log.first, log.last) else {
			return;
		};
		let mut expect = |what: &str, expected: u64, found: u64| {
			if expected != found {
				wrong.push(format!("{what} is {found}, not {expected}"));
			}
		};
		let Stand { import, export } = last.stand;
		expect("the last sequence", last.sequence, after.sequence);
		expect("the last time", last.captured_at, after.captured_at);
		expect(
			"the import register",
			import % meter.modulus,
			after.import_register,
		);
		expect(
			"the export register",
			export % meter.modulus,
			after.export_register,
		);
		match before {
			// The first reading is the base.
			None => {
				expect("import", import - first.import, after.imported);
				expect("export", export - first.export, after.exported);
			}
			// Energy since the last run is counted from its last reading.
			Some(before) => {
				let since = |register: u64, stand: u64| {
					(stand % meter.modulus + meter.modulus - register % meter.modulus)
						% meter.modulus
				};
				expect(
					"import since the last run",
					since(before.import_register, import),
					after.imported.wrapping_sub(before.imported) % meter.modulus,
				);
				expect(
					"export since the last run",
					since(before.export_register, export),
					after.exported.wrapping_sub(before.exported) % meter.modulus,
				);
			}
		}
		let turned = |from: u64, until: u64| from / meter.modulus != until / meter.modulus;
		if turned(first.import, import) || turned(first.export, export) {
			self.rolled_over += 1;
		}
	}
}

#[cfg(test)]
mod tests {
	use super::{
		super::{expect::Acknowledged, life::Last},
		*,
	};

	const METER: Meter = Meter {
		id: 7,
		modulus: 1_000,
		start: Stand {
			import: 900,
			export: 5,
		},
	};

	/// Three readings, of which the second's clock was behind, and a register that rolls over.
	fn log() -> Log {
		let captured = |captured| Acknowledged {
			captured,
			ahead: false,
		};
		Log {
			acknowledged: vec![captured(0), captured(-8), captured(24)],
			first: Some(Stand {
				import: 950,
				export: 5,
			}),
			last: Some(Last {
				sequence: 3,
				captured_at: 1_024,
				stand: Stand {
					import: 1_060,
					export: 15,
				},
			}),
			..Log::default()
		}
	}

	fn good() -> Latest {
		Latest {
			sequence: 3,
			captured_at: 1_024,
			import_register: 60,
			export_register: 15,
			accepted: 2,
			imported: 110,
			exported: 10,
			..Latest::default()
		}
	}

	fn verdict(log: Log, before: Option<Latest>, after: Latest) -> Verdict {
		let before = before.into_iter().map(|before| (7, before)).collect();
		judge(&[log], &[METER], &before, &[(7, after)].into())
	}

	#[test]
	fn what_agrees_should_pass() {
		let expected = Verdict {
			on_chain: 2,
			stale: 1,
			rolled_over: 1,
			..Verdict::default()
		};
		assert_eq!(verdict(log(), None, good()), expected);
		// The same after a run that ended at 40 Wh before the roll-over.
		let before = Latest {
			import_register: 940,
			export_register: 1,
			accepted: 9,
			imported: 500,
			exported: 0,
			..Latest::default()
		};
		let after = Latest {
			accepted: 11,
			imported: 620,
			exported: 14,
			..good()
		};
		assert_eq!(verdict(log(), Some(before), after), expected);
	}

	#[test]
	fn whatever_differs_should_be_told() {
		type Spoil = fn(&mut Log, &mut Latest);
		let cases: [(&str, u64, Spoil); 10] = [
			("1 readings on chain of 3", 1, |_, chain| chain.accepted = 1),
			("0 readings on chain of 3", 2, |_, chain| chain.accepted = 0),
			// The reading with the wrong time cannot be there: it, or another, was counted twice.
			("3 readings on chain of 3", 0, |_, chain| chain.accepted = 3),
			("the last sequence is 2", 0, |_, chain| chain.sequence = 2),
			("the last time is 12", 0, |_, chain| chain.captured_at = 12),
			("the import register is 61", 0, |_, chain| {
				chain.import_register = 61
			}),
			("the export register is 0", 0, |_, chain| {
				chain.export_register = 0
			}),
			("import is 109, not 110", 0, |_, chain| chain.imported = 109),
			("export is 11, not 10", 0, |_, chain| chain.exported = 11),
			("has not taken its last", 0, |log, _| log.gave_up = true),
		];
		for (what, lost, spoil) in cases {
			let (mut log, mut chain) = (log(), good());
			spoil(&mut log, &mut chain);
			let verdict = verdict(log, None, chain);
			assert_eq!(verdict.lost, lost, "{what}");
			assert_eq!(verdict.differences.len(), 1, "{what}: {verdict:?}");
			assert!(verdict.differences[0].contains(what), "{what}: {verdict:?}");
		}
		let wrong = Log {
			wrong: vec!["reading 2 was refused: conflict".into()],
			..log()
		};
		let verdict = verdict(wrong, None, good());
		assert_eq!(
			verdict.differences,
			["meter 7: reading 2 was refused: conflict"]
		);
	}
}
