//! Benchmarks of every call and every step. Pages are full. What a page of bills takes depends on how they
//! are paid: at once, or the longest way: debtors with a claim to set off and arrears left, creditors with
//! arrears to set off and a claim left.

use alloc::vec::Vec;

use codec::Encode;
use frame_benchmarking::v2::*;
use frame_support::{
	traits::{fungible::Mutate, Get},
	weights::WeightMeter,
};
use frame_system::RawOrigin;
use gridweave_primitives::{
	ids::METERS_PER_PAGE,
	meter::Correction,
	traits::{MeterInspect, MicrogridInspect, OnCorrection, OnMeterRetired},
	Balance, Be32, MeterId, MicrogridId, Period, WattHours,
};

use crate::{
	bill::Contracts,
	claims::Serving,
	engine::Next,
	schedule::Look,
	table::Table,
	types::{
		Creditor, Exchange, Job, MeterTotals, PeriodSummary, Position, Progress, Stage, Statement,
	},
	*,
};

/// What benchmarks need of other pallets. Provided by the runtime.
pub trait BenchmarkHelper<AccountId> {
	/// A microgrid run by `operator` with one page of active meters, one for each of the (at most 32)
	/// `owners` in turn, in a frozen period that has terms and is not closed. If `silent` nothing covers
	/// that period, and all that an estimate looks back at is measured, so that closing it takes the
	/// most; else every meter has fed in.
	/// Returns the microgrid, that period and the meters.
	fn community(
		operator: AccountId,
		owners: Vec<AccountId>,
		silent: bool,
	) -> (MicrogridId, Period, Vec<MeterId>);
}

/// Enough for everything here, and far from any bound.
const MONEY: Balance = 1_000_000_000_000_000_000_000;

/// One whose meter is owed.
const CORRECTION: Correction = Correction {
	import: -1_000,
	export: 1_000,
};

impl<T: Config> Pallet<T> {
	/// Gives an account a trading balance, for benchmarks of other pallets. It is kept where finding and
	/// changing it takes longest: at a full page of others, whose meters are named by nothing.
	pub fn endow_member(who: &T::AccountId, amount: Balance) {
		fill_house::<T>();
		if Self::member(who).is_empty() {
			let hash = sp_io::hashing::blake2_128(&who.encode());
			let page = u32::MAX.saturating_sub(u32::from(u16::from_le_bytes([hash[0], hash[1]])));
			let others = (1..METERS_PER_PAGE).map(|at| account("seated", page, at));
			let mut table = Table::<T>::open(page);
			for seated in others.chain([who.clone()]) {
				table.seat(&seated);
				table.credit(&seated, 1);
			}
			table.store();
		}
		Self::anywhere(|table| table.credit(who, amount));
	}
}

fn fill_house<T: Config>() {
	let house = Pallet::<T>::clearing_account();
	T::Currency::set_balance(&house, MONEY.saturating_mul(1_000));
}

fn funded<T: Config>(name: &'static str, index: u32) -> T::AccountId {
	let who = account(name, index, 0);
	T::Currency::set_balance(&who, MONEY);
	who
}

/// A community with a full page of meters.
struct Community<T: Config> {
	operator: T::AccountId,
	owners: Vec<T::AccountId>,
	microgrid: MicrogridId,
	period: Period,
	meters: Vec<MeterId>,
}

/// One whose meters are silent, and so take.
fn community<T: Config>() -> Community<T> {
	community_of(true)
}

fn community_of<T: Config>(silent: bool) -> Community<T> {
	let operator = funded::<T>("operator", 0);
	let owners: Vec<_> = (0..METERS_PER_PAGE)
		.map(|at| funded::<T>("owner", at))
		.collect();
	let (microgrid, period, meters) =
		T::BenchmarkHelper::community(operator.clone(), owners.clone(), silent);
	Settled::<T>::insert(
		Be32::from(microgrid),
		Progress {
			next: period,
			oldest: period,
		},
	);
	Community {
		operator,
		owners,
		microgrid,
		period,
		meters,
	}
}

