//! Programmes, events, prices and reports, as the chain's runtime APIs tell them.

use std::collections::{HashSet, VecDeque};

use anyhow::{ensure, Result};
use sp_core::H256;
use subxt::{dynamic::Value, ext::scale_decode::DecodeAsType};

use super::{AtBlock, RpcNode};
use crate::server::openadr::{
	facts::{Clock, Community, DemandEvent, ExpectedPrice, Facts, PeriodRange, Programme, Report},
	Scope, MAX_EVENTS, MAX_PROGRAMMES,
};

const MICROGRIDS: &str = "MicrogridsApi";
const SETTLEMENT: &str = "SettlementApi";
const DEMAND_RESPONSE: &str = "DemandResponseApi";

/// Entries of an answer, at most; a node may answer with fewer.
const PAGE: u32 = 512;
/// Most answers that are read for one list.
const MAX_PAGES: usize = 64;
/// Most expected prices of a community.
const MAX_PRICES: u32 = 96;

/// Asks a runtime API; the answer is decoded by the chain's metadata.
async fn ask<R: DecodeAsType>(
	at: &AtBlock,
	api: &str,
	method: &str,
	arguments: &[u32],
) -> Result<R> {
	let arguments: Vec<Value> = arguments.iter().copied().map(Value::from).collect();
	let call = subxt::dynamic::runtime_api_call::<_, R>(api, method, arguments);
	Ok(at.runtime_apis().call(call).await?)
}

/// The last entries of a list that are wanted, at most so many, in order.
async fn list<T: DecodeAsType>(
	at: &AtBlock,
	method: &str,
	is_wanted: impl Fn(&T) -> bool,
	most: usize,
) -> Result<VecDeque<(u32, T)>> {
	let mut found = VecDeque::new();
	let mut from = 0;
	for _ in 0..MAX_PAGES {
		let page: Vec<(u32, T)> = ask(at, DEMAND_RESPONSE, method, &[from, PAGE]).await?;
		let last = page.last().map(|(id, _)| *id);
		for (id, entry) in page {
			ensure!(id >= from, "{method} are out of order");
			if is_wanted(&entry) {
				found.push_back((id, entry));
			}
			if found.len() > most {
				found.pop_front();
			}
		}
		match last.and_then(|last| last.checked_add(1)) {
			Some(next) => from = next,
			None => break,
		}
	}
	Ok(found)
}

impl RpcNode {
	/// See [`super::Node::flexibility`].
	pub(super) async fn read_flexibility(&self, at: H256, scope: &Scope) -> Result<Facts> {
		let at = &self.client.at_block(at).await?;
		let now = ask(at, MICROGRIDS, "now", &[]).await?;
		let clock: Clock = ask(at, MICROGRIDS, "clock", &[]).await?;
		let count: u32 = ask(at, MICROGRIDS, "count", &[]).await?;
		let mut communities = Vec::new();
		for id in scope.among(count) {
			let range: Option<PeriodRange> = ask(at, MICROGRIDS, "open_periods", &[id]).await?;
			// Its first period has not opened yet: there is nothing to tell.
			let Some(range) = range else { continue };
			let arguments = [id, 0, MAX_PRICES];
			let prices: Vec<ExpectedPrice> =
				ask(at, SETTLEMENT, "expected_prices", &arguments).await?;
			let first = range.first;
			communities.push((id, Community { first, prices }));
		}
		let ours: HashSet<u32> = communities.iter().map(|(id, _)| *id).collect();
		let is_ours = |programme: &Programme| ours.contains(&programme.microgrid);
		let programmes = list(at, "programmes", is_ours, MAX_PROGRAMMES).await?;
		let known: HashSet<u32> = programmes.iter().map(|(id, _)| *id).collect();
		let is_known = |event: &DemandEvent| known.contains(&event.programme);
		let events = list(at, "events", is_known, MAX_EVENTS).await?;
		Ok(Facts {
			now,
			period: clock.period_length,
			communities,
			programmes: programmes.into(),
			events: events.into(),
		})
	}

