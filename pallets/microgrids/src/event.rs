//! What the pallet tells.

use frame_support::pallet_macros::pallet_section;

/// A part of the pallet.
#[pallet_section]
mod event {
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A microgrid was created. Its first period opens in the next block.
		MicrogridCreated {
			/// The new microgrid.
			microgrid: MicrogridId,
			/// Who operates it.
			operator: T::AccountId,
			/// What the operator deposited.
			deposit: Balance,
			/// The terms its periods open with.
			terms: Terms,
		},
		/// An operator changed the terms of periods that open from now on.
		TermsChanged {
			/// The microgrid.
			microgrid: MicrogridId,
			/// The first period with the new terms; `None` if none has opened yet.
			from: Option<Period>,
			/// The new terms.
			terms: Terms,
		},
		/// An operator offered its microgrid to a successor.
		OperatorOffered {
			/// The microgrid.
			microgrid: MicrogridId,
			/// To whom it is offered.
			successor: T::AccountId,
		},
		/// An operator withdrew its offer.
		OfferWithdrawn {
			/// The microgrid.
			microgrid: MicrogridId,
			/// To whom it was offered.
			successor: T::AccountId,
		},
		/// A successor took over a microgrid.
		OperatorChanged {
			/// The microgrid.
			microgrid: MicrogridId,
			/// Who operated it.
			old: T::AccountId,
			/// Who operates it.
			new: T::AccountId,
		},
		/// Periods opened, with the terms the microgrid had at this moment.
		PeriodsOpened {
			/// The microgrid.
			microgrid: MicrogridId,
			/// The first of them.
			first: Period,
			/// The last of them.
			last: Period,
		},
		/// Periods were left out: they had expired before their turn to open came.
		PeriodsSkipped {
			/// The microgrid.
			microgrid: MicrogridId,
			/// The first of them.
			first: Period,
			/// The last of them.
			last: Period,
		},
		/// Settled periods were pruned, retention having passed.
		PeriodsPruned {
			/// The microgrid.
			microgrid: MicrogridId,
			/// The first of them.
			first: Period,
			/// The last of them.
			last: Period,
		},
		/// The operator of one side proposed a link. It opens when the other side agrees.
		LinkProposed {
			/// The link.
			link: LinkId,
			/// Who proposed it, and is to be paid the wheeling fee.
			operator: T::AccountId,
			/// What is proposed.
			terms: LinkTerms,
			/// What the operator deposited.
			deposit: Balance,
		},
		/// Both sides have agreed: a link is open.
		LinkOpened {
			/// The link.
			link: LinkId,
			/// The first period it is open for.
			first: Period,
		},
		/// A link was closed for periods that open from now on.
		LinkClosed {
			/// The link.
			link: LinkId,
			/// The first period it is no longer open for.
			until: Period,
		},
		/// A link is gone, and its operator has the deposit back: a proposal was taken back or refused, or
		/// the last period that a closed link was open for was pruned.
		LinkRemoved {
			/// The link.
			link: LinkId,
		},
	}
}