impl<T: Config> Community<T> {
	fn job(&self) -> Job<T::AccountId> {
		let terms = T::Microgrids::terms(self.microgrid, self.period).expect("helper: has terms");
		let operator = self.operator.clone();
		Job::new(
			self.microgrid,
			self.period,
			&terms,
			operator,
			1,
			Exchange::default(),
		)
	}

	/// Sums the page, and passes on to collecting, which sets the residual prices.
	fn sum(&self, job: &mut Job<T::AccountId>) {
		for _ in 0..=job.pages {
			if let (Next::Step(next), _) = Pallet::<T>::step(job.clone()) {
				*job = next;
			}
		}
		assert_eq!(job.stage, Stage::Collect { page: 0 });
	}

	fn owner(&self, meter: MeterId) -> T::AccountId {
		T::Meters::meter(meter).map_or_else(|| self.owners[0].clone(), |info| info.owner)
	}

	/// Gives a meter's owner a seat at its page, and money there.
	fn endow(&self, meter: MeterId, amount: Balance) {
		fill_house::<T>();
		let owner = self.owner(meter);
		Pallet::<T>::near(meter, |table| {
			table.seat(&owner);
			table.credit(&owner, amount);
		});
	}

	/// Makes a meter's owner owe.
	fn owe(&self, meter: MeterId) {
		let owner = self.owner(meter);
		Pallet::<T>::near(meter, |table| {
			table.seat(&owner);
			Pallet::<T>::owe(table, &owner, self.microgrid, 1);
		});
	}

	/// Gives a meter a position that is settled at about `value`.
	fn position(&self, meter: MeterId, value: i128) {
		let owner = self.owner(meter);
		self.endow(meter, 1_000);
		Pallet::<T>::near(meter, |table| {
			table.change(&owner, |member| member.locked += 1_000)
		});
		let money = value.unsigned_abs();
		let (receivable, payable) = if value < 0 { (0, money) } else { (money, 0) };
		let contracts = Contracts {
			sold: WattHours(100),
			bought: WattHours(100),
			receivable,
			payable,
			paid: 0,
			fee: 10,
		};
		let key = (
			Be32::from(self.microgrid),
			Be32::from(self.period),
			Be32::from(meter.page()),
		);
		let position = Position {
			owner,
			contracts,
			margin: 1_000,
		};
		Positions::<T>::mutate(key, |page| page.set(meter.slot(), position));
	}

