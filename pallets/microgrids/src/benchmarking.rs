//! Benchmarks of every call, and of every step of opening and pruning, per item.

use frame_benchmarking::v2::*;
use frame_support::{
	traits::{
		fungible::{Inspect, Mutate},
		EnsureOrigin, Get,
	},
	weights::WeightMeter,
};
use frame_system::RawOrigin;
use gridweave_primitives::{
	link::LinkTerms,
	microgrid::{MarketRules, Mechanism, ResidualRule, Terms},
	Be32, LinkId, MicrogridId, Period, Price, WattHours,
};
use sp_runtime::Permill;

use crate::{opening::Window, types::PeriodRange, *};

/// Sets up, for benchmarks, what other pallets keep.
pub trait BenchmarkHelper {
	/// Sets chain time, in Unix seconds.
	fn set_time(now: u64);

	/// Makes [`Config::Settled`] say that every period of the microgrid before `period` is settled.
	fn set_settled(microgrid: MicrogridId, period: Period);
}

/// For mocks without time in which everything is settled.
impl BenchmarkHelper for () {
	fn set_time(_: u64) {}

	fn set_settled(_: MicrogridId, _: Period) {}
}

const NOW: u64 = 1_780_000_000;
const START: Period = Period(1_000);

fn terms() -> Terms {
	Terms {
		retail_price: Price(300_000),
		feed_in_price: Price(80_000),
		rules: MarketRules {
			mechanism: Mechanism::Continuous,
			price_floor: Price(1),
			price_cap: Price(1_000_000),
			min_quantity: WattHours(1),
			gate_closure: 0,
			fee: Price(1_000),
		},
		residual: ResidualRule::Pool {
			spread: Permill::from_percent(5),
		},
	}
}

