//! What was told to whom, on disk.

use std::{fs::File, path::Path, sync::Arc};

use anyhow::{Context, Result};
use redb::{Database, ReadableDatabase, TableDefinition};

use super::due::{Alert, Change, Last, Told};

/// What was told last of a flag, by outlet, community, meter and kind: when it was raised, whether it was
/// confirmed.
const FLAGS: TableDefinition<(&str, u32, u32, &str), (u64, bool)> = TableDefinition::new("flags");
/// The chain that it is of.
const GENESIS: TableDefinition<(), &str> = TableDefinition::new("genesis");

/// The node is of another chain than what was told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what was told is of the chain {known}, the node of {found}: name another folder")]
pub struct OtherChain {
	known: String,
	found: String,
}

/// What was told. Clones share it.
#[derive(Clone)]
pub struct Memory(Arc<Database>);

impl Memory {
	/// Opens the memory in a folder, or makes one.
	pub fn open(folder: &Path) -> Result<Self> {
		std::fs::create_dir_all(folder)
			.with_context(|| format!("{} cannot be made", folder.display()))?;
		let db = Database::create(folder.join("alerts.redb"))
			.with_context(|| format!("the memory in {} cannot be opened", folder.display()))?;
		File::open(folder)?.sync_all()?;
		let transaction = db.begin_write()?;
		transaction.open_table(FLAGS)?;
		transaction.open_table(GENESIS)?;
		transaction.commit()?;
		Ok(Self(Arc::new(db)))
	}

	/// Makes sure that it is of this chain. The first one is remembered.
	pub fn check(&self, genesis: &str) -> Result<()> {
		let transaction = self.0.begin_read()?;
		let known = transaction.open_table(GENESIS)?.get(())?;
		if let Some(known) = known.map(|known| known.value().to_owned()) {
			let found = genesis.to_owned();
			return match known == found {
				true => Ok(()),
				false => Err(OtherChain { known, found }.into()),
			};
		}
		let transaction = self.0.begin_write()?;
		transaction.open_table(GENESIS)?.insert((), genesis)?;
		Ok(transaction.commit()?)
	}

	/// What an outlet was told of a community.
	pub fn told(&self, outlet: &str, microgrid: u32) -> Result<Told> {
		let transaction = self.0.begin_read()?;
		let table = transaction.open_table(FLAGS)?;
		let mut told = Told::new();
		for entry in table.range((outlet, microgrid, 0, "")..)? {
			let (key, value) = entry?;
			let (of, community, meter, kind) = key.value();
			if (of, community) != (outlet, microgrid) {
				break;
			}
			let (raised_at, confirmed) = value.value();
			let last = Last {
				raised_at,
				confirmed,
			};
			told.insert((meter, kind.to_owned()), last);
		}
		Ok(told)
	}

	/// Notes that an outlet was told. It is on disk afterwards.
	pub fn note(&self, outlet: &str, alert: &Alert) -> Result<()> {
		let key = (outlet, alert.microgrid, alert.meter, &alert.kind[..]);
		let transaction = self.0.begin_write()?;
		{
			let mut table = transaction.open_table(FLAGS)?;
			let confirmed = alert.change == Change::Confirmed;
			match alert.change {
				Change::Ended => drop(table.remove(key)?),
				_ => drop(table.insert(key, (alert.raised_at, confirmed))?),
			}
		}
		Ok(transaction.commit()?)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn alert(change: Change, microgrid: u32, meter: u32) -> Alert {
		Alert {
			change,
			microgrid,
			meter,
			kind: "stuck".to_owned(),
			raised_at: 11,
			flag: None,
		}
	}

	#[test]
	fn what_was_told_should_be_remembered_by_outlet_and_community() {
		let folder = tempfile::tempdir().unwrap();
		let memory = Memory::open(folder.path()).unwrap();
		memory.note("mqtt", &alert(Change::Raised, 1, 3)).unwrap();
		memory
			.note("mqtt", &alert(Change::Confirmed, 1, 2))
			.unwrap();
		memory.note("mqtt", &alert(Change::Raised, 2, 9)).unwrap();
		memory
			.note("webhook", &alert(Change::Raised, 1, 5))
			.unwrap();
		drop(memory);
		let memory = Memory::open(folder.path()).unwrap();
		let told = |outlet, microgrid| -> Vec<_> {
			let told = memory.told(outlet, microgrid).unwrap();
			told.into_iter()
				.map(|((meter, _), last)| (meter, last.raised_at, last.confirmed))
				.collect()
		};
		assert_eq!(told("mqtt", 1), [(2, 11, true), (3, 11, false)]);
		assert_eq!(told("mqtt", 2), [(9, 11, false)]);
		assert_eq!(told("webhook", 1), [(5, 11, false)]);
		assert_eq!(told("webhook", 2), []);
		memory.note("mqtt", &alert(Change::Ended, 1, 3)).unwrap();
		assert_eq!(told("mqtt", 1), [(2, 11, true)]);
	}

	#[test]
	fn another_chain_should_be_refused() {
		let folder = tempfile::tempdir().unwrap();
		let memory = Memory::open(folder.path()).unwrap();
		memory.check("0x01").unwrap();
		memory.check("0x01").unwrap();
		let error = memory.check("0x02").unwrap_err();
		assert!(error.is::<OtherChain>(), "{error:#}");
	}
}
