//! DSMR P1 telegrams: the customer port of meters in the Netherlands, Belgium, Luxembourg, Sweden and
//! elsewhere (DSMR 4 and 5: IEC 62056-21 mode D with a checksum).
//!
//! ```text
//! /ISK5\2M550E-1012          identification
//!
//! 1-0:1.8.1(000576.239*kWh)  one object a line
//! !67B1                      CRC-16/ARC over everything from / to !
//! ```
//!
//! Telegrams without a checksum (DSMR 2 and 3) are not taken: nothing tells them from garbage.

use crc::{Crc, CRC_16_ARC};

use super::{
	decimal::Decimal,
	measurement::Measurement,
	obis::{self, Obis, Unit},
	Framing,
};

/// Longest telegram; the standard allows 2,048 bytes.
pub const MAX_TELEGRAM: usize = 8 * 1_024;

const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_ARC);

/// Finds telegrams in a stream of bytes. What is damaged is skipped up to the next beginning.
#[derive(Default)]
pub struct P1 {
	buffer: Vec<u8>,
}

impl Framing for P1 {
	fn push(&mut self, mut bytes: &[u8], found: &mut Vec<Measurement>) {
		while !bytes.is_empty() {
			let room = MAX_TELEGRAM.saturating_sub(self.buffer.len()).max(1);
			let (now, later) = bytes.split_at(room.min(bytes.len()));
			self.buffer.extend_from_slice(now);
			bytes = later;
			self.scan(found);
		}
	}
}

impl P1 {
	/// Takes all whole telegrams out of the buffer, which then begins with what may become one.
	fn scan(&mut self, found: &mut Vec<Measurement>) {
		let mut at = 0;
		loop {
			at += match self.buffer[at..].iter().position(|byte| *byte == b'/') {
				Some(start) => start,
				None => self.buffer.len() - at,
			};
			let rest = &self.buffer[at..];
			match look(rest) {
				Look::Short if rest.len() < MAX_TELEGRAM => break,
				Look::Telegram(length) => {
					found.extend(parse(&rest[..length]));
					at += length;
				}
				Look::Short | Look::Garbage => at += 1,
			}
		}
		self.buffer.drain(..at);
	}
}

/// What begins here.
enum Look {
	/// Perhaps a telegram; more bytes will tell.
	Short,
	/// A telegram of this many bytes, its checksum included.
	Telegram(usize),
	/// No telegram.
	Garbage,
}

fn look(bytes: &[u8]) -> Look {
	// Three letters of the maker follow the slash; looking first keeps garbage cheap.
	let letters = bytes.iter().skip(1).take(3);
	if !letters.clone().all(u8::is_ascii_alphabetic) {
		return Look::Garbage;
	}
	let Some(end) = bytes.iter().position(|byte| *byte == b'!') else {
		return Look::Short;
	};
	let length = end + 5;
	let Some(checksum) = bytes.get(end + 1..length) else {
		return Look::Short;
	};
	match checksum_of(checksum) == Some(CRC.checksum(&bytes[..=end])) {
		true => Look::Telegram(length),
		false => Look::Garbage,
	}
}

fn checksum_of(hex: &[u8]) -> Option<u16> {
	let mut bytes = [0; 2];
	hex::decode_to_slice(hex, &mut bytes).ok()?;
	Some(u16::from_be_bytes(bytes))
}

/// Reads a telegram, from its slash to its checksum. `None` if the checksum is wrong or it shows no energy.
pub fn parse(telegram: &[u8]) -> Option<Measurement> {
	if !matches!(look(telegram), Look::Telegram(length) if length == telegram.len()) {
		return None;
	}
	let mut measured = Measurement::default();
	for line in telegram.split(|byte| *byte == b'\n') {
		// Objects that are not understood are nobody's business here, such as those of sub-meters.
		if let Some((code, value, unit)) = object(line) {
			obis::note(&mut measured, code, value, unit);
		}
	}
	measured.shows_energy().then_some(measured)
}

/// Reads `1-0:1.8.1(000576.239*kWh)`.
fn object(line: &[u8]) -> Option<(Obis, Decimal, Unit)> {
	let line = std::str::from_utf8(line).ok()?.trim_end();
	let (code, value) = line.strip_suffix(')')?.split_once('(')?;
	let (number, unit) = value.split_once('*').unwrap_or((value, ""));
	let (unit, prefix) = Unit::parse(unit)?;
	let mut number = Decimal::parse(number)?;
	number.exponent += prefix;
	Some((Obis::parse(code)?, number, unit))
}

#[cfg(test)]
mod tests {
	use super::*;
	use gridweave_primitives::WattHours;
	use proptest::prelude::*;

