//! What stands behind a meter does as its device is told: storages, heat pumps, chargers, and plants.
//!
//! To keep to a limit of import a storage gives first, for nobody feels that; then heat pumps and chargers are
//! held back, and catch up once they may. What is left, a household, nobody holds back. To keep to a limit of
//! export a storage takes first; then the plants are curtailed, and what they do not give is gone.

use crate::{
	grid::{Behind, Storage},
	profiles::UNITS_PER_WH,
};

/// What a device is told for a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
	/// Take no more from the grid than this, in Wh.
	Import(u64),
	/// Give no more to the grid than this, in Wh.
	Export(u64),
	/// Charge the storage with all there is.
	Charge,
	/// Discharge the storage with all there is.
	Discharge,
}

/// The state of a storage: what it is, and what it held before the period, in Wh.
pub type Held = Option<(Storage, u64)>;

/// What the storage takes (or gives, negative) in Wh, when it would do `own` of its own accord.
pub fn flow(told: Option<Told>, behind: &Behind, held: Held, own: i64) -> i64 {
	let Some((storage, held)) = held else {
		return 0;
	};
	let power = u64::from(storage.rated_w) / 4;
	let most = power.min(storage.capacity_wh.saturating_sub(held)) as i64;
	let least = -(power.min(held) as i64);
	let units = |wh: u64| i128::from(wh) * UNITS_PER_WH;
	let wh =
		|units: i128| i64::try_from(units).unwrap_or(if units < 0 { i64::MIN } else { i64::MAX });
	match told {
		None => own,
		Some(Told::Charge) => most,
		Some(Told::Discharge) => least,
		// Rounded so that the limit is kept.
		Some(Told::Import(limit)) => {
			let room = (units(limit) - behind.net).div_euclid(UNITS_PER_WH);
			own.min(wh(room)).max(least)
		}
		Some(Told::Export(limit)) => {
			let need = -(units(limit) + behind.net).div_euclid(UNITS_PER_WH);
			own.max(wh(need)).min(most)
		}
	}
}

