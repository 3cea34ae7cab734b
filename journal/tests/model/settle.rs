//! Bills: what was traded against what was metered.

use std::collections::VecDeque;

use super::{types::*, *};

/// A bill that is to be settled.
#[derive(Clone, Debug)]
pub struct Draft {
	pub meter: MeterNo,
	pub statement: Statement,
	/// What of the amount is still to be paid.
	pub due: i128,
	/// What the operator gets, and the fund.
	pub operator: i128,
	pub fund: Planck,
	pub position: Option<Position>,
}

/// Bills that rest on estimates, with what corrected them since.
#[derive(Clone, Debug, Default)]
pub struct Silence {
	pub bills: BTreeMap<(MeterNo, Period), Estimate>,
	pub compared: u64,
}

#[derive(Clone, Debug)]
pub struct Estimate {
	pub statement: Statement,
	/// The bill and its corrections, together.
	pub amount: i128,
	pub import: i128,
	pub export: i128,
}

impl Silence {
	/// A silent meter never gains by its silence: a bill and its corrections are never better than the bill would have
	/// been, at the period's prices, had the readings come in time.
	fn correct(&mut self, meter: MeterNo, period: Period, import: i64, export: i64, amount: i128) {
		let Some(known) = self.bills.get_mut(&(meter, period)) else {
			return;
		};
		known.amount += amount;
		known.import += i128::from(import);
		known.export += i128::from(export);
		let (Ok(import), Ok(export)) = (Wh::try_from(known.import), Wh::try_from(known.export))
		else {
			return;
		};
		let bill = &known.statement;
		let (_, punctual, ..) = super::settle::bill(
			&bill.contracts,
			import,
			export,
			Source::Measured,
			&bill.prices,
		);
		self.compared += 1;
		assert!(
			known.amount <= punctual,
			"meter {meter} gained by its silence in {period}: {} instead of {punctual}, {known:?}",
			known.amount,
		);
	}
}

/// Net energy against net contracts.
pub fn split(contracts: &Contracts, import: Wh, export: Wh) -> Split {
	let contracted = i128::from(contracts.sold) - i128::from(contracts.bought);
	let metered = i128::from(export) - i128::from(import);
	let wh = |energy: i128| Wh::try_from(energy).expect("not negative");
	let (sale, purchase) = (contracted.max(0), (-contracted).max(0));
	let (fed_in, taken) = (metered.max(0), (-metered).max(0));
	let (delivered, consumed) = (sale.min(fed_in), purchase.min(taken));
	Split {
		delivered: wh(delivered),
		shortfall: wh(sale - delivered),
		consumed: wh(consumed),
		excess: wh(purchase - consumed),
		surplus: wh(fed_in - delivered),
		need: wh(taken - consumed),
	}
}

/// `a × b ÷ c` rounded down, by long division of whole numbers: wide enough for any product here.
fn muldiv(a: u128, b: u128, c: u128) -> u128 {
	let (mut result, mut rest) = (0u128, 0u128);
	for bit in (0..128).rev() {
		result <<= 1;
		rest <<= 1;
		if (a >> bit) & 1 == 1 {
			rest += b;
		}
		result += rest / c;
		rest %= c;
	}
	result
}

/// What surplus earns and need pays: members, then the operator.
pub fn residual(terms: &Terms, surplus: Wh, need: Wh) -> ((Price, Price), (Price, Price)) {
	let (high, low) = (terms.retail, terms.feed_in);
	let Some(spread) = terms.spread else {
		return ((low, high), (low, high));
	};
	let (sell, buy) = if surplus > need {
		(low, low)
	} else if need == 0 {
		(low, high)
	} else {
		let (u, m) = (u128::from(surplus), u128::from(need));
		let (h, l) = (u128::from(high), u128::from(low));
		// Ps = λs·λb·M ÷ ((λb − λs)·U + λs·M), down.
		let sell = muldiv(l * h, m, (h - l) * u + l * m);
		// Pb = (Ps·U + λb·(M − U)) ÷ M, up.
		let paid = sell * u + h * (m - u);
		((sell) as Price, paid.div_ceil(m) as Price)
	};
	let (sell, buy) = (sell.clamp(low, high), buy.min(high));
	let kept =
		|gain: Price| (u128::from(gain) * u128::from(1_000_000 - spread) / 1_000_000) as Price;
	(
		(low + kept(sell - low), high - kept(high - buy)),
		(sell, buy),
	)
}

