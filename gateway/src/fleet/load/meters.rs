//! The meters of a run: where their registers begin, what their connections allow, and what is kept of them
//! from one run to the next.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use anyhow::{ensure, Context, Result};
use gridweave_gateway::edge::key::KeyKind;
use gridweave_primitives::meter::Ratings;
use serde::{Deserialize, Serialize};
use sp_core::{Blake2Hasher, Hasher};

use super::{course::Course, life::Stand, plan::Plan};
use crate::fleet::{
	device::{key_in_turn, Device, Model, REGISTER_MODULUS},
	grid::{Grid, Member},
	participant::ratings,
};

/// Periods over which the chain wants to tell a rollover from a rollback: less than half a turn.
const ROLLOVER_PERIODS: u64 = 96;
/// Every so many devices send all that a meter can measure.
const FULL_EVERY: u32 = 10;

/// The kinds of keys of a run's devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Keys {
	/// Ed25519, all of them.
	Ed25519,
	/// Ed25519, sr25519 and secp256k1 take turns.
	Mixed,
}

/// A meter of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
	/// Its id on chain.
	pub id: u32,
	/// Its registers count modulo this many Wh.
	pub modulus: u64,
	/// What they show before the first run, in Wh.
	pub start: Stand,
}

/// What one run leaves to the next: enough to go on with the same devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Community {
	/// Hash of the chain's first block, in hex.
	pub genesis: String,
	/// What all keys follow from.
	pub seed: u64,
	/// The kinds of keys.
	pub keys: Keys,
	/// The grid whose members' profiles are replayed.
	pub grid: String,
	/// How many members there are.
	pub members: usize,
	/// The row of the data with which the replay began.
	pub row: usize,
	/// When it began, in Unix seconds.
	pub origin: u64,
	/// The meters.
	pub meters: Vec<Meter>,
}

impl Community {
	const FILE: &'static str = "load.json";

	/// What an earlier run has left in a folder, if there was one.
	pub fn load(folder: &Path) -> Result<Option<Self>> {
		let path = folder.join(Self::FILE);
		if !path.exists() {
			return Ok(None);
		}
		let read = || anyhow::Ok(serde_json::from_slice(&fs::read(&path)?)?);
		read()
			.map(Some)
			.with_context(|| format!("cannot use {}", path.display()))
	}

	/// Leaves this in a folder, where only its owner can read it: all keys follow from the seed.
	pub fn save(&self, folder: &Path) -> Result<()> {
		let write = || -> Result<()> {
			fs::create_dir_all(folder)?;
			let new = folder.join("load.json.new");
			let mut file = fs::OpenOptions::new()
				.write(true)
				.create(true)
				.truncate(true)
				.mode(0o600)
				.open(&new)?;
			file.write_all(&serde_json::to_vec(self)?)?;
			file.sync_all()?;
			Ok(fs::rename(new, folder.join(Self::FILE))?)
		};
		write().with_context(|| format!("cannot write into {}", folder.display()))
	}

	/// A device, which knows its meter.
	pub fn device(&self, number: u32, meter: &Meter, member: &Member) -> Device {
		let mut device = device(self.seed, self.keys, number, meter.modulus, member);
		device.set_meter(gridweave_primitives::MeterId(meter.id));
		device
	}
}

/// The seed that all keys of a run follow from.
pub fn key_seed(seed: u64) -> [u8; 32] {
	Blake2Hasher::hash(&[b"load".as_slice(), &seed.to_le_bytes()].concat()).0
}

/// Whether a device sends all that a meter can measure.
pub fn is_full(number: u32) -> bool {
	number.is_multiple_of(FULL_EVERY)
}

/// Device number `number` of a run.
pub fn device(seed: u64, keys: Keys, number: u32, modulus: u64, member: &Member) -> Device {
	let index = number as usize;
	let model = Model {
		key: match keys {
			Keys::Ed25519 => KeyKind::Ed25519,
			Keys::Mixed => key_in_turn(index),
		},
		rated_w: member.max_import_w().saturating_add(member.max_export_w()),
		modulus,
		measures_quality: is_full(number),
	};
	Device::new(&key_seed(seed), index, model)
}

/// What a connection is admitted with. Energy beyond it is not counted, and how much that may be depends on
/// the time between two readings by the device's clock: there is room for clocks that are wrong.
pub fn roomy_ratings(member: &Member, period: u32, plan: &Plan) -> Result<Ratings> {
	let wrong = match plan.faults.drift > Default::default() {
		true => plan.faults.drift_by.as_secs(),
		false => 0,
	};
	let times = u32::try_from(2 + 2 * wrong)?;
	let Ratings {
		mut max_import,
		mut max_export,
	} = ratings(member, period)?;
	for power in [&mut max_import, &mut max_export] {
		power.0 = (power.0.checked_mul(times)).with_context(|| {
			format!("with clocks {wrong} s wrong, a connection would have to be rated too high")
		})?;
	}
	Ok(Ratings {
		max_import,
		max_export,
	})
}

