//! Trading balances, bills, corrections, debts.

use gridweave_primitives::{meter::Correction, Be32, MeterId, MicrogridId, Period};
use gridweave_runtime::{AccountId, Runtime, RuntimeEvent};
use pallet_meter_registry::Meter;
use pallet_order_book::Event as Orders;
use pallet_settlement::{types::Creditor, Event as Settlement};

use super::{metered, Telling};
use crate::{
	parts::account,
	record::{self, Owed, Planck, Record},
	state::{read, Error, State},
};

/// Whether an event tells of what somebody owes.
fn is_debt(event: &RuntimeEvent) -> bool {
	matches!(
		event,
		RuntimeEvent::Settlement(
			Settlement::ArrearsGrew { .. }
				| Settlement::ArrearsPaid { .. }
				| Settlement::ClaimRecorded { .. }
				| Settlement::ClaimPaid { .. }
		)
	)
}

/// The parts of a correction's event.
struct Corrected<'a> {
	meter: MeterId,
	period: Period,
	account: &'a AccountId,
	correction: &'a Correction,
	amount: i128,
}

impl<'a> Corrected<'a> {
	fn of(event: &'a RuntimeEvent) -> Option<Self> {
		let RuntimeEvent::Settlement(Settlement::CorrectionSettled {
			meter,
			period,
			account,
			correction,
			amount,
		}) = event
		else {
			return None;
		};
		Some(Self {
			meter: *meter,
			period: *period,
			account,
			correction,
			amount: *amount,
		})
	}
}

impl<'a, B: State, A: State> Telling<'a, B, A> {
	/// `debts`: where in the lines those begin that came directly before.
	pub(super) fn settlement(
		&mut self,
		at: usize,
		event: &pallet_settlement::Event<Runtime>,
		debts: Option<usize>,
	) -> Result<(), Error> {
		if self.event(at).is_some_and(is_debt) {
			self.debts = debts.or(Some(self.lines.len()));
		}
		match event {
			Settlement::ToppedUp { who, amount } => {
				self.touched.member(who);
				let topped_up_for_order = matches!(
					self.event(at.saturating_add(1)),
					Some(RuntimeEvent::OrderBook(Orders::OrderPlaced { who: placed, .. }))
						if placed == who
				);
				let (who, amount) = (account(who), Planck(*amount));
				let record = if topped_up_for_order {
					Record::ToppedUp { who, amount }
				} else {
					Record::TopUp { who, amount }
				};
				self.push(at, record);
			}
			Settlement::Withdrawn { who, amount } => {
				self.touched.member(who);
				let (who, amount) = (account(who), Planck(*amount));
				self.push(at, Record::Withdraw { who, amount });
			}
			Settlement::FundSpent {
				microgrid,
				beneficiary,
				amount,
			} => {
				self.touched.member(beneficiary);
				self.touched.fund(*microgrid);
				let record = Record::SpendFund {
					microgrid: microgrid.0,
					beneficiary: account(beneficiary),
					amount: Planck(*amount),
				};
				self.push(at, record);
			}
			Settlement::StatementIssued {
				microgrid,
				period,
				meter,
				statement,
			} => {
				self.touched.member(&statement.account);
				self.touched.operator(*microgrid);
				self.metered_before(*microgrid, *period, debts)?;
				let record = Record::Statement {
					microgrid: microgrid.0,
					period: period.0,
					meter: meter.0,
					bill: statement.into(),
				};
				self.push(at, record);
			}
			Settlement::PeriodSettled {
				microgrid,
				period,
				summary,
			} => {
				self.touched.operator(*microgrid);
				self.touched.fund(*microgrid);
				let record = Record::PeriodSettled {
					microgrid: microgrid.0,
					period: period.0,
					summary: (*summary).into(),
				};
				self.push(at, record);
			}
			Settlement::StatementsPruned { microgrid, period } => {
				let (microgrid, period) = (microgrid.0, period.0);
				self.push(at, Record::StatementsPruned { microgrid, period });
			}
			Settlement::CorrectionSettled { .. } => self.corrections(at)?,
			Settlement::TotalsClosed { meter, totals } => {
				let record = Record::TotalsClosed {
					meter: meter.0,
					totals: (*totals).into(),
				};
				self.push(at, record);
			}
			_ => self.debt(at, event),
		}
		Ok(())
	}

