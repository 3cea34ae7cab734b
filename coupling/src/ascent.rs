//! To the greatest welfare, one best path after the other.
//!
//! Energy goes where it is worth most: for every book, what a Wh of it can be worth is the best of what other
//! books would give, less losses and fees on the way. A way leads over links that are not full, and, backwards,
//! over links that carry something, by letting them carry less. As long as a Wh is worth more elsewhere than
//! it costs where it is, welfare grows by moving it. This is the method of successive shortest paths for the
//! cheapest flow (Ahuja, Magnanti, Orlin, *Network Flows*, 1993, chapters 9 and 15), with losses.
//!
//! Every step is taken in whole Wh and only if the exact welfare grows, so it ends.

use std::cmp::Reverse;

use crate::{
	flows::{Arc, Flows, Model},
	Wide,
};

/// Worth is reckoned in this part of a price, so that rounding on the way does not hide what pays.
const FINE: Wide = 1 << 20;
/// A step is doubled, or halved, at most so often: what goes over a link is below 2³² Wh.
const DOUBLINGS: u32 = 32;
/// Millionths.
const WHOLE: Wide = 1_000_000;

/// What a Wh of each book can be worth, and the first step of the way to there.
struct Worth<'a> {
	model: &'a Model<'a>,
	worth: Vec<Option<Wide>>,
	next: Vec<Option<Arc>>,
	/// Ways that lead back, and gain on the round: by less loss, or a lower fee.
	circles: Vec<Vec<Arc>>,
}

impl<'a> Worth<'a> {
	fn of(model: &'a Model<'a>, flows: &Flows) -> Self {
		let books = model.ladders.iter().zip(&flows.imports);
		let worth = books.map(|(ladder, import)| ladder.low(*import).map(|low| low * FINE));
		let mut found = Self {
			model,
			worth: worth.collect(),
			next: vec![None; model.ladders.len()],
			circles: Vec::new(),
		};
		// A way visits a book once, and each round settles one step of the ways.
		for _ in 0..model.ladders.len() {
			if !found.round(flows) {
				break;
			}
		}
		found
	}

	fn round(&mut self, flows: &Flows) -> bool {
		let mut better = false;
		for (at, link) in self.model.network.links.iter().enumerate() {
			let kept = WHOLE - Wide::from(link.loss.deconstruct());
			let fee = Wide::from(link.wheeling_fee.0) * FINE;
			if flows.received[at] > 0 {
				// What arrives costs what is sent, and the fee.
				let worth = self.worth[link.from].map(|worth| worth * WHOLE / kept + fee);
				better |= self.offer(link.to, worth, at, false);
			}
			if flows.received[at] < self.model.most[at] {
				let worth = self.worth[link.to].map(|worth| (worth - fee) * kept / WHOLE);
				better |= self.offer(link.from, worth, at, true);
			}
		}
		better
	}

	/// Takes a first step for a book if it is better. If it leads back to the book, it is none for others, who
	/// would go round for ever.
	fn offer(&mut self, book: usize, worth: Option<Wide>, link: usize, forward: bool) -> bool {
		if worth.is_none() || worth <= self.worth[book] {
			return false;
		}
		let arc = Arc { link, forward };
		let mut way = vec![arc];
		way.extend(self.way(arc.end(self.model.network)));
		let leads_to = |arc: &Arc| arc.end(self.model.network) == book;
		if let Some(back) = way.iter().position(leads_to) {
			way.truncate(back + 1);
			if !self.circles.contains(&way) {
				self.circles.push(way);
			}
			return false;
		}
		self.worth[book] = worth;
		self.next[book] = Some(arc);
		true
	}

	/// The way from a book to where its energy is worth most.
	fn way(&self, from: usize) -> Vec<Arc> {
		let (mut way, mut at) = (Vec::new(), from);
		while let Some(arc) = self.next[at] {
			way.push(arc);
			at = arc.end(self.model.network);
		}
		way
	}

	/// All ways and circles on which something is gained, the best ways first.
	fn gainful(mut self, flows: &Flows) -> Vec<Vec<Arc>> {
		let gain = |book: usize| {
			let cost = self.model.ladders[book].high(flows.imports[book])? * FINE;
			self.next[book]?;
			Some(self.worth[book]? - cost).filter(|gain| *gain > 0)
		};
		let books = 0..self.model.ladders.len();
		let mut gains: Vec<_> = books.filter_map(|book| Some((gain(book)?, book))).collect();
		gains.sort_unstable_by_key(|gain| Reverse(*gain));
		let mut all: Vec<_> = gains.into_iter().map(|(_, book)| self.way(book)).collect();
		// What is left of a round, or lacks, is left where the circle begins: some book on it that has orders.
		for circle in &mut self.circles {
			for _ in 0..circle.len() {
				circle.rotate_left(1);
				all.push(circle.clone());
			}
		}
		all
	}
}

/// Moves energy until nothing more is gained. Each step is made fit by `fit`, or given up.
pub(crate) fn ascend(
	model: &Model<'_>,
	flows: &mut Flows,
	steps: usize,
	fit: impl Fn(Flows) -> Option<Flows>,
) {
	let mut welfare = flows.welfare(model);
	for _ in 0..steps {
		let Some((better, gained)) = step(model, flows, welfare, &fit) else {
			break;
		};
		*flows = better;
		welfare = gained;
	}
}

/// The best step that gains something.
fn step(
	model: &Model<'_>,
	flows: &Flows,
	welfare: Wide,
	fit: impl Fn(Flows) -> Option<Flows>,
) -> Option<(Flows, Wide)> {
	let ways = Worth::of(model, flows).gainful(flows);
	ways.into_iter().find_map(|way| {
		let room = flows.room(model, &way);
		// More, where the last Wh of a step are not worth the rounding but those behind them are; less, where
		// they end sooner than it seemed, as on a circle.
		let more = (0..DOUBLINGS).map(|times| room << times);
		let more = more.map_while(|size| flows.along(model, &way, size));
		let less = (1..DOUBLINGS).map(|times| room >> times);
		let less = less.take_while(|size| *size > 0);
		let less = less.filter_map(|size| flows.along(model, &way, size));
		let gains = |flows: &Flows| Some(flows.welfare(model)).filter(|gained| *gained > welfare);
		more.chain(less).find_map(|better| {
			gains(&better)?;
			let better = fit(better)?;
			let gained = gains(&better)?;
			Some((better, gained))
		})
	})
}
