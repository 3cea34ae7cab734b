//! Weights of calls and steps. A runtime uses what its own benchmark run generated; those for `()` serve mocks only.

use frame_support::weights::Weight;

/// Weights of calls and steps.
pub trait WeightInfo {
	/// The call `open_programme`.
	fn open_programme() -> Weight;
	/// The call `fund_programme`.
	fn fund_programme() -> Weight;
	/// The call `withdraw_budget`.
	fn withdraw_budget() -> Weight;
	/// The call `set_trigger`.
	fn set_trigger() -> Weight;
	/// The call `close_programme`.
	fn close_programme() -> Weight;
	/// The call `enrol`, of a meter that was in no programme, while commands are out.
	fn enrol() -> Weight;
	/// The call `create_group`.
	fn create_group() -> Weight;
	/// The call `invite`.
	fn invite() -> Weight;
	/// The call `join_group`, as `enrol`.
	fn join_group() -> Weight;
	/// The call `leave`, from the last programme, with a full history and answers to open events.
	fn leave() -> Weight;
	/// The call `dissolve_group`.
	fn dissolve_group() -> Weight;
	/// The call `announce_event`, with most other events open.
	fn announce_event() -> Weight;
	/// The call `cancel_event`, with its command out.
	fn cancel_event() -> Weight;
	/// The call `end_event`.
	fn end_event() -> Weight;
	/// The call `respond`, which takes back a pledge, opts out and has the device released; or the other way round.
	fn respond() -> Weight;
	/// The call `send_command`.
	fn send_command() -> Weight;
	/// A reading on each of `g` pages that acknowledges a command of an event.
	fn acknowledge_pages(g: u32) -> Weight;
	/// The same with `r` readings of one page.
	fn acknowledge_readings(r: u32) -> Weight;
	/// A poll that finds nothing to do.
	fn poll() -> Weight;
	/// An entry of the timetable: commands begin to be sent.
	fn timetable() -> Weight;
	/// A trigger looked at: it announces an event.
	fn evaluate_trigger() -> Weight;
	/// A command put for a meter.
	fn issue_command() -> Weight;
	/// A community looked at for a period to record.
	fn record_look() -> Weight;
	/// A period of a page of 32 meters recorded; or the end of a period.
	fn record_page() -> Weight;
	/// A meter measured: all like days are looked at, on both sides of midnight, with a window and a rebound; `d` of
	/// them are not at hand.
	fn measure_meter(d: u32) -> Weight;
	/// A resource concluded that missed what it committed.
	fn conclude() -> Weight;
	/// A resource paid; or the end of an event.
	fn pay_resource() -> Weight;
	/// An answer removed that was a commitment.
	fn sweep_answer() -> Weight;
	/// A report removed.
	fn prune_report() -> Weight;
	/// A member of a closing programme removed, with a full history.
	fn close_member() -> Weight;
	/// A group of a closing programme removed, or the programme.
	fn close_group() -> Weight;
}

impl WeightInfo for () {
	fn open_programme() -> Weight {
		Weight::from_parts(200_000_000, 8_000)
	}
	fn fund_programme() -> Weight {
		Weight::from_parts(50_000_000, 8_000)
	}
	fn withdraw_budget() -> Weight {
		Weight::from_parts(50_000_000, 8_000)
	}
	fn set_trigger() -> Weight {
		Weight::from_parts(30_000_000, 8_000)
	}
	fn close_programme() -> Weight {
		Weight::from_parts(150_000_000, 8_000)
	}
	fn enrol() -> Weight {
		Weight::from_parts(600_000_000, 8_000)
	}
	fn create_group() -> Weight {
		Weight::from_parts(200_000_000, 8_000)
	}
	fn invite() -> Weight {
		Weight::from_parts(30_000_000, 8_000)
	}
	fn join_group() -> Weight {
		Weight::from_parts(600_000_000, 8_000)
	}
	fn leave() -> Weight {
		Weight::from_parts(4_000_000_000, 8_000)
	}
	fn dissolve_group() -> Weight {
		Weight::from_parts(250_000_000, 8_000)
	}
	fn announce_event() -> Weight {
		Weight::from_parts(300_000_000, 8_000)
	}
	fn cancel_event() -> Weight {
		Weight::from_parts(300_000_000, 8_000)
	}
	fn end_event() -> Weight {
		Weight::from_parts(300_000_000, 8_000)
	}
	fn respond() -> Weight {
		Weight::from_parts(400_000_000, 8_000)
	}
	fn send_command() -> Weight {
		Weight::from_parts(150_000_000, 8_000)
	}
	fn acknowledge_pages(g: u32) -> Weight {
		Weight::from_parts(60_000_000, 4_000).saturating_mul(g.into())
	}
	fn acknowledge_readings(r: u32) -> Weight {
		Weight::from_parts(1_000_000, 0).saturating_mul(r.into())
	}
	fn poll() -> Weight {
		Weight::from_parts(20_000_000, 8_000)
	}
	fn timetable() -> Weight {
		Weight::from_parts(150_000_000, 8_000)
	}
	fn evaluate_trigger() -> Weight {
		Weight::from_parts(500_000_000, 8_000)
	}
	fn issue_command() -> Weight {
		Weight::from_parts(100_000_000, 8_000)
	}
	fn record_look() -> Weight {
		Weight::from_parts(20_000_000, 8_000)
	}
	fn record_page() -> Weight {
		Weight::from_parts(600_000_000, 8_000)
	}
	fn measure_meter(d: u32) -> Weight {
		let day = Weight::from_parts(40_000_000, 0).saturating_mul(d.into());
		Weight::from_parts(500_000_000, 8_000).saturating_add(day)
	}
	fn conclude() -> Weight {
		Weight::from_parts(500_000_000, 8_000)
	}
	fn pay_resource() -> Weight {
		Weight::from_parts(400_000_000, 8_000)
	}
	fn sweep_answer() -> Weight {
		Weight::from_parts(400_000_000, 8_000)
	}
	fn prune_report() -> Weight {
		Weight::from_parts(15_000_000, 8_000)
	}
	fn close_member() -> Weight {
		Weight::from_parts(4_000_000_000, 8_000)
	}
	fn close_group() -> Weight {
		Weight::from_parts(300_000_000, 8_000)
	}
}
