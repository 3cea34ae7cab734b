//! The market recomputed from its journal alone: inputs are applied to a model of their own, and outcomes compared. It
//! knows nothing of the chain, of accounts' money, of readings: what it needs of these the journal tells.

use std::collections::{BTreeMap, VecDeque};

use gridweave_journal::{
	record::{LinkStage as TheirStage, Opening, Record},
	Line,
};

use super::lines::{force, kind, link_terms, outcome, side, source, terms, who};
use crate::model::{
	meters::{Energy, Meter},
	tasks::compare,
	types::*,
	Clock, Community, Entry, Link, LinkStage, Model, Outcome, MAX_FILLS, MAX_STANDING_FILLS,
};

pub struct Replay {
	model: Model,
	lines: VecDeque<Line>,
	/// Trading balances and funds that the journal has told.
	ledger: BTreeMap<Who, Entry>,
	funds: BTreeMap<Grid, Planck>,
	/// The call that placed the last order, and the fills of it.
	call: Option<(Option<u32>, u32)>,
	fills: u32,
	/// The transaction in which an order was refused: how many fills that has used up the journal does not tell.
	unsure: Option<u32>,
	/// How many outcomes were compared.
	pub compared: u64,
}

impl Replay {
	/// From the lines that a journal begins with: those of a chain's genesis.
	pub fn new(opening: &[Line]) -> Self {
		let Some(Record::Journal { clock, .. }) = opening.first().map(|line| &line.record) else {
			panic!("a journal begins with a line of this name");
		};
		let clock = Clock {
			length: clock.period_length.into(),
			grace: clock.grace.into(),
			retention: clock.retention.into(),
		};
		let mut model = Model::new(clock, &[], 0);
		model.unlimited = true;
		model.given = Some(BTreeMap::new());
		for line in &opening[1..] {
			match &line.record {
				Record::Opening(Opening::Microgrid {
					operator,
					terms: of,
					..
				}) => {
					model
						.grids
						.push(Community::new(who(operator), terms(of), 0));
				}
				Record::Opening(Opening::NextOrder { order }) => model.next_order = *order,
				Record::Opening(Opening::Link {
					link,
					operator,
					terms,
					stage,
				}) => {
					let stage = match *stage {
						TheirStage::Proposed { awaits } => LinkStage::Proposed { awaits },
						TheirStage::Open { first, until } => LinkStage::Open { first, until },
					};
					let link_ = Link {
						terms: link_terms(terms),
						operator: who(operator),
						stage,
					};
					model.links.insert(*link, link_);
				}
				other => panic!("genesis has nothing like {other:?}"),
			}
		}
		Self {
			model,
			lines: VecDeque::new(),
			ledger: BTreeMap::new(),
			funds: BTreeMap::new(),
			call: None,
			fills: 0,
			unsure: None,
			compared: 0,
		}
	}

	/// The lines of a block.
	pub fn block(&mut self, lines: Vec<Line>) {
		self.lines = lines.into();
		(self.call, self.unsure) = (None, None);
		while let Some(line) = self.lines.pop_front() {
			self.line(&line);
		}
		self.end_of_poll();
		assert_eq!(
			self.model.ledger, self.ledger,
			"trading balances of the journal, and recomputed"
		);
		let funds = (0..)
			.zip(&self.model.grids)
			.map(|(grid, community)| (grid, community.fund));
		let funds: BTreeMap<Grid, Planck> = funds.filter(|(_, fund)| *fund > 0).collect();
		assert_eq!(funds, self.funds, "funds of the journal, and recomputed");
	}

	/// What the chain does at the begin of a block is done. Whether it had room for it the journal does not tell.
	fn end_of_poll(&mut self) {
		self.model.end_of_poll(true).ok();
	}

	/// Compares what was predicted with the next lines.
	fn expect(&mut self, line: &Line, predicted: &[Rec]) {
		let mut seen: VecDeque<Rec> = VecDeque::new();
		for _ in predicted {
			let next = self
				.lines
				.pop_front()
				.unwrap_or_else(|| panic!("nothing follows {line:?}, but {predicted:?}"));
			let Some(record) = outcome(&next.record) else {
				panic!("{next:?} follows {line:?}, not {predicted:?}");
			};
			seen.push_back(record);
		}
		self.compared += predicted.len() as u64;
		if let Err(mismatch) = compare(predicted, &mut seen) {
			panic!("of {line:?} came {mismatch:?}");
		}
	}

