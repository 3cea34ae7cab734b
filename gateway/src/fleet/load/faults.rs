//! Faults to order: which, and how many of them.

use std::{fmt, str::FromStr, time::Duration};

/// A share in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

impl Share {
	/// All of them.
	pub const ALL: Self = Self(1_000_000);

	/// Whether it holds a number that is spread evenly over all of u64.
	pub fn takes(self, number: u64) -> bool {
		number % u64::from(Self::ALL.0) < u64::from(self.0)
	}

	/// This and another, at most [`Self::ALL`].
	fn plus(self, other: Self) -> Option<Self> {
		Some(Self(self.0.checked_add(other.0)?)).filter(|sum| *sum <= Self::ALL)
	}
}

/// Why a list of faults is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
	/// Not of the form NAME=SHARE.
	#[error("{0:?}: expected NAME=SHARE, as drop=2%")]
	Form(String),
	/// A name that is none.
	#[error("{name:?} is no fault: there are {}", NAMES.join(", "))]
	Unknown {
		/// What stands there.
		name: String,
	},
	/// Ordered twice.
	#[error("{0} is ordered twice")]
	Twice(&'static str),
	/// Not a share.
	#[error("{0:?} is no share: expected 0% to 100%, with up to four decimals")]
	Share(String),
	/// Not a time.
	#[error("{name} takes a time of 1s to {MAX_SECONDS}s after its share, as {name}=1%:20s, not {time:?}")]
	Time {
		/// The fault.
		name: &'static str,
		/// What stands there.
		time: String,
	},
	/// A time where there is none.
	#[error("{0} takes no time")]
	NoTime(&'static str),
	/// More faults than readings.
	#[error("drop, duplicate, reorder, delay and restart together are more than 100%")]
	TooMany,
}

/// Names of the faults, in their order.
const NAMES: [&str; 7] = [
	"drop",
	"duplicate",
	"reorder",
	"delay",
	"drift",
	"restart",
	"rollover",
];
/// Longest delay and drift, in seconds.
const MAX_SECONDS: u64 = 86_400;

/// How many of each fault. All are shares of readings, but for `rollover`: that is a share of devices. At
/// most one of `drop`, `duplicate`, `reorder`, `delay` and `restart` befalls a reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
	/// A reading is never sent.
	pub drop: Share,
	/// A reading is posted again after it was acknowledged.
	pub duplicate: Share,
	/// A reading is posted after its successor.
	pub reorder: Share,
	/// A reading is posted late, and those after it with it.
	pub delay: Share,
	/// How late.
	pub delay_by: Duration,
	/// The device's clock goes wrong, ahead or behind, for some readings.
	pub drift: Share,
	/// By how much.
	pub drift_by: Duration,
	/// The device starts again: it knows what it has stored, and posts its last reading again.
	pub restart: Share,
	/// The registers roll over in the middle of the run.
	pub rollover: Share,
}

/// `2%`, `0.5%`.
fn share(text: &str) -> Option<Share> {
	let number = text.strip_suffix('%')?;
	let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
	let is_number =
		|text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
	if !is_number(whole) || !is_number(fraction) || fraction.len() > 4 || whole.len() > 3 {
		return None;
	}
	let millionths: u32 = format!("{whole}{fraction:0<4}").parse().ok()?;
	Some(Share(millionths)).filter(|share| *share <= Share::ALL)
}

/// `30s`.
fn seconds(text: &str) -> Option<Duration> {
	let number = text.strip_suffix('s')?;
	let seconds = number.parse().ok().filter(|_| !number.starts_with('+'))?;
	(1..=MAX_SECONDS)
		.contains(&seconds)
		.then_some(Duration::from_secs(seconds))
}

impl FromStr for Faults {
	type Err = FaultError;

	/// `drop=2%,delay=5%:30s`, or nothing.
	fn from_str(text: &str) -> Result<Self, FaultError> {
		let mut faults = Self::default();
		let mut seen = Vec::new();
		for item in text.split(',').filter(|_| !text.is_empty()) {
			let (name, value) = item
				.split_once('=')
				.ok_or_else(|| FaultError::Form(item.into()))?;
			let name = *(NAMES.iter())
				.find(|known| **known == name)
				.ok_or_else(|| FaultError::Unknown { name: name.into() })?;
			if seen.contains(&name) {
				return Err(FaultError::Twice(name));
			}
			seen.push(name);
			let (part, time) = match value.split_once(':') {
				Some((part, time)) => (part, Some(time)),
				None => (value, None),
			};
			let part = share(part).ok_or_else(|| FaultError::Share(part.into()))?;
			let (target, by) = match name {
				"drop" => (&mut faults.drop, None),
				"duplicate" => (&mut faults.duplicate, None),
				"reorder" => (&mut faults.reorder, None),
				"delay" => (&mut faults.delay, Some(&mut faults.delay_by)),
				"drift" => (&mut faults.drift, Some(&mut faults.drift_by)),
				"restart" => (&mut faults.restart, None),
				_ => (&mut faults.rollover, None),
			};
			*target = part;
			match (by, time) {
				(Some(by), time) => {
					*by = time.and_then(seconds).ok_or_else(|| FaultError::Time {
						name,
						time: time.unwrap_or_default().into(),
					})?;
				}
				(None, Some(_)) => return Err(FaultError::NoTime(name)),
				(None, None) => {}
			}
		}
		faults.exclusive().ok_or(FaultError::TooMany)?;
		Ok(faults)
	}
}

