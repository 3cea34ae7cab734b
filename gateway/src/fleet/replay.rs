//! What meters count while the grid's year is replayed: registers and states of charge, exactly.

use std::collections::BTreeMap;

use super::{
	flex::{flow, net, Told},
	grid::{Grid, Storage},
	profiles::{SHARE_ONE, UNITS_PER_WH},
};

/// What a meter shows at the end of a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
	/// Energy ever taken, in Wh.
	pub import_wh: u64,
	/// Energy ever given, in Wh.
	pub export_wh: u64,
	/// Energy in the storage, in Wh.
	pub charge_wh: Option<u64>,
	/// Mean power over the period, positive when taking, in W of the data.
	pub power_w: i64,
}

/// The meters of a grid, from one row of the data on.
pub struct Replay<'g> {
	grid: &'g Grid,
	row: usize,
	storages: Vec<(usize, Storage)>,
	charge_wh: Vec<u64>,
	/// What heat pumps and chargers were held back from and have not caught up with yet.
	owed: Vec<i128>,
	/// By how much commands changed what the community took in the last period, in 10⁻⁹ Wh × 4.
	changed: i128,
	imported: Vec<i128>,
	exported: Vec<i128>,
}

impl<'g> Replay<'g> {
	/// Registers at zero and storages half full at the start of `row`.
	pub fn new(grid: &'g Grid, row: usize) -> Self {
		let storages: Vec<_> = grid.storages().collect();
		let charge_wh = storages
			.iter()
			.map(|(_, storage)| storage.capacity_wh / 2)
			.collect();
		let zero = vec![0; grid.members.len()];
		Self {
			grid,
			row,
			storages,
			charge_wh,
			owed: zero.clone(),
			changed: 0,
			imported: zero.clone(),
			exported: zero,
		}
	}

	/// The row that comes next.
	pub fn row(&self) -> usize {
		self.row
	}

	/// What the meters show now.
	pub fn registers(&self) -> Vec<Registers> {
		let wh = |units: i128| u64::try_from(units / UNITS_PER_WH).unwrap_or(0);
		let mut registers: Vec<Registers> = (self.imported.iter().zip(&self.exported))
			.map(|(imported, exported)| Registers {
				import_wh: wh(*imported),
				export_wh: wh(*exported),
				..Default::default()
			})
			.collect();
		for ((place, _), charge) in self.storages.iter().zip(&self.charge_wh) {
			registers[*place].charge_wh = Some(*charge);
		}
		registers
	}

	/// By how much commands, and catching up after them, changed what the community took in the last period, in Wh.
	pub fn changed_wh(&self) -> i64 {
		wh_of(self.changed)
	}

	/// Passes one period and tells what the meters show at its end.
	///
	/// Storages answer what the community, without them, had over or lacked in the row before.
	pub fn step(&mut self) -> Vec<Registers> {
		self.step_told(&BTreeMap::new())
	}

	/// The same, and members at these places do as their devices are told.
	pub fn step_told(&mut self, told: &BTreeMap<usize, Told>) -> Vec<Registers> {
		let balance_wh = balance_before(self.grid, self.row);
		let before = self.charge_wh.clone();
		let flows = dispatch(balance_wh, &self.storages, &mut self.charge_wh);
		let behind: Vec<_> = (self.grid.members.iter())
			.map(|member| member.behind(&self.grid.profiles, self.row))
			.collect();
		let mut taken: Vec<i64> = vec![0; behind.len()];
		for (index, (place, storage)) in self.storages.iter().enumerate() {
			let (held, own) = (before[index], flows[index]);
			let told = told.get(place).copied();
			taken[*place] = flow(told, &behind[*place], Some((*storage, held)), own);
			self.charge_wh[index] = held.saturating_add_signed(taken[*place]);
		}
		let nets: Vec<i128> = (behind.iter().zip(taken).zip(&mut self.owed))
			.enumerate()
			.map(|(place, ((behind, taken), owed))| {
				net(told.get(&place).copied(), behind, taken, owed)
			})
			.collect();
		let own: i128 = flows.iter().map(|flow| i128::from(*flow)).sum();
		self.changed = nets.iter().sum::<i128>() - self.grid.net(self.row) - own * UNITS_PER_WH;
		for (place, net) in nets.iter().enumerate() {
			self.imported[place] += (*net).max(0);
			self.exported[place] += (-net).max(0);
		}
		self.row += 1;

		let mut registers = self.registers();
		for (registers, net) in registers.iter_mut().zip(nets) {
			registers.power_w = i64::try_from(net / i128::from(SHARE_ONE)).unwrap_or(0);
		}
		registers
	}
}

