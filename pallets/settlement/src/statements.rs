//! Statements and running totals, stored by page of meters. The only door to [`Statements`] and
//! [`Totals`].

use alloc::vec::Vec;

use frame_support::{defensive, traits::ConstU32};
use gridweave_primitives::{traits::MeterInspect, Be32, MeterId, MicrogridId, Period};

use crate::{
	types::{MeterTotals, PageOf, Progress, Statement},
	Config, Pallet, Settled, StatementPage, Statements, Totals,
};

/// Bound of the statements that one query returns.
pub type MaxStatements = ConstU32<512>;

/// The value at a slot of a page.
fn at<V>(page: &PageOf<V>, slot: u8) -> Option<&V> {
	page.iter()
		.find(|(at, _)| *at == slot)
		.map(|(_, value)| value)
}

/// The statements and totals of a page of meters, while they are written: read once, and written once.
pub(crate) struct Sheet<T: Config> {
	key: (Be32, Be32, Be32),
	statements: StatementPage<T>,
	totals: PageOf<MeterTotals>,
	changed: bool,
}

impl<T: Config> Sheet<T> {
	pub fn open(microgrid: MicrogridId, period: Period, page: u32) -> Self {
		let key = (microgrid.into(), period.into(), page.into());
		Self {
			key,
			statements: Statements::<T>::get(key),
			totals: Totals::<T>::get(key.2),
			changed: false,
		}
	}

	/// Whether the meter at `slot` has its statement for the period.
	pub fn has(&self, slot: u8) -> bool {
		at(&self.statements, slot).is_some()
	}

	/// Files a meter's statement, and adds it to the running totals if `total`.
	pub fn file(&mut self, slot: u8, statement: Statement<T::AccountId>, total: bool) {
		self.changed = true;
		if total {
			add_to_totals(&mut self.totals, slot, |totals| totals.add(&statement));
		}
		if self.statements.try_push((slot, statement)).is_err() {
			defensive!("more statements than slots");
		}
	}

	/// Stores what was changed.
	pub fn store(self) {
		if self.changed {
			Statements::<T>::insert(self.key, self.statements);
			if !self.totals.is_empty() {
				Totals::<T>::insert(self.key.2, self.totals);
			}
		}
	}
}

fn add_to_totals(page: &mut PageOf<MeterTotals>, slot: u8, add: impl FnOnce(&mut MeterTotals)) {
	match page.iter_mut().find(|(at, _)| *at == slot) {
		Some((_, totals)) => add(totals),
		None => {
			let mut totals = MeterTotals::default();
			add(&mut totals);
			if page.try_push((slot, totals)).is_err() {
				defensive!("more totals than slots");
			}
		}
	}
}

impl<T: Config> Pallet<T> {
	/// The statement of a meter and period, while it is kept.
	pub fn statement(meter: MeterId, period: Period) -> Option<Statement<T::AccountId>> {
		let microgrid = T::Meters::meter(meter)?.microgrid;
		let key = (
			Be32::from(microgrid),
			Be32::from(period),
			Be32::from(meter.page()),
		);
		at(&Statements::<T>::get(key), meter.slot()).cloned()
	}

	/// The kept statements of a meter, oldest first: at most [`MaxStatements`] of the newest periods.
	pub fn statements(meter: MeterId) -> Vec<(Period, Statement<T::AccountId>)> {
		let Some(microgrid) = T::Meters::meter(meter).map(|meter| meter.microgrid) else {
			return Vec::new();
		};
		let Progress { next, oldest } =
			Settled::<T>::get(Be32::from(microgrid)).unwrap_or_default();
		let bound = <MaxStatements as frame_support::traits::Get<u32>>::get();
		// The period under settlement has statements already.
		(oldest.0.max(next.0.saturating_sub(bound))..=next.0)
			.filter_map(|period| Some((Period(period), Self::statement(meter, Period(period))?)))
			.collect()
	}

	/// Running totals of a meter.
	pub fn totals(meter: MeterId) -> MeterTotals {
		at(&Totals::<T>::get(Be32::from(meter.page())), meter.slot())
			.copied()
			.unwrap_or_default()
	}

	/// Changes a meter's running totals.
	pub(crate) fn correct_totals(meter: MeterId, change: impl FnOnce(&mut MeterTotals)) {
		Totals::<T>::mutate(Be32::from(meter.page()), |page| {
			add_to_totals(page, meter.slot(), change)
		});
	}

	/// Frees a meter's running totals, and returns them.
	pub(crate) fn close_totals(meter: MeterId) -> Option<MeterTotals> {
		Totals::<T>::mutate_exists(Be32::from(meter.page()), |entry| {
			let page = entry.as_mut()?;
			let place = page.iter().position(|(slot, _)| *slot == meter.slot())?;
			let (_, totals) = page.swap_remove(place);
			if page.is_empty() {
				*entry = None;
			}
			Some(totals)
		})
	}
}
