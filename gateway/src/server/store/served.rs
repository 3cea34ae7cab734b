//! Which meters have delivered here, by pages of neighbours, as the chain keeps their commands.

use std::collections::{BTreeMap, BTreeSet};

use gridweave_primitives::MeterId;

/// Meters of which a reading was ever stored: 16 bytes for each page of 32.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
	/// Page → its slots, as bits.
	pages: BTreeMap<u32, u32>,
	/// Pages with meters that nobody has taken notice of.
	joined: BTreeSet<u32>,
}

impl Served {
	/// Notes that a meter delivers here.
	pub fn add(&mut self, meter: MeterId) {
		let slots = self.pages.entry(meter.page()).or_default();
		let bit = 1 << meter.slot();
		if *slots & bit == 0 {
			*slots |= bit;
			self.joined.insert(meter.page());
		}
	}

	/// Whether the meter has delivered here.
	pub fn contains(&self, meter: MeterId) -> bool {
		let slots = self.pages.get(&meter.page());
		slots.is_some_and(|slots| slots & (1 << meter.slot()) != 0)
	}

	/// The first pages from `from` on with their slots, at most `most`.
	pub fn pages(&self, from: u32, most: usize) -> Vec<(u32, u32)> {
		let pages = self.pages.range(from..).take(most);
		pages.map(|(page, slots)| (*page, *slots)).collect()
	}

	/// The slots of a page.
	pub fn slots(&self, page: u32) -> u32 {
		self.pages.get(&page).copied().unwrap_or(0)
	}

	/// Pages with meters that are new since the last time.
	pub fn take_joined(&mut self) -> BTreeSet<u32> {
		std::mem::take(&mut self.joined)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn meters_should_be_found_by_their_pages_and_be_new_once() {
		let mut served = Served::default();
		for meter in [0, 31, 32, 200, 31, u32::MAX] {
			served.add(MeterId(meter));
		}
		let all = [
			(0, 1 | 1 << 31),
			(1, 1),
			(6, 1 << 8),
			(u32::MAX / 32, 1 << 31),
		];
		assert_eq!(served.pages(0, 9), all);
		assert_eq!(served.pages(1, 2), all[1..3]);
		assert_eq!((served.slots(6), served.slots(7)), (1 << 8, 0));
		assert!(served.contains(MeterId(31)) && !served.contains(MeterId(30)));
		assert_eq!(served.take_joined(), all.map(|(page, _)| page).into());
		served.add(MeterId(31));
		assert!(served.take_joined().is_empty());
		served.add(MeterId(30));
		assert_eq!(served.take_joined(), [0].into());
	}
}
