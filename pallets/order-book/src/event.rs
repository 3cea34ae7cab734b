//! What the pallet tells.

use frame_support::pallet_macros::pallet_section;

/// A part of the pallet.
#[pallet_section]
mod event {
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// An order was placed. Its trades follow, then its cancellation if something is left that does
		/// not rest: what is neither traded nor cancelled by the end of the call rests in the book.
		OrderPlaced {
			/// The order's id.
			order_id: OrderId,
			/// Who placed it.
			who: T::AccountId,
			/// The community whose book it goes to.
			microgrid: MicrogridId,
			/// What was asked for.
			order: NewOrder,
			/// Whether the chain placed it, for a standing order.
			standing: bool,
		},
		/// An order of a batch was refused. The others are not affected.
		OrderRefused {
			/// Who sent the batch.
			who: T::AccountId,
			/// The order's place in the batch, from 0.
			index: u32,
			/// Why.
			error: DispatchError,
		},
		/// Energy was traded.
		Trade {
			/// The community.
			microgrid: MicrogridId,
			/// The period of delivery.
			period: Period,
			/// The price, that of the order that rested or of the auction, in 10⁻⁶ GRID per kWh.
			price: Price,
			/// How much, in Wh.
			energy: WattHours,
			/// The side of the order that came in; the other one rested. `None` in a call auction, where
			/// both did.
			taker: Option<Side>,
			/// The buyer's order.
			bid: OrderId,
			/// Who bought.
			buyer: T::AccountId,
			/// The meter it was bought for.
			buyer_meter: MeterId,
			/// The seller's order.
			ask: OrderId,
			/// Who sold.
			seller: T::AccountId,
			/// The meter that will deliver it.
			seller_meter: MeterId,
		},
		/// Energy was traded over a link. It counts in the market of the community where the order rested that
		/// was traded with.
		TradeOverLink {
			/// The link.
			link: LinkId,
			/// The period of delivery.
			period: Period,
			/// The price of the order that rested, on its own energy, in 10⁻⁶ GRID per kWh.
			price: Price,
			/// What the seller sends, in Wh.
			sent: WattHours,
			/// What the buyer receives, in Wh.
			received: WattHours,
			/// What the seller gets, in planck, before its market's fee.
			value: Balance,
			/// What the buyer pays besides to the link's operator, in planck.
			wheeling_fee: Balance,
			/// The side of the order that came in; the other one rested.
			taker: Side,
			/// The buyer's order.
			bid: OrderId,
			/// Who bought.
			buyer: T::AccountId,
			/// The meter it was bought for.
			buyer_meter: MeterId,
			/// The buyer's community.
			to: MicrogridId,
			/// The seller's order.
			ask: OrderId,
			/// Who sold.
			seller: T::AccountId,
			/// The meter that will deliver it.
			seller_meter: MeterId,
			/// The seller's community.
			from: MicrogridId,
		},
		/// An order, or what was left of it, was cancelled. What it had locked is unlocked.
		OrderCancelled {
			/// The order's id.
			order_id: OrderId,
			/// Whose order it was.
			who: T::AccountId,
			/// The meter it was for.
			meter: MeterId,
			/// How much was left of it, in Wh.
			energy: WattHours,
			/// Why.
			reason: CancelReason,
		},
		/// An order was reduced by its owner; it keeps its place.
		OrderReduced {
			/// The order's id.
			order_id: OrderId,
			/// Whose order it is.
			who: T::AccountId,
			/// The meter it is for.
			meter: MeterId,
			/// How much is left of it, in Wh.
			remaining: WattHours,
		},
		/// The price of a call auction was found. Its trades follow.
		AuctionCleared {
			/// The community.
			microgrid: MicrogridId,
			/// The period of delivery.
			period: Period,
			/// The price of all trades, in 10⁻⁶ GRID per kWh.
			price: Price,
			/// How much is to be traded, in Wh.
			volume: WattHours,
		},
		/// A call auction was given up. What was traded stays so; the orders that are left are cancelled.
		AuctionAbandoned {
			/// The community.
			microgrid: MicrogridId,
			/// The period of delivery.
			period: Period,
			/// How much was still to be traded, in Wh; nothing if no price was found yet.
			left: WattHours,
			/// Why: the first trade that could not be made says so.
			error: DispatchError,
		},
		/// The gate of a period closed, and all orders that were left are cancelled.
		MarketClosed {
			/// The community.
			microgrid: MicrogridId,
			/// The period of delivery.
			period: Period,
			/// What was traded.
			market: MarketData,
		},
		/// A standing order was given, or changed: it is executed for every period that opens from now on.
		StandingOrderSet {
			/// Whose it is.
			who: T::AccountId,
			/// The meter it is for.
			meter: MeterId,
			/// Whether it buys (`Bid`) or sells (`Ask`).
			side: Side,
			/// What it says.
			instruction: Instruction,
		},
		/// A standing order ended. Its deposit is released; orders that it placed stay.
		StandingOrderEnded {
			/// Whose it was.
			who: T::AccountId,
			/// The meter it was for.
			meter: MeterId,
			/// Its side.
			side: Side,
			/// Why.
			reason: EndReason,
		},
		/// What a standing order wanted placed was refused, for another reason than when it was last tried.
		/// It will be tried again for the next period.
		StandingOrderRefused {
			/// Whose it is.
			who: T::AccountId,
			/// The meter it is for.
			meter: MeterId,
			/// Its side.
			side: Side,
			/// The period of delivery.
			period: Period,
			/// Why.
			error: DispatchError,
		},
		/// The gate of a period closed before all standing orders were executed for it.
		StandingOrdersSkipped {
			/// The community.
			microgrid: MicrogridId,
			/// The period of delivery.
			period: Period,
			/// How many were not.
			orders: u32,
		},
		/// A solution that couples call auctions was submitted. It is looked at when the time for others is over.
		CouplingSubmitted {
			/// Who submitted it.
			who: T::AccountId,
			/// The period of delivery.
			period: Period,
			/// How much more than the separate auctions it is said to be worth at least, in planck.
			claim: Balance,
			/// What is held until it is known whether it holds, in planck.
			deposit: Balance,
		},
		/// A solution was not looked at, or its time was over: its deposit is released.
		CouplingDismissed {
			/// Who submitted it.
			who: T::AccountId,
			/// The period of delivery.
			period: Period,
		},
		/// A solution does not hold. The next one is looked at.
		CouplingRefused {
			/// Who submitted it.
			who: T::AccountId,
			/// The period of delivery.
			period: Period,
			/// Why.
			fault: Fault,
			/// What was taken of its deposit, in planck; nothing if orders left the books for a quarantine
			/// meanwhile.
			slashed: Balance,
		},
		/// A solution holds, and is carried out: first buyers and sellers trade with links, then the others of
		/// their communities among themselves, at the same prices. Its deposit is released.
		CouplingAccepted {
			/// Who submitted it.
			who: T::AccountId,
			/// The period of delivery.
			period: Period,
			/// How much more than the separate auctions it is worth, in planck.
			gain: Balance,
			/// The communities: their prices, and what their members trade with links.
			nets: Vec<Net>,
			/// The links: what they carry, and earn.
			carried: Vec<Carried<T::AccountId>>,
		},
		/// An order traded with links, in a coupled auction.
		CoupledFill {
			/// The community.
			microgrid: MicrogridId,
			/// The period of delivery.
			period: Period,
			/// Whether it bought (`Bid`) or sold (`Ask`).
			side: Side,
			/// The price, in 10⁻⁶ GRID per kWh.
			price: Price,
			/// How much, in Wh.
			energy: WattHours,
			/// The order.
			order_id: OrderId,
			/// Whose it is.
			who: T::AccountId,
			/// The meter it is for.
			meter: MeterId,
		},
		/// All that members trade with links in a coupling is traded, and a link is paid.
		LinkCarried {
			/// The link.
			link: LinkId,
			/// The period of delivery.
			period: Period,
			/// What was sent, in Wh.
			sent: WattHours,
			/// What was received, in Wh.
			received: WattHours,
			/// Who operates it, and is paid to the trading balance.
			operator: T::AccountId,
			/// What it earns, in planck: what it was paid for what is received, less what it paid for what is
			/// sent.
			earned: Balance,
		},
		/// What buyers have paid for nothing, in a coupling that was given up, is returned to the operator of their
		/// community, who has to supply it.
		ImportsReturned {
			/// The community.
			microgrid: MicrogridId,
			/// The period of delivery.
			period: Period,
			/// Its operator, who is paid to the trading balance.
			operator: T::AccountId,
			/// How much, in planck.
			amount: Balance,
		},
		/// A coupling came to its end, and its links are paid. What members of its communities trade among
		/// themselves follows.
		CouplingDone {
			/// The period of delivery.
			period: Period,
		},
		/// A coupling was given up. What was traded stays so; what buyers have paid for nothing was returned to the
		/// operators of their communities. The orders that are left are cancelled.
		CouplingAbandoned {
			/// The period of delivery.
			period: Period,
			/// Why: the first trade that could not be made says so.
			error: DispatchError,
		},
	}
}
