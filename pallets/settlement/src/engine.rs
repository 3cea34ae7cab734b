//! The settlement of one community and period, step by step: sum, collect, pay, finish. Every step is
//! bounded by a page of meters.

use frame_support::{defensive, weights::Weight};
use gridweave_primitives::{
	ids::METERS_PER_PAGE,
	meter::{MeterOwner, MeteredPeriod},
	traits::{MeterInspect, MeteredEnergy},
	Be32, MeterId, Slots, WattHours,
};

use crate::{
	bill::{owed, Bill, Contracts},
	effort::{Effort, Tally},
	pool::residual_prices,
	positions::OpenPage,
	split::Split,
	statements::Sheet,
	types::{Creditor, Job, Stage, Statement},
	Config, Event, Pallet, Summaries,
};

/// What a page of meters is settled with.
struct Desk<T: Config> {
	positions: OpenPage<T>,
	sheet: Sheet<T>,
	owners: Slots<MeterOwner<T::AccountId>>,
}

/// Which bills a pass settles.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
	/// Of those who owe.
	Debtors,
	/// Of everyone else.
	Creditors,
}

/// What comes after a step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<AccountId> {
	/// The next step, now.
	Step(Job<AccountId>),
	/// The period is settled.
	Done(Job<AccountId>),
}

impl<T: Config> Pallet<T> {
	/// Does one step, and tells what it took.
	pub(crate) fn step(mut job: Job<T::AccountId>) -> (Next<T::AccountId>, Weight) {
		let mut took = Self::step_weight(&job);
		match job.stage {
			Stage::Sum { page } if page < job.pages => {
				Self::sum_page(&mut job, page);
				job.stage = Stage::Sum {
					page: page.saturating_add(1),
				};
			}
			Stage::Sum { .. } => {
				let sums = &mut job.summary;
				let prices = &mut sums.prices;
				prices.residual = residual_prices(
					&job.residual,
					prices.retail,
					prices.feed_in,
					sums.surplus,
					sums.need,
				);
				job.stage = Stage::Collect { page: 0 };
			}
			Stage::Collect { page } if page < job.pages => {
				took = Self::collected(Self::settle_page(&mut job, page, Pass::Debtors));
				job.stage = Stage::Collect {
					page: page.saturating_add(1),
				};
			}
			Stage::Collect { .. } => job.stage = Stage::Pay { page: 0 },
			Stage::Pay { page } if page < job.pages => {
				took = Self::paid(Self::settle_page(&mut job, page, Pass::Creditors));
				job.stage = Stage::Pay {
					page: page.saturating_add(1),
				};
			}
			Stage::Pay { .. } => job.stage = Stage::Finish,
			Stage::Finish => {
				Self::finish(&mut job);
				return (Next::Done(job), took);
			}
		}
		(Next::Step(job), took)
	}

	/// A page of the first pass: closes it, and sums what meets in the residual rule. Meters that metered
	/// nothing have neither surplus nor need.
	pub(crate) fn sum_page(job: &mut Job<T::AccountId>, index: u32) {
		let microgrid = job.till.microgrid;
		let Some(page) = T::Metered::page(microgrid, index) else {
			return;
		};
		let positions = OpenPage::<T>::open(microgrid, job.period, page);
		for (meter, metered) in T::Metered::close_page(microgrid, index, job.period) {
			let contracts = positions.contracts(meter.slot()).unwrap_or_default();
			let split = Split::of(
				contracts.sold,
				contracts.bought,
				metered.import,
				metered.export,
			);
			// Sums of energies below 2³² each over fewer than 2³² meters.
			let sums = &mut job.summary;
			sums.surplus = sums.surplus.saturating_add(split.surplus);
			sums.need = sums.need.saturating_add(split.need);
		}
	}

	/// A page of a later pass. A meter that traded and metered nothing is counted as 0.
	fn settle_page(job: &mut Job<T::AccountId>, index: u32, pass: Pass) -> Tally {
		let mut tally = Tally::default();
		let (microgrid, period) = (job.till.microgrid, job.period);
		let Some(page) = T::Metered::page(microgrid, index) else {
			return tally;
		};
		let mut desk = Desk::<T> {
			positions: OpenPage::open(microgrid, period, page),
			sheet: Sheet::open(microgrid, period, page),
			owners: T::Meters::owners(page),
		};
		let metered = T::Metered::closed_page(microgrid, index, period);
		let mut metered = metered.into_iter().peekable();
		for slot in 0..METERS_PER_PAGE as u8 {
			let meter = MeterId::at(page, slot);
			let energy = metered
				.next_if(|(next, _)| *next == meter)
				.map(|(_, energy)| energy);
			let contracts = desk.positions.contracts(slot);
			if energy.is_none() && contracts.is_none() {
				continue;
			}
			// Settled by the pass before, which ended its position as well.
			if pass == Pass::Creditors && desk.sheet.has(slot) {
				continue;
			}
			let contracts = contracts.unwrap_or_default();
			let bill = Bill::of(&contracts, energy.as_ref(), &job.summary.prices);
			if (bill.due < 0) == (pass == Pass::Debtors) {
				tally.add(Self::settle_meter(
					job, &mut desk, meter, energy, contracts, bill,
				));
			}
		}
		if metered.next().is_some() {
			defensive!("a meter off its page");
		}
		desk.sheet.store();
		desk.positions.store();
		tally
	}

