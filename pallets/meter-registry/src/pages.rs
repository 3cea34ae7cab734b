//! The only door to the stored pages of meters.
//!
//! A [`Desk`] holds the pages of 32 neighbouring meters while they are worked on: each is read at most
//! once, and written once if it was changed. That is why a batch in order of meters is cheap.

use alloc::collections::{BTreeMap, BTreeSet};

use gridweave_primitives::{meter::MeterOwner, Be32, MeterId, MicrogridId, Period};

use crate::{
	freshness::Moment, Config, EnergyEntry, EnergyPage, EnergyPages, LatestPage, LatestPages,
	LatestQuality, LatestReading, Meter, MeteringPage, MeteringPages, MicrogridPages, OwnerPages,
	Pallet, QualityPages, Slots,
};

/// The page at a place among those of a microgrid.
pub fn page_of<T: Config>(microgrid: MicrogridId, index: u32) -> Option<u32> {
	MicrogridPages::<T>::get(Be32::from(microgrid), Be32::from(index))
}

/// The latest readings of a page, if any meter on it has given one.
pub fn latest_page<T: Config>(page: u32) -> Option<LatestPage> {
	LatestPages::<T>::get(Be32::from(page))
}

/// The latest reading of a meter.
pub fn latest<T: Config>(meter: MeterId) -> Option<LatestReading> {
	latest_page::<T>(meter.page())?
		.meters
		.get(meter.slot())
		.cloned()
}

/// What the readings of a page's admitted meters are judged by.
pub fn metering_page<T: Config>(page: u32) -> MeteringPage {
	MeteringPages::<T>::get(Be32::from(page))
}

/// Copies what a meter's readings are judged by, and who is billed for them, out of its registration.
pub fn put_metering<T: Config>(id: MeterId, meter: &Meter<T::AccountId>) {
	MeteringPages::<T>::mutate(Be32::from(id.page()), |page| {
		page.microgrid = meter.microgrid;
		page.meters.set(id.slot(), meter.metering());
	});
	OwnerPages::<T>::mutate(Be32::from(id.page()), |page| {
		page.set(id.slot(), meter.billed());
	});
}

/// Who is billed for a page's admitted meters.
pub fn owners<T: Config>(page: u32) -> Slots<MeterOwner<T::AccountId>> {
	OwnerPages::<T>::get(Be32::from(page))
}

/// Removes what the readings of a meter were judged by, and who was billed for them.
pub fn remove_metering<T: Config>(id: MeterId) {
	let key = Be32::from(id.page());
	OwnerPages::<T>::mutate_exists(key, |entry| {
		if let Some(page) = entry.as_mut() {
			page.remove(id.slot());
			if page.is_empty() {
				*entry = None;
			}
		}
	});
	let mut page = MeteringPages::<T>::get(key);
	if page.meters.remove(id.slot()).is_some() {
		if page.meters.is_empty() {
			MeteringPages::<T>::remove(key);
		} else {
			MeteringPages::<T>::insert(key, page);
		}
	}
}

/// The latest power quality a meter reported.
pub fn quality<T: Config>(meter: MeterId) -> Option<LatestQuality> {
	QualityPages::<T>::get(Be32::from(meter.page()))
		.get(meter.slot())
		.cloned()
}

/// Removes what power quality is kept of a meter.
pub fn remove_quality<T: Config>(meter: MeterId) {
	let key = Be32::from(meter.page());
	let mut qualities = QualityPages::<T>::get(key);
	if qualities.remove(meter.slot()).is_some() {
		put_qualities::<T>(key, &qualities);
	}
}

fn put_qualities<T: Config>(key: Be32, qualities: &Slots<LatestQuality>) {
	if qualities.is_empty() {
		QualityPages::<T>::remove(key);
	} else {
		QualityPages::<T>::insert(key, qualities);
	}
}

/// Stores the latest readings of a page.
pub fn put_latest_page<T: Config>(page: u32, latest: &LatestPage) {
	LatestPages::<T>::insert(Be32::from(page), latest);
}

/// A page's energy in a period.
pub fn energy_page<T: Config>(page: u32, period: Period) -> Option<EnergyPage> {
	EnergyPages::<T>::get((Be32::from(page), Be32::from(period)))
}

/// One meter's energy in a period.
pub fn energy<T: Config>(meter: MeterId, period: Period) -> Option<EnergyEntry> {
	energy_page::<T>(meter.page(), period)?
		.meters
		.get(meter.slot())
		.copied()
}

/// Takes a page's energy in a period out of storage.
pub fn take_energy_page<T: Config>(page: u32, period: Period) -> Option<EnergyPage> {
	EnergyPages::<T>::take((Be32::from(page), Be32::from(period)))
}

