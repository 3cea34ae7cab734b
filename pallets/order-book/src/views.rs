//! What clients may ask, answered.

use alloc::vec::Vec;

use gridweave_primitives::{
	market::Side, traits::SettlementClock, Be32, LinkId, MeterId, MicrogridId, OrderId, Period,
	Price,
};

use crate::{
	book, commitments, links,
	runtime_api::{Level, MarketSummary, OpenOrder, OverLink, Survey, TradeReport, TradedOrder},
	service,
	types::{BookId, Commitment, Flow, Locator, Place, Resting},
	Books, Config, Event, Pallet,
};

/// Most price levels of one answer.
pub const MAX_LEVELS: u32 = 100;

/// Most orders looked at for one answer.
pub(crate) const MAX_ORDERS: usize = 10_000;

/// Most books looked at for one answer.
const MAX_BOOKS: u32 = 1_000;

fn open_order<AccountId>(
	order_id: OrderId,
	locator: Locator,
	resting: Resting<AccountId>,
) -> OpenOrder<AccountId> {
	OpenOrder {
		order_id,
		owner: resting.owner,
		meter: resting.meter,
		microgrid: locator.book.microgrid,
		period: locator.book.period,
		side: locator.side,
		limit_price: locator.price,
		remaining: resting.remaining,
	}
}

impl<T: Config> Pallet<T> {
	/// The order that trades first on a side of a book.
	pub fn best(
		microgrid: MicrogridId,
		period: Period,
		side: Side,
	) -> Option<OpenOrder<T::AccountId>> {
		let id = BookId { microgrid, period };
		let Place { order, .. } = book::load::<T>(id)?.best(side)?;
		Self::order(order)
	}

	/// The price levels of a side, best first: at most `levels` and [`MAX_LEVELS`].
	pub fn depth(microgrid: MicrogridId, period: Period, side: Side, levels: u32) -> Vec<Level> {
		let id = BookId { microgrid, period };
		let Some(book) = book::load::<T>(id) else {
			return Vec::new();
		};
		let most = levels.min(MAX_LEVELS) as usize;
		let mut depth: Vec<Level> = Vec::new();
		for (place, resting) in book::walk::<T>(id, side, &book).take(MAX_ORDERS) {
			if let Some(level) = depth.last_mut().filter(|level| level.price == place.price) {
				level.energy = level.energy.saturating_add(resting.remaining);
				level.orders = level.orders.saturating_add(1);
				continue;
			}
			if depth.len() >= most {
				break;
			}
			depth.push(Level {
				price: place.price,
				energy: resting.remaining,
				orders: 1,
			});
		}
		depth
	}

	/// Best prices, number of orders, and what was traded.
	pub fn market_data(microgrid: MicrogridId, period: Period) -> Option<MarketSummary> {
		let book = book::load::<T>(BookId { microgrid, period })?;
		let market = book.market;
		// Value is the sum of price × energy × 1000.
		let average_price = market
			.value
			.checked_div(u128::from(market.volume.0).saturating_mul(1_000))
			.and_then(|price| u64::try_from(price).ok())
			.map(Price);
		Some(MarketSummary {
			best_bid: book.best_bid.map(|place| place.price),
			best_ask: book.best_ask.map(|place| place.price),
			bids: book.bids,
			asks: book.asks,
			bid_energy: book.committed.bids,
			ask_energy: book.committed.asks,
			last_price: market.last_price,
			average_price,
			volume: market.volume,
			value: market.value,
			trades: market.trades,
		})
	}

	/// An open order.
	pub fn order(order_id: OrderId) -> Option<OpenOrder<T::AccountId>> {
		let locator = book::locate::<T>(order_id)?;
		let resting = book::order::<T>(order_id, &locator)?;
		Some(open_order(order_id, locator, resting))
	}

	/// The open orders of a meter, oldest first; bounded by [`Config::MaxOrdersPerMeter`].
	pub fn orders_of(meter: MeterId) -> Vec<OpenOrder<T::AccountId>> {
		let orders = commitments::of::<T>(meter).orders;
		orders.into_iter().filter_map(Self::order).collect()
	}