	/// Arrears and claims.
	fn debt(&mut self, at: usize, event: &pallet_settlement::Event<Runtime>) {
		let record = match event {
			Settlement::ArrearsGrew {
				who,
				microgrid,
				amount,
				total,
			} => {
				self.touched.member(who);
				self.touched.operator(*microgrid);
				Record::ArrearsGrew {
					who: account(who),
					microgrid: microgrid.0,
					amount: Planck(*amount),
					total: Planck(*total),
				}
			}
			Settlement::ArrearsPaid {
				who,
				microgrid,
				amount,
				left,
			} => {
				self.touched.member(who);
				self.touched.operator(*microgrid);
				if !self.is_part_of_a_bill(at, who) {
					let record = Record::PayArrears {
						who: account(who),
						microgrid: microgrid.0,
						amount: Planck(*amount),
					};
					self.push(at, record);
				}
				Record::ArrearsPaid {
					who: account(who),
					microgrid: microgrid.0,
					amount: Planck(*amount),
					left: Planck(*left),
				}
			}
			Settlement::ClaimRecorded {
				microgrid,
				creditor,
				amount,
				total,
			} => {
				self.touch_creditor(*microgrid, creditor);
				Record::ClaimRecorded {
					microgrid: microgrid.0,
					creditor: creditor.into(),
					amount: Planck(*amount),
					total: Planck(*total),
				}
			}
			Settlement::ClaimPaid {
				microgrid,
				creditor,
				amount,
				left,
				set_off,
			} => {
				self.touch_creditor(*microgrid, creditor);
				Record::ClaimPaid {
					microgrid: microgrid.0,
					creditor: creditor.into(),
					amount: Planck(*amount),
					left: Planck(*left),
					set_off: *set_off,
				}
			}
			_ => return,
		};
		self.push(at, record);
	}

	fn touch_creditor(&mut self, microgrid: MicrogridId, creditor: &Creditor<AccountId>) {
		self.touched.operator(microgrid);
		match creditor {
			Creditor::Member(who) => self.touched.member(who),
			Creditor::Fund => self.touched.fund(microgrid),
		}
	}

	/// Whether what is told at a place of what `who` owes comes of a bill or a correction: of a bill's debts
	/// the statement is told directly after, of a correction's directly before. What is paid by call has
	/// neither.
	fn is_part_of_a_bill(&self, at: usize, who: &AccountId) -> bool {
		let (before, after) = self.block.events.split_at(at);
		let mut after = after.iter().map(|event| &event.event);
		let billed = after.find(|event| !is_debt(event));
		let mut before = before.iter().rev().map(|event| &event.event);
		let corrected = before.find(|event| !is_debt(event));
		let is_billed = matches!(
			billed,
			Some(RuntimeEvent::Settlement(Settlement::StatementIssued { statement, .. }))
				if statement.account == *who
		);
		let is_corrected = corrected
			.and_then(Corrected::of)
			.is_some_and(|corrected| corrected.account == who);
		is_billed || is_corrected
	}

	/// Before the first bill of a period: what was metered. `debts` belong to the bill.
	fn metered_before(
		&mut self,
		microgrid: MicrogridId,
		period: Period,
		debts: Option<usize>,
	) -> Result<(), Error> {
		let billed_before = self.settling.as_ref().is_some_and(|job| {
			(job.till.microgrid, job.period) == (microgrid, period) && job.summary.meters > 0
		});
		if billed_before || !self.metered.insert((microgrid, period)) {
			return Ok(());
		}
		let energy = metered(self.after, microgrid, period)?;
		let lines = energy.into_iter().map(Record::Metered);
		let lines: Vec<_> = lines.map(|record| self.line(record)).collect();
		let place = debts.unwrap_or(self.lines.len());
		self.lines.splice(place..place, lines);
		Ok(())
	}

	/// All corrections of a meter that were settled together: their events follow one another.
	fn corrections(&mut self, at: usize) -> Result<(), Error> {
		let events = self.block.events;
		let at_place = |at: usize| Corrected::of(&events.get(at)?.event);
		let Some(first) = at_place(at) else {
			return Ok(());
		};
		let is_of_same =
			|other: &Corrected| other.meter == first.meter && other.account == first.account;
		let told = at
			.checked_sub(1)
			.and_then(at_place)
			.is_some_and(|previous| is_of_same(&previous));
		if told {
			return Ok(());
		}
		let group: Vec<_> = (at..).map_while(at_place).take_while(is_of_same).collect();
		let microgrid = self.microgrid_of(first.meter)?;
		self.touched.member(first.account);
		self.touched.operator(microgrid);
		let corrections = group.iter().map(|corrected| record::Correction {
			period: corrected.period.0,
			import: corrected.correction.import,
			export: corrected.correction.export,
		});
		let record = Record::Corrected {
			meter: first.meter.0,
			microgrid: microgrid.0,
			account: account(first.account),
			corrections: corrections.collect(),
		};
		self.push(at, record);
		let settled = group.iter().map(|corrected| record::Settled {
			period: corrected.period.0,
			amount: Owed(corrected.amount),
		});
		let sum = group
			.iter()
			.fold(0i128, |sum, corrected| sum.saturating_add(corrected.amount));
		let record = Record::CorrectionsSettled {
			meter: first.meter.0,
			account: account(first.account),
			settled: settled.collect(),
			amount: Owed(sum),
		};
		let last = at.saturating_add(group.len()).saturating_sub(1);
		self.push(last, record);
		Ok(())
	}

	/// The community of a meter that is there at the end of the block, or was before.
	fn microgrid_of(&self, meter: MeterId) -> Result<MicrogridId, Error> {
		let key = pallet_meter_registry::Meters::<Runtime>::hashed_key_for(Be32::from(meter));
		let found: Option<Meter<AccountId>> = match read(self.after, "a meter", key.clone())? {
			Some(found) => Some(found),
			None => read(self.before, "a meter", key)?,
		};
		found
			.map(|meter| meter.microgrid)
			.ok_or_else(|| Error::Missing(format!("meter {meter}")))
	}
}
