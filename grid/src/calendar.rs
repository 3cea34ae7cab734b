//! Rows of the data by date, and back: the year 2016 in quarters of an hour, in UTC.

use anyhow::{bail, ensure, Result};

use crate::grid::ROWS_PER_DAY;

/// A row of the year 2016, by date and time of day in UTC: `2016-06-12` or `2016-06-12T07:00`.
pub fn row_of_date(text: &str) -> Result<usize> {
	let form = || format!("{text:?}: expected a time of 2016 as 2016-06-12 or 2016-06-12T07:00");
	let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
	let numbers = |text: &str, separator| {
		text.split(separator)
			.map(|part| part.parse::<usize>().ok())
			.collect::<Option<Vec<_>>>()
	};
	let (date, time) = (numbers(date, '-'), numbers(time, ':'));
	let (Some([2016, month @ 1..=12, day]), Some([hour @ 0..=23, minute @ 0..=59])) =
		(date.as_deref(), time.as_deref())
	else {
		bail!(form())
	};
	ensure!((1..=DAYS[month - 1]).contains(day), form());
	let days = DAYS[..month - 1].iter().sum::<usize>() + day - 1;
	Ok(days * ROWS_PER_DAY + hour * 4 + minute / 15)
}

/// The date and time at which a row begins, as `06-12 07:00`.
pub fn date_of_row(row: usize) -> String {
	let row = row % (DAYS.iter().sum::<usize>() * ROWS_PER_DAY);
	let (mut day, quarter) = (row / ROWS_PER_DAY, row % ROWS_PER_DAY);
	let mut month = 0;
	while day >= DAYS[month] {
		day -= DAYS[month];
		month += 1;
	}
	format!(
		"{:02}-{:02} {:02}:{:02}",
		month + 1,
		day + 1,
		quarter / 4,
		quarter % 4 * 15
	)
}

/// Days of the months of 2016.
const DAYS: [usize; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn dates_should_name_rows_and_rows_dates() {
		for (text, row) in [
			("2016-01-01", 0),
			("2016-01-01T00:15", 1),
			("2016-03-01", 60 * ROWS_PER_DAY),
			("2016-12-31T23:45", 366 * ROWS_PER_DAY - 1),
		] {
			assert_eq!(row_of_date(text).unwrap(), row);
			assert!(date_of_row(row).starts_with(&text[5..10]));
		}
		assert_eq!(
			date_of_row(row_of_date("2016-06-12T07:30").unwrap()),
			"06-12 07:30"
		);
		for text in [
			"2015-06-01",
			"2016-02-30",
			"2016-13-01",
			"June",
			"2016-06-12T24:00",
			"",
		] {
			assert!(row_of_date(text).is_err(), "{text}");
		}
	}
}