	/// What a meter has on offer and traded in a period, until that was delivered.
	pub fn commitment(meter: MeterId, period: Period) -> Commitment {
		if period < T::Clock::current() {
			return Commitment::default();
		}
		commitments::of::<T>(meter).of(period)
	}

	/// What has gone over each of the links into a community for a period.
	pub fn flows_into(microgrid: MicrogridId, period: Period) -> Vec<(LinkId, Flow)> {
		links::flows_into::<T>(BookId { microgrid, period })
	}
}

impl<T: Config> Pallet<T> {
	/// How many orders rest in the books behind `after`, at most `limit` and [`MAX_BOOKS`] of them.
	pub fn survey(after: Option<(MicrogridId, Period)>, limit: u32) -> Survey {
		let most = limit.min(MAX_BOOKS);
		let books = match after {
			None => Books::<T>::iter(),
			Some((microgrid, period)) => Books::<T>::iter_from(Books::<T>::hashed_key_for((
				Be32::from(microgrid),
				Be32::from(period),
			))),
		};
		let mut survey = Survey::default();
		for ((microgrid, period), book) in books.take(most as usize) {
			let open = book.committed.asks.saturating_add(book.committed.bids);
			survey.books = survey.books.saturating_add(1);
			survey.orders = survey
				.orders
				.saturating_add(book.asks)
				.saturating_add(book.bids);
			survey.energy = survey.energy.saturating_add(open);
			survey.last = Some((MicrogridId(microgrid.get()), Period(period.get())));
		}
		if survey.books < most {
			survey.last = None;
		}
		survey
	}

	/// How many books wait for work that is due; counts up to [`MAX_BOOKS`].
	pub fn books_due() -> u32 {
		service::count_due::<T>(MAX_BOOKS)
	}
}

impl<T: Config> Pallet<T>
where
	<T as frame_system::Config>::RuntimeEvent: TryInto<Event<T>>,
{
	/// The trades of this block, in their order. Reads all of the block's events: for clients only.
	pub fn trades() -> Vec<TradeReport> {
		frame_system::Pallet::<T>::read_events_no_consensus()
			.filter_map(|record| trade_of::<T>(record.event.try_into().ok()?))
			.collect()
	}
}

/// The trade that an event tells of.
fn trade_of<T: Config>(event: Event<T>) -> Option<TradeReport> {
	let traded = |order_id, meter| Some(TradedOrder { order_id, meter });
	match event {
		Event::Trade {
			microgrid,
			period,
			price,
			energy,
			taker,
			bid,
			buyer_meter,
			ask,
			seller_meter,
			..
		} => Some(TradeReport {
			microgrid,
			period,
			price,
			energy,
			taker,
			over: None,
			bid: traded(bid, buyer_meter),
			ask: traded(ask, seller_meter),
		}),
		Event::TradeOverLink {
			link,
			period,
			price,
			sent,
			received,
			wheeling_fee,
			taker,
			bid,
			buyer_meter,
			to,
			ask,
			seller_meter,
			from,
			..
		} => {
			let (microgrid, energy) = match taker {
				Side::Bid => (from, sent),
				Side::Ask => (to, received),
			};
			Some(TradeReport {
				microgrid,
				period,
				price,
				energy,
				taker: Some(taker),
				over: Some(OverLink {
					link,
					from,
					to,
					sent,
					received,
					wheeling_fee,
				}),
				bid: traded(bid, buyer_meter),
				ask: traded(ask, seller_meter),
			})
		}
		Event::CoupledFill {
			microgrid,
			period,
			side,
			price,
			energy,
			order_id,
			meter,
			..
		} => {
			let (bid, ask) = match side {
				Side::Bid => (traded(order_id, meter), None),
				Side::Ask => (None, traded(order_id, meter)),
			};
			Some(TradeReport {
				microgrid,
				period,
				price,
				energy,
				taker: None,
				over: None,
				bid,
				ask,
			})
		}
		_ => None,
	}
}