/// The prices of a period with these sums of surplus and need.
pub fn prices(terms: &Terms, surplus: Wh, need: Wh) -> Prices {
	let (members, base) = residual(terms, surplus, need);
	Prices {
		retail: terms.retail,
		feed_in: terms.feed_in,
		sell: members.0,
		buy: members.1,
		base_sell: base.0,
		base_buy: base.1,
	}
}

/// What surplus earns and need pays: of an estimate the tariff.
fn rest_prices(prices: &Prices, source: Source) -> (Price, Price) {
	match source {
		Source::Measured => (prices.sell, prices.buy),
		Source::Estimated | Source::Corrected => (prices.feed_in, prices.retail),
	}
}

/// A bill, what is still due of it, and the entries of operator and fund.
pub fn bill(
	contracts: &Contracts,
	import: Wh,
	export: Wh,
	source: Source,
	prices: &Prices,
) -> (Split, i128, i128, i128, Planck) {
	let split = split(contracts, import, export);
	let money = |price, energy| signed(cost(price, energy));
	let trades = signed(contracts.receivable) - signed(contracts.payable);
	let grid = money(prices.feed_in, split.excess)
		- money(prices.retail, split.shortfall)
		- signed(contracts.fee);
	let (sell, buy) = rest_prices(prices, source);
	let rest = money(sell, split.surplus) - money(buy, split.need);
	let base = money(prices.base_sell, split.surplus) - money(prices.base_buy, split.need);
	let amount = trades + grid + rest;
	let fund = base - rest;
	assert!(fund >= 0, "the fund never pays");
	(
		split,
		amount,
		amount + signed(contracts.paid),
		-grid - base,
		fund as Planck,
	)
}

impl Model {
	/// The terms a period is settled by.
	pub fn terms_for(&self, grid: Grid, period: Period) -> Option<Terms> {
		self.grid(grid)
			.open
			.range(period..)
			.next()
			.map(|(_, terms)| *terms)
	}

	/// Begins to settle a period: all its bills. A meter that traded and metered nothing counts as 0.
	pub fn begin_settling(&mut self, grid: Grid, period: Period) {
		assert!(self.job.is_none(), "one settlement at a time");
		assert!(
			self.frozen(period),
			"{grid}/{period} is settled before its energy is frozen"
		);
		assert_eq!(
			self.grid(grid).unsettled,
			period,
			"no period is passed over"
		);
		let metered = self.close(grid, period);
		let terms = self.terms_for(grid, period).expect("it opened");
		let contracts = |model: &Self, meter: MeterNo| {
			model
				.positions
				.get(&(grid, period, meter))
				.map(|p| p.contracts)
				.unwrap_or_default()
		};
		let (mut surplus, mut need) = (0, 0);
		for (meter, energy) in &metered {
			let split = split(&contracts(self, *meter), energy.import, energy.export);
			surplus += split.surplus;
			need += split.need;
		}
		let prices = prices(&terms, surplus, need);
		let links = self.exchanges.remove(&(grid, period)).unwrap_or_default();
		let operator = match self.begun.take() {
			Some((of, when, operator)) if (of, when) == (grid, period) => operator,
			_ => self.grid(grid).operator,
		};
		let mut drafts = Vec::new();
		for (meter, energy) in metered {
			drafts.push(self.draft(grid, period, operator, &prices, meter, Some(energy)));
		}
		let done: BTreeSet<MeterNo> = drafts.iter().map(|draft| draft.meter).collect();
		let traded = self
			.positions
			.range((grid, period, 0)..=(grid, period, MeterNo::MAX));
		let silent: Vec<MeterNo> = traded
			.map(|((.., meter), _)| *meter)
			.filter(|m| !done.contains(m))
			.collect();
		for meter in silent {
			drafts.push(self.draft(grid, period, operator, &prices, meter, None));
		}
		drafts.sort_by_key(|draft| draft.meter);
		let mut pages: BTreeMap<MeterNo, Vec<Draft>> = BTreeMap::new();
		for draft in drafts {
			pages.entry(draft.meter / 32).or_default().push(draft);
		}
		self.job = Some(Job {
			grid,
			period,
			operator,
			pot: links.proceeds,
			pages: pages.into_values().collect(),
			bills: VecDeque::new(),
			owed: Vec::new(),
			waiting: Vec::new(),
			traded: BTreeSet::new(),
			summary: Summary {
				prices,
				links,
				..Summary::default()
			},
		});
	}