	/// Statements and totals of all meters of the page but the first.
	fn fill_page(&self) {
		let page = self.meters[0].page();
		let mut sheet = statements::Sheet::<T>::open(self.microgrid, self.period, page);
		for meter in self.meters.iter().skip(1) {
			let statement = Statement {
				account: self.operator.clone(),
				provenance: None,
				import: WattHours::ZERO,
				export: WattHours::ZERO,
				contracts: Contracts::default(),
				split: Default::default(),
				prices: Default::default(),
				amount: 0,
			};
			sheet.file(meter.slot(), statement, true);
		}
		sheet.store();
	}
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn top_up() {
		let who = funded::<T>("member", 0);
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), T::MinTopUp::get());
		assert_eq!(Pallet::<T>::member(&who).balance, T::MinTopUp::get());
	}

	#[benchmark]
	fn withdraw() {
		let who = funded::<T>("member", 0);
		Pallet::<T>::endow_member(&who, MONEY - 1);
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), MONEY);
		assert!(!SeatOf::<T>::contains_key(&who));
	}

	#[benchmark]
	fn pay_arrears() {
		let community = community::<T>();
		let who = funded::<T>("member", 0);
		Pallet::<T>::endow_member(&who, 1);
		Pallet::<T>::endow_member(&community.operator, 1);
		Pallet::<T>::anywhere(|table| {
			Pallet::<T>::owe(table, &who, community.microgrid, MONEY / 2)
		});
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), community.microgrid, MONEY);
		assert!(!Arrears::<T>::contains_key(
			&who,
			Be32::from(community.microgrid)
		));
	}

	#[benchmark]
	fn spend_fund() {
		let who: T::AccountId = account("beneficiary", 0, 0);
		let microgrid = MicrogridId(0);
		Pallet::<T>::endow_member(&who, 1);
		Pallet::<T>::add_to_fund(microgrid, MONEY);
		#[extrinsic_call]
		_(RawOrigin::Root, microgrid, who.clone(), MONEY);
		assert_eq!(Pallet::<T>::member(&who).balance, MONEY + 2);
	}

	#[benchmark]
	fn poll() {
		let community = community::<T>();
		Current::<T>::put(community.job());
		// Enough to begin, not enough for a step: the settlement is read and stored again.
		let mut meter = WeightMeter::with_limit(Pallet::<T>::poll_weight());
		#[block]
		{
			Pallet::<T>::poll(&mut meter);
		}
		assert!(Current::<T>::exists());
	}

	#[benchmark]
	fn look() {
		let community = community::<T>();
		community.position(community.meters[0], 1);
		let found;
		#[block]
		{
			let _ = Pallet::<T>::next_in_turn(1);
			found = Pallet::<T>::look(community.microgrid);
		}
		assert!(matches!(found, Look::Settle(_)));
	}

	#[benchmark]
	fn look_idle() {
		let community = community::<T>();
		let next = community.period.saturating_add(100);
		let waits = Progress { next, oldest: next };
		Settled::<T>::insert(Be32::from(community.microgrid), waits);
		let found;
		#[block]
		{
			let _ = Pallet::<T>::next_in_turn(1);
			found = Pallet::<T>::look(community.microgrid);
		}
		assert!(matches!(found, Look::Nothing(_)));
	}

	#[benchmark]
	fn sum_page() {
		let community = community::<T>();
		for meter in &community.meters {
			community.position(*meter, 1);
		}
		let mut job = community.job();
		#[block]
		{
			Pallet::<T>::sum_page(&mut job, 0);
		}
	}

	#[benchmark]
	fn collect_page(p: Linear<0, 10>, t: Linear<0, 10>, u: Linear<0, 10>) {
		let community = community::<T>();
		let mut job = community.job();
		for (at, meter) in (0..).zip(&community.meters) {
			if at < p {
				community.endow(*meter, MONEY);
			} else if at < p + t {
				community.position(*meter, -1);
				community.endow(*meter, MONEY);
			} else if at < p + t + u {
				community.position(*meter, -(MONEY as i128));
				let creditor = Creditor::Member(community.owner(*meter));
				Pallet::<T>::claim(community.microgrid, &community.operator, creditor, 1);
			} else {
				// Is owed more than all these pay, and waits.
				community.position(*meter, MONEY as i128);
			}
		}
		community.sum(&mut job);
		#[block]
		{
			let _ = Pallet::<T>::collect_page(&mut job, 0);
		}
		assert_eq!(job.summary.meters, p + t + u);
		assert_eq!(Arrears::<T>::iter().count(), u as usize);
	}

	#[benchmark]
	fn pay_page(p: Linear<0, 10>, t: Linear<0, 10>, u: Linear<0, 10>) {
		let community = community_of::<T>(false);
		let mut job = community.job();
		for (at, meter) in (0..).zip(&community.meters) {
			if at < p {
				// Paid for what it has fed in.
				community.endow(*meter, 1);
			} else if at < p + t {
				community.position(*meter, 1_000);
			} else if at < p + t + u {
				community.position(*meter, MONEY as i128);
				community.owe(*meter);
			} else {
				// Owes: settled by the pass before.
				community.position(*meter, -(MONEY as i128));
			}
		}
		community.sum(&mut job);
		let _ = Pallet::<T>::collect_page(&mut job, 0);
		// Enough for those who are paid.
		job.till.pot = MONEY / 2;
		#[block]
		{
			let _ = Pallet::<T>::pay_page(&mut job, 0);
		}
		assert_eq!(job.summary.meters, METERS_PER_PAGE);
		assert_eq!(Claims::<T>::iter().count(), u as usize);
	}

	#[benchmark]
	fn guest() {
		let page = 0;
		let (moves, stays): (T::AccountId, T::AccountId) =
			(account("moves", 0, 0), account("stays", 0, 0));
		fill_house::<T>();
		Pallet::<T>::anywhere(|table| table.credit(&moves, MONEY));
		Pallet::<T>::endow_member(&stays, MONEY);
		Pallet::<T>::anywhere(|table| table.change(&stays, |member| member.locked = 1));
		#[block]
		{
			let mut table = Table::<T>::open(page);
			table.seat(&moves);
			// A bill of one who sits elsewhere.
			table.seat(&stays);
			table.release(&stays, 1);
			table.draw(&stays, 1);
			let _ = Pallet::<T>::arrears_at(&table, &stays, MicrogridId(0));
			table.store();
		}
		assert_eq!(SeatOf::<T>::get(&moves), Some(Be32::from(page)));
		assert_eq!(Pallet::<T>::member(&stays).balance, MONEY);
	}

	#[benchmark]
	fn finish() {
		let community = community::<T>();
		let mut job = community.job();
		// From stage to stage, none of which has a page.
		job.pages = 0;
		(job.summary.surplus, job.summary.need) = (WattHours(1_000), WattHours(2_000));
		job.till.pot = 1;
		job.summary.meters = 1;
		job.summary.fund = MONEY;
		job.summary.members = -(MONEY as i128);
		Pallet::<T>::endow_member(&community.operator, MONEY / 2);
		#[block]
		{
			while let (Next::Step(next), _) = Pallet::<T>::step(job.clone()) {
				job = next;
			}
			Pallet::<T>::move_on(community.microgrid, community.period);
		}
		assert!(Pallet::<T>::has_claims(community.microgrid));
	}

	#[benchmark]
	fn serve_claim() {
		let community = community::<T>();
		let key = Be32::from(community.microgrid);
		let creditor = Creditor::Member(community.owners[0].clone());
		// Owed by an operator who has been replaced.
		Pallet::<T>::claim(
			community.microgrid,
			&account("former", 0, 0),
			creditor,
			MONEY,
		);
		Pallet::<T>::endow_member(&community.operator, MONEY);
		let served;
		#[block]
		{
			Served::<T>::put(key);
			served = Pallet::<T>::serve_claim(community.microgrid);
		}
		assert_eq!(served, Serving::Went);
		assert!(!Pallet::<T>::has_claims(community.microgrid));
	}

	#[benchmark]
	fn prune_page() {
		let community = community::<T>();
		community.fill_page();
		let key = (
			Be32::from(community.microgrid),
			Be32::from(community.period),
		);
		Summaries::<T>::insert(key, PeriodSummary::default());
		let mut meter = WeightMeter::new();
		#[block]
		{
			Pallet::<T>::prune(community.microgrid, community.period, &mut meter);
		}
		assert!(!Summaries::<T>::contains_key(key));
	}

	#[benchmark]
	fn on_corrections(m: Linear<1, 32>) {
		let community = community::<T>();
		let meters: Vec<_> = (community.meters.iter().copied().cycle())
			.take(m as usize)
			.collect();
		community.fill_page();
		for meter in &community.meters {
			Pallet::<T>::endow_member(&community.owner(*meter), 1);
			community.owe(*meter);
		}
		Pallet::<T>::endow_member(&community.operator, 1);
		#[block]
		{
			for meter in &meters {
				Pallet::<T>::on_corrections(*meter, &[(community.period, CORRECTION)]);
			}
		}
		assert!(Pallet::<T>::has_claims(community.microgrid));
	}

	#[benchmark]
	fn correct(c: Linear<1, 100>) {
		let community = community::<T>();
		let meter = community.meters[0];
		community.fill_page();
		Pallet::<T>::endow_member(&community.owner(meter), 1);
		community.owe(meter);
		Pallet::<T>::endow_member(&community.operator, 1);
		let corrections: Vec<_> = (0..c)
			.map(|back| (community.period.saturating_sub(back), CORRECTION))
			.collect();
		#[block]
		{
			Pallet::<T>::on_corrections(meter, &corrections);
		}
		assert!(Pallet::<T>::has_claims(community.microgrid));
	}

	#[benchmark]
	fn on_meter_retired() {
		let community = community::<T>();
		community.fill_page();
		let meter = community.meters[1];
		#[block]
		{
			Pallet::<T>::on_meter_retired(meter);
		}
		assert_eq!(Pallet::<T>::totals(meter), MeterTotals::default());
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::chain(), crate::mock::Test);
}
