//! Which of the readings that gateways serve are brought on chain now.
//!
//! A reading is *settled* when it is on chain, can never come, or is nobody's: the cursor passes it. It
//! *waits* while it flies, while its page flies, while it is another authority's turn, while there is no
//! room or time, and for a few blocks while its meter is unknown or it lies in the future. What is left is
//! brought.

use alloc::{
	collections::{BTreeMap, BTreeSet},
	vec::Vec,
};

use frame_support::traits::Get;
use gridweave_primitives::{ingest::MAX_BATCH_READINGS, reading::SignedReading, MeterId, Period};
use sp_core::{offchain::Timestamp, H256};

use super::{
	batches::{self, Draft, Spanned},
	is_mine,
	state::Tally,
	GRACE_BLOCKS, TAKE_OVER_BLOCKS, WITNESS_MARGIN,
};
use crate::{
	energy::Span,
	freshness::{count, freshness, Freshness, Moment},
	pages,
	witness::touched,
	Config, LatestPage, Metering, MeteringPage, Pallet,
};

/// The readings selected in a run.
pub struct Selection<'a, T: Config> {
	block: u64,
	mine: &'a [usize],
	authorities: u32,
	moment: Moment,
	genesis: H256,
	/// Pages in flight, and those that have just landed.
	aloft: BTreeSet<u32>,
	pages: BTreeMap<u32, Option<LatestPage>>,
	meterings: BTreeMap<u32, MeteringPage>,
	chosen: Vec<SignedReading>,
	/// How many of each meter were chosen.
	chosen_of: BTreeMap<MeterId, u32>,
	_config: core::marker::PhantomData<T>,
}

impl<'a, T: Config> Selection<'a, T> {
	/// Nothing yet. `aloft` are the pages of which nothing may be brought now.
	pub fn new(block: u64, mine: &'a [usize], authorities: u32, aloft: BTreeSet<u32>) -> Self {
		Self {
			block,
			mine,
			authorities,
			moment: Moment::read::<T>(),
			genesis: Pallet::<T>::genesis_hash(),
			aloft,
			pages: BTreeMap::new(),
			meterings: BTreeMap::new(),
			chosen: Vec::new(),
			chosen_of: BTreeMap::new(),
			_config: core::marker::PhantomData,
		}
	}

	/// How many were chosen.
	pub fn taken(&self) -> u32 {
		count(self.chosen.len())
	}

	/// Looks at a gateway's readings, of which `room` may be checked, until the deadline.
	pub fn window(&mut self, room: u32, deadline: Timestamp) -> Window<'_, 'a, T> {
		Window {
			selection: self,
			room,
			deadline,
			late: false,
			waiting: 0,
			first_waiting: None,
		}
	}

	fn page(&mut self, page: u32) -> Option<&LatestPage> {
		self.pages
			.entry(page)
			.or_insert_with(|| pages::latest_page::<T>(page))
			.as_ref()
	}

	/// Sequence and time of a meter's latest reading on chain.
	fn latest(&mut self, meter: MeterId) -> Option<(u64, u64)> {
		let latest = self.page(meter.page())?.meters.get(meter.slot())?;
		Some((latest.sequence, latest.captured_at))
	}

	fn metering_page(&mut self, page: u32) -> &MeteringPage {
		self.meterings
			.entry(page)
			.or_insert_with(|| pages::metering_page::<T>(page))
	}

	/// What a meter's readings are judged by, if they count.
	fn meter(&mut self, meter: MeterId) -> Option<Metering> {
		Pallet::<T>::measuring(self.metering_page(meter.page()), meter).ok()
	}

	/// From when on the energy of a meter's page is kept.
	fn kept_from(&mut self, meter: MeterId) -> Period {
		let page = meter.page();
		if let Some(latest) = self.page(page) {
			return latest.kept_from;
		}
		let microgrid = self.metering_page(page).microgrid;
		self.moment.kept_from::<T>(microgrid)
	}