	/// See [`super::Node::reports`].
	pub(super) async fn read_reports(
		&self,
		at: H256,
		event: u32,
		from: u32,
		most: u32,
	) -> Result<Vec<(u32, Report)>> {
		let at = &self.client.at_block(at).await?;
		let mut reports: Vec<(u32, Report)> =
			ask(at, DEMAND_RESPONSE, "reports", &[event, from, most]).await?;
		reports.truncate(usize::try_from(most)?);
		Ok(reports)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::server::openadr::facts::{Action, Direction, Pair, Prices, Stage, Tally, Terms};
	use codec::Encode;
	use gridweave_primitives::{
		EventId, MicrogridId, Period, Price, ProgrammeId, WattHours, Watts,
	};
	use scale_info::{MetaType, PortableRegistry, Registry, TypeInfo};
	use sp_core::{bounded::BoundedVec, ConstU32};

	/// Types as the chain has them, with what else there is, in the order in which it stands.
	mod chain {
		use super::*;

		#[derive(Encode, TypeInfo)]
		pub enum Direction {
			Reduce,
			Increase,
		}

		#[derive(Encode, TypeInfo)]
		pub struct Prices {
			pub reward: Price,
			pub bonus: Price,
			pub penalty: Price,
		}

		#[derive(Encode, TypeInfo)]
		pub enum Action {
			LimitImport(Watts),
			Charge,
			Discharge,
			Curtail(Watts),
			Release,
		}

		#[derive(Encode, TypeInfo)]
		pub struct Terms {
			pub direction: Direction,
			pub prices: Prices,
			pub least_days: u32,
			pub command: Option<Action>,
		}

		#[derive(Encode, TypeInfo)]
		pub struct Programme {
			pub microgrid: MicrogridId,
			pub operator: [u8; 32],
			pub terms: Terms,
			pub events: BoundedVec<EventId, ConstU32<8>>,
			pub closing: bool,
		}

		#[derive(Encode, TypeInfo)]
		pub enum Stage {
			Announced,
			Cancelled,
			Measuring,
			Paying,
			Done,
		}

		#[derive(Encode, TypeInfo)]
		pub struct DemandEvent {
			pub programme: ProgrammeId,
			pub microgrid: MicrogridId,
			pub announced: Period,
			pub start: Period,
			pub end: Period,
			pub planned_end: Period,
			pub due: Period,
			pub target: WattHours,
			pub budget: u128,
			pub stage: Stage,
		}

		#[derive(Encode, TypeInfo)]
		pub struct Tally {
			pub baseline: i64,
			pub measured: i64,
			pub rebound: i64,
			pub counted: u32,
			pub unmeasured: u32,
		}

		#[derive(Encode, TypeInfo)]
		pub struct Report {
			pub payee: [u8; 32],
			pub tally: Tally,
			pub delivered: WattHours,
			pub committed: WattHours,
			pub claim: u128,
			pub paid: u128,
			pub penalty: u128,
		}

		#[derive(Encode, TypeInfo)]
		pub struct Pair {
			pub sell: Price,
			pub buy: Price,
		}

		#[derive(Encode, TypeInfo)]
		pub struct ExpectedPrice {
			pub period: Period,
			pub ratio: Option<u32>,
			pub prices: Pair,
			pub days: u32,
		}
	}

	fn read<T: DecodeAsType, C: Encode + TypeInfo + 'static>(told: C) -> T {
		let mut registry = Registry::new();
		let id = registry.register_type(&MetaType::new::<C>()).id;
		let registry = PortableRegistry::from(registry);
		T::decode_as_type(&mut &told.encode()[..], id, &registry).unwrap()
	}

	#[test]
	fn programmes_should_be_read_by_the_chain_s_own_types() {
		for (command, action) in [
			(
				Some(chain::Action::LimitImport(Watts(7))),
				Some(Action::LimitImport(7)),
			),
			(Some(chain::Action::Charge), Some(Action::Charge)),
			(Some(chain::Action::Discharge), Some(Action::Discharge)),
			(
				Some(chain::Action::Curtail(Watts(0))),
				Some(Action::Curtail(0)),
			),
			(Some(chain::Action::Release), Some(Action::Release)),
			(None, None),
		] {
			let (direction, expected) = match action {
				None => (chain::Direction::Increase, Direction::Increase),
				Some(_) => (chain::Direction::Reduce, Direction::Reduce),
			};
			let programme = chain::Programme {
				microgrid: MicrogridId(2),
				operator: [1; 32],
				terms: chain::Terms {
					direction,
					prices: chain::Prices {
						reward: Price(1),
						bonus: Price(2),
						penalty: Price(3),
					},
					least_days: 10,
					command,
				},
				events: BoundedVec::truncate_from(vec![EventId(4)]),
				closing: false,
			};
			let told: Vec<(u32, Programme)> = read(vec![(ProgrammeId(9), programme)]);
			let terms = Terms {
				direction: expected,
				prices: Prices {
					reward: 1,
					bonus: 2,
					penalty: 3,
				},
				command: action,
			};
			let microgrid = 2;
			assert_eq!(told, [(9, Programme { microgrid, terms })]);
		}
	}

	#[test]
	fn events_reports_and_prices_should_be_read_by_the_chain_s_own_types() {
		for (stage, expected) in [
			(chain::Stage::Announced, Stage::Announced),
			(chain::Stage::Cancelled, Stage::Cancelled),
			(chain::Stage::Measuring, Stage::Measuring),
			(chain::Stage::Paying, Stage::Paying),
			(chain::Stage::Done, Stage::Done),
		] {
			let event: DemandEvent = read(chain::DemandEvent {
				programme: ProgrammeId(1),
				microgrid: MicrogridId(2),
				announced: Period(3),
				start: Period(4),
				end: Period(5),
				planned_end: Period(6),
				due: Period(7),
				target: WattHours(8),
				budget: 9,
				stage,
			});
			let numbers = (event.programme, event.announced, event.start, event.end);
			assert_eq!(numbers, (1, 3, 4, 5));
			assert_eq!((event.planned_end, event.due, event.target), (6, 7, 8));
			assert_eq!(event.stage, expected);
		}
		let report: Report = read(chain::Report {
			payee: [1; 32],
			tally: chain::Tally {
				baseline: -5,
				measured: 6,
				rebound: 7,
				counted: 8,
				unmeasured: 9,
			},
			delivered: WattHours(10),
			committed: WattHours(11),
			claim: 12,
			paid: 13,
			penalty: 14,
		});
		let tally = Tally {
			baseline: -5,
			measured: 6,
			unmeasured: 9,
		};
		let (delivered, committed, paid, penalty) = (10, 11, 13, 14);
		let expected = Report {
			tally,
			delivered,
			committed,
			paid,
			penalty,
		};
		assert_eq!(report, expected);
		let price: ExpectedPrice = read(chain::ExpectedPrice {
			period: Period(1),
			ratio: None,
			prices: chain::Pair {
				sell: Price(2),
				buy: Price(3),
			},
			days: 4,
		});
		let prices = Pair { sell: 2, buy: 3 };
		assert_eq!(price, ExpectedPrice { period: 1, prices });
	}
}
