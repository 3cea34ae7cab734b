//! Why calls are refused.

use frame_support::pallet_macros::pallet_section;

/// A part of the pallet.
#[pallet_section]
mod error {
	#[pallet::error]
	#[derive(PartialEq, Eq)]
	pub enum Error<T> {
		/// The amount is zero. Name one above zero.
		ZeroAmount,
		/// A trading balance opens with at least `MinTopUp`. Top up more.
		BelowMinimumTopUp,
		/// The account's transferable balance does not cover this. Pay money into the account first.
		InsufficientFunds,
		/// The account has no trading balance. Top up first.
		NotAMember,
		/// Orders and positions lock part of the trading balance, and what is free is less than this.
		/// Withdraw less, cancel orders, or wait for settlement.
		InsufficientFree,
		/// What is left after this would not cover the account's arrears. Pay them, or withdraw less.
		OwesArrears,
		/// The account is the operator of a community with open claims, which are served first: it can
		/// neither withdraw nor lock. Top up and wait until they are paid.
		OwesClaims,
		/// The account cannot take this amount: it would stay below the existential deposit, or cannot
		/// hold more. Withdraw more at once, or pay money into the account first.
		CannotReceive,
		/// What is left of a trading balance must be nothing or at least `MinTopUp`. Withdraw less, or all
		/// of it.
		RestTooSmall,
		/// The clearing house would be left with less than the existential deposit, which the chain
		/// would take for dust. Withdraw slightly less, or send it that much.
		ReserveTooLow,
		/// The account owes nothing to this microgrid.
		NoArrears,
		/// Arrears block bids. Pay them with `pay_arrears`; sales are allowed and pay them as well.
		ArrearsBlockBids,
		/// The fund holds less than this.
		FundTooSmall,
		/// The period's energy is frozen: it can no longer be traded.
		PeriodFrozen,
		/// What buyers from links have paid does not suffice for the sale.
		ImportsUnpaid,
		/// Less is locked than the trade releases: the order was not locked in full. Not looked at where nothing becomes
		/// free.
		LockMissing,
		/// The trade's margin exceeds what its order had locked for it.
		MarginExceedsLock,
		/// The meter has a position of another owner in this period, which must be settled first.
		OwnerMismatch,
		/// An amount exceeds what can be represented. Trade less.
		Overflow,
	}
}
