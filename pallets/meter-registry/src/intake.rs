//! Readings being applied: what each of them changes.

use alloc::vec::Vec;

use frame_support::{ensure, traits::Get};
use gridweave_primitives::{
	meter::{Correction, MeterState, Ratings},
	reading::{Reading, SignedReading},
	traits::{Observation, OnCorrection, OnReading},
	Be32, MeterId, MicrogridId, Period, WattHours,
};
use sp_core::H256;

use crate::{
	booking,
	energy::{self, Movement, Slice, Span},
	freshness::{count, freshness, Freshness, Moment},
	pages::Desk,
	witness::touched,
	Config, Error, Event, LatestQuality, LatestReading, Metering, Meters, Pallet, Registers,
	SuspendedEnergy, Witness,
};

/// What became of the readings of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
	/// Accepted.
	pub accepted: u32,
	/// Skipped: not newer than the latest.
	pub stale: u32,
	/// Skipped: beyond the witness, or in the future.
	pub deferred: u32,
	/// Whether the witness was too small.
	pub exhausted: bool,
	/// Of the accepted, those that changed more than hot storage: a meter's first, or one whose energy
	/// was not all counted.
	pub irregular: u32,
	/// Pages of meters that were read.
	pub pages: u32,
	/// Pages of energy that were touched.
	pub energy_pages: u32,
	/// Corrections that were called for.
	pub corrections: u32,
	/// Meters that they were of.
	pub corrected: u32,
}

/// What others are told once a page is written back, so that what they ask of us then is up to date.
struct Notice {
	/// The reading's place in the call.
	place: usize,
	previous: Option<Reading>,
	import: Movement,
	export: Movement,
	ratings: Ratings,
	corrections: Vec<(Period, Correction)>,
}

/// The readings of one call, being applied.
pub(crate) struct Intake<'a, T: Config> {
	readings: &'a [SignedReading],
	moment: Moment,
	desk: Option<Desk<T>>,
	notices: Vec<Notice>,
	/// What became of them so far.
	pub outcome: Outcome,
	/// What is left of the witness.
	witness: Witness,
}

impl<'a, T: Config> Intake<'a, T> {
	/// Nothing of `readings` is applied yet; they may touch what `witness` declares.
	pub fn new(readings: &'a [SignedReading], witness: Witness) -> Self {
		Self {
			readings,
			moment: Moment::read::<T>(),
			desk: None,
			notices: Vec::new(),
			outcome: Outcome::default(),
			witness,
		}
	}

	/// Writes the page on the desk back, and tells others.
	pub fn clear(&mut self) {
		let Some(desk) = self.desk.take() else {
			return;
		};
		self.outcome.pages = self.outcome.pages.saturating_add(1);
		self.outcome.energy_pages = self
			.outcome
			.energy_pages
			.saturating_add(desk.energy_pages());
		let microgrid = desk.metering.microgrid;
		desk.clear();
		let mut notices = core::mem::take(&mut self.notices);
		self.observe(microgrid, &mut notices);
		self.correct(notices);
	}

	/// Tells of the readings of a page.
	fn observe(&mut self, microgrid: MicrogridId, notices: &mut [Notice]) {
		let readings = self.readings;
		let observations: Vec<_> = notices
			.iter_mut()
			.filter_map(|notice| {
				Some(Observation {
					reading: &readings.get(notice.place)?.reading,
					previous: notice.previous.take(),
					import: notice.import,
					export: notice.export,
					ratings: notice.ratings,
				})
			})
			.collect();
		if !observations.is_empty() {
			T::Readings::on_readings(microgrid, &observations);
		}
	}

	/// Calls for the corrections of a page. A meter's readings are neighbours: theirs are settled together.
	fn correct(&mut self, notices: Vec<Notice>) {
		let mut corrections = Vec::new();
		let mut notices = notices.into_iter().peekable();
		while let Some(mut notice) = notices.next() {
			let Some(signed) = self.readings.get(notice.place) else {
				continue;
			};
			let meter = signed.reading.meter;
			corrections.append(&mut notice.corrections);
			let next = notices
				.peek()
				.and_then(|next| self.readings.get(next.place));
			if next.is_some_and(|next| next.reading.meter == meter) || corrections.is_empty() {
				continue;
			}
			self.outcome.corrected = self.outcome.corrected.saturating_add(1);
			self.outcome.corrections = self
				.outcome
				.corrections
				.saturating_add(count(corrections.len()));
			T::Corrections::on_corrections(meter, &core::mem::take(&mut corrections));
		}
	}

	/// Takes the page of a meter to the desk.
	fn open(&mut self, id: MeterId) -> &mut Desk<T> {
		if self.desk.as_ref().map(Desk::page) != Some(id.page()) {
			self.clear();
		}
		let moment = self.moment;
		self.desk
			.get_or_insert_with(|| Desk::open(id.page(), &moment))
	}

