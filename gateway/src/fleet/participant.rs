//! A member of the community as the fleet runs it: a connection with a meter, and an account that trades.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use anyhow::{ensure, Context, Result};
use gridweave_primitives::{
	meter::{EnergySource, MeterKind, Ratings},
	WattHours, Watts,
};
use serde_json::json;
use sp_core::{ed25519, Pair};

use super::{
	chain::Account,
	device::{Device, Model},
	grid::{Grid, Member, ROW_SECONDS},
};

/// A connection is rated this much above what stands behind it, in percent.
const HEADROOM_PERCENT: u64 = 10;

/// What a plant may take at night for itself, in percent of its rating.
const OWN_USE_PERCENT: u64 = 1;

/// A member of the community.
pub struct Participant {
	/// The node of the grid.
	pub node: String,
	/// Trades and is billed.
	pub account: Account,
	/// Meters.
	pub device: Device,
	/// What stands behind the meter.
	pub kind: MeterKind,
	/// Most power of the connection.
	pub ratings: Ratings,
}

/// The seed of a run, from which all its keys follow: fresh every time.
pub fn fresh_seed() -> [u8; 32] {
	ed25519::Pair::generate().1
}

/// The members of a grid on a chain whose periods last `period_seconds`.
pub fn participants(grid: &Grid, seed: &[u8; 32], period_seconds: u32) -> Result<Vec<Participant>> {
	(grid.members.iter().enumerate())
		.map(|(index, member)| {
			let rated_w = member.max_import_w() + member.max_export_w();
			Ok(Participant {
				node: member.node.clone(),
				account: Account::from_uri(&uri(seed, index))?,
				device: Device::new(seed, index, Model::full(index, rated_w)),
				kind: kind(member),
				ratings: ratings(member, period_seconds)?,
			})
		})
		.collect()
}

/// Secret URI of a member's account.
fn uri(seed: &[u8; 32], index: usize) -> String {
	format!("0x{}//Member//{index}", hex::encode(seed))
}

/// What stands behind a member's meter.
pub fn kind(member: &Member) -> MeterKind {
	match (
		member.storage,
		member.loads.is_empty(),
		member.plants.is_empty(),
	) {
		(Some(storage), ..) => MeterKind::Storage {
			capacity: WattHours(storage.capacity_wh),
		},
		(None, true, false) => MeterKind::Producer {
			source: EnergySource::Solar,
		},
		(None, false, false) => MeterKind::Prosumer,
		(None, _, true) => MeterKind::Consumer,
	}
}

/// Ratings grow with the speed of the replay, so that a period holds the energy of the data.
pub fn ratings(member: &Member, period_seconds: u32) -> Result<Ratings> {
	ensure!(period_seconds > 0, "a period lasts no time");
	let scaled = |rated_w: u64| {
		let rated_w = rated_w * (100 + HEADROOM_PERCENT) * u64::from(ROW_SECONDS);
		let watts = rated_w.div_ceil(100 * u64::from(period_seconds));
		u32::try_from(watts)
			.map(Watts)
			.with_context(|| format!("{}: rating too large", member.node))
	};
	let plants_w: u64 = member
		.plants
		.iter()
		.map(|plant| u64::from(plant.rated_w))
		.sum();
	Ok(Ratings {
		max_import: scaled(member.max_import_w() + (plants_w * OWN_USE_PERCENT).div_ceil(100))?,
		max_export: scaled(member.max_export_w())?,
	})
}

/// Keeps the run's keys where only their owner can read them.
pub fn save(folder: &Path, seed: &[u8; 32], participants: &[Participant]) -> Result<()> {
	let members: Vec<_> = (participants.iter().enumerate())
		.map(|(index, participant)| {
			json!({
				"node": participant.node,
				"meter": participant.device.meter().0,
				"account": format!("0x{}", hex::encode(participant.account.id())),
				"secret": uri(seed, index),
			})
		})
		.collect();
	let write = || -> Result<()> {
		fs::create_dir_all(folder)?;
		let mut file = fs::OpenOptions::new()
			.write(true)
			.create(true)
			.truncate(true)
			.mode(0o600)
			.open(folder.join("fleet.json"))?;
		let state = json!({ "seed": hex::encode(seed), "members": members });
		Ok(file.write_all(serde_json::to_string_pretty(&state)?.as_bytes())?)
	};
	write().with_context(|| format!("cannot write into {}", folder.display()))
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::fleet::grid::GridSource;
	use std::os::unix::fs::PermissionsExt;

	fn grid() -> Grid {
		let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/simbench");
		Grid::load(
			&GridSource {
				folder,
				name: Some("LV1.101".into()),
			},
			None,
		)
		.unwrap()
	}

	#[test]
	fn kinds_should_follow_from_what_stands_behind_the_meter() {
		let participants = participants(&grid(), &[1; 32], 12).unwrap();
		let count = |want: fn(&MeterKind) -> bool| {
			participants
				.iter()
				.filter(|participant| want(&participant.kind))
				.count()
		};
		assert_eq!(count(|kind| matches!(kind, MeterKind::Storage { .. })), 4);
		assert_eq!(count(|kind| matches!(kind, MeterKind::Prosumer)), 8);
		assert_eq!(count(|kind| matches!(kind, MeterKind::Consumer)), 1);
	}

	#[test]
	fn ratings_should_hold_every_row_of_the_year() {
		let grid = grid();
		for period_seconds in [3, 12, 900] {
			for (index, participant) in participants(&grid, &[1; 32], period_seconds)
				.unwrap()
				.iter()
				.enumerate()
			{
				let seconds = u64::from(period_seconds);
				let most_in = participant.ratings.max_import.over(seconds).0 as i64;
				let most_out = participant.ratings.max_export.over(seconds).0 as i64;
				let member = &grid.members[index];
				let flow = member
					.storage
					.map_or(0, |storage| i64::from(storage.rated_w) / 4);
				for row in 0..grid.profiles.rows() {
					let net = crate::fleet::replay::wh_of(member.net(&grid.profiles, row));
					// One Wh more than the energy may fall into a period by carrying fractions.
					assert!(net + flow + 1 < most_in && net - flow - 1 > -most_out.max(2));
				}
			}
		}
	}

	#[test]
	fn keys_should_be_fresh_per_run_and_kept_private() {
		assert_ne!(fresh_seed(), fresh_seed());
		let folder = tempfile::tempdir().unwrap();
		let participants = participants(&grid(), &[2; 32], 12).unwrap();
		save(folder.path(), &[2; 32], &participants).unwrap();
		let path = folder.path().join("fleet.json");
		assert_eq!(
			fs::metadata(&path).unwrap().permissions().mode() & 0o777,
			0o600
		);
		let state: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
		let secret = state["members"][3]["secret"].as_str().unwrap();
		let account = format!("0x{}", hex::encode(Account::from_uri(secret).unwrap().id()));
		assert_eq!(state["members"][3]["account"], account);
	}
}
