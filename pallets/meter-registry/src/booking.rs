//! How energy is booked on a meter's periods: measured, estimated, corrected. Pure.
//!
//! Until a period is frozen, what is measured adds up in its entry. When it is frozen and the meter's
//! readings do not reach its end, the entry is *closed*: an estimate for the uncovered time is added, and
//! kept as *outstanding*. From then on the entry's values stay, for they are settled. A later reading
//! confirms the outstanding estimate for the time it covers, and what it measured less what it confirmed is
//! a correction. So nothing is counted twice: booked energy and corrections add up to what the registers
//! show.

use gridweave_primitives::{
	meter::{Correction, Provenance},
	WattHours, Watts,
};

use crate::EnergyEntry;

/// The import a silent meter is taken to have in a whole period, from its entries of the periods before,
/// newest first: the mean of the measured ones; if there is none, the estimate before; nothing for a
/// meter that was never measured.
pub fn usual_import<'a>(history: impl Iterator<Item = &'a EnergyEntry>) -> WattHours {
	let (mut sum, mut measured, mut before) = (0u128, 0u128, None);
	for entry in history {
		before = before.or(Some(entry.import));
		if entry.provenance == Provenance::Measured {
			sum = sum.saturating_add(entry.import.0.into());
			measured = measured.saturating_add(1);
		}
	}
	match sum.checked_div(measured) {
		// A mean of u64 is one.
		Some(mean) => WattHours(u64::try_from(mean).unwrap_or(u64::MAX)),
		None => before.unwrap_or(WattHours::ZERO),
	}
}

/// The import estimated for `uncovered` of a period's `length` seconds: that part of what is `usual`, at
/// most what the connection can take. There is no such thing for export: an estimate never favours the
/// silent.
pub fn estimate(usual: WattHours, rating: Watts, uncovered: u64, length: u32) -> WattHours {
	let length = u128::from(length.max(1));
	let part = u128::from(usual.0) * u128::from(uncovered).min(length) / length;
	WattHours(u64::try_from(part).unwrap_or(u64::MAX)).min(rating.over(uncovered))
}

impl EnergyEntry {
	/// Adds what was measured. Energy is far below the range of u64 (rating × time): nothing saturates.
	pub fn measure(&mut self, import: WattHours, export: WattHours) {
		self.import = self.import.saturating_add(import);
		self.export = self.export.saturating_add(export);
	}

	/// Closes an entry that readings do not cover.
	pub fn close(&mut self, estimate: WattHours) {
		self.import = self.import.saturating_add(estimate);
		self.outstanding = estimate;
		self.provenance = Provenance::Estimated;
	}

	/// Takes the part of the outstanding estimate for `covered` of the `uncovered` seconds left.
	pub fn confirm(&mut self, covered: u64, uncovered: u64) -> WattHours {
		let part = portion(self.outstanding, covered, uncovered);
		self.outstanding = self.outstanding.saturating_sub(part);
		self.provenance = Provenance::Corrected;
		part
	}
}

/// The part of `amount` for `covered` of `whole` seconds: all of it if they are covered.
pub fn portion(amount: WattHours, covered: u64, whole: u64) -> WattHours {
	if covered >= whole {
		return amount;
	}
	// `covered < whole`, so the quotient is below `amount`.
	let part = u128::from(amount.0) * u128::from(covered) / u128::from(whole);
	WattHours(u64::try_from(part).unwrap_or(u64::MAX))
}

/// What to correct when `import` and `export` were measured where `estimated` import was settled.
pub fn correction(import: WattHours, export: WattHours, estimated: WattHours) -> Correction {
	// Energies are far below 2⁶³: nothing saturates.
	let signed = |energy: WattHours| i64::try_from(energy.0).unwrap_or(i64::MAX);
	Correction {
		import: signed(import).saturating_sub(signed(estimated)),
		export: signed(export),
	}
}