fn funded<T: Config>(name: &'static str) -> T::AccountId
where
	T::Currency: Mutate<T::AccountId>,
{
	let who: T::AccountId = account(name, 0, 0);
	let amount = T::Deposit::get()
		.saturating_add(T::LinkDeposit::get())
		.saturating_add(T::Currency::minimum_balance())
		.saturating_mul(100);
	T::Currency::set_balance(&who, amount);
	who
}

/// A microgrid that the returned account operates, with a deposit.
fn microgrid<T: Config>() -> (T::AccountId, MicrogridId)
where
	T::Currency: Mutate<T::AccountId>,
{
	let operator = funded::<T>("operator");
	let id = MicrogridId(Count::<T>::get());
	let created = T::CreateOrigin::try_successful_origin()
		.ok()
		.map(|origin| Pallet::<T>::create_microgrid(origin, operator.clone(), terms()));
	assert_eq!(created, Some(Ok(())));
	(operator, id)
}

fn link_terms(from: MicrogridId, to: MicrogridId) -> LinkTerms {
	LinkTerms {
		from,
		to,
		loss: Permill::from_percent(5),
		capacity: WattHours(100_000),
		wheeling_fee: Price(1_000),
		min_quantity: WattHours(100),
	}
}

/// A link between two microgrids of `operator`.
fn propose<T: Config>(operator: &T::AccountId, terms: LinkTerms) -> LinkId {
	let id = NextLinkId::<T>::get();
	let proposed = Pallet::<T>::propose_link(RawOrigin::Signed(operator.clone()).into(), terms);
	assert!(proposed.is_ok(), "{proposed:?}");
	id
}

#[benchmarks(where T::Currency: Mutate<T::AccountId>)]
mod benches {
	use super::*;

	#[benchmark]
	fn create_microgrid() -> Result<(), BenchmarkError> {
		let origin =
			T::CreateOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
		let operator = funded::<T>("operator");
		let before = Count::<T>::get();
		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, operator, terms());
		assert_eq!(Count::<T>::get(), before + 1);
		Ok(())
	}

	#[benchmark]
	fn set_terms() {
		let (operator, id) = microgrid::<T>();
		Periods::<T>::insert(id, PeriodRange::starting_with(START));
		let new = Terms {
			retail_price: Price(310_000),
			..terms()
		};
		#[extrinsic_call]
		_(RawOrigin::Signed(operator), id, new);
		assert_eq!(
			Microgrids::<T>::get(id).map(|record| record.terms),
			Some(new)
		);
	}

	#[benchmark]
	fn offer_operator() {
		let (operator, id) = microgrid::<T>();
		let successor = funded::<T>("successor");
		#[extrinsic_call]
		_(RawOrigin::Signed(operator), id, successor.clone());
		assert_eq!(Offers::<T>::get(id), Some(successor));
	}

	#[benchmark]
	fn withdraw_offer() {
		let (operator, id) = microgrid::<T>();
		Offers::<T>::insert(id, funded::<T>("successor"));
		#[extrinsic_call]
		_(RawOrigin::Signed(operator), id);
		assert_eq!(Offers::<T>::get(id), None);
	}

	#[benchmark]
	fn accept_operator() {
		let (_, id) = microgrid::<T>();
		let successor = funded::<T>("successor");
		Offers::<T>::insert(id, &successor);
		#[extrinsic_call]
		_(RawOrigin::Signed(successor.clone()), id);
		assert_eq!(
			Microgrids::<T>::get(id).map(|record| record.operator),
			Some(successor)
		);
	}

	/// The start of a pass that finds no microgrid: what opening costs besides turns.
	#[benchmark]
	fn open_base() {
		T::BenchmarkHelper::set_time(NOW);
		Count::<T>::kill();
		#[block]
		{
			Pallet::<T>::open_periods(&mut WeightMeter::new());
		}
		assert!(OpenPass::<T>::exists());
	}

	/// A turn that skips periods and opens one: everything a turn can do.
	#[benchmark]
	fn open_microgrid() {
		let (_, id) = microgrid::<T>();
		let kept = PeriodRange {
			until: START.next(),
			..PeriodRange::starting_with(START)
		};
		Periods::<T>::insert(id, kept);
		let oldest = START.saturating_add(100);
		let window = Window {
			oldest,
			current: oldest,
			last: oldest,
		};
		#[block]
		{
			Pallet::<T>::open_microgrid(id, window, &mut WeightMeter::new());
		}
		assert_eq!(
			Periods::<T>::get(id).map(|range| range.until),
			Some(oldest.next())
		);
	}

	#[benchmark]
	fn open_period() {
		let (_, id) = microgrid::<T>();
		#[block]
		{
			Pallet::<T>::open_period(id, START, &terms());
		}
		let key = (Be32::from(id), Be32::from(START));
		assert_eq!(PeriodTerms::<T>::get(key), Some(terms()));
	}

	/// The start of a pass that finds no microgrid: what pruning costs besides turns.
	#[benchmark]
	fn prune_base() {
		T::BenchmarkHelper::set_time(NOW);
		Count::<T>::kill();
		#[block]
		{
			Pallet::<T>::prune_periods(&mut WeightMeter::new());
		}
		assert!(PrunePass::<T>::exists());
	}

	/// A turn that prunes one period.
	#[benchmark]
	fn prune_microgrid() {
		let (_, id) = microgrid::<T>();
		Pallet::<T>::open_period(id, START, &terms());
		let kept = PeriodRange {
			until: START.next(),
			..PeriodRange::starting_with(START)
		};
		Periods::<T>::insert(id, kept);
		T::BenchmarkHelper::set_settled(id, START.next());
		#[block]
		{
			Pallet::<T>::prune_microgrid(id, START.next(), &mut WeightMeter::new());
		}
		assert_eq!(
			Periods::<T>::get(id).map(|range| range.from),
			Some(START.next())
		);
	}

	/// The last period before skipped ones: its successor must be looked for.
	#[benchmark]
	fn prune_period() {
		let (_, id) = microgrid::<T>();
		let next = START.saturating_add(1_000);
		Pallet::<T>::open_period(id, START, &terms());
		Pallet::<T>::open_period(id, next, &terms());
		let mut range = PeriodRange {
			until: next.next(),
			skipped: 999,
			..PeriodRange::starting_with(START)
		};
		#[block]
		{
			Pallet::<T>::prune_oldest(id, &mut range);
		}
		assert_eq!((range.from, range.skipped), (next, 0));
	}

	#[benchmark]
	fn propose_link() {
		let (operator, from) = microgrid::<T>();
		let (_, to) = microgrid::<T>();
		let terms = link_terms(from, to);
		let id = NextLinkId::<T>::get();
		#[extrinsic_call]
		_(RawOrigin::Signed(operator), terms);
		assert!(LinksInto::<T>::get(to).contains(&id));
	}

	/// Of a microgrid that has all but one of its links.
	#[benchmark]
	fn accept_link() {
		let (operator, from) = microgrid::<T>();
		for _ in 1..T::MaxLinks::get() {
			let (_, other) = microgrid::<T>();
			propose::<T>(&operator, link_terms(from, other));
		}
		let (_, to) = microgrid::<T>();
		let id = NextLinkId::<T>::get();
		let link = Link {
			terms: link_terms(from, to),
			operator: operator.clone(),
			deposit: T::LinkDeposit::get(),
			stage: LinkStage::Proposed { awaits: to },
		};
		Links::<T>::insert(id, link);
		#[extrinsic_call]
		_(RawOrigin::Signed(operator), id);
		assert!(LinksInto::<T>::get(to).contains(&id));
	}

	#[benchmark]
	fn close_link() {
		let (operator, from) = microgrid::<T>();
		let (_, to) = microgrid::<T>();
		let id = propose::<T>(&operator, link_terms(from, to));
		#[extrinsic_call]
		_(RawOrigin::Signed(operator), id);
		assert_eq!(Links::<T>::get(id), None);
	}

	#[benchmark]
	fn prune_links(n: Linear<0, { T::MaxLinks::get().saturating_mul(2) }>) {
		let (operator, hub) = microgrid::<T>();
		let pruned = PeriodRange::starting_with(START.saturating_add(1));
		Periods::<T>::insert(hub, pruned);
		for link in 0..n {
			let (_, other) = microgrid::<T>();
			Periods::<T>::insert(other, pruned);
			let (from, to) = if link % 2 == 0 {
				(hub, other)
			} else {
				(other, hub)
			};
			let id = propose::<T>(&operator, link_terms(from, to));
			Links::<T>::mutate(id, |link| {
				if let Some(link) = link {
					link.stage = LinkStage::Open {
						first: START,
						until: Some(START.saturating_add(1)),
					};
				}
			});
		}
		#[block]
		{
			Pallet::<T>::prune_links(hub, &mut WeightMeter::new());
		}
		assert_eq!(Links::<T>::iter().count(), 0);
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::chain(vec![]), crate::mock::Test);
}
