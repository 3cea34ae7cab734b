//! Demand response of the fleet: the operator's programme, its events, and the members that take part.

use std::sync::Arc;

use anyhow::{Context, Result};
use futures::{stream, TryStreamExt};
use gridweave_primitives::{Period, PeriodClock};
use subxt::ext::scale_decode::DecodeAsType;
use tracing::{info, warn};

use super::{
	chain::{Account, Chain},
	enrol::MICROGRID,
	grid::Grid,
	live::sleep_until,
	participant::Participant,
};

/// The event that tells a programme's id, and the field that is read of it.
pub const OPENED: (&str, &str, &[&str]) = ("DemandResponse", "ProgrammeOpened", &["programme"]);

/// How many periods an event lasts.
const LENGTH: u32 = 2;
/// How many periods lie between announcement and start.
const AHEAD: u32 = 2;
/// Most events that may start on a day.
const PER_DAY: u32 = 8;
/// Least periods between the starts of events: so many events fit into a day of 96.
pub const LEAST_BETWEEN: u32 = 96 / PER_DAY;
/// What an event is to bring, in Wh.
const TARGET: u64 = 10_000;
/// The programme's budget, in planck: what is shown is that load follows commands, not what it is worth.
const BUDGET: u128 = 1;
/// Transactions on their way at a time.
const IN_FLIGHT: usize = 64;

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Opened {
	programme: u32,
}

/// Terms as the chain encodes them: less load for the time of an event, and devices are told to take nothing. No
/// change is large enough to be paid.
fn terms() -> impl codec::Encode {
	let (reduce, limit_import) = (0u8, 0u8);
	let (like_days, ten_of_ten, no_adjustment) = (0u8, 0u8, 0u32);
	let prices = (1u64, 0u64, 0u64);
	let (least_days, dead_band, rebound, notice) = (10u32, 1_000_000u32, 0u32, 0u32);
	(
		(reduce, prices),
		(like_days, ten_of_ten, no_adjustment),
		(least_days, dead_band, rebound, notice, PER_DAY),
		Some((limit_import, 0u32)),
	)
}

/// Opens a programme in the operator's name, and lets all members take part whose storage or load can wait;
/// returns its id and how many they are.
pub async fn open(
	chain: &Chain,
	operator: &mut Account,
	grid: &Grid,
	participants: &mut [Participant],
) -> Result<(u32, usize)> {
	let call = chain.call(
		"DemandResponse",
		"open_programme",
		&(MICROGRID, terms(), BUDGET),
	)?;
	let events = chain.run(operator, &call).await?;
	let mut programme = None;
	for event in events.iter() {
		let event = event?;
		if (event.pallet_name(), event.event_name()) == (OPENED.0, OPENED.1) {
			programme = Some(event.decode_fields_unchecked_as::<Opened>()?.programme);
		}
	}
	let programme = programme.context("the chain tells no programme")?;
	let can_wait = |place: usize| {
		let member = &grid.members[place];
		member.storage.is_some() || member.loads.iter().any(|unit| unit.flexible)
	};
	let members: Vec<_> = (participants.iter_mut().enumerate())
		.filter(|(place, _)| can_wait(*place))
		.map(|(_, participant)| participant)
		.collect();
	let count = members.len();
	stream::iter(members.into_iter().map(Ok))
		.try_for_each_concurrent(IN_FLIGHT, |participant| async move {
			let args = (programme, participant.device.meter());
			let call = chain.call("DemandResponse", "enrol", &args)?;
			let enrolled = chain.run(&mut participant.account, &call).await;
			enrolled
				.map(drop)
				.with_context(|| format!("{} cannot take part", participant.node))
		})
		.await?;
	Ok((programme, count))
}

/// Announces an event every so many periods from `first` on, for ever.
pub async fn announce(
	chain: Arc<Chain>,
	mut operator: Account,
	programme: u32,
	clock: PeriodClock,
	first: Period,
	every: u32,
) {
	let mut at = first;
	loop {
		sleep_until(clock.start_of(at)).await;
		let start = at.saturating_add(AHEAD);
		let args = (programme, start, LENGTH, TARGET);
		let announced = async {
			let call = chain.call("DemandResponse", "announce_event", &args)?;
			chain.run(&mut operator, &call).await
		};
		match announced.await {
			Ok(_) => info!("an event of {LENGTH} periods begins with period {start}"),
			Err(error) => warn!("no event is announced: {error:#}"),
		}
		at = at.saturating_add(every);
	}
}
