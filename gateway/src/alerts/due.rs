//! Which alerts are due: what stands, against what was told.

use std::collections::BTreeMap;

use serde_json::{json, Value};

use super::flags::{At, Flag, Severity};

/// The kind of flag that says that energy is missing, of whomever.
const FEEDER: &str = "feederImbalance";

/// What was told last of a meter's flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
	/// When the flag was raised: Unix seconds.
	pub raised_at: u64,
	/// Whether it was confirmed.
	pub confirmed: bool,
}

/// What was told last of the flags of a community, by meter and kind.
pub type Told = BTreeMap<(u32, String), Last>;

/// What has happened to a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
	/// It was raised, or raised anew.
	Raised,
	/// It was confirmed.
	Confirmed,
	/// It does not stand any more.
	Ended,
}

/// An alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
	/// What has happened.
	pub change: Change,
	/// The community.
	pub microgrid: u32,
	/// The meter.
	pub meter: u32,
	/// The kind of flag.
	pub kind: String,
	/// When it was raised: Unix seconds.
	pub raised_at: u64,
	/// The flag, if it stands.
	pub flag: Option<Flag>,
}

impl Alert {
	/// Names the alert: that of the same change of the same flag, and no other of this chain.
	pub fn id(&self) -> String {
		let Self {
			microgrid,
			meter,
			kind,
			raised_at,
			..
		} = self;
		format!("{microgrid}-{meter}-{kind}-{raised_at}-{}", self.name())
	}

	fn name(&self) -> &'static str {
		match self.change {
			Change::Raised => "raised",
			Change::Confirmed => "confirmed",
			Change::Ended => "ended",
		}
	}

	/// Whether it says that energy of the community is missing, of whomever.
	pub fn is_of_feeder(&self) -> bool {
		self.kind == FEEDER && self.change != Change::Ended
	}

	/// As a message: with the flag as it stands or is remembered, and the suspects of a feeder's alarm.
	pub fn message(&self, at: &At, flag: Option<&Flag>, suspects: Option<Value>) -> Value {
		json!({
			"id": self.id(),
			"alert": self.name(),
			"microgrid": self.microgrid,
			"meter": self.meter,
			"kind": self.kind,
			"raisedAt": self.raised_at,
			"flag": flag.map(|flag| &flag.told),
			"suspects": suspects,
			"genesis": at.genesis,
			"block": at.hash,
		})
	}
}

