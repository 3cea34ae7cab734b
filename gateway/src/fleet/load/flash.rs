//! What devices keep through a restart: the sequence of the last reading they have signed.
//!
//! It is written before the reading is signed: two readings of one sequence would prove a cloned key.

use std::{
	fs::{File, OpenOptions},
	os::unix::fs::{FileExt, OpenOptionsExt},
	path::Path,
	sync::atomic::{AtomicU64, Ordering},
};

use anyhow::{Context, Result};

/// Bytes of a device.
const ENTRY: u64 = 8;

/// The memory of all devices: in a file, or in this process alone.
pub enum Flash {
	/// Eight bytes for each device, little-endian.
	File(File),
	/// As long as this process lives.
	Memory(Box<[AtomicU64]>),
}

impl Flash {
	/// Of so many devices that have signed nothing yet, in this process alone.
	pub fn memory(devices: u32) -> Self {
		Self::Memory((0..devices).map(|_| AtomicU64::new(0)).collect())
	}

	/// In this file, which is made if it is missing; devices that are not in it have signed nothing.
	pub fn open(path: &Path, devices: u32) -> Result<Self> {
		let open = || -> std::io::Result<File> {
			let file = OpenOptions::new()
				.read(true)
				.write(true)
				.create(true)
				.truncate(false)
				.mode(0o600)
				.open(path)?;
			let length = u64::from(devices) * ENTRY;
			if file.metadata()?.len() < length {
				file.set_len(length)?;
			}
			Ok(file)
		};
		Ok(Self::File(open().with_context(|| {
			format!("cannot use {}", path.display())
		})?))
	}

	/// The last sequence of a device; 0 if it has signed nothing.
	pub fn last(&self, device: u32) -> Result<u64> {
		match self {
			Self::File(file) => {
				let mut bytes = [0; ENTRY as usize];
				file.read_exact_at(&mut bytes, u64::from(device) * ENTRY)
					.context("cannot read sequences")?;
				Ok(u64::from_le_bytes(bytes))
			}
			Self::Memory(devices) => Ok(place(devices, device)?.load(Ordering::Relaxed)),
		}
	}

	/// Notes that a device is about to sign a reading of this sequence.
	pub fn note(&self, device: u32, sequence: u64) -> Result<()> {
		match self {
			Self::File(file) => file
				.write_all_at(&sequence.to_le_bytes(), u64::from(device) * ENTRY)
				.context("cannot write sequences"),
			Self::Memory(devices) => {
				place(devices, device)?.store(sequence, Ordering::Relaxed);
				Ok(())
			}
		}
	}
}

fn place(devices: &[AtomicU64], device: u32) -> Result<&AtomicU64> {
	devices.get(device as usize).context("no such device")
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn what_is_noted_should_be_there_after_a_restart() {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("sequences");
		for memory in [Flash::memory(3), Flash::open(&path, 3).unwrap()] {
			assert_eq!(memory.last(2).unwrap(), 0);
			memory.note(2, 1 << 40).unwrap();
			memory.note(0, 7).unwrap();
			assert_eq!(memory.last(2).unwrap(), 1 << 40);
			assert_eq!(memory.last(1).unwrap(), 0);
			assert!(memory.last(3).is_err());
		}
		let again = Flash::open(&path, 3).unwrap();
		assert_eq!(
			(again.last(0).unwrap(), again.last(2).unwrap()),
			(7, 1 << 40)
		);
		assert!(Flash::open(folder.path(), 3).is_err());
	}
}
