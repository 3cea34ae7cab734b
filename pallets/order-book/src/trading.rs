//! What a trade changes besides the orders in the book, whichever way they met.

use gridweave_primitives::{
	cost,
	link::OpenLink,
	market::{Party, Side, Trade, Wheeling},
	traits::OnTrade,
	Balance, MeterId, OrderId, Price, WattHours,
};
use sp_runtime::{DispatchError, DispatchResult};

use crate::{
	commitments,
	linked::Quote,
	links, own_limits,
	types::{Book, BookId},
	Config, Event, Pallet,
};

/// An order that trades.
pub(crate) struct Trader<AccountId> {
	pub order: OrderId,
	pub owner: AccountId,
	pub meter: MeterId,
	pub limit: Price,
	/// What is left of it in the book, in Wh. `None` for an order that did not rest when it met the other.
	pub left: Option<WattHours>,
}

/// Notes a trade in the market of a book.
fn note_trade(book: &mut Book, price: Price, energy: WattHours) {
	// Sums far inside their types: energies below 2^32, values below 2^82, trades counted in 32 bits by
	// bounded fills of a market of hours.
	let market = &mut book.market;
	market.volume = market.volume.saturating_add(energy);
	market.value = market.value.saturating_add(cost(price, energy));
	market.last_price = Some(price);
	market.trades = market.trades.saturating_add(1);
}

impl<T: Config> Pallet<T> {
	/// Makes a trade: each side releases what its own limit had locked for the energy. Must run in a
	/// storage layer: an error may come after changes.
	pub(crate) fn trade(
		id: BookId,
		book: &mut Book,
		(price, energy): (Price, WattHours),
		bid: Trader<T::AccountId>,
		ask: Trader<T::AccountId>,
	) -> DispatchResult {
		let taker = match (bid.left, ask.left) {
			(None, _) => Some(Side::Bid),
			(_, None) => Some(Side::Ask),
			_ => None,
		};
		Self::deposit_event(Event::Trade {
			microgrid: id.microgrid,
			period: id.period,
			price,
			energy,
			taker,
			bid: bid.order,
			buyer: bid.owner.clone(),
			buyer_meter: bid.meter,
			ask: ask.order,
			seller: ask.owner.clone(),
			seller_meter: ask.meter,
		});
		let buyer = Self::settle_side(id, book, Side::Bid, bid, energy);
		let seller = Self::settle_side(id, book, Side::Ask, ask, energy);
		note_trade(book, price, energy);
		T::Trades::on_trade(Trade {
			period: id.period,
			seller,
			buyer,
			price,
			value: cost(price, energy),
			retail_price: book.retail_price,
			wheeling: None,
		})
	}

	/// Makes a trade over a link at the price of the order that rested, in whose market it is noted. As
	/// [`Self::trade`].
	pub(crate) fn trade_over_link(
		link: &OpenLink<T::AccountId>,
		price: Price,
		quote: &Quote,
		bid: (BookId, &mut Book, Trader<T::AccountId>),
		ask: (BookId, &mut Book, Trader<T::AccountId>),
	) -> DispatchResult {
		let ((to, buyers, bid), (from, sellers, ask)) = (bid, ask);
		let taker = if bid.left.is_none() {
			Side::Bid
		} else {
			Side::Ask
		};
		Self::deposit_event(Event::TradeOverLink {
			link: link.id,
			period: to.period,
			price,
			sent: quote.sent,
			received: quote.received,
			value: quote.value,
			wheeling_fee: quote.wheeling,
			taker,
			bid: bid.order,
			buyer: bid.owner.clone(),
			buyer_meter: bid.meter,
			to: to.microgrid,
			ask: ask.order,
			seller: ask.owner.clone(),
			seller_meter: ask.meter,
			from: from.microgrid,
		});
		links::carried::<T>(link, to.period, quote)?;
		buyers.imported = buyers.imported.saturating_add(quote.received);
		sellers.exported = sellers.exported.saturating_add(quote.sent);
		match taker {
			Side::Bid => note_trade(sellers, price, quote.sent),
			Side::Ask => note_trade(buyers, price, quote.received),
		}
		T::Trades::on_trade(Trade {
			period: to.period,
			seller: Self::settle_side(from, sellers, Side::Ask, ask, quote.sent),
			buyer: Self::settle_side(to, buyers, Side::Bid, bid, quote.received),
			price,
			value: quote.value,
			retail_price: sellers.retail_price,
			wheeling: Some(Wheeling {
				link: link.id,
				operator: link.operator.clone(),
				fee: quote.wheeling,
			}),
		})
	}

	/// Makes a fill of an order in a coupled auction: its owner trades with links, at the price of its community.
	/// What that is, in planck. As [`Self::trade`].
	pub(crate) fn trade_with_links(
		id: BookId,
		book: &mut Book,
		side: Side,
		(price, energy): (Price, WattHours),
		trader: Trader<T::AccountId>,
	) -> Result<Balance, DispatchError> {
		Self::deposit_event(Event::CoupledFill {
			microgrid: id.microgrid,
			period: id.period,
			side,
			price,
			energy,
			order_id: trader.order,
			who: trader.owner.clone(),
			meter: trader.meter,
		});
		let party = Self::settle_side(id, book, side, trader, energy);
		note_trade(book, price, energy);
		let amount = cost(price, energy);
		match side {
			Side::Bid => {
				book.imported = book.imported.saturating_add(energy);
				T::Trades::on_import(id.period, party, amount)?;
			}
			Side::Ask => {
				book.exported = book.exported.saturating_add(energy);
				T::Trades::on_export(id.period, party, amount, book.retail_price)?;
			}
		}
		Ok(amount)
	}

	/// Notes what one side traded, and tells what settlement needs to know of it.
	fn settle_side(
		id: BookId,
		book: &mut Book,
		side: Side,
		trader: Trader<T::AccountId>,
		energy: WattHours,
	) -> Party<T::AccountId> {
		let Trader {
			order,
			owner,
			meter,
			limit,
			left,
		} = trader;
		let place = (id, side);
		match left {
			None => commitments::traded::<T>(meter, book, place, energy),
			Some(left) => {
				let ended = left.is_zero().then_some(order);
				commitments::filled::<T>(meter, book, place, ended, energy);
				if ended.is_some() {
					Self::closed(id, book, side, &owner);
				}
			}
		}
		Party {
			released: book.lock(side, limit, energy),
			account: owner,
			meter,
			microgrid: id.microgrid,
			energy,
			fee: book.fee,
		}
	}

	/// Notes that an order is no longer open, with those who count an account's.
	pub(crate) fn closed(id: BookId, book: &Book, side: Side, owner: &T::AccountId) {
		if book.is_auction() {
			own_limits::closed::<T>(id, owner, side);
		}
	}
}