/// What the community had over (or lacked, negative) in the row before `row`, without storages, in Wh.
/// Nothing comes before the first row of the data.
pub fn balance_before(grid: &Grid, row: usize) -> i64 {
	(row.checked_sub(1)).map_or(0, |before| wh_of(-grid.net(before)))
}

/// Whole Wh, towards zero.
pub fn wh_of(units: i128) -> i64 {
	i64::try_from(units / UNITS_PER_WH).unwrap_or(0)
}

/// What each storage takes (or gives, negative) in a period, in Wh, when the community had `balance_wh`
/// over (or lacked it, negative) in the period before. It is shared in proportion to rated power, rounded
/// down, and bounded by rated power and by what the storage can still take or give.
pub fn dispatch(balance_wh: i64, storages: &[(usize, Storage)], charge_wh: &mut [u64]) -> Vec<i64> {
	let rated: u128 = storages
		.iter()
		.map(|(_, storage)| u128::from(storage.rated_w))
		.sum();
	let wanted = u128::from(balance_wh.unsigned_abs());
	(storages.iter().zip(charge_wh))
		.map(|((_, storage), charge)| {
			let part = wanted * u128::from(storage.rated_w) / rated.max(1);
			let part = u64::try_from(part)
				.unwrap_or(u64::MAX)
				.min(u64::from(storage.rated_w) / 4);
			if balance_wh > 0 {
				let taken = part.min(storage.capacity_wh.saturating_sub(*charge));
				*charge += taken;
				taken as i64
			} else {
				let given = part.min(*charge);
				*charge -= given;
				-(given as i64)
			}
		})
		.collect()
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::fleet::{
		grid::{Member, Unit},
		profiles::Profiles,
	};
	use proptest::prelude::*;

	fn member(load_w: u32, plant_w: u32, storage: Option<Storage>) -> Member {
		let unit = |profile, rated_w| {
			vec![Unit {
				profile,
				rated_w,
				flexible: false,
			}]
		};
		Member {
			node: "node".into(),
			loads: unit(0, load_w),
			plants: unit(1, plant_w),
			storage,
		}
	}

	fn grid(load: Vec<i64>, sun: Vec<i64>, members: Vec<Member>) -> Grid {
		Grid {
			name: "test".into(),
			members,
			profiles: Profiles::from_columns(vec![load, sun]),
		}
	}

	#[test]
	fn registers_should_carry_fractions_of_a_watt_hour() {
		// 2 W for a quarter of an hour is half a Wh.
		let grid = grid(vec![SHARE_ONE; 4], vec![0; 4], vec![member(2, 0, None)]);
		let mut replay = Replay::new(&grid, 0);
		let shown: Vec<u64> = (0..4).map(|_| replay.step()[0].import_wh).collect();
		assert_eq!(shown, [0, 1, 1, 2]);
	}

	#[test]
	fn a_connection_should_measure_the_net_of_what_stands_behind_it() {
		let (load, sun) = (vec![SHARE_ONE; 3], vec![0, SHARE_ONE / 2, SHARE_ONE]);
		let grid = grid(load, sun, vec![member(4_000, 12_000, None)]);
		let mut replay = Replay::new(&grid, 0);
		let shown: Vec<_> = (0..3)
			.map(|_| replay.step()[0])
			.map(|shown| (shown.import_wh, shown.export_wh, shown.power_w))
			.collect();
		assert_eq!(
			shown,
			[
				(1_000, 0, 4_000),
				(1_000, 500, -2_000),
				(1_000, 2_500, -8_000)
			]
		);
	}

	#[test]
	fn storages_should_follow_the_row_before() {
		let storage = Storage {
			rated_w: 4_000,
			capacity_wh: 10_000,
		};
		let (load, sun) = (vec![SHARE_ONE; 3], vec![0, SHARE_ONE, 0]);
		let members = vec![member(400, 2_400, None), member(0, 0, Some(storage))];
		let grid = grid(load, sun, members);
		let mut replay = Replay::new(&grid, 1);
		// Row 0 lacked 100 Wh, row 1 had 500 Wh over, row 2 lacks 100 Wh.
		let charges: Vec<_> = (0..3).map(|_| replay.step()[1].charge_wh).collect();
		assert_eq!(charges, [Some(4_900), Some(5_400), Some(5_300)]);
		let shown = replay.registers()[1];
		assert_eq!((shown.import_wh, shown.export_wh), (500, 200));
	}

	#[test]
	fn storages_should_rest_in_the_first_row_of_the_data() {
		let storage = Storage {
			rated_w: 4_000,
			capacity_wh: 10_000,
		};
		// The year ends with 500 Wh over: that is a future the first row knows nothing of.
		let (load, sun) = (vec![SHARE_ONE; 2], vec![0, SHARE_ONE]);
		let members = vec![member(400, 2_400, None), member(0, 0, Some(storage))];
		let grid = grid(load, sun, members);
		let mut replay = Replay::new(&grid, 0);
		let charges: Vec<_> = (0..3).map(|_| replay.step()[1].charge_wh).collect();
		// Once it has passed, the next year's first row follows it.
		assert_eq!(charges, [Some(5_000), Some(4_900), Some(5_400)]);
	}

	#[test]
	fn a_command_should_lower_the_load_and_be_caught_up_with() {
		// A heat pump of 4 kW that runs at half its power, and nothing else.
		let mut members = vec![member(4_000, 0, None)];
		members[0].loads[0].flexible = true;
		let grid = grid(vec![SHARE_ONE / 2; 4], vec![0; 4], members);
		let mut replay = Replay::new(&grid, 0);
		let mut pass = |told: &[(usize, Told)]| {
			let shown = replay.step_told(&told.iter().copied().collect())[0];
			(shown.import_wh, shown.power_w, replay.changed_wh())
		};
		assert_eq!(pass(&[]), (500, 2_000, 0));
		assert_eq!(pass(&[(0, Told::Import(100))]), (600, 400, -400));
		assert_eq!(pass(&[]), (1_500, 3_600, 400));
		assert_eq!(pass(&[]), (2_000, 2_000, 0));
	}

	#[test]
	fn storages_should_share_in_proportion_and_keep_their_bounds() {
		let storage = |rated_w, capacity_wh| {
			(
				0,
				Storage {
					rated_w,
					capacity_wh,
				},
			)
		};
		let storages = [storage(4_000, 10_000), storage(12_000, 10_000)];
		let mut charge = [5_000, 9_900];
		assert_eq!(dispatch(800, &storages, &mut charge), [200, 100]);
		assert_eq!(
			dispatch(-1_000_000, &storages, &mut charge),
			[-1_000, -3_000]
		);
		assert_eq!(charge, [4_200, 7_000]);
		assert_eq!(dispatch(0, &storages, &mut charge), [0, 0]);
		assert!(dispatch(5, &[], &mut []).is_empty());
	}

	proptest! {
		/// What a meter shows is never a whole Wh away from the energy that passed, however long it runs.
		#[test]
		fn registers_should_never_drift(
			load in prop::collection::vec(0i64..=SHARE_ONE, 96),
			sun in prop::collection::vec(-10_000i64..=SHARE_ONE, 96),
			load_w in 0u32..20_000, plant_w in 0u32..100_000,
		) {
			let grid = grid(load, sun, vec![member(load_w, plant_w, None)]);
			let mut replay = Replay::new(&grid, 0);
			let (mut imported, mut exported) = (0.0, 0.0);
			for row in 0..96 {
				let net = grid.net(row) as f64 / UNITS_PER_WH as f64;
				imported += net.max(0.0);
				exported += (-net).max(0.0);
				let shown = replay.step()[0];
				prop_assert!((imported - shown.import_wh as f64 - 0.5).abs() <= 0.5 + 1e-6);
				prop_assert!((exported - shown.export_wh as f64 - 0.5).abs() <= 0.5 + 1e-6);
			}
		}

		#[test]
		fn storages_should_never_leave_their_bounds(
			balances in prop::collection::vec(-1_000_000i64..1_000_000, 1..50),
			rated in prop::collection::vec((1u32..100_000, 0u64..200_000), 0..5),
		) {
			let storages: Vec<_> = rated.iter().enumerate()
				.map(|(i, (rated_w, capacity_wh))| (i, Storage { rated_w: *rated_w, capacity_wh: *capacity_wh }))
				.collect();
			let mut charge: Vec<u64> = storages.iter().map(|(_, s)| s.capacity_wh / 2).collect();
			for balance in balances {
				let before = charge.clone();
				let flows = dispatch(balance, &storages, &mut charge);
				let total: i64 = flows.iter().sum();
				prop_assert!(total.unsigned_abs() <= balance.unsigned_abs());
				for (i, flow) in flows.iter().enumerate() {
					prop_assert!(charge[i] <= storages[i].1.capacity_wh);
					prop_assert_eq!(before[i] as i64 + flow, charge[i] as i64);
					prop_assert!(flow.unsigned_abs() <= u64::from(storages[i].1.rated_w) / 4);
				}
			}
		}
	}
}
