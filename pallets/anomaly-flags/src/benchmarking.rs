//! Benchmarks of every call and every step. Pages are full, cases have a quorum.

// Benchmarks alone run this: what cannot be set up must stop them.
#![allow(clippy::expect_used)]

use alloc::{boxed::Box, vec, vec::Vec};

use frame_benchmarking::v2::*;
use frame_support::{
	traits::{fungible::Mutate, Get},
	weights::WeightMeter,
};
use frame_system::RawOrigin;
use gridweave_primitives::{
	ids::METERS_PER_PAGE,
	meter::{Movement, Ratings},
	reading::{status, Phase, Quality, Reading, SignedReading},
	traits::{Observation, OnMeterRetired, SettlementClock},
	Balance, Be32, MeterId, MicrogridId, Period, WattHours, Watts,
};
use sp_core::H256;

use crate::{
	detectors::{
		feeder::Throughput,
		suspects::{Explained, Suspect, NAMED},
		Finding,
	},
	flags::Subject,
	*,
};

/// What benchmarks need of other pallets. Provided by the runtime.
pub trait BenchmarkHelper<AccountId> {
	/// A microgrid run by `operator` with one page of active meters of `owner`, all measured in a closed period
	/// that settlement has passed. Returns the microgrid, that period and the meters.
	fn community(operator: AccountId, owner: AccountId) -> (MicrogridId, Period, Vec<MeterId>);
	/// Who operates a microgrid that was made so.
	fn operator(microgrid: MicrogridId) -> AccountId;
	/// Two different readings of one sequence that the key of an active meter signed.
	fn equivocation() -> (SignedReading, SignedReading);
	/// A feeder of a microgrid, measured in the period of its members.
	fn feeder(microgrid: MicrogridId) -> MeterId;
	/// Sets chain time.
	fn set_now(now: u64);
}

/// Enough for everything here, and far from any bound.
const MONEY: Balance = 1_000_000_000_000_000_000_000;

const KIND: Kind = Kind::SuddenChange;

