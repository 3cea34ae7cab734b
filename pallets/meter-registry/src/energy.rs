//! What energy a reading is worth, and over which periods it lies. Pure.
//!
//! Between two readings a register advances by some energy. At most rating × time of it is counted, over
//! the whole span and *before* it is spread over periods, so that an honest outage is not cut; the rest is
//! suspended. A register that runs backwards has rolled over if the advance that this implies is
//! plausible; else it was rolled back, and contributes nothing. What is counted is spread over the span in
//! proportion to time, by differences of a cumulative floor: the parts are whole watt-hours, and their sum
//! is exact.

use alloc::vec::Vec;

pub use gridweave_primitives::meter::Movement;
use gridweave_primitives::{Period, PeriodClock, WattHours, Watts};

/// The time between two readings: from the older (exclusive of nothing, in seconds) until the newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
	/// When the older was captured, Unix seconds.
	pub from: u64,
	/// When the newer was captured; later.
	pub until: u64,
}

/// What a connection of power `rating` can transfer in `span`. The floor is taken of the energy since the
/// epoch, not of the span's, so that many short spans allow what one long one does.
pub fn allowance(rating: Watts, span: Span) -> WattHours {
	// Below 2⁹⁶: the product of a u32 and a u64.
	let since_epoch = |at: u64| u128::from(rating.0) * u128::from(at) / 3_600;
	let energy = since_epoch(span.until).saturating_sub(since_epoch(span.from));
	WattHours(u64::try_from(energy).unwrap_or(u64::MAX))
}

/// How a register that counts modulo `modulus` moved from `old` to `new`, when its connection can have
/// transferred `allowance`.
pub fn movement(
	old: WattHours,
	new: WattHours,
	modulus: WattHours,
	allowance: WattHours,
) -> Movement {
	let rolled_back = Movement {
		rolled_back: true,
		..Movement::default()
	};
	if old >= modulus || new >= modulus {
		return rolled_back;
	}
	let advance = if new >= old {
		new.saturating_sub(old)
	} else {
		// Below the modulus, for `new < old < modulus`: nothing saturates.
		let rolled = modulus.saturating_sub(old).saturating_add(new);
		if !plausible(rolled, allowance) {
			return rolled_back;
		}
		rolled
	};
	let counted = advance.min(allowance);
	Movement {
		counted,
		suspended: advance.saturating_sub(counted),
		rolled_back: false,
	}
}

/// Whether a register may have advanced by `energy` where `allowance` is due: a tenth more, and the last
/// digit.
fn plausible(energy: WattHours, allowance: WattHours) -> bool {
	u128::from(energy.0) * 10 <= u128::from(allowance.0) * 11 + 10
}

/// The base that ties `registers` to what was counted and suspended since.
pub fn base_of(register: WattHours, modulus: WattHours, booked: u128) -> WattHours {
	let modulus = u128::from(modulus.0.max(1));
	let base = (u128::from(register.0) % modulus + modulus - booked % modulus) % modulus;
	// Below a u64 modulus.
	WattHours(u64::try_from(base).unwrap_or(0))
}

/// A part of a span that is booked together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
	/// The period it is booked on; `None` if that is pruned.
	pub period: Option<Period>,
	/// Its first second.
	pub from: u64,
	/// The second after its last.
	pub until: u64,
}

/// First and last kept period that `span` touches; `None` if all of it is pruned.
pub(crate) fn kept(clock: &PeriodClock, span: Span, kept_from: Period) -> Option<(Period, Period)> {
	let last = clock.period_before(span.until);
	let first = clock.period_at(span.from).max(kept_from);
	(first <= last).then_some((first, last))
}

/// Cuts `span` at the boundaries of periods. What lies before `kept_from` is one slice without period. If
/// it touches more than `max_span` kept periods, what the first `max_span − 1` do not take is booked on the
/// last.
pub fn slices(clock: &PeriodClock, span: Span, kept_from: Period, max_span: u32) -> Vec<Slice> {
	let mut slices = Vec::new();
	let mut from = span.from;
	let mut cut = |period: Option<Period>, until: u64| {
		slices.push(Slice {
			period,
			from,
			until,
		});
		from = until;
	};
	if span.from < clock.start_of(kept_from) {
		cut(None, span.until.min(clock.start_of(kept_from)));
	}
	if let Some((first, last)) = kept(clock, span, kept_from) {
		let alone = last
			.0
			.saturating_sub(first.0)
			.min(max_span.saturating_sub(1));
		for n in 0..alone {
			let period = first.saturating_add(n);
			cut(Some(period), clock.end_of(period));
		}
		cut(Some(last), span.until);
	}
	slices
}

/// The share of `energy`, transferred evenly over `span`, that falls into `slice`.
pub fn share(energy: WattHours, span: Span, slice: &Slice) -> WattHours {
	let length = u128::from(span.until.saturating_sub(span.from).max(1));
	// Below 2¹²⁸: the product of two u64.
	let until = |at: u64| u128::from(energy.0) * u128::from(at.saturating_sub(span.from)) / length;
	let share = until(slice.until).saturating_sub(until(slice.from));
	// At most `energy`.
	WattHours(u64::try_from(share).unwrap_or(u64::MAX))
}