/// What is to be told of a community whose open flags are these: what ended first, then by the time when it was
/// raised.
pub fn due(microgrid: u32, told: &Told, open: &[Flag], least: Severity) -> Vec<Alert> {
	let standing: BTreeMap<(u32, &str), &Flag> = open
		.iter()
		.map(|flag| ((flag.meter, &flag.kind[..]), flag))
		.collect();
	let ended = told
		.iter()
		.filter(|((meter, kind), _)| !standing.contains_key(&(*meter, &kind[..])))
		.map(|((meter, kind), last)| Alert {
			change: Change::Ended,
			microgrid,
			meter: *meter,
			kind: kind.clone(),
			raised_at: last.raised_at,
			flag: None,
		});
	let news = open.iter().filter_map(|flag| {
		let last = told
			.get(&(flag.meter, flag.kind.clone()))
			.filter(|last| last.raised_at == flag.raised_at);
		let change = match (last, flag.confirmed) {
			(None, _) if flag.severity < least => return None,
			(None, false) => Change::Raised,
			(None, true) => Change::Confirmed,
			(Some(last), true) if !last.confirmed => Change::Confirmed,
			(Some(_), _) => return None,
		};
		Some(Alert {
			change,
			microgrid,
			meter: flag.meter,
			kind: flag.kind.clone(),
			raised_at: flag.raised_at,
			flag: Some(flag.clone()),
		})
	});
	let mut alerts: Vec<_> = ended.chain(news).collect();
	alerts.sort_by_key(|alert| (alert.change != Change::Ended, alert.raised_at));
	alerts
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::alerts::flags::tests::flag;
	use proptest::prelude::*;
	use std::slice::from_ref;

	/// Tells all that is due.
	fn tell(told: &mut Told, open: &[Flag]) -> Vec<String> {
		let alerts = due(0, told, open, Severity::Warning);
		for alert in &alerts {
			note(told, alert);
		}
		alerts.iter().map(Alert::id).collect()
	}

	fn note(told: &mut Told, alert: &Alert) {
		let key = (alert.meter, alert.kind.clone());
		let last = Last {
			raised_at: alert.raised_at,
			confirmed: alert.change == Change::Confirmed,
		};
		match alert.change {
			Change::Ended => drop(told.remove(&key)),
			_ => drop(told.insert(key, last)),
		}
	}

	fn confirmed(flag: &Flag) -> Flag {
		Flag {
			confirmed: true,
			..flag.clone()
		}
	}

	#[test]
	fn each_change_of_a_flag_should_be_told_once() {
		let mut told = Told::new();
		let raised = flag(7, "stuck", "warning", 11);
		assert_eq!(tell(&mut told, from_ref(&raised)), ["0-7-stuck-11-raised"]);
		assert!(tell(&mut told, from_ref(&raised)).is_empty());
		let more = Flag {
			told: Value::Null,
			..raised.clone()
		};
		assert!(tell(&mut told, &[more]).is_empty(), "seen again is no news");
		assert_eq!(
			tell(&mut told, &[confirmed(&raised)]),
			["0-7-stuck-11-confirmed"]
		);
		assert!(tell(&mut told, &[confirmed(&raised)]).is_empty());
		assert_eq!(tell(&mut told, &[]), ["0-7-stuck-11-ended"]);
		assert!(tell(&mut told, &[]).is_empty());
		assert!(told.is_empty());
	}

	#[test]
	fn a_flag_that_is_raised_anew_should_be_told_anew() {
		let mut told = Told::new();
		tell(&mut told, &[confirmed(&flag(7, "stuck", "warning", 11))]);
		let anew = tell(&mut told, &[flag(7, "stuck", "warning", 50)]);
		assert_eq!(anew, ["0-7-stuck-50-raised"]);
	}

	#[test]
	fn what_is_confirmed_before_anybody_looked_should_be_told_at_once() {
		let mut told = Told::new();
		let ids = tell(&mut told, &[confirmed(&flag(7, "stuck", "critical", 11))]);
		assert_eq!(ids, ["0-7-stuck-11-confirmed"]);
	}

	#[test]
	fn what_is_too_slight_should_not_be_told_until_it_is_grave() {
		let mut told = Told::new();
		let slight = flag(7, "silent", "notice", 11);
		assert!(tell(&mut told, from_ref(&slight)).is_empty());
		assert!(tell(&mut told, &[]).is_empty(), "nor that it ended");
		let grave = Flag {
			severity: Severity::Critical,
			..confirmed(&slight)
		};
		assert_eq!(tell(&mut told, &[grave]), ["0-7-silent-11-confirmed"]);
	}

	#[test]
	fn a_message_should_have_all_fields() {
		let at = At {
			hash: "0x01".into(),
			genesis: "0x00".into(),
		};
		let flag = flag(7, FEEDER, "warning", 11);
		let alert = due(2, &Told::new(), from_ref(&flag), Severity::Warning).remove(0);
		assert!(alert.is_of_feeder());
		let message = alert.message(
			&at,
			Some(&flag),
			Some(json!([{ "meter": 3, "missing": 9 }])),
		);
		let expected = json!({
			"id": "2-7-feederImbalance-11-raised", "alert": "raised", "microgrid": 2, "meter": 7,
			"kind": "feederImbalance", "raisedAt": 11, "flag": flag.told,
			"suspects": [{ "meter": 3, "missing": 9 }], "genesis": "0x00", "block": "0x01",
		});
		assert_eq!(message, expected);
	}

	proptest! {
		/// Whatever stands when, and whenever telling stops: in the end all and only what stands was told.
		#[test]
		fn what_was_told_should_follow_what_stands(
			states in prop::collection::vec(
				(prop::collection::btree_map(0u32..4, (0u64..3, any::<bool>()), 0..4), 0usize..6), 1..20
			),
		) {
			let mut told = Told::new();
			let mut last = Vec::new();
			for (state, room) in states {
				last = state
					.into_iter()
					.map(|(meter, (raised_at, confirmed))| Flag {
						confirmed,
						..flag(meter, "stuck", "warning", raised_at)
					})
					.collect();
				for alert in due(0, &told, &last, Severity::Warning).iter().take(room) {
					note(&mut told, alert);
				}
			}
			tell(&mut told, &last);
			prop_assert!(due(0, &told, &last, Severity::Warning).is_empty());
			let keys: Vec<u32> = told.keys().map(|(meter, _)| *meter).collect();
			let standing: Vec<u32> = last.iter().map(|flag| flag.meter).collect();
			prop_assert_eq!(keys, standing);
			for flag in &last {
				prop_assert_eq!(told[&(flag.meter, flag.kind.clone())].raised_at, flag.raised_at);
			}
		}
	}
}
