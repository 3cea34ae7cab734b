//! What must hold at any time, and the comparison with what the chain keeps.

use super::{types::*, *};

/// What the chain keeps, in the model's words.
#[derive(Clone, Debug, Default)]
pub struct Kept {
	pub ledger: BTreeMap<Who, Entry>,
	pub accounts: BTreeMap<Who, Planck>,
	/// What is held on accounts, for whatever reason.
	pub held: BTreeMap<Who, Planck>,
	pub arrears: BTreeMap<(Who, Grid), Planck>,
	pub claims: BTreeMap<Grid, (Who, Vec<(Creditor, Planck)>)>,
	pub funds: BTreeMap<Grid, Planck>,
	/// What the clearing house's account has, but for what genesis endowed it with.
	pub house: Planck,
	pub issuance: Planck,
	pub rest: Option<Rest>,
}

/// What is compared less often.
#[derive(Clone, Debug, Default)]
pub struct Rest {
	pub positions: BTreeMap<(Grid, Period, MeterNo), Position>,
	pub exchanges: BTreeMap<(Grid, Period), Exchange>,
	pub orders: BTreeMap<(Grid, Period, Side), Vec<Order>>,
	pub flows: BTreeMap<(LinkNo, Period), (Wh, Wh)>,
	pub totals: BTreeMap<MeterNo, Totals>,
	pub metered: BTreeMap<(MeterNo, Period), (Wh, Wh)>,
	pub standing: BTreeMap<(Grid, MeterNo, Side), Who>,
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, model: T, chain: T) -> Result<(), String> {
	match model == chain {
		true => Ok(()),
		false => Err(format!("{what}\n  model: {model:?}\n  chain: {chain:?}")),
	}
}

/// The entries in which two maps differ.
fn same_maps<K: Ord + Clone + std::fmt::Debug, V: PartialEq + Clone + std::fmt::Debug>(
	what: &str,
	model: &BTreeMap<K, V>,
	chain: &BTreeMap<K, V>,
) -> Result<(), String> {
	for key in model.keys().chain(chain.keys()) {
		same(&format!("{what} {key:?}"), model.get(key), chain.get(key))?;
	}
	Ok(())
}

impl Model {
	/// Compares everything with what the chain keeps.
	pub fn compare_kept(&self, chain: &Kept) -> Result<(), String> {
		same_maps("trading balance of", &self.ledger, &chain.ledger)?;
		same_maps("account of", &self.accounts, &chain.accounts)?;
		same_maps("held of", &self.held(), &chain.held)?;
		same_maps("arrears of", &self.arrears, &chain.arrears)?;
		let claims = self
			.queues
			.iter()
			.map(|(grid, queue)| (*grid, (queue.debtor, queue.claims.clone())));
		same_maps("claims on", &claims.collect(), &chain.claims)?;
		let funds = (0..)
			.zip(&self.grids)
			.map(|(grid, community)| (grid, community.fund));
		same_maps(
			"fund of",
			&funds.filter(|(_, fund)| *fund > 0).collect(),
			&chain.funds,
		)?;
		same("the clearing house", self.house(), chain.house)?;
		let Some(rest) = &chain.rest else {
			return Ok(());
		};
		same_maps("position", &self.positions, &rest.positions)?;
		let begun = self.begun.map(|(grid, period, _)| (grid, period));
		let mut exchanges = self.exchanges.clone();
		exchanges.retain(|id, _| Some(*id) != begun);
		same_maps("exchange", &exchanges, &rest.exchanges)?;
		let mut orders = BTreeMap::new();
		for ((grid, period), book) in &self.books {
			for side in [Side::Bid, Side::Ask] {
				if !book.side(side).is_empty() {
					orders.insert((*grid, *period, side), book.side(side).clone());
				}
			}
		}
		same_maps("orders of", &orders, &rest.orders)?;
		let kept = |((_, period), _): &(&(LinkNo, Period), &(Wh, Wh))| *period >= self.current();
		let copy = |(key, flow): (&(LinkNo, Period), &(Wh, Wh))| (*key, *flow);
		let of = |flows: &BTreeMap<(LinkNo, Period), (Wh, Wh)>| {
			flows.iter().filter(kept).map(copy).collect()
		};
		same_maps("flow over", &of(&self.flows), &of(&rest.flows))?;
		same_maps("totals of", &self.totals, &rest.totals)?;
		let mut metered = BTreeMap::new();
		for (no, meter) in &self.meters {
			let energy = meter
				.energy
				.iter()
				.map(|(period, energy)| ((*no, *period), (energy.import, energy.export)));
			metered.extend(energy);
		}
		same_maps("energy of", &metered, &rest.metered)?;
		let standing = self
			.standing
			.iter()
			.map(|(key, standing)| (*key, standing.owner))
			.collect();
		same_maps("standing order", &standing, &rest.standing)
	}

