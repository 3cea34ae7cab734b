//! Why calls are refused.

use frame_support::pallet_macros::pallet_section;

/// A part of the pallet.
#[pallet_section]
mod error {
	#[pallet::error]
	pub enum Error<T> {
		/// There is no microgrid with this id. Ask the runtime API `MicrogridsApi_count` how many there are.
		UnknownMicrogrid,
		/// Only the microgrid's operator may do this; of a link: the operator of either microgrid, to accept
		/// it the one who has not agreed yet. Sign with the operator's account.
		NotOperator,
		/// There is no room for another microgrid: the chain's constant `MaxMicrogrids` is reached.
		TooManyMicrogrids,
		/// The account's free balance does not cover the deposit of a microgrid (the constant `Deposit`), or
		/// of a link (`LinkDeposit`). Fund the account first.
		DepositUnavailable,
		/// The retail price, the price cap or the fee is too high: all must be below 2^40.
		PriceOutOfBounds,
		/// The feed-in price is zero or above the retail price. Choose it from 1 up to the retail price.
		FeedInPriceOutOfBounds,
		/// The price floor is zero or above the price cap. Choose it from 1 up to the cap.
		PriceFloorOutOfBounds,
		/// The minimum quantity is zero or not below 2^32 Wh. Choose it in between.
		MinQuantityOutOfBounds,
		/// The gate would close before the period opens. Choose a gate closure below the constant `Horizon`.
		GateBeyondHorizon,
		/// The account offered to operates the microgrid already. Offer it to another one.
		AlreadyOperator,
		/// The microgrid is not offered to this account, or to nobody. Its operator offers it by
		/// `offer_operator`.
		NotOffered,
		/// There is no link with this id: it was never proposed, or is gone. Look its id up in the event
		/// `LinkProposed`.
		UnknownLink,
		/// The link is accepted already.
		NotProposed,
		/// The link is closed already. It goes by itself when its last period is pruned.
		AlreadyClosed,
		/// One of the two microgrids has as many links in this direction as it may (the constant `MaxLinks`).
		/// Close one, and wait until its last period is pruned.
		TooManyLinks,
		/// There is an open link from the one microgrid to the other already. Close it first: the periods open
		/// by then keep it, and the new link carries those that follow.
		AlreadyLinked,
		/// A link must lead from one microgrid to another one.
		LinkToItself,
		/// A link must lose less than half of what is sent.
		LossOutOfBounds,
		/// The capacity of a link is zero or not below 2^32 Wh. Choose it in between.
		CapacityOutOfBounds,
		/// The wheeling fee is not below 2^40.
		WheelingFeeOutOfBounds,
		/// The minimum quantity of a link is zero, or more than arrives when its whole capacity is sent.
		/// Choose it in between.
		LinkQuantityOutOfBounds,
	}
}
