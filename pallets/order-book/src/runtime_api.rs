//! What clients may ask.

use alloc::vec::Vec;

use codec::{Codec, Decode, Encode};
use gridweave_primitives::{
	market::Side, Balance, LinkId, MeterId, MicrogridId, OrderId, Period, Price, WattHours,
};
use scale_info::TypeInfo;
use sp_runtime::{DispatchError, Permill};

use crate::types::{Commitment, Flow, Instruction, Solution};

/// An open order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct OpenOrder<AccountId> {
	/// Its id.
	pub order_id: OrderId,
	/// Who placed it.
	pub owner: AccountId,
	/// The meter it is for.
	pub meter: MeterId,
	/// The community whose book it rests in.
	pub microgrid: MicrogridId,
	/// The period of delivery.
	pub period: Period,
	/// Its side.
	pub side: Side,
	/// Its limit price, in 10⁻⁶ GRID per kWh.
	pub limit_price: Price,
	/// What is left of it, in Wh.
	pub remaining: WattHours,
}

/// A standing order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct StandingOrderInfo<AccountId> {
	/// Its side.
	pub side: Side,
	/// Who gave it, and pays for it.
	pub owner: AccountId,
	/// What it says.
	pub instruction: Instruction,
	/// What is held for it, in planck.
	pub deposit: Balance,
	/// Why no order could be placed when it was last tried; `None` if it was placed, or never tried.
	pub refused: Option<DispatchError>,
}

/// All orders of one price on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Level {
	/// The price, in 10⁻⁶ GRID per kWh.
	pub price: Price,
	/// What is on offer, in Wh.
	pub energy: WattHours,
	/// By how many orders.
	pub orders: u32,
}

/// What a trade over a link was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct OverLink {
	/// The link.
	pub link: LinkId,
	/// The seller's community.
	pub from: MicrogridId,
	/// The buyer's community.
	pub to: MicrogridId,
	/// What the seller sends, in Wh.
	pub sent: WattHours,
	/// What the buyer receives, in Wh.
	pub received: WattHours,
	/// What the buyer pays besides to the link's operator, in planck.
	pub wheeling_fee: Balance,
}

/// An order that trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct TradedOrder {
	/// Its id.
	pub order_id: OrderId,
	/// The meter it is for: that will consume, or deliver.
	pub meter: MeterId,
}

/// A trade of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct TradeReport {
	/// The community in whose market it counts: over a link, that of the order that rested.
	pub microgrid: MicrogridId,
	/// The period of delivery.
	pub period: Period,
	/// The price, in 10⁻⁶ GRID per kWh.
	pub price: Price,
	/// How much, in Wh: over a link, what the order that rested sends or receives.
	pub energy: WattHours,
	/// The side of the order that came in; `None` in a call auction.
	pub taker: Option<Side>,
	/// The link, if it went over one.
	pub over: Option<OverLink>,
	/// The buyer's; `None` for the links of a coupled auction, all together.
	pub bid: Option<TradedOrder>,
	/// The seller's; `None` for the links of a coupled auction, all together.
	pub ask: Option<TradedOrder>,
}

impl TradeReport {
	/// Whether the community's members trade in it.
	pub fn is_of(&self, microgrid: MicrogridId) -> bool {
		self.microgrid == microgrid
			|| self
				.over
				.is_some_and(|over| over.from == microgrid || over.to == microgrid)
	}
}

/// A link over which the auction of a community can be coupled with another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct CoupledLink {
	/// The link.
	pub link: LinkId,
	/// The community it leads to.
	pub to: MicrogridId,
	/// Part of what is sent that does not arrive.
	pub loss: Permill,
	/// What may still be sent for the period, in Wh.
	pub capacity: WattHours,
	/// The wheeling fee, in 10⁻⁶ GRID per kWh received.
	pub wheeling_fee: Price,
	/// Least energy received, in Wh.
	pub min_quantity: WattHours,
}

/// A community whose auction can be coupled with others.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct CoupledCommunity {
	/// The community.
	pub microgrid: MicrogridId,
	/// The lowest price of its market, in 10⁻⁶ GRID per kWh.
	pub price_floor: Price,
	/// The highest price of its market, in 10⁻⁶ GRID per kWh.
	pub price_cap: Price,
	/// When its gate closes, in Unix seconds: from then on solutions are taken.
	pub gate_closes_at: u64,
	/// When solutions are no longer taken, in Unix seconds.
	pub window_ends_at: u64,
	/// The links to other such communities whose gates close at the same time.
	pub links_out: Vec<CoupledLink>,
}

