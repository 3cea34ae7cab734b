//! Why calls are refused.

use frame_support::pallet_macros::pallet_section;

/// A part of the pallet.
#[pallet_section]
mod error {
	#[pallet::error]
	pub enum Error<T> {
		/// There is no meter with this id. Look the meter's id up in the event of its registration.
		UnknownMeter,
		/// The meter belongs to another account. Sign with the account that owns the meter.
		NotMeterOwner,
		/// The meter is not admitted by its microgrid's operator, is retired, or measures a feeder.
		MeterMayNotTrade,
		/// The meter is under quarantine. It may trade again when the flag on it is resolved.
		Quarantined,
		/// The period does not take orders: it has not opened yet, or is pruned. Choose one from now up
		/// to the horizon.
		PeriodNotOpen,
		/// The period's gate is closed: nothing is placed or changed any more, and an auction's orders are
		/// not cancelled any more. Choose a later period.
		GateClosed,
		/// The energy is below the market's minimum quantity. The terms of the period have it; to offer
		/// nothing any more, cancel the order.
		BelowMinimumQuantity,
		/// The energy is not below 2^32 Wh.
		EnergyOutOfBounds,
		/// The limit price is below the market's floor. The terms of the period have it.
		PriceBelowFloor,
		/// The limit price is above the market's cap. The terms of the period have it.
		PriceAboveCap,
		/// With this order the meter could come to sell more than its rating lets it export in the
		/// period. Sell less, or cancel other asks first.
		ExceedsExportRating,
		/// With this order the meter could come to buy more than its rating lets it import in the
		/// period. Buy less, or cancel other bids first.
		ExceedsImportRating,
		/// The storage could not deliver this besides its other asks and sales: it would have to go
		/// below empty. Sell less or later, or buy before.
		ExceedsStateOfCharge,
		/// The storage could not take this besides its other bids and purchases: it would have to go
		/// above full. Buy less or later, or sell before.
		ExceedsCapacity,
		/// The meter has as many open orders as it may (the constant `MaxOrdersPerMeter`), or trades in too many
		/// periods that are not settled. Cancel some, or wait until a gate closes or a period is settled.
		TooManyOrders,
		/// As many orders as may (the constant `MaxRemovals`) have left this book in this block already:
		/// nothing trades in it, and its best orders stay. Try again in the next block.
		TooManyRemovals,
		/// The orders before this one in the batch have used up the fills of an extrinsic (the constant
		/// `MaxFills`). Send it again.
		TooManyFills,
		/// The fill-or-kill order cannot be filled wholly: others do not offer enough at its limit price
		/// before an order of your own comes, or it would need more fills than are left of an extrinsic's
		/// (`MaxFills`) or of the book's in this block (`MaxRemovals`). Ask for less, at a better price, in
		/// a batch of its own, in the next block, or use another time in force.
		NotFillable,
		/// A call auction takes only orders that are good until the gate: nothing matches before. Place the
		/// order as `GoodUntilGate`.
		TimeInForceNotAllowed,
		/// The order would cross one of your own in this call auction, and nobody trades with themselves.
		/// Choose a bid's limit below all your asks and an ask's above all your bids, or cancel those of
		/// the other side: all of them, for until the last is gone, the best limit that you had among them
		/// counts.
		CrossesOwnOrder,
		/// There is no open order with this id: it was filled, cancelled or expired, or never rested.
		OrderNotFound,
		/// The order belongs to another account.
		NotOrderOwner,
		/// An order can only be reduced to less than what is left of it. To offer more, replace it.
		NotReduced,
		/// The batch has no orders.
		EmptyBatch,
		/// There is no standing order for this side of the meter: none was given, or it ended. An event
		/// says why.
		NoStandingOrder,
		/// The standing order would never trade anything. Give a quantity, or a most, above 0 Wh.
		NothingToTrade,
		/// The limit price is zero, or 2⁴⁰ or more. Prices are in 10⁻⁶ GRID per kWh.
		LimitPriceOutOfBounds,
		/// More links than the chain allows have carried energy into one microgrid for one period. The links of
		/// a period are fixed, so this does not happen.
		TooManyLinks,
		/// The solution claims no gain. One that is worth no more than the separate auctions is not needed.
		NothingGained,
		/// Solutions are taken from the closing of the gate on for a time (the constant `CouplingWindow`): it
		/// has not begun, or is over.
		NotCouplingTime,
		/// One of the communities matches orders on arrival in this period: only call auctions are coupled.
		NotCallAuction,
		/// The gates of the communities do not close at the same time.
		GatesDiffer,
		/// The solution has no flows.
		NoFlow,
		/// Flows must come by rising id of the link, prices by rising id of the community, none twice.
		NotInOrder,
		/// A link of the solution is not open for the period, or not between its communities.
		UnknownLink,
		/// Less is received over a link than its minimum quantity.
		BelowLinkMinimum,
		/// More is sent over a link than its capacity for the period that is left.
		ExceedsLinkCapacity,
		/// Each community at either end of a link of the solution needs a price, and no other has one.
		PricesMissing,
		/// A link would pay more than it gets and its wheeling fee. Choose a higher price where it leads, or a
		/// lower one where it comes from.
		LinkLoses,
		/// The members of a community do not take, or give, all that its links are to bring, or take.
		NotTaken,
		/// The price of a community is not one at which its auction clears.
		PriceOffInterval,
		/// As many solutions as are kept for a period and gate (8) claim as much already. Find a better one.
		ClaimTooLow,
		/// The deposit for a solution is not free on your account.
		DepositUnavailable,
	}
}
