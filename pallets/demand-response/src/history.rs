//! What is kept of enrolled meters: net import by day and period of the day. The only door to [`DayPages`] and
//! [`WatchedPages`].
//!
//! A day of 32 neighbours is one item: recording a period writes it once for all of them.

use alloc::{collections::BTreeMap, vec::Vec};
use core::marker::PhantomData;

use gridweave_primitives::{
	meter::{MeteredPeriod, Provenance},
	Be32, MeterId, MicrogridId, Period, PeriodClock,
};

use crate::{
	baseline::LikeDay,
	like_days::{self, Past},
	types::{Day, DayPage, Watch, KEPT_DAYS, UNMEASURED},
	Config, DayPages, WatchedPages,
};

/// Periods of one day: those at places `from..until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
	/// The day's number.
	pub day: u64,
	/// Place of the first period in the day.
	pub from: u32,
	/// The place after the last.
	pub until: u32,
}

/// The periods `from..until` by days.
pub fn segments(clock: &PeriodClock, from: Period, until: Period) -> Vec<Segment> {
	let mut segments = Vec::new();
	let mut at = from;
	while at < until {
		let place = clock.period_of_day(at);
		// A day has at least one period: this moves on.
		let left = clock.periods_per_day.saturating_sub(place).max(1);
		let count = left.min(until.0.saturating_sub(at.0));
		segments.push(Segment {
			day: clock.day_of(at),
			from: place,
			until: place.saturating_add(count),
		});
		at = at.saturating_add(count);
	}
	segments
}

/// The last `periods` periods before `notice`, as far as they lie on its day.
pub fn window(clock: &PeriodClock, notice: Period, periods: u32) -> Option<Segment> {
	let until = clock.period_of_day(notice);
	let from = until.saturating_sub(periods);
	(from < until).then(|| Segment {
		day: clock.day_of(notice),
		from,
		until,
	})
}

impl Day {
	/// Net import over places `from..until`; `None` unless all of it was measured.
	pub fn sum(&self, from: u32, until: u32) -> Option<i64> {
		let (from, until) = (usize::try_from(from).ok()?, usize::try_from(until).ok()?);
		let mut sum = 0i64;
		for net in self.net.get(from..until)? {
			if *net == UNMEASURED {
				return None;
			}
			sum = sum.saturating_add(i64::from(*net));
		}
		Some(sum)
	}

	/// Writes down a period. What lies between it and the last one before was not measured.
	fn set(&mut self, place: u32, net: i32) {
		let Ok(place) = usize::try_from(place) else {
			return;
		};
		while self.net.len() < place && self.net.try_push(UNMEASURED).is_ok() {}
		match self.net.get_mut(place) {
			Some(entry) => *entry = net,
			// Programmes are refused where a day has more periods than fit.
			None => {
				let _ = self.net.try_push(net);
			}
		}
	}
}

impl<AccountId> Watch<AccountId> {
	/// Whether the meter took part in an event on that day.
	pub fn took_part(&self, day: u64) -> bool {
		self.event_days.iter().any(|on| u64::from(*on) == day)
	}

	/// Notes that it did. Days that no baseline reaches any more are forgotten.
	pub fn take_part(&mut self, day: u64) {
		if self.took_part(day) {
			return;
		}
		let Ok(day) = u32::try_from(day) else {
			return;
		};
		let oldest = day.saturating_sub(KEPT_DAYS);
		self.event_days.retain(|on| *on > oldest);
		if self.event_days.is_full() {
			self.event_days.remove(0);
		}
		let _ = self.event_days.try_push(day);
	}
}

fn key(page: u32, day: u64) -> (Be32, Be32) {
	let place = day % u64::from(KEPT_DAYS);
	(
		Be32::from(page),
		Be32::from(u32::try_from(place).unwrap_or(0)),
	)
}

/// The page of a day, while it is kept.
fn day_page<T: Config>(page: u32, number: u64) -> Option<DayPage> {
	DayPages::<T>::get(key(page, number)).filter(|day| u64::from(day.number) == number)
}

/// Reads days of meters. Those of one page at a time stay at hand: each is read once, for a meter's baselines and for
/// all neighbours that are measured after it.
pub struct Reader<T> {
	/// The page.
	page: u32,
	/// Those of its days that were asked for.
	days: BTreeMap<u64, Option<DayPage>>,
	/// How many days were read from storage so far.
	read: u32,
	of: PhantomData<T>,
}

impl<T: Config> Reader<T> {
	/// With nothing at hand.
	pub const fn new() -> Self {
		Self {
			page: 0,
			days: BTreeMap::new(),
			read: 0,
			of: PhantomData,
		}
	}

	/// How many days were read from storage so far: what is at hand costs none.
	pub const fn read(&self) -> u32 {
		self.read
	}

	/// Forgets all but so many days, as if they had not been read.
	#[cfg(feature = "runtime-benchmarks")]
	pub fn keep(&mut self, days: u32) {
		let mut left = days;
		self.days.retain(|_, _| {
			let keep = left > 0;
			left = left.saturating_sub(1);
			keep
		});
		self.read = 0;
	}

	/// A day of a meter, while it is kept.
	pub fn day(&mut self, meter: MeterId, number: u64) -> Option<&Day> {
		if self.page != meter.page() {
			self.page = meter.page();
			self.days.clear();
		}
		let read = &mut self.read;
		let page = self.days.entry(number).or_insert_with(|| {
			*read = read.saturating_add(1);
			day_page::<T>(meter.page(), number)
		});
		let page = page.as_ref()?;
		page.meters.iter().find(|day| day.slot == meter.slot())
	}

	/// Net import over a segment; `None` unless all of it was measured.
	pub fn measured(&mut self, meter: MeterId, segment: &Segment) -> Option<i64> {
		self.day(meter, segment.day)?
			.sum(segment.from, segment.until)
	}

