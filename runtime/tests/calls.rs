//! Calls in any order, with any arguments, from anybody. `scripts/fuzz calls` looks for more.

mod common;
mod playing;

use std::collections::BTreeSet;

use frame_support::traits::GetCallMetadata;
use gridweave_runtime::RuntimeCall;
use playing::{play, Name, Start, Tally, NEVER};

/// How many sequences are played, and how long they are.
const SEQUENCES: u64 = 1_500;
const LENGTH: usize = 200;

/// Says which sequence it was when one panics.
struct Sequence(u64);

impl Drop for Sequence {
	fn drop(&mut self) {
		if std::thread::panicking() {
			eprintln!("it was sequence {}", self.0);
		}
	}
}

/// Pseudo-random bytes (SplitMix64).
fn bytes(seed: u64) -> Vec<u8> {
	let mut state = seed.wrapping_mul(0x2545_f491_4f6c_dd1d);
	let mut next = || {
		state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
		let mut mixed = state;
		mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
		mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
		(mixed ^ (mixed >> 31)).to_le_bytes()
	};
	(0..LENGTH / 8).flat_map(|_| next()).collect()
}

/// All calls of the runtime.
fn all() -> BTreeSet<Name> {
	let pallets = RuntimeCall::get_module_names().iter();
	pallets
		.flat_map(|pallet| {
			let calls = RuntimeCall::get_call_names(pallet).iter();
			calls.map(move |call| (*pallet, *call))
		})
		.collect()
}

#[test]
fn no_sequence_of_calls_should_panic_or_break_an_invariant() {
	let start = Start::new();
	let mut tally = Tally::default();
	for seed in 0..SEQUENCES {
		let _sequence = Sequence(seed);
		play(&start, &bytes(seed), &mut tally);
	}
	let excluded: BTreeSet<Name> = NEVER
		.iter()
		.map(|(pallet, call, _)| (*pallet, *call))
		.collect();
	let all = all();
	assert!(
		excluded.is_subset(&all),
		"calls that are not there are never made"
	);
	let expected: BTreeSet<Name> = all.difference(&excluded).copied().collect();
	let missed: Vec<_> = expected.difference(&tally.made).collect();
	let failed: Vec<_> = expected.difference(&tally.succeeded).collect();
	eprintln!(
		"{} calls, {} good; {} of {} succeeded; never: {failed:?}",
		tally.calls,
		tally.good,
		tally.succeeded.len(),
		expected.len()
	);
	assert!(tally.too_heavy.is_empty(), "{:?}", tally.too_heavy);
	assert!(missed.is_empty(), "nobody made {missed:?}");
	// What needs a signature, a proof or a partner succeeds by chance alone.
	assert!(
		tally.succeeded.len() * 2 > expected.len(),
		"most calls fail: {failed:?}"
	);
	assert!(tally.good * 10 > tally.calls, "most calls fail");
}