	fn draft(
		&self,
		grid: Grid,
		period: Period,
		operator: Who,
		prices: &Prices,
		meter: MeterNo,
		energy: Option<meters::Energy>,
	) -> Draft {
		let position = self.positions.get(&(grid, period, meter)).cloned();
		let contracts = position.as_ref().map(|p| p.contracts).unwrap_or_default();
		let (import, export) = energy.map_or((0, 0), |energy| (energy.import, energy.export));
		// What metered nothing has neither surplus nor need.
		let source = energy.map_or(Source::Measured, |energy| energy.source);
		let (split, amount, due, of_operator, fund) =
			bill(&contracts, import, export, source, prices);
		let owner = self
			.meters
			.get(&meter)
			.map_or(operator, |meter| meter.owner);
		let account = position.as_ref().map_or(owner, |position| position.owner);
		if let Some(position) = &position {
			// No trade can default: what it may cost is in its margin, whatever was metered.
			let (sell, buy) = rest_prices(prices, source);
			let rest = signed(cost(sell, split.surplus)) - signed(cost(buy, split.need));
			let trades = due - rest;
			assert!(
				trades + signed(position.margin) >= 0,
				"trades of meter {meter} in {period} cost {trades}, the margin is {}",
				position.margin,
			);
		}
		Draft {
			meter,
			due,
			operator: of_operator,
			fund,
			position,
			statement: Statement {
				account,
				source: energy.map(|energy| energy.source),
				import,
				export,
				contracts,
				split,
				prices: *prices,
				amount,
			},
		}
	}

	/// Settles the next bill: what comes of it, and the bill.
	pub fn settle_next(&mut self) -> Vec<Rec> {
		let mut out = Vec::new();
		let mut job = self.job.take().expect("under way");
		let Some(mut draft) = job.next_bill() else {
			self.finish(job, &mut out);
			return out;
		};
		let (grid, period, operator) = (job.grid, job.period, job.operator);
		// A late reading may have come since the period was closed: the energy stays.
		let known = self.meters.get(&draft.meter);
		let known = known.and_then(|meter| meter.energy.get(&period));
		draft.statement.source = draft
			.statement
			.source
			.map(|source| known.map_or(source, |energy| energy.source));
		let statement = draft.statement;
		let who = statement.account;
		if let Some(position) = &draft.position {
			self.positions.remove(&(grid, period, draft.meter));
			self.unlock(who, position.margin);
			job.traded.insert(draft.meter);
		}
		let before = self.arrears.get(&(who, grid)).copied().unwrap_or(0);
		if draft.due < 0 {
			self.collect(
				grid,
				operator,
				&mut job.pot,
				who,
				(-draft.due) as Planck,
				&mut out,
			);
		} else {
			let creditor = Creditor::Member(who);
			self.pay(
				grid,
				operator,
				&mut job.pot,
				creditor,
				draft.due as Planck,
				&mut out,
			);
		}
		let after = self.arrears.get(&(who, grid)).copied().unwrap_or(0);
		let source = statement.source.unwrap_or(Source::Measured);
		let (_, buy) = rest_prices(&statement.prices, source);
		let need = cost(buy, statement.split.need);
		assert!(
			after <= before + need,
			"only residual need comes to arrears"
		);
		if draft.position.is_some() {
			self.recover(grid, &mut job.pot, who, &mut out);
		}
		job.summary.add(&draft);
		let retired = self
			.meters
			.get(&draft.meter)
			.is_none_or(|meter| meter.retired);
		if draft.position.is_some() || !retired {
			self.totals.entry(draft.meter).or_default().add(&statement);
		}
		self.tally.bills += 1;
		self.note_bill(draft.meter, period, &statement);
		self.job = Some(job);
		out.push(Rec::Bill {
			grid,
			period,
			meter: draft.meter,
			statement,
		});
		out
	}

	/// Pays the fund, and gives the operator the rest.
	fn finish(&mut self, mut job: Job, out: &mut Vec<Rec>) {
		let (grid, period, operator) = (job.grid, job.period, job.operator);
		let sums = job.summary;
		self.pay(grid, operator, &mut job.pot, Creditor::Fund, sums.fund, out);
		self.credit(operator, job.pot);
		self.grid_mut(grid).unsettled = period + 1;
		let links = signed(sums.links.proceeds) - signed(sums.links.payments);
		assert_eq!(
			sums.members + sums.operator + signed(sums.fund),
			links,
			"payments sum to zero"
		);
		// Nobody is worse off than by the tariff, and the remainder is at most one unit of price per Wh of need.
		let prices = &sums.prices;
		assert!(prices.feed_in <= prices.sell && prices.buy <= prices.retail);
		if sums.meters > 0 {
			out.push(Rec::Settled {
				grid,
				period,
				summary: sums,
			});
		}
	}