	/// What a call of an account comes to, besides what its line tells.
	fn applied(
		&mut self,
		line: &Line,
		apply: impl FnOnce(&mut Model, &mut Vec<Rec>) -> Outcome,
		told: impl Fn(&Rec) -> bool,
	) {
		let mut out = Vec::new();
		if let Err(error) = apply(&mut self.model, &mut out) {
			panic!("{line:?} would be refused: {error}");
		}
		out.retain(|record| !told(record));
		self.expect(line, &out);
	}

	fn line(&mut self, line: &Line) {
		// What the chain does at the begin of a block is done when the first transaction comes.
		if line.extrinsic.is_some() {
			self.end_of_poll();
		}
		match &line.record {
			Record::Journal { .. } | Record::Opening(_) => panic!("a journal begins once"),
			Record::Block { time, .. } => self.model.begin_block(line.block, *time),
			Record::Place { .. } => self.place(line, &[]),
			Record::ToppedUp { .. } => {
				let topped_up = outcome(&line.record).expect("it is one");
				let place = self.lines.pop_front().expect("an order follows");
				self.place(&place, &[topped_up]);
			}
			Record::Cancel {
				order,
				who: of,
				replaced,
				..
			} => {
				let reason = if *replaced {
					Reason::Replaced
				} else {
					Reason::Cancelled
				};
				let (of, order) = (who(of), *order);
				let cancel = |model: &mut Model, out: &mut Vec<Rec>| {
					model.cancel(of, order, reason, out).map(|_| ())
				};
				self.applied(line, cancel, |record| {
					matches!(record, Rec::Cancelled { .. })
				});
			}
			Record::Reduce {
				order,
				who: of,
				remaining,
				..
			} => {
				let (of, order, left) = (who(of), *order, *remaining);
				let reduce =
					|model: &mut Model, out: &mut Vec<Rec>| model.reduce(of, order, left, out);
				self.applied(line, reduce, |record| matches!(record, Rec::Reduced { .. }));
			}
			Record::TopUp { who: of, amount } => {
				let top_up =
					|model: &mut Model, out: &mut Vec<Rec>| model.top_up(who(of), amount.0, out);
				self.applied(line, top_up, |record| {
					matches!(record, Rec::ToppedUp { .. })
				});
			}
			Record::Withdraw { who: of, amount } => {
				let withdraw =
					|model: &mut Model, out: &mut Vec<Rec>| model.withdraw(who(of), amount.0, out);
				self.applied(line, withdraw, |record| {
					matches!(record, Rec::Withdrawn { .. })
				});
			}
			Record::PayArrears {
				who: of,
				microgrid,
				amount,
			} => {
				let pay = |model: &mut Model, out: &mut Vec<Rec>| {
					model.pay_arrears(who(of), *microgrid, amount.0, out)
				};
				self.applied(line, pay, |_| false);
			}
			Record::SpendFund {
				microgrid,
				beneficiary,
				amount,
			} => {
				let of = who(beneficiary);
				let spend = |model: &mut Model, out: &mut Vec<Rec>| {
					model.spend_fund(*microgrid, of, amount.0, out)
				};
				self.applied(line, spend, |record| {
					matches!(record, Rec::FundSpent { .. })
				});
			}
			// Nothing follows of it but that the fund has it.
			Record::DepositSlashed {
				microgrid, amount, ..
			} => self.model.grid_mut(*microgrid).fund += amount.0,
			Record::Metered(metered) => {
				// Nothing depends on where it comes from, and it may have been corrected since.
				let id = (metered.microgrid, metered.period, metered.meter);
				let told = self
					.lines
					.iter()
					.find_map(|line| match outcome(&line.record) {
						Some(Rec::Bill {
							grid,
							period,
							meter,
							statement,
						}) if (grid, period, meter) == id => statement.source,
						_ => None,
					});
				let energy = Energy {
					import: metered.import,
					export: metered.export,
					source: told.unwrap_or(source(metered.provenance)),
					outstanding: 0,
				};
				let given = self.model.given.as_mut().expect("it is given");
				let of = given
					.entry((metered.microgrid, metered.period))
					.or_default();
				of.push((metered.meter, energy));
			}
			Record::Corrected {
				meter, corrections, ..
			} => self.corrected(line, *meter, corrections),
			Record::Ledger {
				account,
				balance,
				locked,
			} => {
				let entry = Entry {
					balance: balance.0,
					locked: locked.0,
				};
				match entry == Entry::default() {
					true => self.ledger.remove(&who(account)),
					false => self.ledger.insert(who(account), entry),
				};
			}
			Record::Fund { microgrid, amount } => {
				match amount.0 {
					0 => self.funds.remove(microgrid),
					amount => self.funds.insert(*microgrid, amount),
				};
			}
			// What they said is not replayed: the orders that came of them are.
			Record::StandingOrderSet { .. }
			| Record::StandingOrderEnded { .. }
			| Record::StandingOrderRefused { .. }
			| Record::StandingOrdersSkipped { .. } => {}
			Record::OrderRefused { .. } => self.unsure = line.extrinsic,
			Record::TotalsClosed { meter, .. } => {
				let totals = self.model.totals.remove(meter);
				let totals = totals.map(|totals| Rec::TotalsClosed {
					meter: *meter,
					totals,
				});
				assert_eq!(totals, outcome(&line.record), "running totals");
			}
			record => match outcome(record) {
				Some(_) => self.tasks(line),
				None => self.community(line),
			},
		}
	}