	/// The latest like days before that of a segment, newest first, as [`like_days::latest`] finds them.
	pub fn like_days(
		&mut self,
		meter: MeterId,
		watch: &Watch<T::AccountId>,
		segment: &Segment,
		window: Option<&Segment>,
	) -> Vec<LikeDay> {
		let took_part = |day| watch.took_part(day);
		like_days::latest(segment.day, took_part, |number| {
			let Some(kept) = self.day(meter, number) else {
				return Past::Nothing;
			};
			match kept.sum(segment.from, segment.until) {
				Some(event) => Past::Measured(LikeDay {
					event,
					window: window.and_then(|window| kept.sum(window.from, window.until)),
				}),
				None => Past::Unmeasured,
			}
		})
	}
}

/// What is written down of a meter's period. Estimates, also if they were corrected since, were not measured.
fn net(metered: Option<MeteredPeriod>) -> i32 {
	metered
		.filter(|metered| metered.provenance == Provenance::Measured)
		.map(|metered| i128::from(metered.import.0).saturating_sub(metered.export.0.into()))
		.and_then(|net| i32::try_from(net).ok())
		.unwrap_or(UNMEASURED)
}

/// Writes down what meters of a page metered in a settled period: those whose bits are set.
pub fn record<T: Config>(
	page: u32,
	bits: u32,
	clock: &PeriodClock,
	period: Period,
	metered: impl Fn(MeterId) -> Option<MeteredPeriod>,
) {
	let number = clock.day_of(period);
	let mut day = day_page::<T>(page, number).unwrap_or_else(|| DayPage {
		// Days are numbered below 2³² for as long as periods are.
		number: u32::try_from(number).unwrap_or(u32::MAX),
		meters: Default::default(),
	});
	let place = clock.period_of_day(period);
	for slot in slots(bits) {
		let net = net(metered(MeterId::at(page, slot)));
		let at = match day.meters.binary_search_by_key(&slot, |day| day.slot) {
			Ok(at) => at,
			Err(at) => {
				let new = Day {
					slot,
					net: Default::default(),
				};
				// A page has as many places as slots.
				let _ = day.meters.try_insert(at, new);
				at
			}
		};
		if let Some(meter) = day.meters.get_mut(at) {
			meter.set(place, net);
		}
	}
	DayPages::<T>::insert(key(page, number), day);
}

/// The slots whose bits are set.
fn slots(bits: u32) -> impl Iterator<Item = u8> {
	(0u8..32).filter(move |slot| bits & (1 << slot) != 0)
}

/// Begins to watch a meter.
pub fn watch<T: Config>(microgrid: MicrogridId, meter: MeterId) {
	let key = (Be32::from(microgrid), Be32::from(meter.page()));
	let bits = WatchedPages::<T>::get(key).unwrap_or_default();
	WatchedPages::<T>::insert(key, bits | 1 << meter.slot());
}

/// Ends to watch a meter, and forgets it.
pub fn forget<T: Config>(microgrid: MicrogridId, meter: MeterId) {
	let key = (Be32::from(microgrid), Be32::from(meter.page()));
	let bits = WatchedPages::<T>::get(key).unwrap_or_default() & !(1 << meter.slot());
	if bits == 0 {
		WatchedPages::<T>::remove(key);
	} else {
		WatchedPages::<T>::insert(key, bits);
	}
	for place in 0..KEPT_DAYS {
		DayPages::<T>::mutate_exists((key.1, Be32::from(place)), |entry| {
			if let Some(page) = entry {
				page.meters.retain(|day| day.slot != meter.slot());
				if page.meters.is_empty() {
					*entry = None;
				}
			}
		});
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const CLOCK: PeriodClock = PeriodClock {
		period_length: 900,
		periods_per_day: 96,
		day_offset: 0,
		grace: 2,
		retention: 4,
	};

	fn segment(day: u64, from: u32, until: u32) -> Segment {
		Segment { day, from, until }
	}

	#[test]
	fn periods_should_be_cut_at_midnight() {
		let of = |from, until| segments(&CLOCK, Period(from), Period(until));
		assert_eq!(of(96, 96), vec![]);
		assert_eq!(of(97, 100), vec![segment(1, 1, 4)]);
		assert_eq!(of(190, 194), vec![segment(1, 94, 96), segment(2, 0, 2)]);
		let long = of(95, 289);
		assert_eq!(long.len(), 4);
		assert_eq!(
			long.iter().map(|part| part.until - part.from).sum::<u32>(),
			194
		);
		// With an offset days begin elsewhere.
		let shifted = PeriodClock {
			day_offset: 10,
			..CLOCK
		};
		assert_eq!(
			segments(&shifted, Period(84), Period(88)),
			vec![segment(0, 94, 96), segment(1, 0, 2)]
		);
	}

	#[test]
	fn the_window_should_end_before_notice_and_begin_on_its_day() {
		assert_eq!(window(&CLOCK, Period(96 + 40), 8), Some(segment(1, 32, 40)));
		assert_eq!(window(&CLOCK, Period(96 + 3), 8), Some(segment(1, 0, 3)));
		assert_eq!(window(&CLOCK, Period(96), 8), None);
	}

	#[test]
	fn a_day_should_sum_only_what_was_measured() {
		let mut day = Day {
			slot: 0,
			net: Default::default(),
		};
		day.set(2, 100);
		day.set(3, -30);
		assert_eq!(day.sum(2, 4), Some(70));
		assert_eq!(day.sum(1, 4), None);
		assert_eq!(day.sum(2, 5), None);
		day.set(2, 50);
		assert_eq!(day.sum(2, 3), Some(50));
	}
}