/// The meters from `from` on that have given a reading, in order.
pub fn latest_from<T: Config>(from: MeterId) -> impl Iterator<Item = (MeterId, LatestReading)> {
	// Keys are hashed by identity, so that they iterate in order of pages: start behind the last key
	// before the wanted page.
	let start = from.page().checked_sub(1).map(Be32::from);
	let pages = match start {
		Some(before) => LatestPages::<T>::iter_from(LatestPages::<T>::hashed_key_for(before)),
		None => LatestPages::<T>::iter(),
	};
	pages
		.flat_map(|(page, latest)| {
			let page = page.get();
			let meters: alloc::vec::Vec<_> = latest
				.meters
				.iter()
				.map(|(slot, latest)| (MeterId::at(page, slot), latest.clone()))
				.collect();
			meters
		})
		.skip_while(move |(meter, _)| *meter < from)
}

/// The pages of 32 neighbours, while they are worked on.
pub struct Desk<T> {
	page: u32,
	/// What readings are judged by.
	pub metering: MeteringPage,
	/// The latest readings. Written back if [`Self::changed`].
	pub latest: LatestPage,
	/// Whether the latest readings were changed.
	pub changed: bool,
	energy: BTreeMap<Period, (EnergyPage, bool)>,
	/// The periods that the witness was charged for.
	charged: BTreeSet<Period>,
	/// The meters' power quality, once one reported it.
	quality: Option<Slots<LatestQuality>>,
	/// The first period that is not yet to be pruned, once it was asked for.
	due: Option<Period>,
	_config: core::marker::PhantomData<T>,
}

impl<T: Config> Desk<T> {
	/// Lays the page on the desk. A page without readings keeps energy from what is not yet to be pruned on.
	pub fn open(page: u32, moment: &Moment) -> Self {
		let metering = metering_page::<T>(page);
		Self {
			page,
			latest: latest_page::<T>(page).unwrap_or_else(|| LatestPage {
				kept_from: moment.kept_from::<T>(metering.microgrid),
				..LatestPage::default()
			}),
			metering,
			changed: false,
			energy: BTreeMap::new(),
			charged: BTreeSet::new(),
			quality: None,
			due: None,
			_config: core::marker::PhantomData,
		}
	}

	/// Which page it is.
	pub const fn page(&self) -> u32 {
		self.page
	}

	/// The first period that is not yet to be pruned: the same for all readings of the page.
	pub fn due(&mut self, moment: &Moment) -> Period {
		let microgrid = self.metering.microgrid;
		*self
			.due
			.get_or_insert_with(|| moment.kept_from::<T>(microgrid))
	}

	/// The page's energy in a period.
	pub fn energy(&mut self, period: Period) -> &EnergyPage {
		&self.fetch(period).0
	}

	/// The page's energy in a period, to be changed.
	pub fn energy_mut(&mut self, period: Period) -> &mut EnergyPage {
		let (page, changed) = self.fetch(period);
		*changed = true;
		page
	}

	fn fetch(&mut self, period: Period) -> &mut (EnergyPage, bool) {
		let page = self.page;
		self.energy
			.entry(period)
			.or_insert_with(|| (energy_page::<T>(page, period).unwrap_or_default(), false))
	}

	/// The meter's entries of the periods before `period` that are kept, newest first.
	pub fn history(&mut self, slot: u8, period: Period) -> alloc::vec::Vec<EnergyEntry> {
		let kept_from = self.latest.kept_from;
		(1..=crate::ESTIMATE_PERIODS)
			.filter_map(|back| period.0.checked_sub(back).map(Period))
			.take_while(|before| *before >= kept_from)
			.filter_map(|before| self.energy(before).meters.get(slot).copied())
			.collect()
	}

	/// Takes over what a reading says of power quality.
	pub fn set_quality(&mut self, slot: u8, quality: LatestQuality) {
		let key = Be32::from(self.page);
		self.quality
			.get_or_insert_with(|| QualityPages::<T>::get(key))
			.set(slot, quality);
	}

	/// Which of these periods no reading was charged for yet.
	pub fn uncharged(&self, periods: impl Iterator<Item = Period>) -> alloc::vec::Vec<Period> {
		periods
			.filter(|period| !self.charged.contains(period))
			.collect()
	}

	/// Notes that the page's energy in these periods was charged for, whether it is needed or not.
	pub fn charge(&mut self, periods: alloc::vec::Vec<Period>) {
		self.charged.extend(periods);
	}

	/// How many energy pages lie on the desk.
	pub fn energy_pages(&self) -> u32 {
		u32::try_from(self.energy.len()).unwrap_or(u32::MAX)
	}

	/// Writes back what was changed.
	pub fn clear(self) {
		if self.changed {
			put_latest_page::<T>(self.page, &self.latest);
		}
		for (period, (energy, changed)) in self.energy {
			if changed {
				EnergyPages::<T>::insert((Be32::from(self.page), Be32::from(period)), energy);
			}
		}
		if let Some(qualities) = self.quality {
			put_qualities::<T>(Be32::from(self.page), &qualities);
		}
	}
}

impl<T: Config> Pallet<T> {
	/// A meter's latest accepted reading, with its accepted count; `None` before the first.
	pub fn latest(meter: MeterId) -> Option<LatestReading> {
		latest::<T>(meter)
	}
}
