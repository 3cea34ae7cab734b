//! What the pallet tells.

use frame_support::pallet_macros::pallet_section;

/// A part of the pallet.
#[pallet_section]
mod event {
	/// What happened.
	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A programme was opened: meters of its community may enrol.
		ProgrammeOpened {
			/// Which.
			programme: ProgrammeId,
			/// The community.
			microgrid: MicrogridId,
			/// Who pays.
			operator: T::AccountId,
			/// Its terms.
			terms: ProgrammeTerms,
		},
		/// A programme's free budget changed.
		BudgetChanged {
			/// Which.
			programme: ProgrammeId,
			/// What is held for it and not set aside for an event, in planck.
			free: Balance,
		},
		/// A programme's trigger was set, or removed.
		TriggerSet {
			/// Which.
			programme: ProgrammeId,
			/// The trigger.
			trigger: Option<Trigger>,
		},
		/// A trigger's condition held, and no event could be announced.
		TriggerFailed {
			/// Which programme's.
			programme: ProgrammeId,
			/// Why not.
			error: DispatchError,
		},
		/// A programme closes: its members are freed.
		ProgrammeClosing {
			/// Which.
			programme: ProgrammeId,
		},
		/// A programme is closed: everything held for it is free.
		ProgrammeClosed {
			/// Which.
			programme: ProgrammeId,
		},
		/// A group was made.
		GroupCreated {
			/// Of which programme.
			programme: ProgrammeId,
			/// Its id.
			resource: ResourceId,
			/// Who is paid.
			owner: T::AccountId,
		},
		/// A meter was invited into a group.
		MeterInvited {
			/// Which group.
			resource: ResourceId,
			/// Which meter.
			meter: MeterId,
		},
		/// An invitation into a group was taken back.
		InvitationWithdrawn {
			/// Which group.
			resource: ResourceId,
			/// Which meter.
			meter: MeterId,
		},
		/// A group was dissolved.
		GroupDissolved {
			/// Which.
			resource: ResourceId,
		},
		/// A meter takes part in a programme.
		MeterEnrolled {
			/// Which programme.
			programme: ProgrammeId,
			/// The resource it is, or the group it belongs to.
			resource: ResourceId,
			/// Which meter.
			meter: MeterId,
		},
		/// A meter takes part no more.
		MeterLeft {
			/// In which programme.
			programme: ProgrammeId,
			/// The resource it was, or the group it belonged to.
			resource: ResourceId,
			/// Which meter.
			meter: MeterId,
		},
		/// An event was announced. Who does not want to take part opts out before it starts.
		EventAnnounced {
			/// Its id.
			event: EventId,
			/// The programme.
			programme: ProgrammeId,
			/// Its first period.
			start: Period,
			/// The period after its last.
			end: Period,
			/// What it is to bring at most.
			target: WattHours,
			/// What is set aside for it, in planck.
			budget: Balance,
			/// Whether the programme's trigger announced it.
			automatic: bool,
		},
		/// An event was called off before it started.
		EventCancelled {
			/// Which.
			event: EventId,
		},
		/// An event ends early.
		EventShortened {
			/// Which.
			event: EventId,
			/// The period after its last.
			end: Period,
		},
		/// A resource answered to an event.
		Responded {
			/// Which event.
			event: EventId,
			/// Which resource.
			resource: ResourceId,
			/// Its answer.
			response: Response,
		},
		/// A meter was measured.
		MeterMeasured {
			/// In which event.
			event: EventId,
			/// Which meter.
			meter: MeterId,
			/// What it would have taken, net, in Wh.
			baseline: i64,
			/// What it took, net, in Wh.
			measured: i64,
		},
		/// A meter counts with nothing, or in a group with the worst it could have done.
		MeterExcluded {
			/// In which event.
			event: EventId,
			/// Which meter.
			meter: MeterId,
			/// Why.
			reason: Excluded,
		},
		/// A resource was measured. What it is paid follows.
		ResourceMeasured {
			/// In which event.
			event: EventId,
			/// Which resource.
			resource: ResourceId,
			/// What it did.
			report: Report<T::AccountId>,
		},
		/// A reward was paid.
		RewardPaid {
			/// For which event.
			event: EventId,
			/// Which resource.
			resource: ResourceId,
			/// To whom.
			who: T::AccountId,
			/// How much, in planck.
			amount: Balance,
		},
		/// A penalty was taken for what was committed and not delivered. It is the community fund's.
		PenaltyTaken {
			/// For which event.
			event: EventId,
			/// Which resource.
			resource: ResourceId,
			/// Of whom.
			who: T::AccountId,
			/// How much, in planck.
			amount: Balance,
		},
		/// An event is measured and paid.
		EventSettled {
			/// Which.
			event: EventId,
			/// What was delivered.
			delivered: WattHours,
			/// What was claimed, in planck.
			claims: Balance,
			/// What was paid, in planck.
			paid: Balance,
		},
		/// The reports of an event were removed.
		ReportsPruned {
			/// Which.
			event: EventId,
		},
		/// The command of an event goes out to the devices of those who take part.
		CommandsIssued {
			/// Which event.
			event: EventId,
			/// To one resource alone, if not to all.
			only: Option<ResourceId>,
			/// The command.
			command: Command,
		},
		/// A device is to be told a command.
		CommandSent {
			/// Which meter's.
			meter: MeterId,
			/// The command.
			command: Command,
		},
		/// A device acknowledged a command.
		CommandAcknowledged {
			/// Which meter's.
			meter: MeterId,
			/// The nonce of the command.
			nonce: u32,
		},
	}
}
