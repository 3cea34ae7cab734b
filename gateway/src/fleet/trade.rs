//! The agents at the market: one batch of orders per account and period.

use std::sync::{
	atomic::{AtomicBool, Ordering},
	Arc,
};

use anyhow::{Context, Result};
use futures::{stream, StreamExt};
use gridweave_primitives::{
	microgrid::{ResidualRule, Terms},
	Period,
};
use subxt::ext::scale_value::Composite;
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::{
	agents::{expected_nets, intents, within_storage, Intent, Tariff},
	chain::{Account, At, Call, Chain, ExtrinsicEvents},
	enrol::MICROGRID,
	grid::Grid,
	live::sleep_until,
	replay::Registers,
};

/// Orders on their way to the pool at a time.
const IN_FLIGHT: usize = 64;

/// The event of an order that the book refuses, and the field that says why: the last.
pub const REFUSED: (&str, &str, &[&str]) = ("OrderBook", "OrderRefused", &["error"]);

/// What the agents know at the start of a period.
pub struct Knowledge {
	/// The period to trade: the one after next.
	pub target: Period,
	/// When to trade it, in Unix seconds.
	pub due: u64,
	/// The row of the data that begins now, counted on when the year repeats; only those before it are known.
	pub now_row: usize,
	/// What the meters show, as far as the chain can know.
	pub shown: Vec<Registers>,
}

/// An agent and its account.
struct Agent {
	meter: u32,
	account: Account,
	/// A transaction of it was lost: its nonce must be asked for.
	lost: Arc<AtomicBool>,
}

/// Trades what it is told of until nobody tells any more. A market that refuses an order or does not answer
/// costs a trade, never the run.
pub async fn agents(
	chain: Arc<Chain>,
	grid: Arc<Grid>,
	accounts: Vec<(u32, Account)>,
	mut told: mpsc::UnboundedReceiver<Knowledge>,
) {
	let mut agents: Vec<Agent> = (accounts.into_iter())
		.map(|(meter, account)| Agent {
			meter,
			account,
			lost: Default::default(),
		})
		.collect();
	while let Some(knowledge) = when_due(&mut told).await {
		let target = knowledge.target;
		let terms = match terms_now(&chain, target).await {
			Ok(Some(terms)) => terms,
			Ok(None) => {
				warn!("period {target} is not open for trading yet");
				continue;
			}
			Err(error) => {
				warn!("the terms of period {target} are unknown: {error:#}");
				continue;
			}
		};
		let wants = wants(&grid, &knowledge, &tariff_of(&terms));
		let orders = agents
			.iter_mut()
			.zip(wants)
			.filter_map(|(agent, want)| Some((agent, want?)));
		stream::iter(orders)
			.for_each_concurrent(IN_FLIGHT, |(agent, want)| {
				let chain = chain.clone();
				async move {
					if let Err(error) = agent.place(chain, target, want).await {
						warn!("meter {} could not order: {error:#}", agent.meter);
						agent.lost.store(true, Ordering::Relaxed);
					}
				}
			})
			.await;
	}
}

/// The newest that is told by the time it is due.
async fn when_due(told: &mut mpsc::UnboundedReceiver<Knowledge>) -> Option<Knowledge> {
	let mut knowledge = told.recv().await?;
	loop {
		sleep_until(knowledge.due).await;
		match told.try_recv() {
			// Late: only the newest matters, in its time.
			Ok(newer) => knowledge = newer,
			Err(_) => return Some(knowledge),
		}
	}
}

/// What every member wants to trade, if it is enough for an order.
fn wants(grid: &Grid, knowledge: &Knowledge, tariff: &Tariff) -> Vec<Option<Intent>> {
	let charge: Vec<Option<u64>> = (grid.storages())
		.map(|(place, _)| knowledge.shown[place].charge_wh)
		.collect();
	// A storage of which nothing is known yet is expected to be empty.
	let expected: Vec<u64> = charge
		.iter()
		.map(|charge| charge.unwrap_or_default())
		.collect();
	let mut wants = intents(&expected_nets(grid, knowledge.now_row, &expected), tariff);
	for ((place, storage), charge) in grid.storages().zip(charge) {
		wants[place] = wants[place].and_then(|want| within_storage(want, &storage, charge));
	}
	for want in &mut wants {
		*want = want.filter(|want| want.energy_wh.unsigned_abs() >= tariff.min_quantity);
	}
	wants
}

impl Agent {
	/// Submits a batch of one order, for there is one meter to the account, and goes on once the pool has
	/// it; what becomes of it is logged.
	async fn place(&mut self, chain: Arc<Chain>, period: Period, want: Intent) -> Result<()> {
		if self.lost.swap(false, Ordering::Relaxed) {
			chain.refresh_nonce(&mut self.account).await?;
		}
		let call = order(&chain, self.meter, period, want)?;
		let progress = chain.submit(&mut self.account, &call).await?;
		let (meter, lost) = (self.meter, self.lost.clone());
		tokio::spawn(async move {
			match chain.included(progress).await {
				Ok(events) => match refusal(&events) {
					None => debug!("meter {meter} ordered {want:?} for period {period}"),
					Some(why) => {
						warn!("meter {meter}: {want:?} for period {period} was refused: {why}")
					}
				},
				Err(error) => {
					warn!("meter {meter}: no order {want:?} for period {period}: {error:#}");
					lost.store(true, Ordering::Relaxed);
				}
			}
		});
		Ok(())
	}
}

