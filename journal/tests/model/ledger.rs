//! Trading balances: money in and out, locks, trades, arrears.

use super::{quote::Quote, types::*, *};

impl Model {
	pub fn entry(&self, who: Who) -> Entry {
		self.ledger.get(&who).copied().unwrap_or_default()
	}

	/// Changes a trading balance. At no time is more locked than there is.
	pub fn change<R>(&mut self, who: Who, change: impl FnOnce(&mut Entry) -> R) -> R {
		let entry = self.ledger.entry(who).or_default();
		let result = change(entry);
		assert!(
			entry.locked <= entry.balance,
			"{who:?} has less than its locks: {entry:?}"
		);
		if *entry == Entry::default() {
			self.ledger.remove(&who);
		}
		result
	}

	pub fn credit(&mut self, who: Who, amount: Planck) {
		self.change(who, |entry| entry.balance += amount);
	}

	/// Takes as much as is free, at most so much.
	pub fn draw(&mut self, who: Who, amount: Planck) -> Planck {
		self.change(who, |entry| {
			let drawn = amount.min(entry.free());
			entry.balance -= drawn;
			drawn
		})
	}

	pub fn unlock(&mut self, who: Who, amount: Planck) {
		self.change(who, |entry| entry.locked -= amount);
	}

	/// Pays into the clearing house; the account keeps its existential deposit.
	fn pay_in(&mut self, who: Who, amount: Planck) -> Outcome {
		if self.unlimited {
			return Ok(());
		}
		let account = self.accounts.entry(who).or_default();
		if *account < amount + EXISTENTIAL {
			return Err("InsufficientFunds");
		}
		*account -= amount;
		Ok(())
	}

	/// Whether an operator owes claims.
	pub fn indebted(&self, who: Who) -> bool {
		self.queues.values().any(|queue| queue.debtor == who)
	}

	pub fn owing(&self, who: Who) -> Planck {
		let of =
			|((debtor, _), amount): (&(Who, Grid), &Planck)| (*debtor == who).then_some(*amount);
		self.arrears.iter().filter_map(of).sum()
	}

	/// Locks money; what is missing comes from the account.
	pub fn lock(&mut self, who: Who, amount: Planck, out: &mut Vec<Rec>) -> Outcome {
		if amount == 0 {
			return Ok(());
		}
		if self.indebted(who) {
			return Err("OwesClaims");
		}
		let entry = self.entry(who);
		if amount > entry.free() {
			let missing = amount - entry.free();
			let new = entry == Entry::default();
			let pays = if new {
				missing.max(LEAST_TOP_UP)
			} else {
				missing
			};
			self.pay_in(who, pays)?;
			self.credit(who, pays);
			out.push(Rec::ToppedUp { who, amount: pays });
		}
		self.change(who, |entry| entry.locked += amount);
		Ok(())
	}

	pub fn top_up(&mut self, who: Who, amount: Planck, out: &mut Vec<Rec>) -> Outcome {
		if amount == 0 {
			return Err("ZeroAmount");
		}
		if amount < LEAST_TOP_UP && !self.ledger.contains_key(&who) {
			return Err("BelowMinimumTopUp");
		}
		self.pay_in(who, amount)?;
		self.credit(who, amount);
		out.push(Rec::ToppedUp { who, amount });
		Ok(())
	}

	pub fn withdraw(&mut self, who: Who, amount: Planck, out: &mut Vec<Rec>) -> Outcome {
		if amount == 0 {
			return Err("ZeroAmount");
		}
		if !self.ledger.contains_key(&who) {
			return Err("NotAMember");
		}
		if self.indebted(who) {
			return Err("OwesClaims");
		}
		let entry = self.entry(who);
		if amount > entry.free() {
			return Err("InsufficientFree");
		}
		if entry.free() - amount < self.owing(who) {
			return Err("OwesArrears");
		}
		let rest = entry.balance - amount;
		if rest > 0 && rest < LEAST_TOP_UP {
			return Err("RestTooSmall");
		}
		self.draw(who, amount);
		*self.accounts.entry(who).or_default() += amount;
		out.push(Rec::Withdrawn { who, amount });
		Ok(())
	}

	/// Reduces arrears by at most so much; tells by how much.
	pub fn reduce_arrears(
		&mut self,
		who: Who,
		grid: Grid,
		amount: Planck,
		out: &mut Vec<Rec>,
	) -> Planck {
		let owed = self.arrears.get(&(who, grid)).copied().unwrap_or(0);
		let paid = owed.min(amount);
		if paid == 0 {
			return 0;
		}
		let left = owed - paid;
		match left {
			0 => self.arrears.remove(&(who, grid)),
			_ => self.arrears.insert((who, grid), left),
		};
		out.push(Rec::ArrearsPaid {
			who,
			grid,
			amount: paid,
			left,
		});
		paid
	}

	pub fn pay_arrears(
		&mut self,
		who: Who,
		grid: Grid,
		amount: Planck,
		out: &mut Vec<Rec>,
	) -> Outcome {
		if amount == 0 {
			return Err("ZeroAmount");
		}
		let owed = self.arrears.get(&(who, grid)).copied().unwrap_or(0);
		let due = owed.min(amount);
		if due == 0 {
			return Err("NoArrears");
		}
		let free = self.entry(who).free().min(due);
		if due > free {
			self.pay_in(who, due - free)?;
		}
		self.draw(who, free);
		self.reduce_arrears(who, grid, due, out);
		self.credit(self.grid(grid).operator, due);
		Ok(())
	}