	/// Batches of what was chosen, in order of meters and of each by sequence, whichever gateway it came
	/// from. What two gateways serve is brought once.
	pub fn into_batches(mut self) -> Vec<Draft> {
		let mut chosen = core::mem::take(&mut self.chosen);
		chosen.sort_by_key(|signed| (signed.reading.meter, signed.reading.sequence));
		chosen.dedup_by_key(|signed| (signed.reading.meter, signed.reading.sequence));
		// A period may freeze until the batch is included, which costs an estimate.
		let now = self.moment.now.saturating_add(WITNESS_MARGIN);
		let later = Moment { now, ..self.moment };
		let mut spanned = Vec::with_capacity(chosen.len());
		let mut before: Option<(MeterId, Option<(u64, u64)>)> = None;
		for signed in chosen {
			let reading = &signed.reading;
			let known = match before {
				Some((meter, known)) if meter == reading.meter => known,
				_ => self.latest(reading.meter),
			};
			// Admission was looked at before; here it is the order of time within the batch.
			if freshness(&self.moment, known, 0, reading) != Freshness::Fresh {
				before = Some((reading.meter, known));
				continue;
			}
			let kept_from = self.kept_from(reading.meter);
			let touched = known.map(|(_, from)| {
				let span = Span {
					from,
					until: reading.captured_at,
				};
				touched(&later, span, kept_from, T::MaxSpan::get())
			});
			before = Some((reading.meter, Some((reading.sequence, reading.captured_at))));
			spanned.push(Spanned { signed, touched });
		}
		batches::build(spanned)
	}
}

/// What is made of a reading.
enum Fate {
	Settled,
	Waiting,
}

/// The readings of one gateway, as they are looked at.
pub struct Window<'w, 'a, T: Config> {
	selection: &'w mut Selection<'a, T>,
	room: u32,
	/// When signatures are no longer checked.
	deadline: Timestamp,
	late: bool,
	waiting: u32,
	first_waiting: Option<u64>,
}

impl<T: Config> Window<'_, '_, T> {
	/// Forgets what was waiting: the gateway begins anew.
	pub fn restart(&mut self) {
		self.waiting = 0;
		self.first_waiting = None;
	}

	/// Whether more may be checked.
	pub fn has_room(&self) -> bool {
		self.room > 0
	}

	/// Whether the time for signatures is over; once it is, nobody looks at the clock again.
	fn is_late(&mut self) -> bool {
		self.late = self.late || sp_io::offchain::timestamp() >= self.deadline;
		self.late
	}

	/// How many readings are not settled.
	pub fn waiting(&self) -> u32 {
		self.waiting
	}

	/// The offset of the first that is not.
	pub fn first_waiting(&self) -> Option<u64> {
		self.first_waiting
	}

	/// Looks at a reading that was first seen `age` blocks ago.
	pub fn look(&mut self, offset: u64, age: u64, signed: SignedReading, tally: &mut Tally) {
		if let Fate::Waiting = self.fate(age, signed, tally) {
			self.waiting = self.waiting.saturating_add(1);
			self.first_waiting = self.first_waiting.or(Some(offset));
		}
	}

	fn fate(&mut self, age: u64, signed: SignedReading, tally: &mut Tally) -> Fate {
		let selection = &mut *self.selection;
		let reading = &signed.reading;
		let known = selection.latest(reading.meter);
		let stale = |tally: &mut Tally| {
			tally.stale = tally.stale.saturating_add(1);
			Fate::Settled
		};
		// Cheap checks first: most of what is served again is on chain by now, or flies.
		if known.is_some() && freshness(&selection.moment, known, 0, reading) == Freshness::Stale {
			return stale(tally);
		}
		let page = reading.meter.page();
		if selection.aloft.contains(&page) {
			return Fate::Waiting;
		}
		let mine = is_mine(page, selection.block, selection.mine, selection.authorities);
		if !mine && age <= TAKE_OVER_BLOCKS {
			return Fate::Waiting;
		}
		let Some(meter) = selection.meter(reading.meter) else {
			if age < GRACE_BLOCKS {
				return Fate::Waiting;
			}
			tally.unknown = tally.unknown.saturating_add(1);
			return Fate::Settled;
		};
		match freshness(&selection.moment, known, meter.admitted_at, reading) {
			Freshness::Fresh => {}
			Freshness::Stale => return stale(tally),
			Freshness::Future if age < GRACE_BLOCKS => return Fate::Waiting,
			Freshness::Future => {
				tally.future = tally.future.saturating_add(1);
				return Fate::Settled;
			}
		}
		if self.room == 0 || self.is_late() {
			return Fate::Waiting;
		}
		let selection = &mut *self.selection;
		let chosen_of = selection.chosen_of.entry(reading.meter).or_default();
		// More of one meter than a batch takes cannot go: its page goes in one batch.
		if *chosen_of >= MAX_BATCH_READINGS {
			return Fate::Waiting;
		}
		// Counted whether it is good or not: junk uses up its own gateway's room.
		self.room = self.room.saturating_sub(1);
		if !signed.is_signed_by(&meter.key, &selection.genesis) {
			tally.bad_signature = tally.bad_signature.saturating_add(1);
			return Fate::Settled;
		}
		*chosen_of = chosen_of.saturating_add(1);
		selection.chosen.push(signed);
		Fate::Waiting
	}
}
