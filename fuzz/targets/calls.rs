//! Calls of the whole runtime, in any order, from anybody, between blocks: see `runtime/tests/playing`, which
//! an ordinary test drives as well.

#![no_main]

#[path = "../../runtime/tests/common/mod.rs"]
mod common;
#[path = "../../runtime/tests/playing/mod.rs"]
mod playing;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use playing::{play, Start, Tally};

/// Every input begins with the same chain.
static START: LazyLock<Start> = LazyLock::new(Start::new);

fuzz_target!(|bytes: &[u8]| {
	let mut tally = Tally::default();
	play(&START, bytes, &mut tally);
	assert!(tally.too_heavy.is_empty(), "{:?}", tally.too_heavy);
});
