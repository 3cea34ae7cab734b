//! DSMR P1: whatever a customer port says, in whatever pieces it comes.

#![no_main]

use crc::{Crc, CRC_16_ARC};
use gridweave_gateway::inlets::{measurement::Measurement, p1, Framing};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
	let found = read(bytes.chunks(bytes.len().max(1)));
	let piece = bytes.first().map_or(1, |byte| usize::from(*byte).max(1));
	assert_eq!(found, read(bytes.chunks(piece)));
	let _ = p1::parse(bytes);

	// The same with the checksum that it deserves: behind it is the parser.
	let mut telegram = b"/ABC5".to_vec();
	telegram.extend(bytes.iter().filter(|byte| **byte != b'!'));
	telegram.push(b'!');
	let checksum = Crc::<u16>::new(&CRC_16_ARC).checksum(&telegram);
	telegram.extend(format!("{checksum:04X}").bytes());
	let parsed = p1::parse(&telegram);
	if let Some(measured) = &parsed {
		assert!(measured.shows_energy());
		let _ = measured.quality();
	}
	if telegram.len() <= p1::MAX_TELEGRAM {
		let found = read([&telegram[..]].into_iter());
		assert_eq!(found, Vec::from_iter(parsed));
	}
});

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Measurement> {
	let (mut framing, mut found) = (p1::P1::default(), vec![]);
	for piece in pieces {
		framing.push(piece, &mut found);
	}
	found
}
