//! Anything in any order: the invariants hold.

use gridweave_primitives::{meter::Provenance, traits::OnMeterRetired, MeterId};
use proptest::prelude::*;
use sp_core::H256;

use crate::{mock::*, Cases, Due, Flags, Kind, Quarantined, Status};

#[derive(Clone, Debug)]
enum Act {
	Raise(u32, usize),
	Confirm(u32, usize, bool),
	Dismiss(u32, usize, bool),
	Register(u64),
	Leave(u64),
	Withdraw(u64),
	Report(u64, u32, usize),
	Pass(u32),
	Read(u32, u64, u16, bool),
	Meter(u32, u64, bool),
}

fn act() -> impl Strategy<Value = Act> {
	let meter = 0u32..3;
	let kind = 0usize..15;
	let who = ANALYST..ANALYST + 5;
	prop_oneof![
		3 => (meter.clone(), kind.clone()).prop_map(|(m, k)| Act::Raise(m, k)),
		1 => (meter.clone(), kind.clone(), any::<bool>()).prop_map(|(m, k, t)| Act::Confirm(m, k, t)),
		1 => (meter.clone(), kind.clone(), any::<bool>()).prop_map(|(m, k, t)| Act::Dismiss(m, k, t)),
		1 => who.clone().prop_map(Act::Register),
		1 => who.clone().prop_map(Act::Leave),
		1 => who.clone().prop_map(Act::Withdraw),
		// Few kinds, so that there are quorums.
		6 => (who, meter.clone(), 9usize..12).prop_map(|(w, m, k)| Act::Report(w, m, k)),
		2 => (1u32..3_000).prop_map(Act::Pass),
		2 => (meter.clone(), 0u64..3_000, any::<u16>(), any::<bool>())
			.prop_map(|(m, e, s, b)| Act::Read(m, e, s, b)),
		2 => (meter, 0u64..3_000, any::<bool>()).prop_map(|(m, e, s)| Act::Meter(m, e, s)),
	]
}

fn perform(act: Act) {
	match act {
		Act::Raise(meter, kind) => raise_for(MeterId(meter), Kind::ALL[kind]),
		Act::Confirm(meter, kind, tampering) => {
			let _ = Anomalies::confirm(by(INSPECTOR), MeterId(meter), Kind::ALL[kind], tampering);
		}
		Act::Dismiss(meter, kind, false_report) => {
			let _ =
				Anomalies::dismiss(by(INSPECTOR), MeterId(meter), Kind::ALL[kind], false_report);
		}
		Act::Register(who) => {
			let _ = Anomalies::register_analyst(by(who));
		}
		Act::Leave(who) => {
			let _ = Anomalies::leave(by(who));
		}
		Act::Withdraw(who) => {
			let _ = Anomalies::withdraw_stake(by(who));
		}
		Act::Report(who, meter, kind) => {
			let _ =
				Anomalies::report_finding(by(who), MeterId(meter), Kind::ALL[kind], H256::zero());
		}
		Act::Pass(periods) => {
			let current = gridweave_primitives::PeriodClock::default().period_at(Now::get());
			go_to(current.saturating_add(periods));
		}
		Act::Read(meter, energy, status, back) => {
			let mut reading = reading(MeterId(meter), 2, Now::get(), energy, 0);
			reading.status = status;
			reading.quality = Some(quality(200, energy as u32));
			take(reading, if back { BACK } else { moved(energy) });
		}
		Act::Meter(meter, energy, silent) => {
			let provenance = if silent {
				Provenance::Estimated
			} else {
				Provenance::Measured
			};
			meter_as(MeterId(meter), SettledTo::get(), energy, 0, provenance);
		}
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	#[test]
	fn the_invariants_should_hold_whatever_happens(
		acts in prop::collection::vec(act(), 1..80),
	) {
		ext().execute_with(|| {
			poll();
			let issuance = Balances::total_issuance();
			for act in acts {
				let told = format!("{act:?}");
				perform(act);
				if let Err(error) = Anomalies::do_try_state() {
					panic!("{told}: {error:?}");
				}
			}
			assert_eq!(Balances::total_issuance(), issuance);
			// In the end nothing is left: without causes all expires and is forgotten.
			for _ in 0..4 {
				let current =
					gridweave_primitives::PeriodClock::default().period_at(Now::get());
				go_to(current.saturating_add(9_000));
			}
			assert!(Flags::<Test>::iter_values().all(|flag| flag.status != Status::Raised));
			for meter in 0..3 {
				<Anomalies as OnMeterRetired>::on_meter_retired(MeterId(meter));
			}
			assert_eq!(Flags::<Test>::iter().count(), 0);
			assert_eq!(Due::<Test>::iter().count(), 0);
			assert_eq!(Cases::<Test>::iter().count(), 0);
			assert_eq!(Quarantined::<Test>::iter().count(), 0);
		});
	}
}
