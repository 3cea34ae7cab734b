//! What a reading is worth, and over which periods it lies.

use gridweave_primitives::{Period, PeriodClock, WattHours, Watts};
use proptest::prelude::*;

use crate::{
	energy::{allowance, base_of, movement, share, slices, Movement, Span},
	freshness::Moment,
	witness::touched,
};

const MODULUS: WattHours = WattHours(10_000);

fn moved(old: u64, new: u64, allowance: u64) -> Movement {
	movement(
		WattHours(old),
		WattHours(new),
		MODULUS,
		WattHours(allowance),
	)
}

fn counted(energy: u64) -> Movement {
	Movement {
		counted: WattHours(energy),
		..Movement::default()
	}
}

const ROLLED_BACK: Movement = Movement {
	counted: WattHours(0),
	suspended: WattHours(0),
	rolled_back: true,
};

#[test]
fn an_advance_within_the_allowance_should_be_counted() {
	assert_eq!(moved(100, 350, 250), counted(250));
	assert_eq!(moved(100, 100, 250), counted(0));
}

#[test]
fn an_advance_beyond_the_allowance_should_be_suspended() {
	let suspended = WattHours(1);
	assert_eq!(
		moved(100, 351, 250),
		Movement {
			suspended,
			..counted(250)
		}
	);
}

#[test]
fn a_plausible_decrease_should_be_a_rollover() {
	assert_eq!(moved(9_900, 100, 250), counted(200));
	// A tenth and a digit more than allowed is still plausible, though not all of it is counted.
	let suspended = WattHours(21);
	assert_eq!(
		moved(9_900, 121, 200),
		Movement {
			suspended,
			..counted(200)
		}
	);
}

#[test]
fn an_implausible_decrease_should_be_a_rollback_and_contribute_nothing() {
	assert_eq!(moved(9_900, 122, 200), ROLLED_BACK);
	assert_eq!(moved(5_000, 4_999, 200), ROLLED_BACK);
	assert_eq!(moved(5_000, 4_999, 0), ROLLED_BACK);
}

#[test]
fn registers_that_their_modulus_excludes_should_contribute_nothing() {
	assert_eq!(moved(100, 10_000, u64::MAX), ROLLED_BACK);
	assert_eq!(moved(10_000, 100, u64::MAX), ROLLED_BACK);
	assert_eq!(moved(10_000, 10_001, u64::MAX), ROLLED_BACK);
}

#[test]
fn a_long_span_should_be_cut_at_boundaries_with_the_excess_on_the_last() {
	let clock = PeriodClock::default();
	let span = Span {
		from: 450,
		until: 900 * 10,
	};
	let cut = |kept_from, max_span| {
		slices(&clock, span, Period(kept_from), max_span)
			.into_iter()
			.map(|slice| (slice.period.map(|period| period.0), slice.from, slice.until))
			.collect::<Vec<_>>()
	};
	assert_eq!(
		cut(0, 3),
		[
			(Some(0), 450, 900),
			(Some(1), 900, 1_800),
			(Some(9), 1_800, 9_000)
		]
	);
	assert_eq!(
		cut(8, 3),
		[
			(None, 450, 7_200),
			(Some(8), 7_200, 8_100),
			(Some(9), 8_100, 9_000)
		]
	);
	assert_eq!(cut(9, 3), [(None, 450, 8_100), (Some(9), 8_100, 9_000)]);
	assert_eq!(cut(10, 3), [(None, 450, 9_000)]);
	assert_eq!(cut(1_000, 3), [(None, 450, 9_000)]);
}

#[test]
fn readings_on_boundaries_should_be_exact() {
	let clock = PeriodClock::default();
	let span = Span {
		from: 900,
		until: 1_800,
	};
	let slices = slices(&clock, span, Period(0), 96);
	assert_eq!(slices.len(), 1);
	assert_eq!(slices[0].period, Some(Period(1)));
	assert_eq!(share(WattHours(777), span, &slices[0]), WattHours(777));
}

/// Time goes on after the last period that a number can name, and all of it is that one's.
#[test]
fn the_last_period_there_is_should_be_counted() {
	let clock = PeriodClock {
		period_length: 1,
		..PeriodClock::default()
	};
	let end = u64::from(u32::MAX) + 1;
	for (from, until) in [(end - 3, end), (end - 1, end + 5), (end + 7, u64::MAX)] {
		let span = Span { from, until };
		let moment = Moment { clock, now: until };
		let slices = slices(&clock, span, Period(0), 96);
		let booked: Vec<Period> = slices.iter().filter_map(|slice| slice.period).collect();
		assert_eq!(booked.last(), Some(&Period(u32::MAX)));
		let counted: Vec<Period> = touched(&moment, span, Period(0), 96).periods().collect();
		assert!(counted.ends_with(&booked), "{span:?}: {counted:?}");
	}
}