/// Modulus and first registers of a device whose run takes `seconds`: those of one that is to roll over are
/// such that it does so in the middle, if any energy flows until then.
pub fn registers(
	number: u32,
	member: usize,
	ratings: &Ratings,
	period: u32,
	(course, seconds): (&Course, u64),
	plan: &Plan,
) -> Result<(u64, Stand)> {
	let highest = ratings.max_import.max(ratings.max_export);
	let longest = u64::from(period).saturating_mul(ROLLOVER_PERIODS);
	let least = highest.over(longest).0.saturating_mul(2);
	let modulus = (1..20)
		.map(|digits| 10u64.pow(digits))
		.find(|modulus| *modulus > least)
		.context("no register is large enough for such a connection")?;
	if !plan.rolls_over(number) {
		ensure!(modulus <= REGISTER_MODULUS, "no register is large enough");
		let worn = u64::from(number).saturating_mul(1_009) % 10_000_000;
		let start = Stand {
			import: worn,
			export: worn / 3,
		};
		return Ok((REGISTER_MODULUS, start));
	}
	let middle = course.at(member, seconds / 2);
	let before = |energy: u64| (modulus - energy % modulus) % modulus;
	let start = Stand {
		import: before(middle.import_wh),
		export: before(middle.export_wh),
	};
	Ok((modulus, start))
}

/// The members that devices stand at, in turn.
pub fn member_of(grid: &Grid, number: u32) -> usize {
	number as usize % grid.members.len()
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::fleet::grid::GridSource;
	use std::os::unix::fs::PermissionsExt;

	fn grid() -> Grid {
		let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/simbench");
		let name = Some("LV1.101".into());
		Grid::load(&GridSource { folder, name }, None).unwrap()
	}

	fn plan(faults: &str) -> Plan {
		Plan {
			faults: faults.parse().unwrap(),
			seed: 1,
		}
	}

	#[test]
	fn registers_should_roll_over_in_the_middle_of_the_run_by_the_rules_of_the_chain() {
		let grid = grid();
		let course = Course::new(&grid, 15_600, 12, 600).unwrap();
		let plan = plan("rollover=100%,drift=1%:20s");
		let mut rolled = 0;
		for number in 0..26 {
			let member = member_of(&grid, number);
			let ratings = roomy_ratings(&grid.members[member], 12, &plan).unwrap();
			let (modulus, start) =
				registers(number, member, &ratings, 12, (&course, 600), &plan).unwrap();
			// The chain's rule, for 96 periods.
			let most = ratings.max_import.max(ratings.max_export).over(96 * 12).0;
			assert!(modulus > 2 * most);
			let turns = |start: u64, energy: u64| (start + energy) / modulus;
			let (middle, end) = (course.at(member, 299), course.at(member, 600));
			if end.import_wh > course.at(member, 300).import_wh && middle.import_wh > 0 {
				assert_eq!(turns(start.import, middle.import_wh - 1), 0);
				assert_eq!(turns(start.import, end.import_wh), 1);
				rolled += 1;
			}
		}
		assert!(rolled >= 10, "{rolled} of 26");
		let ordinary = super::tests::plan("");
		let ratings = roomy_ratings(&grid.members[0], 12, &ordinary).unwrap();
		let (modulus, start) = registers(3, 0, &ratings, 12, (&course, 600), &ordinary).unwrap();
		assert_eq!((modulus, start.import), (REGISTER_MODULUS, 3_027));
	}

	#[test]
	fn ratings_should_have_room_for_clocks_that_are_wrong() {
		let member = &grid().members[0];
		let rated = ratings(member, 12).unwrap().max_import.0;
		let roomy =
			|faults| roomy_ratings(member, 12, &plan(faults)).map(|found| found.max_import.0);
		assert_eq!(roomy("").unwrap(), 2 * rated);
		assert_eq!(roomy("drift=1%:20s").unwrap(), 42 * rated);
		assert!(roomy("drift=1%:86400s").is_err());
	}

	#[test]
	fn a_community_should_be_kept_private_and_come_back() {
		let folder = tempfile::tempdir().unwrap();
		let folder = folder.path().join("state");
		assert_eq!(Community::load(&folder).unwrap(), None);
		let community = Community {
			genesis: "00".repeat(32),
			seed: u64::MAX,
			keys: Keys::Mixed,
			grid: "LV1.101".into(),
			members: 13,
			row: 7,
			origin: 1_780_000_000,
			meters: vec![Meter {
				id: 32,
				modulus: 1_000,
				start: Stand {
					import: 999,
					export: 0,
				},
			}],
		};
		community.save(&folder).unwrap();
		assert_eq!(Community::load(&folder).unwrap(), Some(community.clone()));
		let file = folder.join("load.json");
		let mode = fs::metadata(&file).unwrap().permissions().mode();
		assert_eq!(mode & 0o777, 0o600);
		let device = community.device(0, &community.meters[0], &grid().members[0]);
		assert_eq!(device.meter().0, 32);
		fs::write(&file, "{}").unwrap();
		assert!(Community::load(&folder).is_err());
	}
}