fn funded<T: Config>(name: &'static str, index: u32) -> T::AccountId
where
	T::Currency: Mutate<T::AccountId>,
{
	let who = account(name, index, 0);
	T::Currency::set_balance(&who, MONEY);
	who
}

/// A microgrid with a full page of meters.
struct Community<T: Config> {
	operator: T::AccountId,
	microgrid: MicrogridId,
	period: Period,
	meters: Vec<MeterId>,
}

fn community<T: Config>() -> Community<T>
where
	T::Currency: Mutate<T::AccountId>,
{
	let (operator, owner) = (funded::<T>("operator", 0), funded::<T>("owner", 0));
	let (microgrid, period, meters) = T::BenchmarkHelper::community(operator, owner);
	Community {
		operator: T::BenchmarkHelper::operator(microgrid),
		microgrid,
		period,
		meters,
	}
}

impl<T: Config> Community<T>
where
	T::Currency: Mutate<T::AccountId>,
{
	fn subject(&self, kind: Kind) -> Subject {
		Subject {
			microgrid: self.microgrid,
			meter: self.meters[0],
			kind,
		}
	}

	/// As many inspectors as there may be; the last of them.
	fn inspector(&self) -> T::AccountId {
		let all: Vec<_> = (0..T::MaxInspectors::get())
			.map(|n| funded::<T>("inspector", n))
			.collect();
		let last = all.last().expect("one at least").clone();
		Inspectors::<T>::insert(
			Be32::from(self.microgrid),
			frame_support::BoundedVec::truncate_from(all),
		);
		last
	}

	/// Analysts, all but the first of whom have reported this.
	fn reported(&self, kind: Kind) -> T::AccountId {
		for n in 0..T::Quorum::get() {
			let who = funded::<T>("analyst", n);
			if !Analysts::<T>::contains_key(&who) {
				Pallet::<T>::register_analyst(RawOrigin::Signed(who.clone()).into())
					.expect("registers");
			}
			Analysts::<T>::mutate(&who, |analyst| {
				// The benchmark of forgetting opens more cases than an analyst may.
				analyst.as_mut().expect("registered").open = 0;
			});
			if n > 0 {
				Pallet::<T>::report_finding(
					RawOrigin::Signed(who).into(),
					self.meters[0],
					kind,
					H256::repeat_byte(1),
				)
				.expect("reports");
			}
		}
		funded::<T>("analyst", 0)
	}

	/// A flag that a quorum has confirmed.
	fn carried(&self, kind: Kind) {
		let who = self.reported(kind);
		Pallet::<T>::report_finding(
			RawOrigin::Signed(who).into(),
			self.meters[0],
			kind,
			H256::repeat_byte(2),
		)
		.expect("reports");
	}

	/// Sets the feeder, and has it fitted already.
	fn fitted(&self) -> MeterId {
		let feeder = T::BenchmarkHelper::feeder(self.microgrid);
		let parameters = Parameters {
			feeder: Some(feeder),
			..Parameters::default()
		};
		ParametersOf::<T>::insert(Be32::from(self.microgrid), parameters);
		Feeders::<T>::insert(Be32::from(self.microgrid), FeederRecord::default());
		feeder
	}

	fn job(&self) -> Job {
		Job {
			microgrid: self.microgrid,
			period: self.period,
			page: 0,
			pages: 1,
			members: Throughput::default(),
			explained: Explained::default(),
		}
	}
}

/// A reading with power quality that nothing is wrong with, or one that says it was tampered with.
fn reading_of(meter: MeterId, tampered: bool) -> Reading {
	let phase = Phase {
		voltage_mv: 230_000,
		current_ma: 1_000,
		power_factor: 1_000,
	};
	Reading {
		meter,
		sequence: 2,
		captured_at: 1_900,
		import_register: WattHours(57),
		export_register: WattHours(0),
		state_of_charge: None,
		quality: Some(Quality {
			frequency_mhz: 50_000,
			phases: vec![phase; 3].try_into().expect("three phases"),
		}),
		acknowledged: None,
		status: if tampered { status::MAGNET } else { 0 },
	}
}

fn observe<T: Config>(microgrid: MicrogridId, readings: &[Reading]) -> u32 {
	let observations: Vec<_> = readings
		.iter()
		.map(|reading| Observation {
			reading,
			previous: Some(Reading {
				sequence: 1,
				captured_at: 1_000,
				quality: None,
				..reading.clone()
			}),
			import: Movement {
				counted: WattHours(57),
				..Movement::default()
			},
			export: Movement::default(),
			ratings: Ratings {
				max_import: Watts(10_000),
				max_export: Watts(10_000),
			},
		})
		.collect();
	Pallet::<T>::observe(microgrid, &observations)
}

/// Fills a page of what is kept from reading to reading, so that reading it takes the most.
fn fill_watches<T: Config>(page: u32) {
	let mut watches = WatchPage::default();
	for slot in 0..METERS_PER_PAGE {
		let mut watch = Watch::default();
		watch.balance.samples = 1;
		watches.set(slot as u8, watch);
	}
	WatchPages::<T>::insert(Be32::from(page), watches);
}

/// Fills a page of what is to be raised, from a slot on.
fn fill_findings<T: Config>(page: u32, from: u32) {
	let mut findings = FindingPage::default();
	for slot in from..METERS_PER_PAGE {
		findings.set(slot as u8, (Kind::TamperSwitch, Finding::new(2, 1)));
	}
	Findings::<T>::insert(Be32::from(page), findings);
}

#[benchmarks(where T::Currency: Mutate<T::AccountId>)]
mod benchmarks {
	use super::*;

	#[benchmark]
	fn set_parameters() -> Result<(), BenchmarkError> {
		let here = community::<T>();
		let feeder = here.fitted();
		let parameters = Parameters {
			feeder: Some(feeder),
			..Parameters::default()
		};
		ParametersOf::<T>::insert(Be32::from(here.microgrid), Parameters::default());

		#[extrinsic_call]
		_(
			RawOrigin::Signed(here.operator),
			here.microgrid,
			Some(parameters),
		);

		assert!(!Feeders::<T>::contains_key(Be32::from(here.microgrid)));
		Ok(())
	}

	#[benchmark]
	fn appoint_inspector() -> Result<(), BenchmarkError> {
		let here = community::<T>();
		let inspector = here.inspector();
		Pallet::<T>::remove_inspector(
			RawOrigin::Signed(here.operator.clone()).into(),
			here.microgrid,
			inspector.clone(),
		)?;

		#[extrinsic_call]
		_(
			RawOrigin::Signed(here.operator),
			here.microgrid,
			inspector.clone(),
		);

		assert!(Inspectors::<T>::get(Be32::from(here.microgrid)).contains(&inspector));
		Ok(())
	}

	#[benchmark]
	fn remove_inspector() -> Result<(), BenchmarkError> {
		let here = community::<T>();
		let inspector = here.inspector();

		#[extrinsic_call]
		_(
			RawOrigin::Signed(here.operator),
			here.microgrid,
			inspector.clone(),
		);

		assert!(!Inspectors::<T>::get(Be32::from(here.microgrid)).contains(&inspector));
		Ok(())
	}

	#[benchmark]
	fn confirm() -> Result<(), BenchmarkError> {
		let here = community::<T>();
		let inspector = here.inspector();
		here.carried(KIND);

		#[extrinsic_call]
		_(RawOrigin::Signed(inspector), here.meters[0], KIND, true);

		let flag = Flags::<T>::get(here.subject(KIND).key()).expect("raised");
		let by = Confirmation::Inspector { tampering: true };
		assert_eq!(flag.status, Status::Confirmed(by));
		Ok(())
	}

	#[benchmark]
	fn dismiss() -> Result<(), BenchmarkError> {
		let here = community::<T>();
		let inspector = here.inspector();
		here.carried(KIND);

		#[extrinsic_call]
		_(RawOrigin::Signed(inspector), here.meters[0], KIND, true);

		let flag = Flags::<T>::get(here.subject(KIND).key()).expect("raised");
		assert_eq!(flag.status, Status::Dismissed);
		Ok(())
	}

	#[benchmark]
	fn report_equivocation() -> Result<(), BenchmarkError> {
		let (first, second) = T::BenchmarkHelper::equivocation();
		let meter = first.reading.meter;

		#[extrinsic_call]
		_(
			RawOrigin::Signed(funded::<T>("witness", 0)),
			Box::new(first),
			Box::new(second),
		);

		assert!(Quarantined::<T>::contains_key(Be32::from(meter)));
		Ok(())
	}

	#[benchmark]
	fn recalibrate() -> Result<(), BenchmarkError> {
		let here = community::<T>();
		here.fitted();

		#[extrinsic_call]
		_(RawOrigin::Signed(here.operator), here.microgrid);

		assert!(!Feeders::<T>::contains_key(Be32::from(here.microgrid)));
		Ok(())
	}

	#[benchmark]
	fn register_analyst() -> Result<(), BenchmarkError> {
		let who = funded::<T>("analyst", 0);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));

		assert!(Analysts::<T>::contains_key(&who));
		Ok(())
	}

	#[benchmark]
	fn leave() -> Result<(), BenchmarkError> {
		let who = funded::<T>("analyst", 0);
		Pallet::<T>::register_analyst(RawOrigin::Signed(who.clone()).into())?;

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));

		assert!(Analysts::<T>::get(&who).is_some_and(|analyst| analyst.leaves_at.is_some()));
		Ok(())
	}

	#[benchmark]
	fn withdraw_stake() -> Result<(), BenchmarkError> {
		let who = funded::<T>("analyst", 0);
		Pallet::<T>::register_analyst(RawOrigin::Signed(who.clone()).into())?;
		Pallet::<T>::leave(RawOrigin::Signed(who.clone()).into())?;
		let now = T::Clock::now().saturating_add(T::UnbondingDelay::get());
		T::BenchmarkHelper::set_now(now);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));

		assert!(!Analysts::<T>::contains_key(&who));
		Ok(())
	}

	#[benchmark]
	fn report_finding() -> Result<(), BenchmarkError> {
		let here = community::<T>();
		here.inspector();
		let who = here.reported(KIND);
		Pallet::<T>::raise(
			here.subject(KIND),
			Finding::new(2, 1),
			&Parameters::default(),
		);

		#[extrinsic_call]
		_(
			RawOrigin::Signed(who),
			here.meters[0],
			KIND,
			H256::repeat_byte(2),
		);

		let flag = Flags::<T>::get(here.subject(KIND).key()).expect("raised");
		assert_eq!(flag.status, Status::Confirmed(Confirmation::Analysts));
		Ok(())
	}

	#[benchmark]
	fn observe_pages(g: Linear<0, 500>) -> Result<(), BenchmarkError> {
		let here = community::<T>();
		let first = here.meters[0].page();
		let pages: Vec<_> = (0..g).map(|page| first.saturating_add(page)).collect();
		let readings: Vec<_> = pages
			.iter()
			.map(|page| {
				fill_watches::<T>(*page);
				fill_findings::<T>(*page, 1);
				[reading_of(MeterId::at(*page, 0), true)]
			})
			.collect();

		#[block]
		{
			for readings in &readings {
				observe::<T>(here.microgrid, readings);
			}
		}

		assert_eq!(Findings::<T>::iter().count(), g as usize);
		Ok(())
	}

	#[benchmark]
	fn observe_readings(r: Linear<0, 32>) -> Result<(), BenchmarkError> {
		let here = community::<T>();
		let page = here.meters[0].page();
		fill_watches::<T>(page);
		let readings: Vec<_> = (0..r)
			.map(|slot| reading_of(MeterId::at(page, slot as u8), true))
			.collect();
		let noted;

		#[block]
		{
			noted = observe::<T>(here.microgrid, &readings);
		}

		assert_eq!(noted, r);
		Ok(())
	}

	#[benchmark]
	fn raise_idle() -> Result<(), BenchmarkError> {
		RaisedTo::<T>::put(Be32::from(1));

		#[block]
		{
			Pallet::<T>::raise_findings(&mut WeightMeter::new());
		}

		assert!(!RaisedTo::<T>::exists());
		Ok(())
	}

	#[benchmark]
	fn raise_page() -> Result<(), BenchmarkError> {
		// Of meters that are not known there is nothing to raise.
		let page = u32::MAX / METERS_PER_PAGE;
		fill_findings::<T>(page, 0);

		#[block]
		{
			Pallet::<T>::raise_findings(&mut WeightMeter::new());
		}

		assert_eq!(Findings::<T>::iter().count(), 0);
		Ok(())
	}

	#[benchmark]
	fn raise_finding() -> Result<(), BenchmarkError> {
		let here = community::<T>();
		// It was seen before, long ago, and its entry moves.
		let subject = here.subject(Kind::TamperSwitch);
		Pallet::<T>::raise(subject, Finding::new(2, 1), &Parameters::default());

		#[block]
		{
			Pallet::<T>::raise_finding(here.meters[0], Kind::RegisterRollback, Finding::new(2, 1));
		}

		let subject = here.subject(Kind::RegisterRollback);
		assert!(Flags::<T>::contains_key(subject.key()));
		Ok(())
	}

	#[benchmark]
	fn inspect_idle() -> Result<(), BenchmarkError> {
		IdleUntil::<T>::put(u64::MAX);
		let mut weight = WeightMeter::new();

		#[block]
		{
			Pallet::<T>::inspect(&mut weight);
		}

		assert_eq!(weight.consumed(), T::WeightInfo::inspect_idle());
		Ok(())
	}

	#[benchmark]
	fn inspect_look() -> Result<(), BenchmarkError> {
		let here = community::<T>();
		Inspected::<T>::insert(Be32::from(here.microgrid), here.period);
		let look;

		#[block]
		{
			let turn = Turn::<T>::get();
			Turn::<T>::put(turn.saturating_add(1));
			look = Pallet::<T>::look(here.microgrid, T::Clock::now());
			IdleUntil::<T>::put(1);
		}

		assert!(matches!(look, inspecting::Look::Begin(_)));
		Ok(())
	}

	/// The first period of a day, after which the one before is looked at.
	#[benchmark]
	fn inspect_page() -> Result<(), BenchmarkError> {
		let here = community::<T>();
		here.fitted();
		let clock = T::Clock::clock();
		let key = Be32::from(here.meters[0].page());
		let mut profiles = ProfilePage::default();
		for slot in 0..METERS_PER_PAGE {
			let mut profile = Profile {
				period: here.period.saturating_sub(clock.periods_per_day),
				..Profile::default()
			};
			profile.days.learned = u8::MAX;
			profile.days.measured = u16::MAX;
			profile.days.today = [1_000; 8];
			profile.days.usual = [16_000; 8];
			profile.share.usual = 25_600;
			profile.last.import = 100;
			profiles.set(slot as u8, profile);
		}
		ProfilePages::<T>::insert(key, profiles);
		Feeders::<T>::mutate(Be32::from(here.microgrid), |record| {
			if let Some(record) = record {
				record.period = here.period.saturating_sub(clock.periods_per_day);
				record.lesson.norm = 1;
			}
		});
		let mut job = here.job();

		#[block]
		{
			Pallet::<T>::inspect_page(&mut job);
			// Where a block ends.
			Current::<T>::put(&job);
		}

		assert_eq!(job.page, 1);
		assert_eq!(
			ProfilePages::<T>::get(key).iter().count(),
			here.meters.len()
		);
		Ok(())
	}

	#[benchmark]
	fn inspect_balance() -> Result<(), BenchmarkError> {
		let here = community::<T>();
		here.fitted();
		let mut job = here.job();
		Pallet::<T>::inspect_page(&mut job);

		#[block]
		{
			Pallet::<T>::inspect_balance(&job);
		}

		assert_eq!(
			Inspected::<T>::get(Be32::from(here.microgrid)),
			Some(here.period.next())
		);
		Ok(())
	}

	#[benchmark]
	fn raise_flag() -> Result<(), BenchmarkError> {
		let here = community::<T>();
		let subject = here.subject(KIND);
		let mut suspects = [None; NAMED];
		suspects[NAMED - 1] = Some(Suspect {
			meter: subject.meter,
			missing: 1,
		});
		let record = FeederRecord {
			alarm_until: Period(u32::MAX),
			suspects,
			..FeederRecord::default()
		};
		Feeders::<T>::insert(Be32::from(here.microgrid), record);

		#[block]
		{
			Pallet::<T>::raise(subject, Finding::new(2, 1), &Parameters::default());
		}

		assert!(Quarantined::<T>::contains_key(Be32::from(subject.meter)));
		Ok(())
	}

	#[benchmark]
	fn expire_idle() -> Result<(), BenchmarkError> {
		DueFrom::<T>::put(T::Clock::current().next());
		let mut weight = WeightMeter::new();

		#[block]
		{
			Pallet::<T>::expire(&mut weight);
		}

		assert_eq!(weight.consumed(), T::WeightInfo::expire_idle());
		Ok(())
	}

	/// One flag before the one that is looked for, as in a walk.
	#[benchmark]
	fn expire_look() -> Result<(), BenchmarkError> {
		let here = community::<T>();
		Pallet::<T>::raise(
			here.subject(KIND),
			Finding::new(2, 1),
			&Parameters::default(),
		);
		let due = Flags::<T>::get(here.subject(KIND).key())
			.expect("raised")
			.due;
		let found;

		#[block]
		{
			let mut dues = Due::<T>::iter_key_prefix((Be32::from(due),));
			found = dues.next();
		}

		assert!(found.is_some());
		Ok(())
	}

	#[benchmark]
	fn expire_item() -> Result<(), BenchmarkError> {
		let here = community::<T>();
		here.carried(KIND);
		let subject = here.subject(KIND);
		let due = Flags::<T>::get(subject.key()).expect("raised").due;

		#[block]
		{
			Pallet::<T>::fall_due(subject.meter, DueItem::Flag(KIND), due);
		}

		let flag = Flags::<T>::get(subject.key()).expect("remembered");
		assert_eq!(flag.status, Status::Expired);
		Ok(())
	}

	#[benchmark]
	fn forget_meter() -> Result<(), BenchmarkError> {
		let here = community::<T>();
		let meter = here.meters[0];
		for kind in Kind::ALL {
			if kind.class() == types::Class::Statistic {
				here.carried(kind);
			} else {
				Pallet::<T>::raise(
					here.subject(kind),
					Finding::new(2, 1),
					&Parameters::default(),
				);
			}
		}
		fill_watches::<T>(meter.page());
		fill_findings::<T>(meter.page(), 0);
		Pallet::<T>::inspect_page(&mut here.job());

		#[block]
		{
			<Pallet<T> as OnMeterRetired>::on_meter_retired(meter);
		}

		assert!(!Quarantined::<T>::contains_key(Be32::from(meter)));
		assert_eq!(Due::<T>::iter().count(), 0);
		Ok(())
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::ext(), crate::mock::Test);
}
