//! Auctions that are coupled: what a solution says is checked against the books, every price tried, and then carried
//! out: first those who buy from links, then those who sell to them, then the links are paid.

use super::{auction, types::*, *};

/// A limit that takes any price.
const ANY: Price = 1 << 60;

/// What a community trades with links, as an order before all others. Only its limit and energy count.
fn before_all(limit: Price, left: Wh) -> Option<Order> {
	let order = Order {
		no: 0,
		owner: Who([0; 32]),
		meter: 0,
		limit,
		left,
	};
	(left > 0).then_some(order)
}

/// What the first so many Wh of a side are worth.
fn worth(orders: &[Order], mut energy: Wh) -> i128 {
	let mut sum = 0;
	for order in orders {
		let fill = order.left.min(energy);
		energy -= fill;
		sum += signed(cost(order.limit, fill));
	}
	sum
}

impl Model {
	/// A solution is said to hold.
	pub fn couple(
		&mut self,
		period: Period,
		gain: Planck,
		nets: &[(Grid, Price, Wh, Wh)],
		links: &[(LinkNo, Wh, Wh, Planck, Planck)],
	) -> Result<(), String> {
		let price_of = |grid: Grid| nets.iter().find(|net| net.0 == grid).map(|net| net.1);
		let mut sums: BTreeMap<Grid, (Wh, Wh)> = BTreeMap::new();
		let mut total = 0i128;
		for (no, sent, received, wheeling, earns) in links {
			let link = self.links.get(no).ok_or("there is no such link")?;
			let LinkTerms {
				from,
				to,
				loss,
				capacity,
				wheeling: fee,
				least,
			} = link.terms;
			let open = match link.stage {
				LinkStage::Open { first, until } => {
					period >= first && until.is_none_or(|until| period < until)
				}
				LinkStage::Proposed { .. } => false,
			};
			let prices = price_of(from).zip(price_of(to));
			let (here, there) = prices.ok_or("a community has no price")?;
			let left = cost(there, *received).checked_sub(cost(here, *sent));
			if !open
				|| *sent != quote::to_send(loss, *received)
				|| *sent > capacity
				|| *received < least
			{
				return Err(format!("link {no} does not carry that"));
			}
			if *wheeling != cost(fee, *received) || left != Some(*earns) || earns < wheeling {
				return Err(format!("link {no} earns {left:?}"));
			}
			sums.entry(from).or_default().1 += sent;
			sums.entry(to).or_default().0 += received;
			total -= signed(*wheeling);
			self.carrying.push(Rec::LinkCarried {
				link: *no,
				period,
				sent: *sent,
				received: *received,
				operator: link.operator,
				earned: *earns,
			});
		}
		// Nobody may have placed an order where energy only goes through.
		for (grid, ..) in nets {
			let terms = self.grid(*grid).open.get(&period);
			let terms = *terms.ok_or("the period is not open")?;
			let book = self.books.entry((*grid, period));
			book.or_insert_with(|| Book::new(terms));
		}
		let gates: BTreeSet<u64> = nets
			.iter()
			.map(|net| self.gate(&self.books[&(net.0, period)].terms, period))
			.collect();
		if gates.len() != 1 || gates.iter().any(|gate| self.now < *gate) {
			return Err(format!("gates close at {gates:?}"));
		}
		for (grid, price, import, export) in nets {
			let (into, out) = sums.remove(grid).ok_or("it has no flows")?;
			if (*import, *export) != (into.saturating_sub(out), out.saturating_sub(into)) {
				return Err(format!("{grid} trades {into} and {out} Wh with links"));
			}
			let book = self.books.get_mut(&(*grid, period)).expect("it has one");
			let (bids, asks) = (&book.bids, &book.asks);
			let alone = auction::clear(bids, asks).map_or(0, |(_, volume)| volume);
			total -= worth(bids, alone) - worth(asks, alone);
			let of_links = import + export;
			let put = |limit, energy, orders: &[Order]| -> Vec<Order> {
				let first = before_all(limit, energy).into_iter();
				first.chain(orders.iter().cloned()).collect()
			};
			let (bids, asks) = (put(ANY, *export, bids), put(1, *import, asks));
			let found = auction::interval(&bids, &asks);
			// Where nothing trades, nobody may want to.
			let (low, high, volume) = found.unwrap_or((
				bids.first().map_or(1, |bid| bid.limit),
				asks.first().map_or(ANY, |ask| ask.limit),
				0,
			));
			let within = volume.checked_sub(of_links).ok_or("not all fills")?;
			if *price < low || *price > high {
				return Err(format!("{grid} clears from {low} to {high}"));
			}
			total += worth(&book.bids, within + import) - worth(&book.asks, within + export);
			let side = if *import > 0 { Side::Bid } else { Side::Ask };
			book.linked = Some((side, of_links));
			book.clearing = Some((*price, within));
		}
		if !sums.is_empty() || total != signed(gain) || gain == 0 {
			return Err(format!("it gains {total}, without {sums:?}"));
		}
		self.pots.insert(period, 0);
		Ok(())
	}

	/// The next order that trades with links: the best of the side.
	pub fn next_fill(&mut self, id: (Grid, Period), side: Side) -> Option<Rec> {
		let book = self.books.get_mut(&id)?;
		let (_, left) = book.linked.filter(|(of, left)| *of == side && *left > 0)?;
		let (price, _) = book.clearing?;
		let order = book.side(side).first()?.clone();
		let energy = order.left.min(left);
		book.linked = Some((side, left - energy));
		book.market.volume += energy;
		book.market.value += cost(price, energy);
		book.market.last = Some(price);
		book.market.trades += 1;
		let first = &mut book.side_mut(side)[0];
		first.left -= energy;
		if first.left == 0 {
			self.forget(id, side, order.no);
		}
		self.book_fill(id, side, price, energy, &order);
		Some(Rec::CoupledFill {
			grid: id.0,
			period: id.1,
			side,
			price,
			energy,
			order: order.no,
			who: order.owner,
			meter: order.meter,
		})
	}

	/// The next link that is paid, once all is traded with them.
	pub fn next_carried(&mut self) -> Option<Rec> {
		if self.carrying.is_empty() {
			return None;
		}
		let next = self.carrying.remove(0);
		let Rec::LinkCarried {
			link,
			period,
			sent,
			received,
			operator,
			earned,
		} = next
		else {
			return None;
		};
		let open = |(id, book): (&(Grid, Period), &Book)| {
			id.1 == period && book.linked.is_some_and(|(_, left)| left > 0)
		};
		assert!(!self.books.iter().any(open), "something is left to trade");
		let pot = self.pots.get_mut(&period).expect("buyers have paid");
		*pot = pot.checked_sub(earned).expect("buyers have paid enough");
		if *pot == 0 {
			self.pots.remove(&period);
		}
		self.credit(operator, earned);
		let flow = self.flows.entry((link, period)).or_default();
		*flow = (flow.0 + sent, flow.1 + received);
		Some(next)
	}
}