	/// An order and all that comes of it. `before`: the lock took money from the account.
	fn place(&mut self, line: &Line, before: &[Rec]) {
		let Record::Place {
			order,
			who: of,
			microgrid,
			meter,
			side: on,
			period,
			energy,
			limit_price,
			time_in_force,
			standing,
			call,
			..
		} = &line.record
		else {
			panic!("an order follows {before:?}, not {line:?}");
		};
		let what = NewOrder {
			meter: *meter,
			side: side(*on),
			period: *period,
			energy: *energy,
			limit: *limit_price,
			force: force(*time_in_force),
		};
		let this = Some((line.extrinsic, *call));
		if self.call != this || *standing {
			self.fills = 0;
		}
		self.call = this;
		let most = if *standing {
			MAX_STANDING_FILLS
		} else {
			MAX_FILLS
		};
		let calm = standing.then_some(crate::model::CALM);
		if self.unsure.is_some() && self.unsure == line.extrinsic {
			let likely = |used: &u32| {
				let (mut model, mut fills, mut out) = (self.model.clone(), *used, Vec::new());
				let placed = model.place(who(of), &what, &mut fills, most, calm, &mut out);
				let follows = out
					.iter()
					.skip_while(|record| !matches!(record, Rec::Placed { .. }))
					.skip(1);
				let told = self.lines.iter().map(|line| outcome(&line.record));
				placed.is_ok()
					&& follows
						.zip(told)
						.all(|(record, told)| told.as_ref() == Some(record))
			};
			self.fills = (self.fills..=most).find(likely).unwrap_or(self.fills);
		}
		let mut out = Vec::new();
		let (model, fills) = (&mut self.model, &mut self.fills);
		if let Err(error) = model.place(who(of), &what, fills, most, calm, &mut out) {
			panic!("{line:?} would be refused: {error}");
		}
		let placed = Rec::Placed {
			order: *order,
			who: who(of),
			grid: *microgrid,
			what,
			standing: *standing,
		};
		let mut told: VecDeque<Rec> = before.iter().cloned().chain([placed]).collect();
		let rest = out.split_off(told.len().min(out.len()));
		if let Err(mismatch) = compare(&out, &mut told) {
			panic!("of {line:?} came {mismatch:?}");
		}
		assert!(told.is_empty(), "the model knows nothing of {told:?}");
		self.expect(line, &rest);
	}

	fn corrected(
		&mut self,
		line: &Line,
		meter: MeterNo,
		corrections: &[gridweave_journal::record::Correction],
	) {
		let next = self.lines.pop_front().map(|line| line.record);
		let Some(Record::CorrectionsSettled {
			account,
			settled,
			amount,
			..
		}) = next
		else {
			panic!("what it is worth follows {line:?}, not {next:?}");
		};
		let list: Vec<(Period, i64, i64)> = corrections
			.iter()
			.map(|one| (one.period, one.import, one.export))
			.collect();
		let mut out = Vec::new();
		self.model.settle_corrections(meter, &list, &mut out);
		let debts = out.split_off(list.len());
		let told = corrections
			.iter()
			.zip(&settled)
			.map(|(one, worth)| Rec::Corrected {
				meter,
				period: one.period,
				account: who(&account),
				import: one.import,
				export: one.export,
				amount: worth.amount.0,
			});
		assert_eq!(out, told.collect::<Vec<_>>(), "what corrections are worth");
		assert_eq!(
			amount.0,
			settled.iter().map(|worth| worth.amount.0).sum::<i128>()
		);
		self.expect(line, &debts);
	}

