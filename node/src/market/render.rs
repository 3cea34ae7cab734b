//! How the market is told in JSON: names in camel case; money as a decimal string in planck; everything else
//! (ids, periods, Wh, 10⁻⁶ GRID per kWh) as numbers, which stay below 2⁵³ and so are exact in JavaScript.

use gridweave_primitives::{market::Side, meter::Provenance, Period};
use gridweave_runtime::AccountId;
use pallet_order_book::runtime_api::{Level, MarketSummary, OpenOrder, OverLink, TradeReport};
use pallet_settlement::{
	bill::{Contracts, Prices},
	expected::ExpectedPrice,
	pool::Pair,
	runtime_api::Account,
	types::{MeterTotals, Position, Statement},
};
use serde_json::{json, Value};

fn side(side: Side) -> &'static str {
	match side {
		Side::Bid => "bid",
		Side::Ask => "ask",
	}
}

/// An open order.
pub fn order(order: &OpenOrder<AccountId>) -> Value {
	json!({
		"orderId": order.order_id,
		"owner": order.owner,
		"meter": order.meter,
		"microgrid": order.microgrid,
		"period": order.period,
		"side": side(order.side),
		"limitPrice": order.limit_price,
		"remaining": order.remaining,
	})
}

/// Price levels of a side.
pub fn levels(levels: &[Level]) -> Vec<Value> {
	let level = |level: &Level| json!({ "price": level.price, "energy": level.energy, "orders": level.orders });
	levels.iter().map(level).collect()
}

/// A book at a glance.
pub fn summary(summary: &MarketSummary) -> Value {
	json!({
		"bestBid": summary.best_bid,
		"bestAsk": summary.best_ask,
		"bids": summary.bids,
		"asks": summary.asks,
		"bidEnergy": summary.bid_energy,
		"askEnergy": summary.ask_energy,
		"lastPrice": summary.last_price,
		"averagePrice": summary.average_price,
		"volume": summary.volume,
		"value": summary.value.to_string(),
		"trades": summary.trades,
	})
}

/// A trade.
pub fn trade(trade: &TradeReport) -> Value {
	json!({
		"microgrid": trade.microgrid,
		"period": trade.period,
		"price": trade.price,
		"energy": trade.energy,
		"taker": trade.taker.map(side),
		"over": trade.over.as_ref().map(over_link),
		"bid": trade.bid.map(|bid| bid.order_id),
		"buyerMeter": trade.bid.map(|bid| bid.meter),
		"ask": trade.ask.map(|ask| ask.order_id),
		"sellerMeter": trade.ask.map(|ask| ask.meter),
	})
}

fn over_link(over: &OverLink) -> Value {
	json!({
		"link": over.link,
		"from": over.from,
		"to": over.to,
		"sent": over.sent,
		"received": over.received,
		"wheelingFee": over.wheeling_fee.to_string(),
	})
}

fn contracts(contracts: &Contracts) -> Value {
	json!({
		"sold": contracts.sold,
		"bought": contracts.bought,
		"receivable": contracts.receivable.to_string(),
		"payable": contracts.payable.to_string(),
		"paid": contracts.paid.to_string(),
		"fee": contracts.fee.to_string(),
	})
}

/// What a meter traded for a period.
pub fn position(period: Period, position: &Position<AccountId>) -> Value {
	json!({
		"period": period,
		"owner": position.owner,
		"contracts": contracts(&position.contracts),
		"margin": position.margin.to_string(),
	})
}

fn pair(pair: &Pair) -> Value {
	json!({ "sell": pair.sell, "buy": pair.buy })
}

fn prices(prices: &Prices) -> Value {
	json!({
		"retail": prices.retail,
		"feedIn": prices.feed_in,
		"residual": pair(&prices.residual.members),
	})
}

/// The bill of a period.
pub fn statement(period: Period, statement: &Statement<AccountId>) -> Value {
	let split = &statement.split;
	json!({
		"period": period,
		"account": statement.account,
		"provenance": statement.provenance.map(|provenance| match provenance {
			Provenance::Measured => "measured",
			Provenance::Estimated => "estimated",
			Provenance::Corrected => "corrected",
		}),
		"import": statement.import,
		"export": statement.export,
		"contracts": contracts(&statement.contracts),
		"delivered": split.delivered,
		"shortfall": split.shortfall,
		"consumed": split.consumed,
		"excess": split.excess,
		"surplus": split.surplus,
		"need": split.need,
		"prices": prices(&statement.prices),
		"amount": statement.amount.to_string(),
	})
}

/// All that a meter was ever billed for.
pub fn totals(totals: &MeterTotals) -> Value {
	json!({
		"periods": totals.periods,
		"import": totals.import,
		"export": totals.export,
		"sold": totals.sold,
		"bought": totals.bought,
		"shortfall": totals.shortfall,
		"excess": totals.excess,
		"surplus": totals.surplus,
		"need": totals.need,
		"fees": totals.fees.to_string(),
		"amount": totals.amount.to_string(),
	})
}

