//! Dates and durations of ISO 8601.

/// Seconds of a day.
const DAY: u64 = 86_400;
/// The last second that has four digits of a year.
const LAST: u64 = 253_402_300_799;

/// Unix seconds as date and time in UTC: `2026-06-15T09:30:00Z`. What is later than the year 9999 is told as its end.
pub fn date_time(seconds: u64) -> String {
	let seconds = seconds.min(LAST);
	let (year, month, day) = date(seconds / DAY);
	let second = seconds % DAY;
	let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
	format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day since 1970. Years are counted from March on, so that the day that is not always there
/// is the last of its year.
fn date(days: u64) -> (u64, u64, u64) {
	// From 1 March of the year 0; 400 years have 146,097 days.
	let days = days + 719_468;
	let (era, day) = (days / 146_097, days % 146_097);
	// Of 4 years the last has one day more, of 100 years one less, of 400 one more.
	let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
	let day_of_year = day - (365 * year + year / 4 - year / 100);
	// Five months from March on have 153 days, and so have the next five.
	let month = (5 * day_of_year + 2) / 153;
	let day = day_of_year - (153 * month + 2) / 5 + 1;
	let (year, month) = match month < 10 {
		true => (400 * era + year, month + 3),
		false => (400 * era + year + 1, month - 9),
	};
	(year, month, day)
}

/// Seconds as a duration: `PT15M`. Days are not named, for there are those who take them to be of another length.
pub fn duration(seconds: u64) -> String {
	let parts = [
		(seconds / 3_600, 'H'),
		(seconds / 60 % 60, 'M'),
		(seconds % 60, 'S'),
	];
	let told: String = parts
		.iter()
		.filter(|(number, _)| *number > 0)
		.map(|(number, unit)| format!("{number}{unit}"))
		.collect();
	match told.is_empty() {
		true => "PT0S".into(),
		false => format!("PT{told}"),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn seconds_should_be_told_as_dates() {
		for (seconds, told) in [
			(0, "1970-01-01T00:00:00Z"),
			(68_169_599, "1972-02-28T23:59:59Z"),
			(68_169_600, "1972-02-29T00:00:00Z"),
			(951_868_800, "2000-03-01T00:00:00Z"),
			(1_704_067_199, "2023-12-31T23:59:59Z"),
			(1_780_000_200, "2026-05-28T20:30:00Z"),
			(4_107_542_400, "2100-03-01T00:00:00Z"),
			(LAST, "9999-12-31T23:59:59Z"),
			(u64::MAX, "9999-12-31T23:59:59Z"),
		] {
			assert_eq!(date_time(seconds), told);
		}
	}

	fn is_leap(year: u64) -> bool {
		let by = |years| year.is_multiple_of(years);
		by(4) && (!by(100) || by(400))
	}

	#[test]
	fn every_day_should_follow_the_day_before() {
		let mut before = date(0);
		for day in 1..150_000 {
			let (year, month, day) = date(day);
			let next_day = (before.0, before.1, before.2 + 1);
			let next_month = (before.0, before.1 + 1, 1);
			let next_year = (before.0 + 1, 1, 1);
			let last = match before.1 {
				2 if is_leap(before.0) => 29,
				2 => 28,
				4 | 6 | 9 | 11 => 30,
				_ => 31,
			};
			let expected = match (before.2 < last, before.1 < 12) {
				(true, _) => next_day,
				(false, true) => next_month,
				(false, false) => next_year,
			};
			assert_eq!((year, month, day), expected);
			before = expected;
		}
	}

	#[test]
	fn seconds_should_be_told_as_durations() {
		for (seconds, told) in [
			(0, "PT0S"),
			(12, "PT12S"),
			(900, "PT15M"),
			(3_600, "PT1H"),
			(90_061, "PT25H1M1S"),
		] {
			assert_eq!(duration(seconds), told);
		}
	}
}
