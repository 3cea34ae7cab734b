//! Readings as they are taken: a page of meters is read once, and written if something changed. What they give
//! cause for is noted beside it; flags are raised of that in the blocks that follow, so that no reading takes
//! more than its share of a block, whatever it says.

use alloc::vec::Vec;

use frame_support::weights::{Weight, WeightMeter};
use gridweave_primitives::{
	traits::{MeterInspect, Observation, OnReading, SettlementClock},
	Be32, MeterId, MicrogridId,
};

use crate::{
	detectors::Finding, flags::Subject, judging::Moment, Config, Findings, Kind, Pallet, RaisedTo,
	Watch, WatchPages, WeightInfo,
};

impl<T: Config> OnReading for Pallet<T> {
	fn on_readings(microgrid: MicrogridId, observations: &[Observation]) {
		Self::observe(microgrid, observations);
	}

	fn weight(pages: u32, readings: u32) -> Weight {
		let beyond = |of: fn(u32) -> Weight, n: u32| of(n).saturating_sub(of(0));
		T::WeightInfo::observe_pages(pages)
			.saturating_add(beyond(T::WeightInfo::observe_readings, readings))
	}
}

impl<T: Config> Pallet<T> {
	/// Judges the readings of a page. Of how many meters there is something to raise.
	pub(crate) fn observe(microgrid: MicrogridId, observations: &[Observation]) -> u32 {
		let Some(first) = observations.first() else {
			return 0;
		};
		let key = Be32::from(first.reading.meter.page());
		let parameters = Self::parameters_of(microgrid);
		let moment = Moment {
			now: T::Clock::now(),
			current: T::Clock::current(),
			period_length: T::Clock::clock().period_length,
		};
		let mut page = WatchPages::<T>::get(key);
		let (mut changed, mut found) = (false, Vec::new());
		let mut rest = observations.iter().peekable();
		while let Some(observation) = rest.next() {
			let meter = observation.reading.meter;
			let newest = rest.peek().is_none_or(|next| next.reading.meter != meter);
			let before = page.get(meter.slot()).copied().unwrap_or_default();
			let mut watch = before;
			if let Some(finding) = watch.judge(observation, newest, &moment, &parameters) {
				found.push((meter, finding));
			}
			if watch != before {
				changed = true;
				if watch == Watch::default() {
					page.remove(meter.slot());
				} else {
					page.set(meter.slot(), watch);
				}
			}
		}
		if changed {
			if page.is_empty() {
				WatchPages::<T>::remove(key);
			} else {
				WatchPages::<T>::insert(key, page);
			}
		}
		Self::note(key, &found)
	}

	/// Notes what there is to raise of a page: for each meter the gravest. How many are new.
	fn note(page: Be32, found: &[(MeterId, (Kind, Finding))]) -> u32 {
		if found.is_empty() {
			return 0;
		}
		Findings::<T>::mutate(page, |findings| {
			let mut noted = 0u32;
			for (meter, finding) in found {
				match findings.get(meter.slot()) {
					Some((kind, _)) if *kind <= finding.0 => continue,
					Some(_) => {}
					None => noted = noted.saturating_add(1),
				}
				findings.set(meter.slot(), *finding);
			}
			noted
		})
	}

	/// Raises flags of what readings gave cause for, while `weight` lasts: page by page, and then from the
	/// first one again.
	pub(crate) fn raise_findings(weight: &mut WeightMeter) {
		if weight.try_consume(T::WeightInfo::raise_idle()).is_err() {
			return;
		}
		let last = RaisedTo::<T>::get();
		let mut pages = match last {
			Some(last) => Findings::<T>::iter_from(Findings::<T>::hashed_key_for(last)),
			None => Findings::<T>::iter(),
		};
		let mut raised_to = last;
		let each = T::WeightInfo::raise_page().saturating_add(T::WeightInfo::raise_finding());
		while weight.can_consume(each) {
			let Some((key, mut findings)) = pages.next() else {
				raised_to = None;
				break;
			};
			weight.consume(T::WeightInfo::raise_page());
			let slots: Vec<_> = findings.iter().map(|(slot, _)| slot).collect();
			for slot in slots {
				if weight.try_consume(T::WeightInfo::raise_finding()).is_err() {
					break;
				}
				if let Some((kind, finding)) = findings.remove(slot) {
					Self::raise_finding(MeterId::at(key.get(), slot), kind, finding);
				}
			}
			if !findings.is_empty() {
				Findings::<T>::insert(key, findings);
				break;
			}
			Findings::<T>::remove(key);
			raised_to = Some(key);
		}
		if raised_to != last {
			RaisedTo::<T>::set(raised_to);
		}
	}

	pub(crate) fn raise_finding(meter: MeterId, kind: Kind, finding: Finding) {
		let Some(info) = T::Meters::meter(meter) else {
			return;
		};
		let subject = Subject {
			microgrid: info.microgrid,
			meter,
			kind,
		};
		Self::raise(subject, finding, &Self::parameters_of(info.microgrid));
	}

	/// What a poll must be able to spend to get on.
	pub(crate) fn least_raise_weight() -> Weight {
		T::WeightInfo::raise_idle()
			.saturating_add(T::WeightInfo::raise_page())
			.saturating_add(T::WeightInfo::raise_finding())
	}
}
