//! SML: whatever an optical port says, in whatever pieces it comes.

#![no_main]

use gridweave_gateway::inlets::{measurement::Measurement, sml, Framing};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
	let found = read(bytes.chunks(bytes.len().max(1)));
	let piece = bytes.first().map_or(1, |byte| usize::from(*byte).max(1));
	assert_eq!(found, read(bytes.chunks(piece)));

	// Behind the transport's checksum is the parser.
	let parsed = sml::parse(bytes);
	if let Some(measured) = &parsed {
		assert!(measured.shows_energy());
		let _ = measured.quality();
	}
	if bytes.len() <= sml::MAX_TRANSMISSION / 2 {
		let transmission: Vec<u8> = sml_rs::transport::encode_streaming(bytes).collect();
		assert_eq!(
			read([&transmission[..]].into_iter()),
			Vec::from_iter(parsed)
		);
	}
});

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Measurement> {
	let (mut framing, mut found) = (sml::Sml::default(), vec![]);
	for piece in pieces {
		framing.push(piece, &mut found);
	}
	found
}
