//! What clients may ask.

use gridweave_primitives::{MeterId, MicrogridId};

use crate::{mock::*, runtime_api::FlagPage, Kind, Status};

#[test]
fn open_flags_should_come_page_by_page_and_all_of_them_once() {
	run(|| {
		for meter in [2, 0, 1] {
			for kind in [Kind::Silent, Kind::Stuck, Kind::TamperSwitch] {
				raise_for(MeterId(meter), kind);
			}
		}
		Anomalies::dismiss(by(INSPECTOR), MeterId(1), Kind::Silent, false).expect("dismisses");
		for limit in 1..12 {
			let (mut all, mut from) = (Vec::new(), None);
			loop {
				let page = Anomalies::api_open_flags(HERE, from, limit);
				assert!(page.flags.len() <= limit as usize);
				all.extend(
					page.flags
						.into_iter()
						.map(|report| (report.meter.0, report.kind)),
				);
				from = page.next;
				if from.is_none() {
					break;
				}
			}
			let expected = [
				(0, Kind::TamperSwitch),
				(0, Kind::Silent),
				(0, Kind::Stuck),
				(1, Kind::TamperSwitch),
				(1, Kind::Stuck),
				(2, Kind::TamperSwitch),
				(2, Kind::Silent),
				(2, Kind::Stuck),
			];
			assert_eq!(all, expected, "{limit}");
		}
		let elsewhere = Anomalies::api_open_flags(MicrogridId(1), None, 10);
		assert_eq!(elsewhere, FlagPage::default());
	});
}

#[test]
fn a_page_without_room_should_tell_where_to_go_on() {
	run(|| {
		raise(Kind::Silent);
		let page = Anomalies::api_open_flags(HERE, None, 0);
		assert_eq!(page.flags, []);
		assert_eq!(page.next, Some((METER, Kind::Silent)));
	});
}

#[test]
fn the_history_of_a_meter_should_hold_what_does_not_stand_any_more() {
	run(|| {
		raise(Kind::Silent);
		raise(Kind::Stuck);
		raise_for(MeterId(1), Kind::Stuck);
		Anomalies::dismiss(by(INSPECTOR), METER, Kind::Silent, false).expect("dismisses");
		let history = Anomalies::api_history(METER);
		let told: Vec<_> = history
			.iter()
			.map(|report| (report.kind, report.flag.status))
			.collect();
		assert_eq!(
			told,
			[
				(Kind::Silent, Status::Dismissed),
				(Kind::Stuck, Status::Raised)
			]
		);
		assert_eq!(Anomalies::api_history(MeterId(99)), []);
		assert_eq!(Anomalies::api_quarantine(METER), None);
		raise(Kind::ClonedKey);
		let isolation = Anomalies::api_quarantine(METER).expect("quarantined");
		assert_eq!((isolation.since, isolation.causes), (T0, 1 << 1));
	});
}