	/// What the chain did by itself: this line, and those that follow of the same kind.
	fn tasks(&mut self, line: &Line) {
		let mut records = vec![outcome(&line.record).expect("it is one")];
		while let Some(record) = self.lines.front().and_then(|line| outcome(&line.record)) {
			if matches!(record, Rec::ToppedUp { .. } | Rec::TotalsClosed { .. }) {
				break;
			}
			records.push(record);
			self.lines.pop_front();
		}
		self.compared += records.len() as u64;
		if let Err(mismatch) = self.model.tasks(records) {
			panic!("from {line:?} on: {mismatch:?}");
		}
	}

	/// What is given of communities, links and meters.
	fn community(&mut self, line: &Line) {
		let model = &mut self.model;
		match &line.record {
			Record::MicrogridCreated {
				operator,
				terms: of,
				..
			} => {
				model
					.grids
					.push(Community::new(who(operator), terms(of), 0));
			}
			Record::TermsChanged {
				microgrid,
				terms: of,
				..
			} => model.grid_mut(*microgrid).terms = terms(of),
			Record::OperatorChanged { microgrid, new, .. } => {
				model.grid_mut(*microgrid).operator = who(new)
			}
			Record::PeriodsOpened {
				microgrid,
				first,
				last,
				terms: of,
			} => {
				assert_eq!(
					terms(of),
					model.grid(*microgrid).terms,
					"the terms of {line:?}"
				);
				self.task(Rec::PeriodsOpened {
					grid: *microgrid,
					first: *first,
					last: *last,
				});
			}
			Record::PeriodsSkipped {
				microgrid,
				first,
				last,
			} => self.task(Rec::PeriodsSkipped {
				grid: *microgrid,
				first: *first,
				last: *last,
			}),
			Record::PeriodsPruned {
				microgrid,
				first,
				last,
			} => self.task(Rec::PeriodsPruned {
				grid: *microgrid,
				first: *first,
				last: *last,
			}),
			Record::StatementsPruned { .. } => {}
			Record::LinkProposed {
				link,
				operator,
				terms,
				..
			} => {
				let new = Link {
					terms: link_terms(terms),
					operator: who(operator),
					stage: LinkStage::Proposed { awaits: terms.to },
				};
				model.links.insert(*link, new);
			}
			Record::LinkOpened { link, first } => {
				let stage = LinkStage::Open {
					first: *first,
					until: None,
				};
				model.links.get_mut(link).expect("proposed").stage = stage;
			}
			Record::LinkClosed { link, until } => {
				let stage = &mut model.links.get_mut(link).expect("known").stage;
				if let LinkStage::Open { until: closed, .. } = stage {
					*closed = Some(*until);
				}
			}
			Record::LinkRemoved { link } => {
				model.links.remove(link);
			}
			Record::MeterRegistered {
				meter,
				microgrid,
				owner,
				kind: of,
			} => {
				let new = Meter::new(who(owner), *microgrid, kind(*of));
				model.meters.insert(*meter, new);
			}
			Record::MeterAdmitted {
				meter,
				max_import,
				max_export,
			} => {
				let meter = model.meters.get_mut(meter).expect("registered");
				meter.admitted = Some(0);
				meter.ratings = Ratings {
					import: *max_import,
					export: *max_export,
				};
			}
			Record::MeterTransferred { meter, to, .. } => {
				model.meters.get_mut(meter).expect("registered").owner = who(to);
			}
			Record::MeterRetired { meter } => {
				model.meters.get_mut(meter).expect("registered").retired = true;
			}
			Record::MeterFreed { meter, .. } => {
				model.meters.remove(meter);
				model.totals.remove(meter);
			}
			Record::OperatorOffered { .. }
			| Record::OfferWithdrawn { .. }
			| Record::MeterOffered { .. } => {}
			other => panic!("the replay knows nothing of {other:?}"),
		}
	}

	fn task(&mut self, record: Rec) {
		if let Err(mismatch) = self.model.tasks(vec![record]) {
			panic!("{mismatch:?}");
		}
	}
}
