//! Fetches from all gateways, page by page.
//!
//! The first pages of all are on their way together: one that does not answer costs the others no more
//! than [`FIRST_MS`]. Then each has its share of the time that is left, and while a page is looked at the
//! next one is on its way.

use alloc::vec::Vec;

use sp_core::offchain::Duration;

use super::{
	fetch::{self, Answer, FetchError},
	select::Selection,
	state::{GatewayState, Tally},
	Run, FIRST_MS, LOOK_MS, MAX_PAGES,
};
use crate::{freshness::count, Config};

/// What a gateway may use of a run.
struct Share {
	/// Most signatures to check.
	room: u32,
	/// Among how many gateways the time is still to be divided.
	left: u32,
}

/// Looks at what all gateways have that are not left alone. `room` signatures may be checked.
pub fn all<T: Config>(
	run: &Run,
	gateways: &mut [GatewayState],
	selection: &mut Selection<'_, T>,
	room: u32,
	tally: &mut Tally,
) {
	let mut awake: Vec<&mut GatewayState> = gateways
		.iter_mut()
		.filter(|gateway| !gateway.rests(run.block))
		.collect();
	// Another one is first every time: time and room may run out.
	let first = run.block.checked_rem(awake.len() as u64).unwrap_or(0);
	awake.rotate_left(usize::try_from(first).unwrap_or(0));

	let deadline = run.after(FIRST_MS);
	let asked = awake.iter_mut().map(|gateway| {
		gateway.sweep_if_due(run.block);
		fetch::ask(&gateway.url, gateway.epoch, gateway.cursor, deadline)
	});
	let answers = fetch::answers(asked.collect(), deadline);
	let mut left = count(awake.len());
	for (gateway, first) in awake.into_iter().zip(answers) {
		let room = room.saturating_sub(selection.taken()).div_ceil(left.max(1));
		one(run, gateway, first, selection, Share { room, left }, tally);
		left = left.saturating_sub(1);
	}
}

/// Looks at what one gateway has.
fn one<T: Config>(
	run: &Run,
	gateway: &mut GatewayState,
	first: Result<Answer, FetchError>,
	selection: &mut Selection<'_, T>,
	share: Share,
	tally: &mut Tally,
) {
	let now = sp_io::offchain::timestamp();
	let left = run.after(LOOK_MS).diff(&now).millis();
	let part = left.checked_div(share.left.into()).unwrap_or(0);
	if part == 0 && first.is_ok() {
		// The run is late, and the gateway is not to blame.
		return;
	}
	let deadline = now.add(Duration::from_millis(part));

	let mut window = selection.window(share.room, deadline);
	let mut settled = gateway.cursor;
	let mut pages = 0;
	let mut page = first.and_then(|answer| answer.page(deadline));
	let failure = loop {
		let found = match page {
			Ok(found) => found,
			// One that has answered once is not slow: its share of the time is over.
			Err(FetchError::Slow) if pages > 0 => break None,
			Err(error) => break Some(error),
		};
		pages += 1;
		if gateway.epoch != Some(found.epoch) {
			// Another store: its offsets have nothing to do with those before.
			gateway.begin(found.epoch);
			window.restart();
			settled = 0;
		}
		let full = found.readings.len() >= fetch::PAGE_READINGS;
		let last = found.readings.last().map(|(offset, _)| *offset);
		let on =
			last.filter(|_| full && pages < MAX_PAGES && sp_io::offchain::timestamp() < deadline);
		let next = on.map(|last| fetch::ask(&gateway.url, gateway.epoch, last, deadline));

		if let Some(last) = last {
			gateway.mark(run.block, last);
			settled = last;
		}
		for (offset, signed) in found.readings {
			window.look(offset, gateway.age(offset, run.block), signed, tally);
		}
		if !full {
			gateway.reach(run.block, settled);
		}
		match next {
			Some(asked) if window.has_room() => page = asked.and_then(|asked| asked.page(deadline)),
			_ => break None,
		}
	};
	if pages > 0 {
		let (waiting, first) = (window.waiting(), window.first_waiting());
		gateway.advance(run.block, settled, waiting, first);
	}
	match failure {
		Some(error) => gateway.fail(run.block, error),
		None => gateway.succeed(run.block),
	}
}
