//! Smart Message Language (IEC 62056-5-3-8): what German meters send by their optical port.

use sml_rs::{
	parser::{
		common::{ListEntry, Value},
		streaming::{ParseEvent, Parser},
	},
	transport::Decoder,
	util::ArrayBuf,
};

use super::{
	decimal::Decimal,
	measurement::Measurement,
	obis::{self, Obis, Unit},
	Framing,
};

/// Longest transmission; those of meters have some hundred bytes.
pub const MAX_TRANSMISSION: usize = 8 * 1_024;

/// Finds transmissions in a stream of bytes. What is damaged is skipped up to the next start sequence.
#[derive(Default)]
pub struct Sml {
	decoder: Box<Decoder<ArrayBuf<MAX_TRANSMISSION>>>,
}

impl Framing for Sml {
	fn push(&mut self, bytes: &[u8], found: &mut Vec<Measurement>) {
		for byte in bytes {
			// The decoder checks the checksum, and after an error looks for the next start by itself.
			if let Ok(Some(transmission)) = self.decoder.push_byte(*byte) {
				found.extend(parse(transmission));
			}
		}
	}
}

/// Reads the messages of one transmission, without its transport. `None` if any of them is damaged, or if
/// they show no energy.
pub fn parse(transmission: &[u8]) -> Option<Measurement> {
	if has_endless_list(transmission) {
		return None;
	}
	let mut measured = Measurement::default();
	for event in Parser::new(transmission) {
		if let ParseEvent::ListEntry(entry) = event.ok()? {
			note(&mut measured, &entry);
		}
	}
	measured.shows_energy().then_some(measured)
}

/// Whether a list may claim 2³² − 2 entries or one more, in the eight nibbles of its length: the parser counts
/// two further parts, and in a build without overflow checks would then take what follows unchecked.
fn has_endless_list(transmission: &[u8]) -> bool {
	transmission
		.windows(8)
		.any(|length| matches!(length, [0x8f | 0xff, more @ .., 0x0e | 0x0f] if more == [0x8f; 6]))
}