	/// A telegram with these lines and the checksum they deserve.
	fn telegram(lines: &[&str]) -> Vec<u8> {
		let mut text = String::from("/ISK5\\2M550E-1012\r\n\r\n");
		for line in lines {
			text.push_str(line);
			text.push_str("\r\n");
		}
		text.push('!');
		let checksum = CRC.checksum(text.as_bytes());
		text.push_str(&format!("{checksum:04X}\r\n"));
		text.into_bytes()
	}

	/// An ISKRA AM550 (DSMR 5.0, one phase), as published with the crate dsmr5 (test/isk.txt).
	const ISKRA: &str = "/ISK5\\2M550E-1012\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(190320181403W)\r\n\
		0-0:96.1.1(4530303433303037303532383730333138)\r\n1-0:1.8.1(000576.239*kWh)\r\n\
		1-0:1.8.2(000465.162*kWh)\r\n1-0:2.8.1(000000.000*kWh)\r\n1-0:2.8.2(000000.000*kWh)\r\n\
		0-0:96.14.0(0002)\r\n1-0:1.7.0(00.193*kW)\r\n1-0:2.7.0(00.000*kW)\r\n0-0:96.7.21(00009)\r\n\
		0-0:96.7.9(00008)\r\n1-0:99.97.0(6)(0-0:96.7.19)(190201235231W)(0000003231*s)\
		(190212214204W)(0000001489*s)(190212215426W)(0000000315*s)(190310230314W)(0000000295*s)\
		(190316085447W)(0000000230*s)(190316123141W)(0000000516*s)\r\n1-0:32.32.0(00006)\r\n\
		1-0:32.36.0(00001)\r\n0-0:96.13.0()\r\n1-0:32.7.0(236.1*V)\r\n1-0:31.7.0(001*A)\r\n\
		1-0:21.7.0(00.193*kW)\r\n1-0:22.7.0(00.000*kW)\r\n0-1:24.1.0(003)\r\n\
		0-1:96.1.0(4730303332353635353335353230313137)\r\n0-1:24.2.1(190320181003W)(00304.089*m3)\r\n\
		!67B1\r\n";

	/// The example of the DSMR 5.0.2 P1 companion standard, section 6.13: three phases.
	const STANDARD: &str =
		"/ISk5\\2MT382-1000\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(101209113020W)\r\n\
		0-0:96.1.1(4B384547303034303436333935353037)\r\n1-0:1.8.1(123456.789*kWh)\r\n\
		1-0:1.8.2(123456.789*kWh)\r\n1-0:2.8.1(123456.789*kWh)\r\n1-0:2.8.2(123456.789*kWh)\r\n\
		0-0:96.14.0(0002)\r\n1-0:1.7.0(01.193*kW)\r\n1-0:2.7.0(00.000*kW)\r\n0-0:96.7.21(00004)\r\n\
		0-0:96.7.9(00002)\r\n1-0:99.97.0(2)(0-0:96.7.19)(101208152415W)(0000000240*s)\
		(101208151004W)(0000000301*s)\r\n1-0:32.32.0(00002)\r\n1-0:52.32.0(00001)\r\n\
		1-0:72.32.0(00000)\r\n1-0:32.36.0(00000)\r\n1-0:52.36.0(00003)\r\n1-0:72.36.0(00000)\r\n\
		0-0:96.13.0(303132333435363738393A3B3C3D3E3F303132333435363738393A3B3C3D3E3F3031323334353637\
		38393A3B3C3D3E3F303132333435363738393A3B3C3D3E3F303132333435363738393A3B3C3D3E3F)\r\n\
		1-0:32.7.0(220.1*V)\r\n1-0:52.7.0(220.2*V)\r\n1-0:72.7.0(220.3*V)\r\n1-0:31.7.0(001*A)\r\n\
		1-0:51.7.0(002*A)\r\n1-0:71.7.0(003*A)\r\n1-0:21.7.0(01.111*kW)\r\n1-0:41.7.0(02.222*kW)\r\n\
		1-0:61.7.0(03.333*kW)\r\n1-0:22.7.0(04.444*kW)\r\n1-0:42.7.0(05.555*kW)\r\n\
		1-0:62.7.0(06.666*kW)\r\n0-1:24.1.0(003)\r\n0-1:96.1.0(3232323241424344313233343536373839)\r\n\
		0-1:24.2.1(101209112500W)(12785.123*m3)\r\n!";

	fn read(bytes: &[u8]) -> Vec<Measurement> {
		let mut found = vec![];
		P1::default().push(bytes, &mut found);
		found
	}

