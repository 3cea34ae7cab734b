//! Intervals and medians.

use crate::random::Seed;

/// A value and where it lies with a confidence of 95 %.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
	/// The value.
	pub value: f64,
	/// The lower end of the interval.
	pub least: f64,
	/// The upper end.
	pub most: f64,
}

/// How many of how many, as a share (score interval; Wilson, *Probable inference, the law of succession, and
/// statistical inference*, JASA 1927).
pub fn share(hits: usize, of: usize) -> Estimate {
	const Z: f64 = 1.96;
	if of == 0 {
		return Estimate {
			value: 0.0,
			least: 0.0,
			most: 1.0,
		};
	}
	let (n, p) = (of as f64, hits as f64 / of as f64);
	let whole = 1.0 + Z * Z / n;
	let middle = (p + Z * Z / (2.0 * n)) / whole;
	let half = Z / whole * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
	Estimate {
		value: p,
		least: (middle - half).max(0.0),
		most: (middle + half).min(1.0),
	}
}

/// Events per unit of time, when each member had so many in so much time. Members are not alike, so they are
/// drawn again, whole (bootstrap; Efron, *Bootstrap methods*, Annals of Statistics 1979); and where nothing
/// happened, the upper end is that of three events in all (Hanley and Lippman-Hand, *If nothing goes wrong, is
/// everything all right?*, JAMA 1983).
pub fn rate(members: &[(u32, f64)], seed: Seed) -> Estimate {
	const DRAWS: u64 = 1_000;
	let over = |events: f64, time: f64| if time > 0.0 { events / time } else { 0.0 };
	let events: f64 = members.iter().map(|(events, _)| f64::from(*events)).sum();
	let time: f64 = members.iter().map(|(_, time)| time).sum();
	let value = over(events, time);
	if events == 0.0 {
		return Estimate {
			value,
			least: 0.0,
			most: over(3.0, time),
		};
	}
	let mut drawn: Vec<f64> = (0..DRAWS)
		.map(|draw| {
			let (mut events, mut time) = (0.0, 0.0);
			for place in 0..members.len() {
				let at = seed.of(draw).of(place as u64).below(members.len() as u64);
				if let Some((more, longer)) = members.get(at as usize) {
					events += f64::from(*more);
					time += longer;
				}
			}
			over(events, time)
		})
		.collect();
	drawn.sort_by(f64::total_cmp);
	Estimate {
		value,
		least: drawn[drawn.len() / 40],
		most: drawn[drawn.len() - 1 - drawn.len() / 40],
	}
}

/// The middle one, or the lower of the two in the middle; none of none.
pub fn median(values: &[f64]) -> Option<f64> {
	let mut sorted = values.to_vec();
	sorted.sort_by(f64::total_cmp);
	sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

/// The area under points of a curve from (0, 0) to (1, 1), by trapezoids.
pub fn area(points: &[(f64, f64)]) -> f64 {
	let mut all = vec![(0.0, 0.0), (1.0, 1.0)];
	all.extend(points);
	all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
	all.windows(2)
		.map(|pair| (pair[1].0 - pair[0].0) * (pair[0].1 + pair[1].1) / 2.0)
		.sum()
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn intervals_should_be_those_of_the_books() {
		// Newcombe 1998: 81 of 263.
		let of = share(81, 263);
		assert!((of.least - 0.2553).abs() < 1e-3 && (of.most - 0.3662).abs() < 1e-3);
		let none = rate(&[(0, 1.0), (0, 2.0)], Seed(1));
		assert_eq!((none.value, none.most), (0.0, 1.0));
	}

	#[test]
	fn areas_and_medians_should_be_exact() {
		assert_eq!(area(&[]), 0.5);
		assert_eq!(area(&[(0.0, 1.0)]), 1.0);
		assert!((area(&[(0.5, 0.75)]) - 0.625).abs() < 1e-12);
		assert_eq!(median(&[]), None);
		assert_eq!(median(&[3.0, 1.0, 2.0, 9.0]), Some(2.0));
	}

	proptest! {
		#[test]
		fn intervals_should_hold_their_value(
			hits in 0usize..200, more in 0usize..200, members in prop::collection::vec((0u32..4, 0.1f64..2.0), 1..60),
		) {
			let of = share(hits, hits + more);
			prop_assert!(0.0 <= of.least && of.least <= of.most && of.most <= 1.0);
			if hits + more > 0 {
				prop_assert!(of.least <= of.value + 1e-12 && of.value <= of.most + 1e-12);
			}
			let of = rate(&members, Seed(5));
			prop_assert!(0.0 <= of.least && of.least <= of.most);
		}
	}
}