/// An account's standing with the clearing house.
pub fn account(account: &Account) -> Value {
	json!({
		"balance": account.balance.to_string(),
		"locked": account.locked.to_string(),
		"free": account.free.to_string(),
		"arrears": account.arrears.to_string(),
		"claims": account.claims.to_string(),
	})
}

/// What is expected of a period.
pub fn expected(price: &ExpectedPrice) -> Value {
	json!({
		"period": price.period,
		"surplus": price.surplus,
		"need": price.need,
		"ratio": price.ratio,
		"sell": price.prices.sell,
		"buy": price.prices.buy,
		"bestBid": price.best_bid,
		"bestAsk": price.best_ask,
		"days": price.days,
	})
}

/// A book with at most so many price levels of each side.
pub fn cut(book: &Value, levels: usize) -> Value {
	let mut book = book.clone();
	for side in ["bids", "asks"] {
		if let Some(side) = book.get_mut(side).and_then(Value::as_array_mut) {
			side.truncate(levels);
		}
	}
	book
}

#[cfg(test)]
mod tests {
	use super::*;
	use gridweave_primitives::{MeterId, MicrogridId, OrderId, Price, WattHours};
	use pallet_settlement::split::Split;

	#[test]
	fn order_should_be_told_with_its_owner_as_an_address() {
		let told = order(&OpenOrder {
			order_id: OrderId(5),
			owner: AccountId::from([7; 32]),
			meter: MeterId(3),
			microgrid: MicrogridId(1),
			period: Period(9),
			side: Side::Ask,
			limit_price: Price(150_000),
			remaining: WattHours(600),
		});
		let owner: AccountId = serde_json::from_value(told["owner"].clone()).expect("an address");
		assert_eq!(owner, AccountId::from([7; 32]));
		assert_eq!(
			(&told["orderId"], &told["side"]),
			(&json!(5), &json!("ask"))
		);
		assert_eq!(
			(&told["limitPrice"], &told["remaining"]),
			(&json!(150_000), &json!(600))
		);
	}

	#[test]
	fn money_beyond_the_numbers_of_json_should_keep_every_planck() {
		let told = statement(
			Period(9),
			&Statement {
				account: AccountId::from([7; 32]),
				provenance: Some(Provenance::Estimated),
				import: WattHours(1 << 51),
				export: WattHours(0),
				contracts: Contracts {
					payable: u128::MAX,
					paid: u128::MAX - 1,
					..Contracts::default()
				},
				split: Split::of(WattHours(0), WattHours(0), WattHours(1 << 51), WattHours(0)),
				prices: Prices::default(),
				amount: i128::MIN,
			},
		);
		assert_eq!(told["amount"], i128::MIN.to_string());
		assert_eq!(told["contracts"]["payable"], u128::MAX.to_string());
		assert_eq!(told["contracts"]["paid"], (u128::MAX - 1).to_string());
		assert_eq!(told["provenance"], "estimated");
		assert_eq!(
			(&told["import"], &told["need"]),
			(&json!(1u64 << 51), &json!(1u64 << 51))
		);
	}

	#[test]
	fn what_is_not_known_should_be_null() {
		let told = summary(&MarketSummary {
			best_bid: None,
			best_ask: Some(Price(1)),
			bids: 0,
			asks: 1,
			bid_energy: WattHours(0),
			ask_energy: WattHours(2),
			last_price: None,
			average_price: None,
			volume: WattHours(0),
			value: 1 << 100,
			trades: 0,
		});
		assert!(told["bestBid"].is_null() && told["lastPrice"].is_null());
		assert_eq!(
			(&told["bestAsk"], &told["askEnergy"]),
			(&json!(1), &json!(2))
		);
		assert_eq!(told["value"], (1u128 << 100).to_string());
	}

	#[test]
	fn expected_price_should_be_told_with_what_it_rests_on() {
		let told = expected(&ExpectedPrice {
			period: Period(9),
			surplus: WattHours(300),
			need: WattHours(800),
			ratio: Some(375_000),
			prices: Pair {
				sell: Price(100_000),
				buy: Price(200_000),
			},
			best_bid: None,
			best_ask: Some(Price(90_000)),
			days: 4,
		});
		let expected = json!({
			"period": 9, "surplus": 300, "need": 800, "ratio": 375_000, "sell": 100_000,
			"buy": 200_000, "bestBid": null, "bestAsk": 90_000, "days": 4,
		});
		assert_eq!(told, expected);
	}

	#[test]
	fn book_should_be_cut_to_the_best_levels() {
		let level = |price| Level {
			price: Price(price),
			energy: WattHours(10),
			orders: 1,
		};
		let book = json!({
			"bids": levels(&[level(9), level(8), level(7)]),
			"asks": levels(&[level(10)]),
			"summary": null,
		});
		let told = cut(&book, 2);
		assert_eq!(told["bids"], json!(levels(&[level(9), level(8)])));
		assert_eq!(told["asks"], book["asks"]);
		assert_eq!(cut(&book, 0)["asks"], json!([]));
	}
}