	/// Deposits of meters, links, standing orders and communities.
	fn held(&self) -> BTreeMap<Who, Planck> {
		let meters = self
			.meters
			.values()
			.map(|meter| (meter.owner, meter.deposit));
		let links = self
			.links
			.values()
			.map(|link| (link.operator, LINK_DEPOSIT));
		let standing = self
			.standing
			.values()
			.map(|standing| (standing.owner, self.standing_deposit));
		let grids = self.grids.iter().map(|grid| (grid.operator, grid.deposit));
		let mut held: BTreeMap<Who, Planck> = BTreeMap::new();
		for (who, deposit) in meters.chain(links).chain(standing).chain(grids) {
			*held.entry(who).or_default() += deposit;
		}
		held.retain(|_, held| *held > 0);
		held
	}

	/// What the clearing house holds: trading balances, funds, what is set aside for sellers over links, and the pot of a
	/// settlement under way.
	fn house(&self) -> Planck {
		let ledger: Planck = self.ledger.values().map(|entry| entry.balance).sum();
		let funds: Planck = self.grids.iter().map(|grid| grid.fund).sum();
		let aside: Planck = self
			.exchanges
			.values()
			.map(|exchange| exchange.proceeds)
			.sum();
		let pots: Planck = self.pots.values().sum();
		ledger + funds + aside + pots + self.job.as_ref().map_or(0, |job| job.pot)
	}

	/// Locks are those of orders and positions; energy is conserved.
	pub fn check_sums(&self) -> Result<(), String> {
		let mut locked: BTreeMap<Who, Planck> = BTreeMap::new();
		for book in self.books.values() {
			for side in [Side::Bid, Side::Ask] {
				for order in book.side(side) {
					*locked.entry(order.owner).or_default() +=
						Self::worst(&book.terms, side, order.limit, order.left);
				}
			}
		}
		for position in self.positions.values() {
			*locked.entry(position.owner).or_default() += position.margin;
		}
		locked.retain(|_, locked| *locked > 0);
		let promised = self.ledger.iter().map(|(who, entry)| (*who, entry.locked));
		same_maps(
			"locks of",
			&promised.filter(|(_, locked)| *locked > 0).collect(),
			&locked,
		)?;

		let mut energy: BTreeMap<(Grid, Period), (i128, Planck, Planck)> = BTreeMap::new();
		for ((grid, period, _), position) in &self.positions {
			let contracts = &position.contracts;
			let sum = energy.entry((*grid, *period)).or_default();
			sum.0 += i128::from(contracts.sold) - i128::from(contracts.bought);
			sum.1 += contracts.receivable;
			sum.2 += contracts.payable;
		}
		for (id, (net, receivable, payable)) in energy {
			let of_job = self
				.job
				.as_ref()
				.is_some_and(|job| (job.grid, job.period) == id);
			if of_job {
				continue;
			}
			let links = self.exchanges.get(&id).copied().unwrap_or_default();
			let over = i128::from(links.sent) - i128::from(links.received);
			same(&format!("energy contracted in {id:?}"), net, over)?;
			let over = receivable + links.payments;
			same(
				&format!("money contracted in {id:?}"),
				over,
				payable + links.proceeds,
			)?;
		}
		for (no, meter) in &self.meters {
			let open: Wh = meter.energy.values().map(|energy| energy.outstanding).sum();
			let estimated = i128::from(open) + i128::from(meter.gone);
			let counted = (meter.counted.0 as i128 + estimated, meter.counted.1 as i128);
			same(
				&format!("energy booked of meter {no}"),
				meter.booked,
				counted,
			)?;
		}
		Ok(())
	}

	/// Nothing is open any more, and nothing is held for it.
	pub fn check_at_rest(&self) -> Result<(), String> {
		let locked: Planck = self.ledger.values().map(|entry| entry.locked).sum();
		same("locks at the end", locked, 0)?;
		same("open orders at the end", self.places.len(), 0)?;
		same("positions at the end", self.positions.len(), 0)?;
		same("money set aside at the end", self.exchanges.len(), 0)?;
		same("standing orders at the end", self.standing.len(), 0)
	}
}
