//! Communities of which every meter is enrolled in a programme of demand response, with its history, and did what an
//! event asked of it. Made by the calls that members would send, executed natively; only histories are written as
//! weeks would have left them.

use anyhow::{anyhow, Result};
use frame_support::traits::{fungible::Mutate, UnfilteredDispatchable};
use gridweave_primitives::{
	clock::is_weekend, ids::METERS_PER_PAGE, microgrid::Mechanism, Balance, Be32, EventId, MeterId,
	Period, Price, ProgrammeId, WattHours,
};
use gridweave_runtime::{genesis, AccountId, Balances, Runtime, RuntimeCall, RuntimeOrigin, GRID};
use pallet_demand_response::{
	baseline::{Method, LIKE_DAYS},
	types::{
		Baseline, Day, DayPage, DemandEvent, Direction, Prices, ProgrammeTerms, KEPT_DAYS,
		MAX_ADJUSTMENT,
	},
	Call, DayPages, Events,
};
use sp_runtime::BoundedVec;
use sp_storage::Storage;

use crate::{
	community::{account, failed, flow, Community, CLOCK, MICROGRID, START},
	service::pass_until,
};

/// For deposits, and the history's above all.
const SAVINGS: Balance = 1_000 * GRID;

/// More than all rewards together.
const BUDGET: Balance = 100_000 * GRID;

/// What is paid per kWh.
pub const REWARD: Price = Price(200_000);

/// How many periods the event lasts: an hour.
const PERIODS: u32 = 4;

/// What each meter usually takes more, or gives less, in a period than in those that are metered.
const REDUCTION: WattHours = WattHours(100);

/// The event.
const EVENT: EventId = EventId(0);

/// A community of so many meters, each a resource of its own, whose energy of an event is settled and not recorded yet.
#[derive(Clone, Copy, Debug)]
pub struct Responding {
	/// How many meters.
	pub meters: u32,
}

/// Ten of ten with a same-day adjustment, as by default.
fn terms() -> ProgrammeTerms {
	ProgrammeTerms {
		direction: Direction::Reduce,
		prices: Prices {
			reward: REWARD,
			bonus: Price(0),
			penalty: Price(0),
		},
		baseline: Baseline::LikeDays {
			method: Method::TenOfTen,
			adjustment: MAX_ADJUSTMENT,
		},
		least_days: LIKE_DAYS,
		dead_band: MAX_ADJUSTMENT,
		rebound: 0,
		notice: 1,
		events_per_day: 1,
		command: None,
	}
}

impl Responding {
	/// One of at least so many meters.
	pub fn of_at_least(meters: u32) -> Self {
		Self {
			meters: meters.next_multiple_of(METERS_PER_PAGE),
		}
	}

	/// The event's first period: the meters' energy is known from the one in which it is announced on.
	fn start() -> Period {
		CLOCK.period_at(START).saturating_add(2)
	}

	/// How many periods are recorded before the event is measured: from the one in which meters enrolled on.
	pub fn recorded() -> u32 {
		2 + PERIODS
	}

	/// When the energy of the event's last period freezes.
	pub fn due() -> u64 {
		let last = Self::start().saturating_add(PERIODS - 1);
		CLOCK.freezes_at(last)
	}

	/// What all meters deliver together.
	pub fn delivered(&self) -> WattHours {
		WattHours(REDUCTION.0 * u64::from(PERIODS) * u64::from(self.meters))
	}

	/// The state, with all periods settled.
	pub fn storage(&self) -> Result<Storage> {
		let community = Community {
			meters: self.meters,
			mechanism: Mechanism::Continuous,
			metered: Self::recorded(),
		};
		community.storage(|| {
			pass_until(START)?;
			let operator = genesis::account("Operator");
			let open = Call::open_programme {
				microgrid: MICROGRID,
				terms: terms(),
				budget: BUDGET,
			};
			dispatch(operator.clone(), open)?;
			for meter in (0..self.meters).map(MeterId) {
				Balances::mint_into(&account(meter), SAVINGS).map_err(failed)?;
				let enrol = Call::enrol {
					programme: ProgrammeId(0),
					meter,
				};
				dispatch(account(meter), enrol)?;
			}
			for page in 0..self.meters / METERS_PER_PAGE {
				remember(page)?;
			}
			let announce = Call::announce_event {
				programme: ProgrammeId(0),
				start: Self::start(),
				periods: PERIODS,
				target: self.delivered(),
			};
			dispatch(operator, announce)?;
			pass_until(Self::due())
		})
	}
}

/// Writes down what the meters of a page did in the last weeks, and on the day until now.
fn remember(page: u32) -> Result<()> {
	let (today, place) = (
		CLOCK.day_of(CLOCK.period_at(START)),
		CLOCK.period_of_day(CLOCK.period_at(START)),
	);
	for back in 0..u64::from(KEPT_DAYS) {
		let number = today - back;
		let periods = if back == 0 {
			place
		} else {
			CLOCK.periods_per_day
		};
		let meters = (0u8..).take(METERS_PER_PAGE as usize).map(|slot| Day {
			slot,
			net: BoundedVec::truncate_from(vec![usual(MeterId::at(page, slot)); periods as usize]),
		});
		let day = DayPage {
			number: u32::try_from(number)?,
			meters: BoundedVec::truncate_from(meters.collect()),
		};
		let key = u32::try_from(number % u64::from(KEPT_DAYS))?;
		DayPages::<Runtime>::insert((Be32::from(page), Be32::from(key)), day);
		// Ten working days lie in two weeks.
		if back >= 14 && !is_weekend(number) {
			break;
		}
	}
	Ok(())
}

/// What a meter usually takes, net, in a period.
fn usual(meter: MeterId) -> i32 {
	let (import, export) = flow(meter);
	let net = |energy: WattHours| i32::try_from(energy.0).unwrap_or(i32::MAX);
	net(import) - net(export) + net(REDUCTION)
}

fn dispatch(who: AccountId, call: Call<Runtime>) -> Result<()> {
	RuntimeCall::from(call)
		.dispatch_bypass_filter(RuntimeOrigin::signed(who))
		.map(|_| ())
		.map_err(|error| anyhow!("{:?}", error.error))
}

/// What became of the event, if it is there.
pub fn event() -> Option<DemandEvent> {
	Events::<Runtime>::get(Be32::from(EVENT))
}

#[cfg(test)]
mod tests {
	use super::*;
	use gridweave_runtime::{DemandResponse, MeterRegistry, Settlement};
	use pallet_demand_response::{types::Stage, Members};
	use sp_state_machine::BasicExternalities;

	#[test]
	fn the_state_should_be_sound_and_wait_for_its_energy_to_be_recorded() {
		let responding = Responding::of_at_least(50);
		assert_eq!(responding.meters, 64);
		let storage = responding.storage().expect("it is made");
		BasicExternalities::new(storage).execute_with(|| {
			DemandResponse::do_try_state().expect("demand response");
			MeterRegistry::do_try_state().expect("meter registry");
			Settlement::do_try_state().expect("settlement");
			assert_eq!(Members::<Runtime>::iter().count(), 64);
			let event = event().expect("it is announced");
			assert_eq!(event.stage, Stage::Announced);
			assert_eq!(event.due, Responding::start().saturating_add(PERIODS));
			let progress = Settlement::progress(MICROGRID).expect("it has begun");
			assert_eq!(progress.next, event.due);
		});
	}
}