/// What the meter measures, once the storage takes `flow` Wh, and what heat pumps and chargers are still `owed`.
pub fn net(told: Option<Told>, behind: &Behind, flow: i64, owed: &mut i128) -> i128 {
	let net = behind.net + i128::from(flow) * UNITS_PER_WH;
	match told {
		Some(Told::Import(limit)) => {
			let over = net - i128::from(limit) * UNITS_PER_WH;
			let held_back = over.clamp(0, behind.flexible.max(0));
			*owed += held_back;
			net - held_back
		}
		Some(Told::Export(limit)) => {
			let over = -net - i128::from(limit) * UNITS_PER_WH;
			net + over.clamp(0, behind.generation.max(0))
		}
		Some(Told::Charge | Told::Discharge) => net,
		None => {
			let caught_up = (behind.flexible_rated - behind.flexible).max(0).min(*owed);
			*owed -= caught_up;
			net + caught_up
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	const STORAGE: Storage = Storage {
		rated_w: 4_000,
		capacity_wh: 10_000,
	};

	fn behind(net_wh: i128, flexible_wh: i128, generation_wh: i128) -> Behind {
		Behind {
			net: net_wh * UNITS_PER_WH,
			flexible: flexible_wh * UNITS_PER_WH,
			flexible_rated: 1_000 * UNITS_PER_WH,
			generation: generation_wh * UNITS_PER_WH,
		}
	}

	/// What a meter measures in Wh, and what is owed then.
	fn measured(told: Option<Told>, behind: Behind, held: Held, owed_wh: i128) -> (i128, i128) {
		let mut owed = owed_wh * UNITS_PER_WH;
		let flow = flow(told, &behind, held, 0);
		let net = net(told, &behind, flow, &mut owed);
		(net / UNITS_PER_WH, owed / UNITS_PER_WH)
	}

	#[test]
	fn a_limit_should_be_kept_by_the_storage_first_and_then_by_heat_pumps() {
		let told = Some(Told::Import(200));
		// The household needs 300 Wh, the heat pump 700.
		let house = behind(1_000, 700, 0);
		assert_eq!(measured(told, house, Some((STORAGE, 5_000)), 0), (200, 0));
		assert_eq!(measured(told, house, Some((STORAGE, 500)), 0), (200, 300));
		assert_eq!(measured(told, house, None, 0), (300, 700));
		// Afterwards it catches up, as far as its power goes.
		assert_eq!(measured(None, house, None, 700), (1_300, 400));
		assert_eq!(measured(None, behind(300, 0, 0), None, 400), (700, 0));
	}

	#[test]
	fn feeding_in_should_be_limited_by_the_storage_first_and_then_by_the_plant() {
		let told = Some(Told::Export(100));
		let roof = behind(-900, 0, 1_200);
		assert_eq!(measured(told, roof, Some((STORAGE, 0)), 0), (-100, 0));
		assert_eq!(measured(told, roof, Some((STORAGE, 9_700)), 0), (-100, 0));
		assert_eq!(measured(told, roof, None, 0), (-100, 0));
		// A plant can be switched off and no more.
		assert_eq!(measured(told, behind(-900, 0, 200), None, 0), (-700, 0));
	}

	#[test]
	fn a_storage_should_charge_and_discharge_with_all_there_is() {
		let house = behind(300, 0, 0);
		let full = Some((STORAGE, 10_000));
		assert_eq!(
			measured(Some(Told::Charge), house, Some((STORAGE, 9_900)), 0),
			(400, 0)
		);
		assert_eq!(
			measured(Some(Told::Charge), house, Some((STORAGE, 0)), 0),
			(1_300, 0)
		);
		assert_eq!(measured(Some(Told::Charge), house, full, 0), (300, 0));
		assert_eq!(measured(Some(Told::Discharge), house, full, 0), (-700, 0));
		assert_eq!(
			measured(Some(Told::Discharge), house, Some((STORAGE, 50)), 0),
			(250, 0)
		);
		assert_eq!(measured(Some(Told::Discharge), house, None, 0), (300, 0));
	}

	fn any_told() -> impl Strategy<Value = Option<Told>> {
		prop_oneof![
			Just(None),
			Just(Some(Told::Charge)),
			Just(Some(Told::Discharge)),
			(0u64..2_000).prop_map(|wh| Some(Told::Import(wh))),
			(0u64..2_000).prop_map(|wh| Some(Told::Export(wh))),
		]
	}

	proptest! {
		/// Energy is held back, never lost; storages keep their bounds; and what can be kept is kept.
		#[test]
		fn what_is_told_should_be_done_as_far_as_it_can(
			told in any_told(), house in 0i128..1_000_000_000_000, flexible in 0i128..4_000_000_000_000,
			generation in 0i128..4_000_000_000_000, held in prop::option::of(0u64..=10_000),
			own in -1_000i64..=1_000, owed in 0i128..4_000_000_000_000,
		) {
			let flexible_rated = 4_000_000_000_000;
			let behind = Behind { net: house + flexible - generation, flexible, flexible_rated, generation };
			let own = held.map_or(0, |held| own.clamp(-(held.min(1_000) as i64), (10_000 - held).min(1_000) as i64));
			let flow = flow(told, &behind, held.map(|held| (STORAGE, held)), own);
			let mut after = owed;
			let measured = net(told, &behind, flow, &mut after);
			if let Some(held) = held {
				prop_assert!(flow.abs() <= 1_000);
				prop_assert!((0..=10_000).contains(&(held as i64 + flow)));
			} else {
				prop_assert_eq!(flow, 0);
			}
			prop_assert!(after >= 0);
			let unhindered = behind.net + i128::from(flow) * UNITS_PER_WH;
			let wh = |wh: u64| i128::from(wh) * UNITS_PER_WH;
			match told {
				Some(Told::Import(limit)) => {
					prop_assert_eq!(measured + after, unhindered + owed);
					let rest = house - generation + i128::from(flow) * UNITS_PER_WH;
					prop_assert!(measured <= wh(limit) || measured == rest);
				}
				Some(Told::Export(limit)) => {
					prop_assert_eq!(after, owed);
					prop_assert!(measured >= -wh(limit) || measured == unhindered + generation);
				}
				Some(_) => prop_assert_eq!((measured, after), (unhindered, owed)),
				None => {
					prop_assert_eq!(flow, own);
					prop_assert_eq!(measured + after, unhindered + owed);
					prop_assert!(measured - unhindered <= flexible_rated - flexible);
				}
			}
		}
	}
}
