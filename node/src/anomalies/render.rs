//! How flags are told in JSON: names in camel case; what was seen and expected, in units that differ by kind and
//! may be large, as decimal strings; everything else (ids, periods, Unix seconds, Wh) as numbers.

use gridweave_primitives::MeterId;
use gridweave_runtime::{AccountId, Hash};
use pallet_anomaly_flags::{
	runtime_api::{FlagPage, FlagReport, Suspects},
	Confirmation, Isolation, Kind, Severity, Status,
};
use serde_json::{json, Value};

/// A kind's name.
pub fn kind(kind: Kind) -> &'static str {
	match kind {
		Kind::RegisterRollback => "registerRollback",
		Kind::ClonedKey => "clonedKey",
		Kind::ImplausiblePower => "implausiblePower",
		Kind::TamperSwitch => "tamperSwitch",
		Kind::ClockDrift => "clockDrift",
		Kind::VoltageOutOfRange => "voltageOutOfRange",
		Kind::FrequencyOutOfRange => "frequencyOutOfRange",
		Kind::PowerMismatch => "powerMismatch",
		Kind::Silent => "silent",
		Kind::Stuck => "stuck",
		Kind::SuddenChange => "suddenChange",
		Kind::FlatProfile => "flatProfile",
		Kind::ShapeChange => "shapeChange",
		Kind::NightGeneration => "nightGeneration",
		Kind::FeederImbalance => "feederImbalance",
	}
}

/// The kind of that name.
pub fn kind_of(name: &str) -> Option<Kind> {
	Kind::ALL.into_iter().find(|known| kind(*known) == name)
}

fn severity(severity: Severity) -> &'static str {
	match severity {
		Severity::Notice => "notice",
		Severity::Warning => "warning",
		Severity::Critical => "critical",
	}
}

fn status(status: &Status) -> &'static str {
	match status {
		Status::Raised => "raised",
		Status::Confirmed(_) => "confirmed",
		Status::Dismissed => "dismissed",
		Status::Expired => "expired",
	}
}

fn confirmed_by(status: &Status) -> Option<&'static str> {
	match status {
		Status::Confirmed(Confirmation::Inspector { .. }) => Some("inspector"),
		Status::Confirmed(Confirmation::Feeder) => Some("feeder"),
		Status::Confirmed(Confirmation::Analysts) => Some("analysts"),
		Status::Raised | Status::Dismissed | Status::Expired => None,
	}
}

/// A flag.
pub fn flag(report: &FlagReport) -> Value {
	let flag = &report.flag;
	let tampering = Status::Confirmed(Confirmation::Inspector { tampering: true });
	json!({
		"meter": report.meter,
		"kind": kind(report.kind),
		"severity": severity(flag.severity),
		"status": status(&flag.status),
		"confirmedBy": confirmed_by(&flag.status),
		"tampering": flag.status == tampering,
		"seen": flag.evidence.seen.to_string(),
		"expected": flag.evidence.expected.to_string(),
		"raisedAt": flag.raised_at,
		"seenAt": flag.seen_at,
		"times": flag.times,
		"due": flag.due,
	})
}

/// A page of flags.
pub fn page(page: &FlagPage) -> Value {
	let flags: Vec<_> = page.flags.iter().map(flag).collect();
	let next = page.next.map(|(meter, of)| json!([meter, kind(of)]));
	json!({ "flags": flags, "next": next })
}

/// Why a meter is under quarantine.
pub fn quarantine(isolation: &Isolation) -> Value {
	let causes: Vec<_> = Kind::ALL
		.into_iter()
		.filter(|kind| isolation.causes >> kind.index() & 1 == 1)
		.map(kind)
		.collect();
	json!({ "since": isolation.since, "causes": causes })
}

/// Of whom unmetered energy may be missing.
pub fn suspects(found: &Suspects) -> Value {
	let suspects: Vec<_> = found
		.suspects
		.iter()
		.map(|suspect| json!({ "meter": suspect.meter, "missing": suspect.missing }))
		.collect();
	json!({ "calibrated": found.calibrated, "alarm": found.alarm, "suspects": suspects })
}

/// What an analyst found.
pub fn finding(meter: MeterId, (analyst, of, evidence): &(AccountId, Kind, Hash)) -> Value {
	json!({ "meter": meter, "kind": kind(*of), "analyst": analyst, "evidence": evidence })
}

#[cfg(test)]
mod tests {
	use super::*;
	use gridweave_primitives::Period;
	use pallet_anomaly_flags::{detectors::Finding, Flag};

	fn report(status: Status) -> FlagReport {
		FlagReport {
			meter: MeterId(7),
			kind: Kind::RegisterRollback,
			flag: Flag {
				status,
				severity: Severity::Critical,
				evidence: Finding::new(5u64, i128::MAX),
				raised_at: 11,
				seen_at: 12,
				times: 3,
				due: Period(99),
			},
		}
	}

	#[test]
	fn a_kind_should_be_known_by_its_name() {
		for known in Kind::ALL {
			assert_eq!(kind_of(kind(known)), Some(known));
		}
		for name in ["", "RegisterRollback", "silent ", "stolen"] {
			assert_eq!(kind_of(name), None);
		}
	}

	#[test]
	fn a_flag_should_be_told_whole() {
		let told = flag(&report(Status::Raised));
		let expected = json!({
			"meter": 7, "kind": "registerRollback", "severity": "critical", "status": "raised",
			"confirmedBy": null, "tampering": false, "seen": "5", "expected": i128::MAX.to_string(),
			"raisedAt": 11, "seenAt": 12, "times": 3, "due": 99,
		});
		assert_eq!(told, expected);
		let confirmed = [
			(
				Confirmation::Inspector { tampering: true },
				"inspector",
				true,
			),
			(
				Confirmation::Inspector { tampering: false },
				"inspector",
				false,
			),
			(Confirmation::Feeder, "feeder", false),
			(Confirmation::Analysts, "analysts", false),
		];
		for (by, name, tampering) in confirmed {
			let told = flag(&report(Status::Confirmed(by)));
			assert_eq!(told["status"], "confirmed");
			assert_eq!(
				(&told["confirmedBy"], &told["tampering"]),
				(&json!(name), &json!(tampering))
			);
		}
		for (status, name) in [
			(Status::Dismissed, "dismissed"),
			(Status::Expired, "expired"),
		] {
			let told = flag(&report(status));
			assert_eq!(
				(&told["status"], &told["confirmedBy"]),
				(&json!(name), &Value::Null)
			);
		}
	}

	#[test]
	fn causes_of_quarantine_should_be_named() {
		let causes = 1 << Kind::ClonedKey.index() | 1 << Kind::FeederImbalance.index();
		let told = quarantine(&Isolation { since: 5, causes });
		assert_eq!(
			told,
			json!({ "since": 5, "causes": ["clonedKey", "feederImbalance"] })
		);
	}

	#[test]
	fn the_rest_of_a_page_should_be_asked_for_by_its_first() {
		let next = Some((MeterId(3), Kind::Silent));
		let told = page(&FlagPage {
			flags: vec![report(Status::Raised)],
			next,
		});
		assert_eq!(told["next"], json!([3, "silent"]));
		assert_eq!(told["flags"].as_array().map(Vec::len), Some(1));
		assert_eq!(
			page(&FlagPage::default()),
			json!({ "flags": [], "next": null })
		);
	}
}