	/// Applies one reading of a meter that measures. Its signature is checked against `genesis`, if given.
	pub fn take(
		&mut self,
		place: usize,
		signed: &SignedReading,
		genesis: Option<&H256>,
	) -> Result<(), Error<T>> {
		let (moment, reading) = (self.moment, &signed.reading);
		let witness = self.witness;
		let desk = self.open(reading.meter);
		let meter = Pallet::<T>::measuring(&desk.metering, reading.meter)?;
		let latest = desk.latest.meters.get(reading.meter.slot()).cloned();
		let known = latest
			.as_ref()
			.map(|latest| (latest.sequence, latest.captured_at));
		let fresh = freshness(&moment, known, meter.admitted_at, reading);
		if fresh == Freshness::Stale {
			self.outcome.stale = self.outcome.stale.saturating_add(1);
			return Ok(());
		}
		if let Some(genesis) = genesis {
			ensure!(
				signed.is_signed_by(&meter.key, genesis),
				Error::<T>::BadDeviceSignature
			);
		}
		if fresh == Freshness::Future {
			self.outcome.deferred = self.outcome.deferred.saturating_add(1);
			return Ok(());
		}
		let (periods, corrections) = latest.as_ref().map_or((Vec::new(), 0), |latest| {
			let span = Span {
				from: latest.captured_at,
				until: reading.captured_at,
			};
			let touched = touched(&moment, span, desk.latest.kept_from, T::MaxSpan::get());
			(desk.uncharged(touched.periods()), touched.corrections)
		});
		let needed = Witness {
			spans: count(periods.len()),
			corrections,
		};
		let Some(left) = witness.checked_sub(needed) else {
			self.outcome.exhausted = true;
			return Ok(());
		};
		desk.charge(periods);
		self.witness = left;
		let previous = latest
			.as_ref()
			.map(|latest| latest.to_reading(reading.meter));
		self.notices.push(Notice {
			place,
			previous,
			import: Movement::default(),
			export: Movement::default(),
			ratings: meter.ratings,
			corrections: Vec::new(),
		});
		let irregular = match latest {
			None => self.first(reading, &meter),
			Some(latest) => self.next(reading, &meter, latest),
		};
		if let Some(quality) = &reading.quality {
			let quality = LatestQuality {
				captured_at: reading.captured_at,
				quality: quality.clone(),
			};
			self.open(reading.meter)
				.set_quality(reading.meter.slot(), quality);
		}
		self.outcome.accepted = self.outcome.accepted.saturating_add(1);
		self.outcome.irregular = self.outcome.irregular.saturating_add(irregular.into());
		Ok(())
	}

	/// A meter's first reading sets the base.
	fn first(&mut self, reading: &Reading, metering: &Metering) -> bool {
		Meters::<T>::mutate(Be32::from(reading.meter), |meter| {
			if let Some(meter) = meter {
				meter.state = MeterState::Active;
				meter.base = Registers {
					import: energy::base_of(reading.import_register, meter.modulus, 0),
					export: energy::base_of(reading.export_register, meter.modulus, 0),
				};
			}
		});
		let mut latest = LatestReading {
			settles: !metering.feeder,
			..LatestReading::default()
		};
		latest.update(reading);
		self.store(reading.meter, latest);
		true
	}

	/// Any other is worth energy. Whether not all of it was counted.
	fn next(&mut self, reading: &Reading, meter: &Metering, mut latest: LatestReading) -> bool {
		let span = Span {
			from: latest.captured_at,
			until: reading.captured_at,
		};
		let moved = |old, new, rating| {
			energy::movement(old, new, meter.modulus, energy::allowance(rating, span))
		};
		let ratings = meter.ratings_since(span.from);
		let import = moved(
			latest.import_register,
			reading.import_register,
			ratings.max_import,
		);
		let export = moved(
			latest.export_register,
			reading.export_register,
			ratings.max_export,
		);
		if let Some(notice) = self.notices.last_mut() {
			notice.import = import;
			notice.export = export;
			notice.ratings = ratings;
		}
		// Counted energy is at most rating × time: below 2⁶⁴ for as long as time is.
		latest.imported = latest.imported.saturating_add(import.counted);
		latest.exported = latest.exported.saturating_add(export.counted);
		self.book(
			reading.meter,
			meter,
			&mut latest,
			span,
			import.counted,
			export.counted,
		);
		latest.update(reading);
		let irregular = Self::report(reading, meter, &latest, import, export);
		self.store(reading.meter, latest);
		irregular
	}

