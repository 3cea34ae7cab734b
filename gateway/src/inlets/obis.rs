//! Which OBIS code (IEC 62056-61, `A-B:C.D.E*F`) is what in a measurement: the one place that knows.

use super::{decimal::Decimal, measurement::Measurement};

/// An OBIS code of a present value (F is 255 or absent).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Obis {
	/// Medium: 1 is electricity, 0 is abstract.
	pub a: u8,
	/// Channel.
	pub b: u8,
	/// Quantity.
	pub c: u8,
	/// Processing: 7 is the value at the moment, 8 counts for ever.
	pub d: u8,
	/// Tariff, or 0.
	pub e: u8,
}

impl Obis {
	/// From text as in `1-0:1.8.0`. Values of the past (`*01`) are not read.
	pub fn parse(text: &str) -> Option<Self> {
		let text = match text.split_once('*') {
			Some((code, "255")) => code,
			Some(_) => return None,
			None => text,
		};
		let (channel, value) = text.split_once(':')?;
		let (a, b) = channel.split_once('-')?;
		let mut value = value.split('.').map(number);
		let code = Self {
			a: number(a)?,
			b: number(b)?,
			c: value.next()??,
			d: value.next()??,
			e: value.next()??,
		};
		value.next().is_none().then_some(code)
	}

	/// From the six bytes of SML and COSEM.
	pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
		match *bytes {
			[a, b, c, d, e, 255] => Some(Self { a, b, c, d, e }),
			_ => None,
		}
	}
}

fn number(text: &str) -> Option<u8> {
	let digits = text.bytes().all(|byte| byte.is_ascii_digit());
	text.parse().ok().filter(|_| digits)
}

/// A physical unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
	/// Wh.
	WattHour,
	/// W.
	Watt,
	/// V.
	Volt,
	/// A.
	Ampere,
	/// Hz.
	Hertz,
	/// A plain number.
	None,
}

impl Unit {
	/// A unit as telegrams write it, and the power of ten of its prefix.
	pub fn parse(text: &str) -> Option<(Self, i32)> {
		Some(match text {
			"" => (Self::None, 0),
			"Wh" => (Self::WattHour, 0),
			"kWh" => (Self::WattHour, 3),
			"MWh" => (Self::WattHour, 6),
			"W" => (Self::Watt, 0),
			"kW" => (Self::Watt, 3),
			"V" => (Self::Volt, 0),
			"A" => (Self::Ampere, 0),
			"Hz" => (Self::Hertz, 0),
			_ => return None,
		})
	}

	/// A unit as numbered by DLMS (IEC 62056-62), which SML uses. Without one, a number is plain.
	pub fn from_dlms(code: Option<u8>) -> Option<Self> {
		Some(match code {
			Some(27) => Self::Watt,
			Some(30) => Self::WattHour,
			Some(33) => Self::Ampere,
			Some(35) => Self::Volt,
			Some(44) => Self::Hertz,
			Some(255) | None => Self::None,
			_ => return None,
		})
	}
}

/// What a code stands for; phases count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantity {
	Import,
	ImportTariff,
	Export,
	ExportTariff,
	Voltage(usize),
	Current(usize),
	PowerFactor(usize),
	/// Active power taken by a phase.
	PowerIn(usize),
	/// Active power fed in by a phase.
	PowerOut(usize),
	/// Active power of a phase, negative when feeding in.
	NetPower(usize),
	Frequency,
	PowerFailures,
}

/// C, D, first and last E of a code of electricity (A = 1), what it stands for, and its unit. Of a phase's
/// quantity, C is that of the first phase; those of the others follow at a distance of 20.
type Row = (u8, u8, u8, u8, Meaning, Unit);

/// Of the meter as a whole, or of each phase.
enum Meaning {
	Whole(Quantity),
	Phase(fn(usize) -> Quantity),
}

use Meaning::{Phase, Whole};

/// The table.
const ELECTRICITY: [Row; 11] = [
	(1, 8, 0, 0, Whole(Quantity::Import), Unit::WattHour),
	(1, 8, 1, 63, Whole(Quantity::ImportTariff), Unit::WattHour),
	(2, 8, 0, 0, Whole(Quantity::Export), Unit::WattHour),
	(2, 8, 1, 63, Whole(Quantity::ExportTariff), Unit::WattHour),
	(14, 7, 0, 0, Whole(Quantity::Frequency), Unit::Hertz),
	(21, 7, 0, 0, Phase(Quantity::PowerIn), Unit::Watt),
	(22, 7, 0, 0, Phase(Quantity::PowerOut), Unit::Watt),
	(31, 7, 0, 0, Phase(Quantity::Current), Unit::Ampere),
	(32, 7, 0, 0, Phase(Quantity::Voltage), Unit::Volt),
	(33, 7, 0, 0, Phase(Quantity::PowerFactor), Unit::None),
	(36, 7, 0, 0, Phase(Quantity::NetPower), Unit::Watt),
];

/// How often power failed, in any phase: the one abstract object that is read.
const POWER_FAILURES: Obis = Obis {
	a: 0,
	b: 0,
	c: 96,
	d: 7,
	e: 21,
};

fn quantity_of(code: Obis) -> Option<(Quantity, Unit)> {
	if code == POWER_FAILURES {
		return Some((Quantity::PowerFailures, Unit::None));
	}
	// Channel 0 is the meter itself; some makers count from 1. Others are sub-meters.
	if code.a != 1 || code.b > 1 {
		return None;
	}
	ELECTRICITY
		.iter()
		.find_map(|(c, d, first, last, meaning, unit)| {
			if code.d != *d || !(*first..=*last).contains(&code.e) {
				return None;
			}
			let quantity = match meaning {
				Whole(quantity) => (code.c == *c).then_some(*quantity)?,
				Phase(of) => of((0..3).find(|phase| code.c == c + 20 * phase)?.into()),
			};
			Some((quantity, *unit))
		})
}