	pub fn spend_fund(
		&mut self,
		grid: Grid,
		who: Who,
		amount: Planck,
		out: &mut Vec<Rec>,
	) -> Outcome {
		if amount == 0 {
			return Err("ZeroAmount");
		}
		let fund = self.grids.get(grid as usize).map_or(0, |grid| grid.fund);
		if fund < amount {
			return Err("FundTooSmall");
		}
		self.grid_mut(grid).fund -= amount;
		self.credit(who, amount);
		out.push(Rec::FundSpent {
			grid,
			beneficiary: who,
			amount,
		});
		Ok(())
	}

	/// Books a trade: of what the orders had locked for it, the worst that is still to come stays locked as margin.
	/// Over a link the buyer pays at once.
	pub fn book_trade(
		&mut self,
		period: Period,
		link: Option<LinkNo>,
		quote: &Quote,
		(to, bid): (Grid, &Order),
		(from, ask): (Grid, &Order),
	) {
		assert!(
			!self.frozen(period),
			"a period that is frozen is not traded"
		);
		assert_ne!(bid.owner, ask.owner, "nobody trades with themselves");
		let (buyers, sellers) = (self.grid(to).open[&period], self.grid(from).open[&period]);
		let payable = quote.value + quote.wheeling;
		let fee = cost(sellers.fee, quote.sent);
		let released = Self::worst(&sellers, Side::Ask, ask.limit, quote.sent);
		let margin = (cost(sellers.retail, quote.sent) + fee).saturating_sub(quote.value);
		assert!(
			margin <= released,
			"a sale's margin is more than its order locked"
		);
		self.change(ask.owner, |entry| entry.locked -= released - margin);
		let position = self.position((from, period, ask.meter), ask.owner);
		position.margin += margin;
		position.contracts.sold += quote.sent;
		position.contracts.receivable += quote.value;
		position.contracts.fee += fee;

		let fee = cost(buyers.fee, quote.received);
		let released = Self::worst(&buyers, Side::Bid, bid.limit, quote.received);
		let paid = if link.is_some() { payable } else { 0 };
		let margin = payable - paid + fee;
		assert!(
			margin + paid <= released,
			"a purchase costs more than its order locked"
		);
		self.change(bid.owner, |entry| {
			entry.locked -= released - margin;
			entry.balance -= paid;
		});
		let position = self.position((to, period, bid.meter), bid.owner);
		position.margin += margin;
		position.contracts.bought += quote.received;
		position.contracts.payable += payable;
		position.contracts.paid += paid;
		position.contracts.fee += fee;

		self.tally.trades += 1;
		let Some(link) = link else { return };
		let out = self.exchanges.entry((from, period)).or_default();
		out.sent += quote.sent;
		out.proceeds += quote.value;
		let into = self.exchanges.entry((to, period)).or_default();
		into.received += quote.received;
		into.payments += payable;
		let flow = self.flows.entry((link, period)).or_default();
		flow.0 += quote.sent;
		flow.1 += quote.received;
		assert!(
			flow.0 <= self.links[&link].terms.capacity,
			"more was sent than link {link} takes"
		);
		self.credit(self.links[&link].operator, quote.wheeling);
		self.tally.trades_over_links += 1;
		self.tally.sent += u128::from(quote.sent);
		self.tally.received += u128::from(quote.received);
	}

	/// Money and contracts of an order that trades with links: buyers pay, sellers' communities are paid of that.
	pub fn book_fill(
		&mut self,
		(grid, period): (Grid, Period),
		side: Side,
		price: Price,
		energy: Wh,
		order: &Order,
	) {
		assert!(
			!self.frozen(period),
			"a period that is frozen is not traded"
		);
		let terms = self.grid(grid).open[&period];
		let (value, fee) = (cost(price, energy), cost(terms.fee, energy));
		let released = Self::worst(&terms, side, order.limit, energy);
		let (margin, paid) = match side {
			Side::Bid => (fee, value),
			Side::Ask => ((cost(terms.retail, energy) + fee).saturating_sub(value), 0),
		};
		assert!(
			margin + paid <= released,
			"trading with links costs more than the order locked"
		);
		self.change(order.owner, |entry| {
			entry.locked -= released - margin;
			entry.balance -= paid;
		});
		let position = self.position((grid, period, order.meter), order.owner);
		position.margin += margin;
		position.contracts.fee += fee;
		let pot = self
			.pots
			.get_mut(&period)
			.expect("a coupling is carried out");
		let over = self.exchanges.entry((grid, period)).or_default();
		let contracts = &mut self
			.positions
			.get_mut(&(grid, period, order.meter))
			.expect("just booked")
			.contracts;
		match side {
			Side::Bid => {
				contracts.bought += energy;
				contracts.payable += value;
				contracts.paid += value;
				over.received += energy;
				over.payments += value;
				*pot += value;
			}
			Side::Ask => {
				contracts.sold += energy;
				contracts.receivable += value;
				over.sent += energy;
				over.proceeds += value;
				*pot = pot.checked_sub(value).expect("buyers have paid");
			}
		}
		self.tally.trades += 1;
	}

	fn position(&mut self, key: (Grid, Period, MeterNo), owner: Who) -> &mut Position {
		let position = self.positions.entry(key).or_insert_with(|| Position {
			owner,
			contracts: Contracts::default(),
			margin: 0,
		});
		assert_eq!(
			position.owner, owner,
			"a meter with positions has one owner"
		);
		position
	}
}