	fn store(&mut self, id: MeterId, latest: LatestReading) {
		let desk = self.open(id);
		desk.latest.meters.set(id.slot(), latest);
		if !desk.changed {
			desk.changed = true;
			// Only told apart from the rounds of the same day: it may start anew.
			desk.latest.round = desk.latest.round.wrapping_add(1);
		}
	}

	/// Records what of the movements was not counted. Whether there was anything.
	fn report(
		reading: &Reading,
		metering: &Metering,
		latest: &LatestReading,
		import: Movement,
		export: Movement,
	) -> bool {
		let suspends = !import.suspended.is_zero() || !export.suspended.is_zero();
		let rolled_back = import.rolled_back || export.rolled_back;
		if !suspends && !rolled_back {
			return false;
		}
		let (id, key) = (reading.meter, Be32::from(reading.meter));
		let mut suspended = SuspendedEnergy::<T>::get(key);
		if suspends {
			// A u128 holds more additions of u64 than there can be readings.
			suspended.import = suspended.import.saturating_add(import.suspended.0.into());
			suspended.export = suspended.export.saturating_add(export.suspended.0.into());
			SuspendedEnergy::<T>::insert(key, suspended);
			Pallet::<T>::deposit_event(Event::EnergySuspended {
				meter: id,
				import: import.suspended,
				export: export.suspended,
			});
		}
		if rolled_back {
			let base = |register, counted: WattHours, suspended: u128| {
				let booked = suspended.saturating_add(counted.0.into());
				energy::base_of(register, metering.modulus, booked)
			};
			let base = Registers {
				import: base(reading.import_register, latest.imported, suspended.import),
				export: base(reading.export_register, latest.exported, suspended.export),
			};
			Meters::<T>::mutate(key, |meter| {
				if let Some(meter) = meter {
					meter.base = base;
				}
			});
			Pallet::<T>::deposit_event(Event::RegisterRolledBack {
				meter: id,
				import: import.rolled_back,
				export: export.rolled_back,
			});
		}
		true
	}

	/// Spreads energy over the periods of `span`.
	fn book(
		&mut self,
		id: MeterId,
		meter: &Metering,
		latest: &mut LatestReading,
		span: Span,
		import: WattHours,
		export: WattHours,
	) {
		let moment = self.moment;
		let desk = self.open(id);
		let kept_from = desk.latest.kept_from;
		let due = desk.due(&moment);
		for slice in energy::slices(&moment.clock, span, kept_from, T::MaxSpan::get()) {
			let import = energy::share(import, span, &slice);
			let export = energy::share(export, span, &slice);
			let correction = match slice.period {
				Some(period) => self
					.book_slice(id, meter, latest, period, &slice, import, export)
					.map(|correction| (period.max(due), correction)),
				None => {
					let pruned = moment.clock.start_of(kept_from).saturating_sub(span.from);
					let covered = slice.until.saturating_sub(slice.from);
					let confirmed = booking::portion(latest.pruned_estimate, covered, pruned);
					latest.pruned_estimate = latest.pruned_estimate.saturating_sub(confirmed);
					Some((
						kept_from.max(due),
						booking::correction(import, export, confirmed),
					))
				}
			};
			if let Some((period, correction)) = correction {
				if latest.settles && correction != Correction::default() {
					if let Some(notice) = self.notices.last_mut() {
						notice.corrections.push((period, correction));
					}
				}
			}
		}
	}

	/// Books a slice on a kept period; a correction, if that is frozen.
	#[allow(clippy::too_many_arguments)] // The parts of one sentence.
	fn book_slice(
		&mut self,
		id: MeterId,
		meter: &Metering,
		latest: &LatestReading,
		period: Period,
		slice: &Slice,
		import: WattHours,
		export: WattHours,
	) -> Option<Correction> {
		let moment = self.moment;
		let desk = self.open(id);
		let slot = id.slot();
		if !moment.clock.is_frozen(period, moment.now) {
			let page = desk.energy_mut(period);
			let mut entry = page.meters.get(slot).copied().unwrap_or_default();
			entry.measure(import, export);
			page.meters.set(slot, entry);
			return None;
		}
		if !desk.energy(period).closed {
			desk.close_entry(
				slot,
				latest,
				meter,
				period,
				&moment.clock,
				T::MaxSpan::get(),
			);
		}
		let confirmed = match desk.energy_mut(period).meters.get_mut(slot) {
			Some(entry) => {
				let start = slice.from.max(moment.clock.start_of(period));
				let uncovered = moment.clock.end_of(period).saturating_sub(start);
				let covered = slice.until.saturating_sub(start);
				entry.confirm(covered, uncovered)
			}
			// Settled as nothing.
			None => WattHours::ZERO,
		};
		Some(booking::correction(import, export, confirmed))
	}
}