/// Adds a value to a measurement, if its code is in the table and its unit fits.
pub fn note(measured: &mut Measurement, code: Obis, value: Decimal, unit: Unit) {
	let Some((quantity, _)) = quantity_of(code).filter(|(_, expected)| *expected == unit) else {
		return;
	};
	// Without sign: currents of meters that mark their direction lose it here, power tells it.
	let thousandths = || {
		let value = value.scaled(3)?.unsigned_abs();
		u32::try_from(value).ok()
	};
	let is_above_zero = value.digits > 0;
	let phases = &mut measured.phases;
	match quantity {
		Quantity::Import => measured.import.set_total(value),
		Quantity::ImportTariff => measured.import.add_tariff(code.e, value),
		Quantity::Export => measured.export.set_total(value),
		Quantity::ExportTariff => measured.export.add_tariff(code.e, value),
		Quantity::Frequency => measured.frequency_mhz = thousandths(),
		Quantity::PowerFailures => {
			measured.power_failures = value.scaled(0).and_then(|count| u32::try_from(count).ok());
		}
		Quantity::Voltage(phase) => phases[phase].voltage_mv = thousandths(),
		Quantity::Current(phase) => phases[phase].current_ma = thousandths(),
		Quantity::PowerFactor(phase) => {
			let factor = thousandths().and_then(|factor| i16::try_from(factor).ok());
			phases[phase].power_factor = factor;
		}
		Quantity::PowerIn(phase) => phases[phase].exports &= !is_above_zero,
		Quantity::PowerOut(phase) => phases[phase].exports |= is_above_zero,
		Quantity::NetPower(phase) => phases[phase].exports = value.digits < 0,
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use gridweave_primitives::WattHours;

	fn noted(values: &[(&str, &str, &str)]) -> Measurement {
		let mut measured = Measurement::default();
		for (code, value, unit) in values {
			let (unit, prefix) = Unit::parse(unit).unwrap();
			let mut value = Decimal::parse(value).unwrap();
			value.exponent += prefix;
			note(&mut measured, Obis::parse(code).unwrap(), value, unit);
		}
		measured
	}

	#[test]
	fn codes_should_be_read_as_the_standard_writes_them() {
		let total = Obis {
			a: 1,
			b: 0,
			c: 1,
			d: 8,
			e: 0,
		};
		assert_eq!(Obis::parse("1-0:1.8.0"), Some(total));
		assert_eq!(Obis::parse("1-0:1.8.0*255"), Some(total));
		assert_eq!(Obis::from_bytes(&[1, 0, 1, 8, 0, 255]), Some(total));
		assert_eq!(Obis::from_bytes(&[1, 0, 1, 8, 0, 1]), None);
		let bad = [
			"",
			"1.8.0",
			"1-0:1.8",
			"1-0:1.8.0.0",
			"1-0:1.8.0*01",
			"1-0:256.8.0",
			"1-0:+1.8.0",
			"ä-0:1.8.0",
		];
		for text in bad {
			assert_eq!(Obis::parse(text), None, "{text}");
		}
	}

	#[test]
	fn energy_should_come_from_totals_and_tariffs() {
		let measured = noted(&[
			("1-0:1.8.1", "000576.239", "kWh"),
			("1-0:1.8.2", "000465.162", "kWh"),
			("1-0:2.8.0", "12", "Wh"),
			("1-0:2.8.1", "9", "MWh"),
			// Reactive energy, a sub-meter's, the wrong unit.
			("1-0:3.8.0", "5", "kWh"),
			("1-4:1.8.0", "5", "kWh"),
			("1-0:1.8.0", "5", "kW"),
		]);
		assert_eq!(measured.import.get(), Some(WattHours(1_041_401)));
		assert_eq!(measured.export.get(), Some(WattHours(12)));
	}

	#[test]
	fn phases_should_find_their_values() {
		let measured = noted(&[
			("1-0:32.7.0", "231.4", "V"),
			("1-0:52.7.0", "229.9", "V"),
			("1-0:72.7.0", "230", "V"),
			("1-0:31.7.0", "002", "A"),
			("1-0:51.7.0", "1.25", "A"),
			("1-0:71.7.0", "-3.5", "A"),
			("1-0:53.7.0", "0.98", ""),
			("1-0:22.7.0", "0.3", "kW"),
			("1-0:76.7.0", "-800", "W"),
			("1-0:14.7.0", "49.98", "Hz"),
			("0-0:96.7.21", "00009", ""),
		]);
		let [first, second, third] = measured.phases;
		assert_eq!(
			(first.voltage_mv, first.current_ma),
			(Some(231_400), Some(2_000))
		);
		assert_eq!(
			(second.voltage_mv, second.current_ma),
			(Some(229_900), Some(1_250))
		);
		assert_eq!(
			(third.voltage_mv, third.current_ma),
			(Some(230_000), Some(3_500))
		);
		assert_eq!(second.power_factor, Some(980));
		assert_eq!(
			[first.exports, second.exports, third.exports],
			[true, false, true]
		);
		assert_eq!(measured.frequency_mhz, Some(49_980));
		assert_eq!(measured.power_failures, Some(9));
	}
}
