//! The settlement of one community and period, step by step: sum, collect, pay, finish. Every step is
//! bounded by a page of meters.
//!
//! Who owes is asked before anybody waits for the operator's money. The members of a page who are owed are paid
//! with its debtors if the pot holds all of it by then, so that most pages are read and written once; else when
//! all debtors of the community have been asked. What the pot cannot pay then is fronted or claimed.

use alloc::vec::Vec;

use frame_support::{defensive, weights::Weight};
use gridweave_primitives::{
	ids::METERS_PER_PAGE,
	meter::{MeterOwner, MeteredPeriod},
	traits::{MeterInspect, MeteredEnergy},
	Be32, MeterId, MicrogridId, Period, Slots, WattHours,
};

use crate::{
	bill::{owed, Bill, Contracts},
	effort::{Effort, Work},
	pool::residual_prices,
	positions::OpenPage,
	split::Split,
	statements::Sheet,
	table::Table,
	types::{Creditor, Job, Stage, Statement},
	Config, Event, PaidPages, Pallet, Summaries,
};

/// What a page of meters is settled with.
struct Desk<T: Config> {
	positions: OpenPage<T>,
	sheet: Sheet<T>,
	table: Table<T>,
	owners: Slots<MeterOwner<T::AccountId>>,
}

impl<T: Config> Desk<T> {
	fn open(microgrid: MicrogridId, period: Period, page: u32) -> Self {
		Self {
			positions: OpenPage::open(microgrid, period, page),
			sheet: Sheet::open(microgrid, period, page),
			table: Table::open(page),
			owners: T::Meters::owners(page),
		}
	}

	fn store(self) {
		self.positions.store();
		self.sheet.store();
		self.table.store();
	}
}

/// A bill that is not settled yet.
struct Draft {
	meter: MeterId,
	metered: Option<MeteredPeriod>,
	contracts: Contracts,
	bill: Bill,
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
				PaidPages::<T>::put(0);
			}
			Stage::Collect { page } if page < job.pages => {
				took = Self::collected(Self::collect_page(&mut job, page));
				job.stage = Stage::Collect {
					page: page.saturating_add(1),
				};
			}
			Stage::Collect { .. } => {
				let page = PaidPages::<T>::take().unwrap_or_default();
				job.stage = Stage::Pay { page };
			}
			Stage::Pay { page } if page < job.pages => {
				took = Self::paid(Self::pay_page(&mut job, page));
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

	/// The bills of a page that are not settled yet. A meter that traded and metered nothing is counted as 0.
	fn drafts(job: &Job<T::AccountId>, index: u32, page: u32, desk: &Desk<T>) -> Vec<Draft> {
		let metered = T::Metered::closed_page(job.till.microgrid, index, job.period);
		let mut metered = metered.into_iter().peekable();
		let mut drafts = Vec::new();
		for slot in 0..METERS_PER_PAGE as u8 {
			let meter = MeterId::at(page, slot);
			let energy = metered
				.next_if(|(next, _)| *next == meter)
				.map(|(_, energy)| energy);
			let contracts = desk.positions.contracts(slot);
			// What is settled has its statement, and its position is gone.
			if (energy.is_none() && contracts.is_none()) || desk.sheet.has(slot) {
				continue;
			}
			let contracts = contracts.unwrap_or_default();
			let bill = Bill::of(&contracts, energy.as_ref(), &job.summary.prices);
			drafts.push(Draft {
				meter,
				metered: energy,
				contracts,
				bill,
			});
		}
		if metered.next().is_some() {
			defensive!("a meter off its page");
		}
		drafts
	}

	/// Settles the bills of a page: of all who owe, and of the others if they need not wait: because all who
	/// owe have been asked (`all_asked`), or because the pot holds already what they are owed.
	fn settle_page(job: &mut Job<T::AccountId>, index: u32, all_asked: bool) -> Work {
		let mut work = Work::default();
		let Some(page) = T::Metered::page(job.till.microgrid, index) else {
			return work;
		};
		let mut desk = Desk::<T>::open(job.till.microgrid, job.period, page);
		let drafts = Self::drafts(job, index, page, &desk);
		let (debtors, others): (Vec<_>, Vec<_>) =
			drafts.into_iter().partition(|draft| draft.bill.due < 0);
		for draft in debtors {
			let (effort, sits_here) = Self::settle_meter(job, &mut desk, draft);
			work.collected.add(effort, sits_here);
		}
		let owed = (others.iter()).fold(0u128, |sum, draft| {
			sum.saturating_add(draft.bill.due.unsigned_abs())
		});
		work.waits = !all_asked && owed > job.till.pot;
		if !work.waits {
			for draft in others {
				let (effort, sits_here) = Self::settle_meter(job, &mut desk, draft);
				work.paid.add(effort, sits_here);
			}
		}
		desk.store();
		work
	}

	/// Collects from those of a page who owe, and pays the others if the pot suffices.
	pub(crate) fn collect_page(job: &mut Job<T::AccountId>, page: u32) -> Work {
		let work = Self::settle_page(job, page, false);
		if !work.waits && PaidPages::<T>::get() == Some(page) {
			PaidPages::<T>::put(page.saturating_add(1));
		}
		work
	}

	/// Pays those of a page who are owed.
	pub(crate) fn pay_page(job: &mut Job<T::AccountId>, page: u32) -> Work {
		Self::settle_page(job, page, true)
	}

	/// Settles one bill: ends the position, moves the money, files the statement. What that took, and whether
	/// who is billed sat at the page.
	fn settle_meter(
		job: &mut Job<T::AccountId>,
		desk: &mut Desk<T>,
		draft: Draft,
	) -> (Effort, bool) {
		let Draft {
			meter,
			metered,
			contracts,
			bill,
		} = draft;
		let position = desk.positions.close(meter.slot());
		let (traded, margin) = (
			position.is_some(),
			position.as_ref().map_or(0, |p| p.margin),
		);
		let (account, keep_totals) = match position {
			Some(position) => (position.owner, true),
			None => match desk.owners.get(meter.slot()) {
				Some(owner) => (owner.account.clone(), !owner.retired),
				// Energy that nobody owns is the operator's.
				None => (job.till.operator.clone(), false),
			},
		};
		let (till, table) = (&mut job.till, &mut desk.table);
		// An operator's balance is moved by the bills of all pages.
		let sits_here = account != till.operator && table.seat(&account);
		table.release(&account, margin);
		let mut unpaid = if bill.due < 0 {
			Self::till_collect(till, table, &account, owed(bill.due))
		} else {
			let creditor = Creditor::Member(account.clone());
			Self::till_pay(till, table, creditor, bill.due.unsigned_abs())
		};
		if traded {
			// What its margin kept from an earlier bill.
			unpaid |= Self::till_recover(till, table, &account);
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
		(effort, sits_here)
	}

	/// Pays the fund, gives the operator the rest, keeps the sums and learns from them. A period without any
	/// meter leaves no trace.
	pub(crate) fn finish(job: &mut Job<T::AccountId>) {
		Self::anywhere(|table| {
			Self::till_pay(&mut job.till, table, Creditor::Fund, job.summary.fund);
			Self::till_close(&mut job.till, table);
		});
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
