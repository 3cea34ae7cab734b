//! What operators owe and could not pay: a list per community, oldest first, one claim of each creditor.

use super::{types::*, *};

impl Model {
	fn claim_of(&self, grid: Grid, creditor: Creditor) -> Planck {
		let claims = self.queues.get(&grid).map(|queue| &queue.claims);
		let found = claims.and_then(|claims| claims.iter().find(|(whose, _)| *whose == creditor));
		found.map_or(0, |(_, amount)| *amount)
	}

	/// Records what an operator could not pay.
	pub fn claim(
		&mut self,
		grid: Grid,
		operator: Who,
		creditor: Creditor,
		amount: Planck,
		out: &mut Vec<Rec>,
	) {
		if amount == 0 {
			return;
		}
		let queue = self.queues.entry(grid).or_insert_with(|| Queue {
			debtor: operator,
			claims: Vec::new(),
		});
		match queue
			.claims
			.iter_mut()
			.find(|(whose, _)| *whose == creditor)
		{
			Some((_, claimed)) => *claimed += amount,
			None => queue.claims.push((creditor, amount)),
		}
		out.push(Rec::ClaimRecorded {
			grid,
			creditor,
			amount,
			total: self.claim_of(grid, creditor),
		});
	}

	/// Reduces a claim by at most so much; tells by how much.
	pub fn reduce_claim(
		&mut self,
		grid: Grid,
		creditor: Creditor,
		amount: Planck,
		set_off: bool,
		out: &mut Vec<Rec>,
	) -> Planck {
		let claimed = self.claim_of(grid, creditor);
		let paid = claimed.min(amount);
		if paid == 0 {
			return 0;
		}
		let left = claimed - paid;
		let queue = self.queues.get_mut(&grid).expect("it has a claim");
		let at = queue
			.claims
			.iter()
			.position(|(whose, _)| *whose == creditor)
			.expect("found");
		if left == 0 {
			queue.claims.remove(at);
		} else {
			queue.claims[at].1 = left;
		}
		if queue.claims.is_empty() {
			self.queues.remove(&grid);
		}
		out.push(Rec::ClaimPaid {
			grid,
			creditor,
			amount: paid,
			left,
			set_off,
		});
		paid
	}

	/// Debts are those of whoever operates the community now.
	pub fn assign_debts(&mut self) {
		for (grid, queue) in &mut self.queues {
			queue.debtor = self.grids[*grid as usize].operator;
		}
	}

	/// Whether the oldest claim of a community can be paid something of.
	pub fn is_servable(&self, grid: Grid) -> bool {
		let Some(queue) = self.queues.get(&grid) else {
			return false;
		};
		queue.claims.first().is_some_and(|(creditor, _)| {
			*creditor == Creditor::Member(queue.debtor) || self.entry(queue.debtor).free() > 0
		})
	}

	/// Pays the oldest claim of a community from what is free of its operator's trading balance.
	pub fn serve(&mut self, grid: Grid, out: &mut Vec<Rec>) {
		let Some(queue) = self.queues.get(&grid) else {
			return;
		};
		let (debtor, (creditor, amount)) = (queue.debtor, queue.claims[0]);
		let paid = match creditor {
			Creditor::Member(who) if who == debtor => amount,
			Creditor::Member(who) => {
				let drawn = self.draw(debtor, amount);
				self.credit(who, drawn);
				drawn
			}
			Creditor::Fund => {
				let drawn = self.draw(debtor, amount);
				self.grid_mut(grid).fund += drawn;
				drawn
			}
		};
		self.reduce_claim(grid, creditor, paid, false, out);
	}

	/// Records what a member owes to a community, after setting it off against its claim.
	pub fn owe(&mut self, who: Who, grid: Grid, amount: Planck, out: &mut Vec<Rec>) {
		let set_off = self.reduce_claim(grid, Creditor::Member(who), amount, true, out);
		let amount = amount - set_off;
		if amount == 0 {
			return;
		}
		let total = self.arrears.get(&(who, grid)).copied().unwrap_or(0) + amount;
		self.arrears.insert((who, grid), total);
		out.push(Rec::ArrearsGrew {
			who,
			grid,
			amount,
			total,
		});
	}

	/// Takes what a member owes into a pot.
	pub fn collect(
		&mut self,
		grid: Grid,
		operator: Who,
		pot: &mut Planck,
		who: Who,
		amount: Planck,
		out: &mut Vec<Rec>,
	) {
		// What the operator owes itself is not moved.
		if who == operator {
			return;
		}
		let paid = self.draw(who, amount);
		*pot += paid;
		if amount > paid {
			self.owe(who, grid, amount - paid, out);
		}
	}

	/// Takes what a member still owes there, as far as its free balance goes.
	pub fn recover(&mut self, grid: Grid, pot: &mut Planck, who: Who, out: &mut Vec<Rec>) {
		let owed = self.arrears.get(&(who, grid)).copied().unwrap_or(0);
		let paid = self.draw(who, owed);
		*pot += paid;
		self.reduce_arrears(who, grid, paid, out);
	}

	/// Pays a member or the fund: set off against arrears, of the pot, of the operator's, else by a claim.
	pub fn pay(
		&mut self,
		grid: Grid,
		operator: Who,
		pot: &mut Planck,
		creditor: Creditor,
		amount: Planck,
		out: &mut Vec<Rec>,
	) {
		let set_off = match creditor {
			Creditor::Member(who) if who == operator => return,
			Creditor::Member(who) => self.reduce_arrears(who, grid, amount, out),
			Creditor::Fund => 0,
		};
		let due = amount - set_off;
		let of_pot = due.min(*pot);
		*pot -= of_pot;
		// An operator who owes claims fronts nothing: they come first.
		let waits = self.queues.contains_key(&grid) || self.indebted(operator);
		let fronted = if waits {
			0
		} else {
			self.draw(operator, due - of_pot)
		};
		let paid = of_pot + fronted;
		match creditor {
			Creditor::Member(who) => self.credit(who, paid),
			Creditor::Fund => self.grid_mut(grid).fund += paid,
		}
		self.claim(grid, operator, creditor, due - paid, out);
	}
}