impl Faults {
	/// The faults of which at most one befalls a reading, each with the share that it and those before it
	/// have together.
	pub fn exclusive(&self) -> Option<[Share; 5]> {
		let mut sum = Share::default();
		let mut sums = [sum; 5];
		let shares = [
			self.drop,
			self.duplicate,
			self.reorder,
			self.delay,
			self.restart,
		];
		for (place, share) in sums.iter_mut().zip(shares) {
			sum = sum.plus(share)?;
			*place = sum;
		}
		Some(sums)
	}
}

impl fmt::Display for Share {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let fraction = format!("{:04}", self.0 % 10_000);
		match fraction.trim_end_matches('0') {
			"" => write!(f, "{}%", self.0 / 10_000),
			fraction => write!(f, "{}.{fraction}%", self.0 / 10_000),
		}
	}
}

impl fmt::Display for Faults {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let items = [
			(self.drop, None),
			(self.duplicate, None),
			(self.reorder, None),
			(self.delay, Some(self.delay_by)),
			(self.drift, Some(self.drift_by)),
			(self.restart, None),
			(self.rollover, None),
		];
		let ordered = NAMES
			.iter()
			.zip(items)
			.filter(|(_, (share, _))| *share > Share::default());
		for (place, (name, (share, time))) in ordered.enumerate() {
			let comma = if place > 0 { "," } else { "" };
			write!(f, "{comma}{name}={share}")?;
			if let Some(time) = time {
				write!(f, ":{}s", time.as_secs())?;
			}
		}
		Ok(())
	}
}

#[cfg(test)]
pub(super) mod tests {
	use super::*;
	use proptest::prelude::*;

	/// Lists of faults that can be ordered.
	pub fn any_faults() -> impl Strategy<Value = Faults> {
		let part = || (0..=200_000u32).prop_map(Share);
		let time = || (1..=120u64).prop_map(Duration::from_secs);
		(
			[part(), part(), part(), part(), part()],
			part(),
			part(),
			time(),
			time(),
		)
			.prop_map(
				|([drop, duplicate, reorder, delay, restart], drift, rollover, late, off)| Faults {
					drop,
					duplicate,
					reorder,
					delay,
					delay_by: late,
					drift,
					drift_by: off,
					restart,
					rollover,
				},
			)
	}

	#[test]
	fn a_list_should_be_read() {
		let text = "drop=2%,duplicate=0.5%,reorder=100%";
		assert_eq!(text.parse::<Faults>(), Err(FaultError::TooMany));
		let faults: Faults = "drop=2%,delay=5%:30s,drift=0.0001%:20s,rollover=100%"
			.parse()
			.unwrap();
		let expected = Faults {
			drop: Share(20_000),
			delay: Share(50_000),
			delay_by: Duration::from_secs(30),
			drift: Share(1),
			drift_by: Duration::from_secs(20),
			rollover: Share::ALL,
			..Faults::default()
		};
		assert_eq!(faults, expected);
		assert_eq!("".parse(), Ok(Faults::default()));
	}

	#[test]
	fn a_bad_list_should_say_what_is_wrong() {
		let refused = |text: &str| text.parse::<Faults>().unwrap_err();
		for text in ["drop", ",", "drop=1%,", " "] {
			assert!(matches!(refused(text), FaultError::Form(_)), "{text}");
		}
		assert!(matches!(refused("Drop=1%"), FaultError::Unknown { .. }));
		assert_eq!(refused("drop=1%,drop=1%"), FaultError::Twice("drop"));
		for text in [
			"",
			"1",
			"%",
			"101%",
			"100.0001%",
			"-1%",
			"+1%",
			"1.%",
			".5%",
			"0.00001%",
			"1e1%",
		] {
			let refused = refused(&format!("drop={text}"));
			assert_eq!(refused, FaultError::Share(text.into()));
		}
		for text in [
			"delay=1%",
			"delay=1%:",
			"delay=1%:30",
			"drift=1%:0s",
			"drift=1%:+1s",
		] {
			assert!(matches!(refused(text), FaultError::Time { .. }), "{text}");
		}
		assert_eq!(refused("drop=1%:2s"), FaultError::NoTime("drop"));
	}

	proptest! {
		#[test]
		fn what_is_written_should_be_read_as_it_was(faults in any_faults()) {
			let read: Faults = faults.to_string().parse().unwrap();
			prop_assert_eq!(read.to_string(), faults.to_string());
			prop_assert_eq!(read.exclusive(), faults.exclusive());
			prop_assert_eq!((read.drift, read.rollover), (faults.drift, faults.rollover));
			if faults.delay > Share::default() {
				prop_assert_eq!(read.delay_by, faults.delay_by);
			}
		}

		#[test]
		fn no_text_should_do_worse_than_be_refused(text in "[a-z=%:.,0-9s]{0,40}") {
			let _ = text.parse::<Faults>();
		}
	}
}