	#[test]
	fn a_real_telegram_should_be_read_exactly() {
		let [measured] = &read(ISKRA.as_bytes())[..] else {
			panic!("one telegram")
		};
		assert_eq!(measured.import.get(), Some(WattHours(576_239 + 465_162)));
		assert_eq!(measured.export.get(), Some(WattHours(0)));
		assert_eq!(measured.power_failures, Some(9));
		let quality = measured.quality().unwrap();
		assert_eq!(quality.phases.len(), 1);
		assert_eq!(quality.phases[0].voltage_mv, 236_100);
		assert_eq!(quality.phases[0].current_ma, 1_000);
		assert_eq!(quality.phases[0].power_factor, 1_000);
	}

	#[test]
	fn the_standards_example_should_be_read_on_three_phases() {
		let checksum = CRC.checksum(STANDARD.as_bytes());
		let measured = read(format!("{STANDARD}{checksum:04X}").as_bytes()).remove(0);
		assert_eq!(measured.import.get(), Some(WattHours(246_913_578)));
		assert_eq!(measured.export.get(), Some(WattHours(246_913_578)));
		let quality = measured.quality().unwrap();
		let shown = quality
			.phases
			.iter()
			.map(|phase| (phase.voltage_mv, phase.current_ma));
		assert_eq!(
			shown.collect::<Vec<_>>(),
			[(220_100, 1_000), (220_200, 2_000), (220_300, 3_000)]
		);
		assert!(quality
			.phases
			.iter()
			.all(|phase| phase.power_factor == -1_000));
	}

	#[test]
	fn totals_and_fractions_of_an_ampere_should_be_read() {
		let lines = [
			"1-0:1.8.0(00006678.394*kWh)",
			"1-0:2.8.0(00000000.001*kWh)",
			"1-0:31.7.0(002.35*A)",
		];
		let measured = read(&telegram(&lines)).remove(0);
		assert_eq!(measured.import.get(), Some(WattHours(6_678_394)));
		assert_eq!(measured.export.get(), Some(WattHours(1)));
		assert_eq!(measured.phases[0].current_ma, Some(2_350));
	}

	#[test]
	fn a_telegram_that_was_changed_should_be_refused() {
		let good = ISKRA.trim_end().as_bytes();
		assert!(parse(good).is_some());
		for at in 0..good.len() {
			let mut bad = good.to_vec();
			bad[at] ^= 1;
			assert_eq!(parse(&bad), None, "byte {at}");
		}
		assert_eq!(
			parse(&telegram(&["1-0:32.7.0(236.1*V)"])),
			None,
			"it shows no energy"
		);
		let without_checksum = format!("{}\r\n", &ISKRA[..ISKRA.len() - 6]);
		assert_eq!(read(without_checksum.as_bytes()), []);
	}

	#[test]
	fn the_next_telegram_should_be_found_after_anything() {
		let good = ISKRA.as_bytes();
		let torn = &good[..good.len() / 2];
		let endless = b"/ABC".repeat(MAX_TELEGRAM / 4 + 100);
		for garbage in [&b"\xff\x00!1234/"[..], torn, &endless, b"/ISK5!67B1"] {
			let bytes = [garbage, good, garbage, good].concat();
			assert_eq!(read(&bytes).len(), 2);
			// One by one, as a slow line brings them.
			let (mut p1, mut found) = (P1::default(), vec![]);
			for byte in bytes {
				p1.push(&[byte], &mut found);
				assert!(p1.buffer.len() <= MAX_TELEGRAM);
			}
			assert_eq!(found.len(), 2);
		}
	}

	proptest! {
		#[test]
		fn any_bytes_should_be_survived(
			chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..8),
		) {
			let (mut p1, mut found) = (P1::default(), vec![]);
			for chunk in chunks {
				let _ = parse(&chunk);
				p1.push(&chunk, &mut found);
			}
			prop_assert!(found.is_empty());
		}

		#[test]
		fn any_objects_should_be_survived(lines in prop::collection::vec("[0-9():.*a-zA-Zµ-]{0,40}", 0..20)) {
			let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
			let _ = parse(telegram(&lines).trim_ascii_end());
		}

		#[test]
		fn energy_should_come_out_as_it_went_in(
			import in 0u64..1_000_000_000, export in 0u64..1_000_000_000, cut in 0usize..200,
		) {
			let line = |code: &str, wh: u64| format!("{code}({:06}.{:03}*kWh)", wh / 1_000, wh % 1_000);
			let lines = [line("1-0:1.8.1", import), line("1-0:2.8.1", export)];
			let good = telegram(&[&lines[0], &lines[1]]);
			let torn = &good[..cut.min(good.len() - 7)];
			let found = read(&[torn, &good].concat());
			prop_assert_eq!(found.len(), 1);
			prop_assert_eq!(found[0].import.get(), Some(WattHours(import)));
			prop_assert_eq!(found[0].export.get(), Some(WattHours(export)));
		}
	}
}