proptest! {
	/// Parts add up to the whole, cover the span without gap, and are as long as counted.
	#[test]
	fn apportioning_should_conserve_energy_and_time(
		from in 0u64..4_000_000_000,
		length in 1u64..2_000_000,
		energy: u64,
		back in 0u32..300,
		max_span in 2u32..200,
		period_length in 1u32..4_000,
	) {
		let clock = PeriodClock { period_length, ..PeriodClock::default() };
		let span = Span { from, until: from + length };
		let kept_from = clock.period_at(span.until).saturating_sub(back);
		let slices = slices(&clock, span, kept_from, max_span);
		let mut sum = 0u64;
		let mut at = span.from;
		for slice in &slices {
			prop_assert_eq!(slice.from, at);
			prop_assert!(slice.until > slice.from);
			if let Some(period) = slice.period {
				prop_assert!(period >= kept_from);
				prop_assert!(slice.until <= clock.end_of(period));
			}
			at = slice.until;
			sum += share(WattHours(energy), span, slice).0;
		}
		prop_assert_eq!(at, span.until);
		prop_assert_eq!(sum, energy);
		prop_assert!(slices.len() as u32 <= max_span + 1);
	}

	/// What a witness counts is what is cut: with what an estimate looks back at before it, if any is frozen.
	#[test]
	fn what_slices_touch_should_be_counted(
		from in 0u64..4_000_000_000,
		length in 1u64..2_000_000,
		back in 0u32..300,
		max_span in 2u32..200,
		period_length in 1u32..4_000,
		late in 0u64..100_000,
	) {
		let clock = PeriodClock { period_length, ..PeriodClock::default() };
		let span = Span { from, until: from + length };
		let kept_from = clock.period_at(span.until).saturating_sub(back);
		let moment = Moment { clock, now: span.until + late };
		let touched = touched(&moment, span, kept_from, max_span);
		let slices = slices(&clock, span, kept_from, max_span);
		let is_frozen = |period: &Period| clock.is_frozen(*period, moment.now);
		let corrections = slices.iter().filter(|slice| slice.period.as_ref().is_none_or(is_frozen));
		prop_assert_eq!(touched.corrections as usize, corrections.count());
		let booked: Vec<Period> = slices.iter().filter_map(|slice| slice.period).collect();
		let counted: Vec<Period> = touched.periods().collect();
		let ahead = counted.len() - booked.len();
		prop_assert_eq!(&counted[ahead..], &booked[..]);
		let most = booked.first().filter(|first| is_frozen(first)).map_or(0, |_| crate::ESTIMATE_PERIODS);
		prop_assert!(ahead <= most as usize);
		prop_assert!(counted.first().is_none_or(|first| *first >= kept_from));
	}

	/// Many short spans allow what one long span does, and never more than the rating.
	#[test]
	fn allowances_should_add_up(
		rating: u32,
		from in 0u64..4_000_000_000,
		steps in prop::collection::vec(1u64..100_000, 1..20),
	) {
		let rating = Watts(rating);
		let (mut at, mut sum) = (from, 0u64);
		for step in steps {
			sum += allowance(rating, Span { from: at, until: at + step }).0;
			at += step;
		}
		prop_assert_eq!(sum, allowance(rating, Span { from, until: at }).0);
		prop_assert!(u128::from(sum) <= u128::from(rating.0) * u128::from(at - from) / 3_600 + 1);
	}

	/// What is counted and what is suspended is what the register advanced; never more than allowed is
	/// counted.
	#[test]
	fn movements_should_conserve_energy(
		modulus in 2u64..,
		old: u64,
		new: u64,
		allowance: u64,
	) {
		let (old, new) = (old % modulus, new % modulus);
		let moved =
			movement(WattHours(old), WattHours(new), WattHours(modulus), WattHours(allowance));
		prop_assert!(moved.counted.0 <= allowance);
		let sum = u128::from(moved.counted.0) + u128::from(moved.suspended.0);
		if moved.rolled_back {
			prop_assert!(new < old);
			prop_assert_eq!(sum, 0);
		} else {
			prop_assert_eq!((u128::from(old) + sum) % u128::from(modulus), u128::from(new));
		}
	}

	/// A base and what was booked since give the register.
	#[test]
	fn a_base_should_lead_to_its_register(modulus in 2u64.., register: u64, booked: u64) {
		let base = base_of(WattHours(register), WattHours(modulus), booked.into());
		prop_assert!(base.0 < modulus);
		prop_assert_eq!(
			(u128::from(base.0) + u128::from(booked)) % u128::from(modulus),
			u128::from(register % modulus),
		);
	}
}
