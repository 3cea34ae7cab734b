//! What the pallet tells.

use frame_support::pallet_macros::pallet_section;

/// A part of the pallet.
#[pallet_section]
mod event {
	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// Money went from an account into its trading balance.
		ToppedUp {
			/// Whose.
			who: T::AccountId,
			/// How much, in planck.
			amount: Balance,
		},
		/// Money went from a trading balance to its owner's account.
		Withdrawn {
			/// Whose.
			who: T::AccountId,
			/// How much, in planck.
			amount: Balance,
		},
		/// A meter's period was billed.
		StatementIssued {
			/// The community.
			microgrid: MicrogridId,
			/// The period.
			period: Period,
			/// The meter.
			meter: MeterId,
			/// The bill.
			statement: Statement<T::AccountId>,
		},
		/// A community's period is settled.
		PeriodSettled {
			/// The community.
			microgrid: MicrogridId,
			/// The period.
			period: Period,
			/// Sums and prices. `members + operator + fund` is what came over links less what was paid over
			/// them: 0 without.
			summary: PeriodSummary,
		},
		/// A late reading showed that a settled meter had metered more or less; the difference was
		/// booked: more import at the retail price, everything else at the feed-in price.
		CorrectionSettled {
			/// The meter.
			meter: MeterId,
			/// The corrected period.
			period: Period,
			/// Who was billed.
			account: T::AccountId,
			/// The difference, in Wh.
			correction: Correction,
			/// What the account gets, or owes if negative, in planck.
			amount: i128,
		},
		/// A bill was not covered: the rest is owed.
		ArrearsGrew {
			/// Who owes.
			who: T::AccountId,
			/// To the operator of which community.
			microgrid: MicrogridId,
			/// What was added, in planck.
			amount: Balance,
			/// What is owed there now.
			total: Balance,
		},
		/// Arrears were paid, by their debtor or from its proceeds.
		ArrearsPaid {
			/// Who owed.
			who: T::AccountId,
			/// To the operator of which community.
			microgrid: MicrogridId,
			/// What was paid, in planck.
			amount: Balance,
			/// What is still owed there.
			left: Balance,
		},
		/// An operator could not pay: the rest is a claim.
		ClaimRecorded {
			/// The operator's community.
			microgrid: MicrogridId,
			/// Whom it owes.
			creditor: CreditorOf<T>,
			/// What was added, in planck.
			amount: Balance,
			/// All of the creditor's claim there.
			total: Balance,
		},
		/// A claim was paid, or set off against what its creditor owed.
		ClaimPaid {
			/// The operator's community.
			microgrid: MicrogridId,
			/// Who is paid.
			creditor: CreditorOf<T>,
			/// How much, in planck.
			amount: Balance,
			/// What is still owed.
			left: Balance,
			/// Whether it was set off against what its creditor came to owe: then no money moved.
			set_off: bool,
		},
		/// A community's fund paid into a trading balance.
		FundSpent {
			/// The community.
			microgrid: MicrogridId,
			/// Who was paid.
			beneficiary: T::AccountId,
			/// How much, in planck.
			amount: Balance,
		},
		/// The statements of a period are no longer kept.
		StatementsPruned {
			/// The community.
			microgrid: MicrogridId,
			/// The period.
			period: Period,
		},
		/// A meter is out of service: its running totals, for the last time.
		TotalsClosed {
			/// The meter.
			meter: MeterId,
			/// All it was billed for.
			totals: MeterTotals,
		},
	}
}