	/// Late readings of a meter, priced period by period and paid at once.
	pub fn settle_corrections(
		&mut self,
		meter: MeterNo,
		corrections: &[(Period, i64, i64)],
		out: &mut Vec<Rec>,
	) {
		let Some(info) = self.meters.get(&meter) else {
			return;
		};
		let (grid, account, retired) = (info.grid, info.owner, info.retired);
		let operator = self.grid(grid).operator;
		let mut sum = 0i128;
		for (period, import, export) in corrections {
			let Some(terms) = self.terms_for(grid, *period) else {
				continue;
			};
			let value = |price: Price, energy: i64| i128::from(price) * i128::from(energy) * 1_000;
			let import_price = if *import < 0 {
				terms.feed_in
			} else {
				terms.retail
			};
			let amount = value(terms.feed_in, *export) - value(import_price, *import);
			sum += amount;
			out.push(Rec::Corrected {
				meter,
				period: *period,
				account,
				import: *import,
				export: *export,
				amount,
			});
			self.tally.corrections += 1;
			self.silence
				.correct(meter, *period, *import, *export, amount);
			if !retired {
				let totals = self.totals.entry(meter).or_default();
				totals.import = totals.import.saturating_add_signed(*import);
				totals.export = totals.export.saturating_add_signed(*export);
			}
		}
		if !retired && !corrections.is_empty() {
			self.totals.entry(meter).or_default().amount += sum;
		}
		let mut pot = 0;
		if sum < 0 {
			self.collect(grid, operator, &mut pot, account, (-sum) as Planck, out);
		} else {
			let creditor = Creditor::Member(account);
			self.pay(grid, operator, &mut pot, creditor, sum as Planck, out);
		}
		self.credit(operator, pot);
	}

	/// Remembers a bill that rests on an estimate.
	fn note_bill(&mut self, meter: MeterNo, period: Period, statement: &Statement) {
		if statement.source == Some(Source::Estimated) {
			let known = Estimate {
				statement: *statement,
				amount: statement.amount,
				import: statement.import.into(),
				export: statement.export.into(),
			};
			self.silence.bills.insert((meter, period), known);
			// What is corrected later than this is so at the prices of another period.
			let oldest = period.saturating_sub(64);
			self.silence
				.bills
				.retain(|(_, period), _| *period >= oldest);
		}
	}
}

impl Job {
	/// The next bill: page by page those who owe, then the others of the page if the pot holds what they are
	/// owed; when all pages are through, the others of the other pages.
	fn next_bill(&mut self) -> Option<Draft> {
		loop {
			if let Some(draft) = self.bills.pop_front() {
				return Some(draft);
			}
			let owed = std::mem::take(&mut self.owed);
			if owed.iter().map(|draft| draft.due).sum::<i128>() <= signed(self.pot) {
				self.bills.extend(owed);
			} else {
				self.waiting.extend(owed);
			}
			if !self.bills.is_empty() {
				continue;
			}
			match self.pages.pop_front() {
				Some(page) => {
					let (debtors, owed): (Vec<Draft>, Vec<Draft>) =
						page.into_iter().partition(|draft| draft.due < 0);
					(self.bills, self.owed) = (debtors.into(), owed);
				}
				None if self.waiting.is_empty() => return None,
				None => self.bills.extend(std::mem::take(&mut self.waiting)),
			}
		}
	}
}

impl Summary {
	fn add(&mut self, draft: &Draft) {
		let Statement {
			source,
			import,
			export,
			contracts,
			split,
			amount,
			..
		} = &draft.statement;
		self.meters += 1;
		let estimate = matches!(source, Some(Source::Estimated | Source::Corrected));
		self.estimated += u32::from(estimate);
		self.import += import;
		self.export += export;
		self.contracted += contracts.sold;
		self.trade_value += contracts.receivable;
		self.split.delivered += split.delivered;
		self.split.shortfall += split.shortfall;
		self.split.consumed += split.consumed;
		self.split.excess += split.excess;
		self.split.surplus += split.surplus;
		self.split.need += split.need;
		self.fees += contracts.fee;
		self.members += amount;
		self.operator += draft.operator;
		self.fund += draft.fund;
	}
}

impl Totals {
	fn add(&mut self, bill: &Statement) {
		self.periods += 1;
		self.import += bill.import;
		self.export += bill.export;
		self.sold += bill.contracts.sold;
		self.bought += bill.contracts.bought;
		self.shortfall += bill.split.shortfall;
		self.excess += bill.split.excess;
		self.surplus += bill.split.surplus;
		self.need += bill.split.need;
		self.fees += bill.contracts.fee;
		self.amount += bill.amount;
	}
}