/// Why the book refused the order, if it did.
fn refusal(events: &ExtrinsicEvents) -> Option<String> {
	let mut refused = events
		.iter()
		.filter_map(Result::ok)
		.filter(|event| (event.pallet_name(), event.event_name()) == (REFUSED.0, REFUSED.1));
	let event = refused.next()?;
	Some(
		event
			.decode_fields_unchecked_as::<Composite<()>>()
			.map_or_else(
				|error| error.to_string(),
				|fields| format!("{:?}", fields.values().last().map(ToString::to_string)),
			),
	)
}

fn order(chain: &Chain, meter: u32, period: Period, want: Intent) -> Result<Call> {
	// Sides are Bid, 0, and Ask, 1; the time in force is GoodUntilGate, 0.
	let side = u8::from(want.energy_wh > 0);
	let order = (
		meter,
		side,
		period,
		want.energy_wh.unsigned_abs(),
		want.limit,
		0u8,
	);
	chain.call("OrderBook", "place_orders", &vec![order])
}

/// The fixed terms of a period, if it has opened and is not pruned at that block.
pub async fn terms_of(chain: &Chain, at: &At, period: Period) -> Result<Option<Terms>> {
	chain
		.ask(at, "MicrogridsApi_terms", &(MICROGRID, period))
		.await
		.context("terms of a period")
}

async fn terms_now(chain: &Chain, period: Period) -> Result<Option<Terms>> {
	terms_of(chain, &chain.best().await?, period).await
}

fn tariff_of(terms: &Terms) -> Tariff {
	Tariff {
		retail: terms.retail_price.0,
		feed_in: terms.feed_in_price.0,
		spread: match terms.residual {
			ResidualRule::Tariff => None,
			ResidualRule::Pool { spread } => Some(f64::from(spread.deconstruct()) / 1e6),
		},
		min_quantity: terms.rules.min_quantity.0,
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::fleet::{calendar::row_of_date, grid::GridSource, replay::Replay};
	use std::{
		path::Path,
		time::{SystemTime, UNIX_EPOCH},
	};

	const TARIFF: Tariff = Tariff {
		retail: 300_000,
		feed_in: 80_000,
		spread: Some(0.05),
		min_quantity: 10,
	};

	fn grid() -> Grid {
		let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/simbench");
		let name = Some("LV1.101".into());
		Grid::load(&GridSource { folder, name }, None).unwrap()
	}

	fn june() -> usize {
		row_of_date("2016-06-12T06:45").unwrap()
	}

	/// On the day the main job shows, there is something to trade in every period, and offers and bids
	/// cross.
	#[test]
	fn a_june_morning_should_make_a_market() {
		let grid = grid();
		let mut replay = Replay::new(&grid, june());
		let mut shown = replay.registers();
		for _ in 0..24 {
			let knowledge = Knowledge {
				target: Period(0),
				due: 0,
				now_row: replay.row(),
				shown: shown.clone(),
			};
			let wants: Vec<Intent> = wants(&grid, &knowledge, &TARIFF)
				.into_iter()
				.flatten()
				.collect();
			let sum = |side: fn(&&Intent) -> bool| -> i64 {
				wants.iter().filter(side).map(|want| want.energy_wh).sum()
			};
			assert!(sum(|want| want.energy_wh > 0) > 100 && sum(|want| want.energy_wh < 0) < -100);
			let ask = wants.iter().find(|want| want.energy_wh > 0).unwrap().limit;
			let bid = wants.iter().find(|want| want.energy_wh < 0).unwrap().limit;
			assert!(ask <= bid);
			shown = replay.step();
		}
	}

	fn told(due: u64, grid: &Grid, shown: Vec<Registers>) -> Knowledge {
		let now_row = june();
		assert_eq!(shown.len(), grid.members.len());
		Knowledge {
			target: Period(0),
			due,
			now_row,
			shown,
		}
	}

	#[test]
	fn a_storage_of_unknown_charge_should_not_trade() {
		let grid = grid();
		let unknown = vec![Registers::default(); grid.members.len()];
		let known = Replay::new(&grid, june()).registers();
		let storages = |shown| {
			let wants = wants(&grid, &told(0, &grid, shown), &TARIFF);
			(grid.storages())
				.filter(|(place, _)| wants[*place].is_some())
				.count()
		};
		assert_eq!(storages(unknown), 0);
		assert!(storages(known) > 0);
	}

	#[test]
	fn nobody_should_want_less_than_an_order_may_ask_for() {
		let grid = grid();
		let shown = Replay::new(&grid, june()).registers();
		let knowledge = told(0, &grid, shown);
		let all = wants(&grid, &knowledge, &TARIFF);
		let least = (all.iter().flatten())
			.map(|want| want.energy_wh.unsigned_abs())
			.min()
			.unwrap();
		assert!(least >= TARIFF.min_quantity);
		let tariff = Tariff {
			min_quantity: least + 1,
			..TARIFF
		};
		let count = |wants: Vec<Option<Intent>>| wants.iter().flatten().count();
		assert!(count(wants(&grid, &knowledge, &tariff)) < count(all));
	}

	#[tokio::test]
	async fn who_is_late_should_trade_the_newest_in_its_time() {
		let grid = grid();
		let shown = || vec![Registers::default(); grid.members.len()];
		let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
		let due = now.as_secs() + 2;
		let (tell, mut receiver) = mpsc::unbounded_channel();
		tell.send(told(0, &grid, shown())).unwrap();
		tell.send(told(due, &grid, shown())).unwrap();
		assert_eq!(when_due(&mut receiver).await.unwrap().due, due);
		let then = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
		assert!(then.as_secs() >= due);
	}
}