fn note(measured: &mut Measurement, entry: &ListEntry<'_>) {
	let digits = match entry.value {
		Value::I8(value) => value.into(),
		Value::I16(value) => value.into(),
		Value::I32(value) => value.into(),
		Value::I64(value) => i128::from(value),
		Value::U8(value) => value.into(),
		Value::U16(value) => value.into(),
		Value::U32(value) => value.into(),
		Value::U64(value) => value.into(),
		Value::Bool(_) | Value::Bytes(_) | Value::List(_) => return,
	};
	let value = Decimal::new(digits, entry.scaler.unwrap_or(0).into());
	if let (Some(code), Some(unit)) = (
		Obis::from_bytes(entry.obj_name),
		Unit::from_dlms(entry.unit),
	) {
		obis::note(measured, code, value, unit);
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use gridweave_primitives::WattHours;
	use proptest::prelude::*;

	// Recorded from real meters, as published in github.com/devZer0/libsml-testing.

	/// EMH mME40: one direction, a status word, scaler −1.
	const EMH: &str = "\
		1B1B1B1B0101010176050017D2B96200620072630101760107FFFFFFFFFFFF050007F0E90B0A01454D480000A1BD34\
		72620165001E9BD26201637CAC0076050017D2BA62006200726307017707FFFFFFFFFFFF0B0A01454D480000A1BD34\
		070100620AFFFF72620165001E9BD27777070100603201010101010104454D480177070100600100FF010101010B0A\
		01454D480000A1BD340177070100010800FF641C010472620165001E9BD2621E52FF6900000000004171C401770701\
		00240700FF0172620165001E9BD2621B520055000009310177070100380700FF0172620165001E9BD2621B52005500\
		00004101770701004C0700FF0172620165001E9BD2621B520055000000CD0177070100100700FF0172620165001E9B\
		D2621B52005500000A3F01010163FEE80076050017D2BB620062007263020171016386F700001B1B1B1B1A01B10A";

	/// Holley DTZ541-ZDBA: tariffs, both directions, three phases, frequency.
	const HOLLEY: &str = "\
		1B1B1B1B0101010176040000016200620072650000010176010107000000148E030B0A01484C59020003A910010163\
		FBEF0076040000026200620072650000070177010B0A01484C59020003A9100101F105770701006032010101010101\
		04484C590177070100600100FF010101010B0A01484C59020003A9100177070100010801FF65001C01046500148E03\
		621E52FF62000177070100010802FF65001C01046500148E03621E52FF65001B10210177070100020800FF65001C01\
		046500148E03621E52FF6500300DCC0177070100100700FF0101621B52005301CC0177070100200700FF0101622352\
		FF6309130177070100340700FF0101622352FF6309150177070100480700FF0101622352FF63091501770701001F07\
		00FF0101622152FE626A0177070100330700FF0101622152FE62AE0177070100470700FF0101622152FE625B017707\
		0100510701FF01016208520062780177070100510702FF01016208520062F00177070100510704FF01016208520063\
		012A017707010051070FFF010162085200630138017707010051071AFF01016208520063012001770701000E0700FF\
		0101622C52FF6301F40177070100000200000101010109312E30322E3030370177070100605A020101010101054130\
		31410177070100600500FF0101010165001C010401010163DBE700760400000362006200726500000201710163E823\
		0000001B1B1B1B1A027159";

	fn bytes(hex: &str) -> Vec<u8> {
		hex::decode(hex).unwrap()
	}

	fn read(bytes: &[u8]) -> Vec<Measurement> {
		let mut found = vec![];
		Sml::default().push(bytes, &mut found);
		found
	}

	#[test]
	fn a_real_transmission_should_be_read_exactly() {
		let [measured] = &read(&bytes(EMH))[..] else {
			panic!("one transmission")
		};
		// 4 288 964 × 10⁻¹ Wh.
		assert_eq!(measured.import.get(), Some(WattHours(428_896)));
		assert_eq!(measured.export.get(), None);
		assert_eq!(measured.quality(), None);
	}

	#[test]
	fn tariffs_phases_and_frequency_should_be_read() {
		let [measured] = &read(&bytes(HOLLEY))[..] else {
			panic!("one transmission")
		};
		assert_eq!(measured.import.get(), Some(WattHours(177_360)));
		assert_eq!(measured.export.get(), Some(WattHours(314_926)));
		let quality = measured.quality().unwrap();
		assert_eq!(quality.frequency_mhz, 50_000);
		let shown = quality
			.phases
			.iter()
			.map(|phase| (phase.voltage_mv, phase.current_ma));
		assert_eq!(
			shown.collect::<Vec<_>>(),
			[(232_300, 1_060), (232_500, 1_740), (232_500, 910)]
		);
	}

	#[test]
	fn a_transmission_that_was_changed_should_be_refused() {
		let good = bytes(HOLLEY);
		for at in 8..good.len() {
			let mut bad = good.clone();
			bad[at] ^= 1;
			assert_eq!(read(&bad), [], "byte {at}");
		}
	}

	#[test]
	fn a_list_of_more_entries_than_can_be_counted_should_be_refused() {
		// The beginning of Holley's list, and its number of entries, after which all was taken for a new message.
		let head = "7604000002620062007265000007017701\
			0B0A01484C59020003A9100101";
		for entries in ["FF8F8F8F8F8F8F0E", "FF8F8F8F8F8F8F0F", "F08F8F8F8F8F8F8F0E"] {
			let good = bytes(EMH);
			let messages = [&bytes(head), &bytes(entries), &good[8..good.len() - 8]].concat();
			assert_eq!(parse(&messages), None, "{entries}");
		}
	}

	#[test]
	fn the_next_transmission_should_be_found_after_anything() {
		let good = bytes(EMH);
		let endless = [
			&bytes("1B1B1B1B01010101")[..],
			&[0x76; 2 * MAX_TRANSMISSION],
		]
		.concat();
		for garbage in [&b"\x1b\x1b\x1b/ISK5"[..], &good[..good.len() / 2], &endless] {
			let bytes = [garbage, &good, garbage, &good].concat();
			assert_eq!(read(&bytes).len(), 2);
		}
	}

	proptest! {
		#[test]
		fn any_bytes_should_be_survived(
			chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..8),
		) {
			let (mut sml, mut found) = (Sml::default(), vec![]);
			for chunk in chunks {
				let _ = parse(&chunk);
				sml.push(&chunk, &mut found);
			}
			prop_assert!(found.is_empty());
		}

		#[test]
		fn a_damaged_message_should_be_survived(at in 8usize..520, value: u8, cut in 0usize..520) {
			// Behind the transport's checksum, where the parser meets it.
			let good = bytes(HOLLEY);
			let mut inner = good[8..good.len() - 8].to_vec();
			let at = at % inner.len();
			inner[at] = value;
			let _ = parse(&inner);
			inner.truncate(cut);
			let _ = parse(&inner);
		}
	}
}