/// What some books come to together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Survey {
	/// How many books were looked at.
	pub books: u32,
	/// How many orders rest in them.
	pub orders: u32,
	/// What these offer and ask for, in Wh.
	pub energy: WattHours,
	/// The last book that was looked at, if there may be more behind it.
	pub last: Option<(MicrogridId, Period)>,
}

/// A book at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct MarketSummary {
	/// Highest price bid, in 10⁻⁶ GRID per kWh. In a call auction it may be above the lowest price asked.
	pub best_bid: Option<Price>,
	/// Lowest price asked, in 10⁻⁶ GRID per kWh.
	pub best_ask: Option<Price>,
	/// How many bids rest.
	pub bids: u32,
	/// How many asks rest.
	pub asks: u32,
	/// What is left of all bids, in Wh.
	pub bid_energy: WattHours,
	/// What is left of all asks, in Wh.
	pub ask_energy: WattHours,
	/// Price of the last trade, in 10⁻⁶ GRID per kWh.
	pub last_price: Option<Price>,
	/// Volume-weighted price of all trades, in 10⁻⁶ GRID per kWh: `value ÷ (volume × 1000)`, rounded down.
	/// For show: nobody pays it. `value` and `volume` are exact.
	pub average_price: Option<Price>,
	/// Energy traded, in Wh.
	pub volume: WattHours,
	/// What was paid for it, in planck, without fees.
	pub value: Balance,
	/// How many trades there were.
	pub trades: u32,
}

sp_api::decl_runtime_apis! {
	/// The books of communities.
	pub trait OrderBookApi<AccountId: Codec> {
		/// The order that trades first on a side of a book.
		fn best(microgrid: MicrogridId, period: Period, side: Side) -> Option<OpenOrder<AccountId>>;

		/// The price levels of a side of a book, best first; at most `levels` and 100, of at most 10,000
		/// orders.
		fn depth(microgrid: MicrogridId, period: Period, side: Side, levels: u32) -> Vec<Level>;

		/// Best prices, number of orders, and what was traded; `None` if no order ever rested there, nor energy
		/// went through, or the period is no longer kept.
		fn market_data(microgrid: MicrogridId, period: Period) -> Option<MarketSummary>;

		/// An open order; `None` if it is not open.
		fn order(order_id: OrderId) -> Option<OpenOrder<AccountId>>;

		/// The open orders of a meter, oldest first.
		fn orders_of(meter: MeterId) -> Vec<OpenOrder<AccountId>>;

		/// The standing orders of a meter: at most one a side.
		fn standing_orders(meter: MeterId) -> Vec<StandingOrderInfo<AccountId>>;

		/// What a meter has on offer and traded in a period, until the period was delivered.
		fn commitments(meter: MeterId, period: Period) -> Commitment;

		/// What has gone over each of the links into a microgrid for a period, until that is no longer kept. What
		/// a link sent counts against its capacity.
		fn flows_into(microgrid: MicrogridId, period: Period) -> Vec<(LinkId, Flow)>;

		/// The trades of the block this is asked at, in their order.
		fn trades() -> Vec<TradeReport>;

		/// How many orders rest in all books, a page of books at a time: those behind `after`, in order of
		/// microgrid and period; at most `limit` books, and at most 1000. Ask on from the `last` of the
		/// answer, until there is none.
		fn survey(after: Option<(MicrogridId, Period)>, limit: u32) -> Survey;

		/// The communities whose call auctions of a period can be coupled with others', by id: those behind
		/// `after`; at most `limit` and 100. Ask on until there are none.
		fn coupled_communities(
			period: Period,
			after: Option<MicrogridId>,
			limit: u32,
		) -> Vec<CoupledCommunity>;

		/// The price levels of a side of a book that come behind a price, best first, without the orders of
		/// meters under quarantine; at most `limit` and 100, of at most 10,000 orders. Ask on until there are
		/// none.
		fn levels(
			microgrid: MicrogridId,
			period: Period,
			side: Side,
			after: Option<Price>,
			limit: u32,
		) -> Vec<Level>;

		/// How much more than the separate auctions a solution is worth, in planck, with the books as they are:
		/// what may be claimed. Why it would be refused, or not hold, else.
		fn coupling_score(period: Period, solution: Solution) -> Result<Balance, DispatchError>;

		/// What the solutions claim that wait for a period, of auctions for which solutions are taken until this time
		/// (Unix seconds), the highest first.
		fn coupling_claims(period: Period, window_ends_at: u64) -> Vec<Balance>;

		/// How many books wait for work that is due: an auction, the cancellation of what is left when the
		/// gate has closed, and what is no longer kept. Counts up to 1000.
		fn books_due() -> u32;
	}
}
