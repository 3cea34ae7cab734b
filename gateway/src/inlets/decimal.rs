//! Decimal numbers as meters print them, without floating point.

/// `digits × 10^exponent`, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
	/// All digits as one whole number, with the sign.
	pub digits: i128,
	/// Where the point is.
	pub exponent: i32,
}

/// Longest text of a number; no meter has a longer one.
const MAX_TEXT: usize = 48;
/// Largest exponent that is of this world.
const MAX_EXPONENT: i32 = 64;

impl Decimal {
	/// A whole number with its scaler.
	pub fn new(digits: impl Into<i128>, exponent: i32) -> Self {
		Self {
			digits: digits.into(),
			exponent,
		}
	}

	/// Reads `[-+]digits[.digits][e[-+]digits]`: the numbers of telegrams, CSV and JSON.
	pub fn parse(text: &str) -> Option<Self> {
		if text.len() > MAX_TEXT {
			return None;
		}
		let (mantissa, power) = match text.split_once(['e', 'E']) {
			Some((mantissa, power)) => (mantissa, power.parse::<i32>().ok()?),
			None => (text, 0),
		};
		let (negative, mantissa) = match mantissa.strip_prefix('-') {
			Some(rest) => (true, rest),
			None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
		};
		let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
		if whole.is_empty() && fraction.is_empty() {
			return None;
		}
		let mut digits = 0i128;
		for byte in whole.bytes().chain(fraction.bytes()) {
			if !byte.is_ascii_digit() {
				return None;
			}
			digits = digits
				.checked_mul(10)?
				.checked_add(i128::from(byte - b'0'))?;
		}
		let exponent = power.checked_sub(i32::try_from(fraction.len()).ok()?)?;
		(exponent.abs() <= MAX_EXPONENT).then_some(Self {
			digits: if negative { -digits } else { digits },
			exponent,
		})
	}

	/// How many `10^-places` it is, rounded down.
	pub fn scaled(self, places: i32) -> Option<i128> {
		let power = self.exponent.checked_add(places)?;
		let factor = 10i128.checked_pow(power.unsigned_abs());
		match (power >= 0, factor) {
			(true, factor) => match self.digits {
				0 => Some(0),
				digits => digits.checked_mul(factor?),
			},
			(false, Some(divisor)) => Some(self.digits.div_euclid(divisor)),
			// Smaller than any digit that was asked for.
			(false, None) => Some(if self.digits < 0 { -1 } else { 0 }),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn numbers_should_be_exact() {
		let cases = [
			("000576.239", 3, Some(576_239)),
			("12.340000000000002", 3, Some(12_340)),
			("0.1", 1, Some(1)),
			("1e3", 0, Some(1_000)),
			("1.5E-3", 6, Some(1_500)),
			("-2.5", 0, Some(-3)),
			("+7", 0, Some(7)),
			(".5", 1, Some(5)),
			("5.", 0, Some(5)),
			("0", 40, Some(0)),
			("9", 40, None),
			("1e-60", 3, Some(0)),
			("-1e-60", 3, Some(-1)),
		];
		for (text, places, expected) in cases {
			let number = Decimal::parse(text).unwrap();
			assert_eq!(number.scaled(places), expected, "{text}");
		}
	}

	#[test]
	fn what_is_no_number_should_be_refused() {
		let bad = [
			"", ".", "-", "1,5", "1.2.3", "--1", "NaN", "inf", "1e", "1e999", "0x10", " 1", "1e2.5",
		];
		for text in bad {
			assert_eq!(Decimal::parse(text), None, "{text}");
		}
		assert_eq!(Decimal::parse(&"9".repeat(MAX_TEXT)), None);
	}

	proptest! {
		#[test]
		fn any_text_should_be_read_or_refused(text in ".{0,60}", places in -100i32..100) {
			if let Some(number) = Decimal::parse(&text) {
				let _ = number.scaled(places);
			}
		}

		#[test]
		fn thousandths_should_come_back(value in 0u64..10_000_000_000_000) {
			let text = format!("{}.{:03}", value / 1_000, value % 1_000);
			let number = Decimal::parse(&text).unwrap();
			prop_assert_eq!(number.scaled(3), Some(i128::from(value)));
		}
	}
}
