//! The settlement of one community and period, step by step: sum, collect, pay, leftovers, finish. Every
//! step is bounded by a page of meters.

use frame_support::{defensive, weights::Weight};
use gridweave_primitives::{
	meter::{MeterState, MeteredPeriod, Provenance},
	traits::{MeterInspect, MeteredEnergy},
	Be32, MeterId, WattHours,
};

use crate::{
	bill::{owed, Bill},
	effort::{Effort, Tally},
	pool::residual_prices,
	split::Split,
	statements::Sheets,
	types::{Creditor, Job, Position, Stage, Statement},
	Config, Event, Pallet, Positions, Summaries,
};

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
	/// The next step, in a later block.
	Later(Job<AccountId>),
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
			Stage::Pay { .. } if job.open == 0 => job.stage = Stage::Finish,
			Stage::Pay { .. } => {
				job.stage = Stage::Leftover { after: None };
				// Positions deleted in this block would each cost the search for the first of the
				// rest a seek.
				return (Next::Later(job), took);
			}
			Stage::Leftover { after } => {
				let last = Self::settle_leftover(&mut job, after);
				job.stage = match last {
					Some(meter) if job.open > 0 => Stage::Leftover {
						after: Some(meter.0),
					},
					_ => Stage::Finish,
				};
			}
			Stage::Finish => {
				Self::finish(&mut job);
				return (Next::Done(job), took);
			}
		}
		(Next::Step(job), took)
	}

	/// A page of the first pass: closes it, and sums what meets in the residual rule.
	pub(crate) fn sum_page(job: &mut Job<T::AccountId>, page: u32) {
		for (meter, metered) in T::Metered::close_page(job.till.microgrid, page, job.period) {
			let contracts = Self::position_in(job, meter).map(|position| position.contracts);
			let contracts = contracts.unwrap_or_default();
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

	/// A page of a later pass.
	fn settle_page(job: &mut Job<T::AccountId>, page: u32, pass: Pass) -> Tally {
		let mut tally = Tally::default();
		let mut sheets = Sheets::<T>::new(job.till.microgrid, job.period);
		for (meter, metered) in T::Metered::closed_page(job.till.microgrid, page, job.period) {
			// Settled by the pass before, which ended its position as well.
			if pass == Pass::Creditors && sheets.has(meter) {
				continue;
			}
			let position = Self::position_in(job, meter);
			let bill = Bill::of(
				&position
					.as_ref()
					.map(|position| position.contracts)
					.unwrap_or_default(),
				metered.import,
				metered.export,
				&job.summary.prices,
			);
			if (bill.due < 0) == (pass == Pass::Debtors) {
				let metered = Some(metered);
				tally.add(Self::settle_meter(
					job,
					&mut sheets,
					meter,
					metered,
					position,
					bill,
				));
			}
		}
		sheets.store();
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

	/// Settles the next position of a meter that metered nothing, counted as 0. Such a meter has neither
	/// surplus nor need, so the residual prices stand.
	pub(crate) fn settle_leftover(
		job: &mut Job<T::AccountId>,
		after: Option<u32>,
	) -> Option<MeterId> {
		let prefix = (Be32::from(job.till.microgrid), Be32::from(job.period));
		let next = match after {
			None => Positions::<T>::iter_prefix(prefix).next(),
			Some(meter) => {
				let last = Positions::<T>::hashed_key_for((prefix.0, prefix.1, Be32::from(meter)));
				Positions::<T>::iter_prefix_from(prefix, last).next()
			}
		};
		let Some((meter, position)) = next else {
			defensive!("a counted position is missing");
			return None;
		};
		let meter = MeterId(meter.get());
		let bill = Bill::of(
			&position.contracts,
			WattHours::ZERO,
			WattHours::ZERO,
			&job.summary.prices,
		);
		let mut sheets = Sheets::<T>::new(job.till.microgrid, job.period);
		let _ = Self::settle_meter(job, &mut sheets, meter, None, Some(position), bill);
		sheets.store();
		Some(meter)
	}

	/// Settles one bill: ends the position, moves the money, files the statement.
	fn settle_meter(
		job: &mut Job<T::AccountId>,
		sheets: &mut Sheets<T>,
		meter: MeterId,
		metered: Option<MeteredPeriod>,
		position: Option<Position<T::AccountId>>,
		bill: Bill,
	) -> Effort {
		let microgrid = job.till.microgrid;
		let contracts = position
			.as_ref()
			.map(|position| position.contracts)
			.unwrap_or_default();
		let traded = position.is_some();
		let (account, keep_totals) = match position {
			Some(position) => {
				Self::close_position(microgrid, job.period, meter, &position);
				job.open = job.open.saturating_sub(1);
				(position.owner, true)
			}
			None => match T::Meters::meter(meter) {
				Some(info) => (info.owner, info.state != MeterState::Retired),
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
		if statement.provenance == Some(Provenance::Estimated) {
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

		sheets.file(meter, statement.clone(), keep_totals);
		Self::deposit_event(Event::StatementIssued {
			microgrid,
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

	/// A meter's position, if the period has any left.
	fn position_in(job: &Job<T::AccountId>, meter: MeterId) -> Option<Position<T::AccountId>> {
		(job.open > 0)
			.then(|| Self::position(job.till.microgrid, job.period, meter))
			.flatten()
	}
}