	/// Collects from those of a page who owe.
	#[cfg(feature = "runtime-benchmarks")]
	pub(crate) fn collect_page(job: &mut Job<T::AccountId>, page: u32) {
		let _ = Self::settle_page(job, page, Pass::Debtors);
	}

	/// Pays those of a page who are owed.
	#[cfg(feature = "runtime-benchmarks")]
	pub(crate) fn pay_page(job: &mut Job<T::AccountId>, page: u32) {
		let _ = Self::settle_page(job, page, Pass::Creditors);
	}

	/// Settles one bill: ends the position, moves the money, files the statement.
	fn settle_meter(
		job: &mut Job<T::AccountId>,
		desk: &mut Desk<T>,
		meter: MeterId,
		metered: Option<MeteredPeriod>,
		contracts: Contracts,
		bill: Bill,
	) -> Effort {
		let position = desk.positions.close(meter.slot());
		let traded = position.is_some();
		let (account, keep_totals) = match position {
			Some(position) => (position.owner, true),
			None => match desk.owners.get(meter.slot()) {
				Some(owner) => (owner.account.clone(), !owner.retired),
				// Energy that nobody owns is the operator's.
				None => (job.till.operator.clone(), false),
			},
		};
		let till = &mut job.till;
		let mut unpaid = if bill.due < 0 {
			Self::till_collect(till, &account, owed(bill.due))
		} else {
			let creditor = Creditor::Member(account.clone());
			Self::till_pay(till, creditor, bill.due.unsigned_abs())
		};
		if traded {
			// What its margin kept from an earlier bill.
			unpaid |= Self::till_recover(till, &account);
		}
		let effort = match (unpaid, traded) {
			(true, _) => Effort::Unpaid,
			(false, true) => Effort::Traded,
			(false, false) => Effort::Plain,
		};

		let statement = Statement {
			account,
			provenance: metered.map(|metered| metered.provenance),
			import: metered.map_or(WattHours::ZERO, |metered| metered.import),
			export: metered.map_or(WattHours::ZERO, |metered| metered.export),
			contracts,
			split: bill.split,
			prices: job.summary.prices,
			amount: bill.amount,
		};
		// Sums over a community: far below the bounds of 64 bits of energy and 127 of money.
		let sums = &mut job.summary;
		sums.meters = sums.meters.saturating_add(1);
		if metered.is_some_and(|metered| metered.is_estimate()) {
			sums.estimated = sums.estimated.saturating_add(1);
		}
		sums.import = sums.import.saturating_add(statement.import);
		sums.export = sums.export.saturating_add(statement.export);
		sums.contracted = sums.contracted.saturating_add(contracts.sold);
		sums.trade_value = sums.trade_value.saturating_add(contracts.receivable);
		sums.delivered = sums.delivered.saturating_add(bill.split.delivered);
		sums.consumed = sums.consumed.saturating_add(bill.split.consumed);
		sums.shortfall = sums.shortfall.saturating_add(bill.split.shortfall);
		sums.excess = sums.excess.saturating_add(bill.split.excess);
		sums.fees = sums.fees.saturating_add(contracts.fee);
		sums.members = sums.members.saturating_add(bill.amount);
		sums.operator = sums.operator.saturating_add(bill.operator);
		sums.fund = sums.fund.saturating_add(bill.fund);

		desk.sheet
			.file(meter.slot(), statement.clone(), keep_totals);
		Self::deposit_event(Event::StatementIssued {
			microgrid: job.till.microgrid,
			period: job.period,
			meter,
			statement,
		});
		effort
	}

	/// Pays the fund, gives the operator the rest, keeps the sums and learns from them. A period without any
	/// meter leaves no trace.
	pub(crate) fn finish(job: &mut Job<T::AccountId>) {
		Self::till_pay(&mut job.till, Creditor::Fund, job.summary.fund);
		Self::till_close(&mut job.till);
		let sums = job.summary;
		if sums.balance() != 0 {
			defensive!("the payments of a period do not sum to zero");
		}
		if sums.meters > 0 {
			let (microgrid, period) = (job.till.microgrid, job.period);
			Summaries::<T>::insert((Be32::from(microgrid), Be32::from(period)), sums);
			Self::learn(microgrid, period, &sums);
			Self::deposit_event(Event::PeriodSettled {
				microgrid,
				period,
				summary: sums,
			});
		}
	}
}
