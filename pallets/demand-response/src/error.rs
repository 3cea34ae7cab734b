//! Why calls are refused.

use frame_support::pallet_macros::pallet_section;

/// A part of the pallet.
#[pallet_section]
mod error {
	/// Why a call failed.
	#[pallet::error]
	pub enum Error<T> {
		/// There is no such microgrid. Use the id of an existing one.
		UnknownMicrogrid,
		/// There is no such programme: it never was, or is closed. Use the id that `ProgrammeOpened` told.
		UnknownProgramme,
		/// There is no such event, or its reports are pruned. Use the id that `EventAnnounced` told.
		UnknownEvent,
		/// There is no such resource in this programme. Use the id that `MeterEnrolled` or `GroupCreated` told.
		UnknownResource,
		/// There is no such meter in a state to take part: it must be admitted, not retired, and not a feeder.
		UnknownMeter,
		/// Only the operator of the microgrid, who opened the programme, may do this.
		NotOperator,
		/// Only the owner of the meter may do this. Sign with the owner's account.
		NotMeterOwner,
		/// Only the owner of the resource may do this. Sign with the account that is paid.
		NotResourceOwner,
		/// Only the owner of the meter, of its group, or the operator may do this.
		NotAllowed,
		/// A price is zero where it must not be, or too high. Prices are below 2⁴⁰ millionths per kWh.
		PriceOutOfBounds,
		/// A number of days, periods or events is out of its bounds. See the documentation of the terms.
		NumberOutOfBounds,
		/// The same-day adjustment may change a baseline by 20 % at most, and by no more than the dead band covers.
		/// Give less, or a wider dead band.
		AdjustmentTooLarge,
		/// Who is measured by command must be told one. Name the command.
		CommandMissing,
		/// The chain's day has more periods than a history can keep.
		DayTooLong,
		/// The account cannot hold what must be held. Have more free balance.
		CannotHold,
		/// Less is free of the budget: the rest is set aside for events. Withdraw less, or later.
		BudgetNotFree,
		/// Nothing is free of the budget. Fund the programme.
		BudgetExhausted,
		/// The programme is closing: nothing begins in it any more.
		ProgrammeClosing,
		/// The programme has events that are not measured yet. Wait, or call them off.
		EventsOpen,
		/// The meter takes part in the programme already. Leave first.
		AlreadyEnrolled,
		/// The meter takes part in as many programmes as it may. Leave one.
		TooManyEnrolments,
		/// The meter belongs to another community than the programme. Choose one of its own.
		OtherMicrogrid,
		/// The meter does not take part in the programme.
		NotEnrolled,
		/// This is a single meter, not a group.
		NotAGroup,
		/// The meter is not invited. Ask the group's owner.
		NotInvited,
		/// The group has invited as many as it may at once. Wait until some have joined.
		TooManyInvited,
		/// The group has members. They must leave first.
		GroupNotEmpty,
		/// An event has started and is not measured yet: nobody leaves until it is.
		EventUnderWay,
		/// The resource is committed to an event. Take the commitment back before it starts, or wait.
		Committed,
		/// The event would start too early: notice must be given, and the period must not have begun. Start later.
		NoticeTooShort,
		/// The event lies too far ahead. Announce it later.
		TooFarAhead,
		/// The event would last no period, or too many.
		DurationOutOfBounds,
		/// The target is zero or too high.
		TargetOutOfBounds,
		/// As many events start on that day as may.
		TooManyEventsThatDay,
		/// As many events are announced and not measured yet as may be. Wait for one to be measured.
		TooManyEvents,
		/// The event would overlap another one of the programme.
		EventsOverlap,
		/// The event has started. It can be ended, not called off.
		EventStarted,
		/// The event does not run, or ends with this period anyway.
		NothingToEnd,
		/// The programme takes no commitments.
		NoCommitments,
		/// The resource has no meters to commit.
		NothingToCommit,
		/// A command's time is over, ends before it begins, or is longer than two days.
		ValidityOutOfBounds,
		/// A trigger must name the feeder of the programme's community.
		NotAFeeder,
		/// Too much waits to be done. Try again in the next block.
		Busy,
		/// The device has yet to acknowledge the command of an event, or is about to be told it. Wait, or call the event
		/// off.
		CommandOfEvent,
	}
}
