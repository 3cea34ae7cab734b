//! Prices for given flows.
//!
//! Each book clears at the prices of an interval, and no link may lose: `price(to) × received ≥ price(from) ×
//! sent + fee × received`. That is, the price where a link leads to is at least a rising function of the
//! price where it comes from. Of prices that keep such rules there is a lowest and a highest choice, for all
//! books at once, and both are found by raising, or lowering, only what has to be.
//!
//! Where a link could carry more, what it earns beyond its fee is nobody's due: competition would take it.
//! Between the lowest and the highest prices that leave nothing there, the middle is taken. For a book without
//! links that is the price of its call auction.

use crate::{
	flows::{Arc, Flows, Model},
	Wide,
};

const WHOLE: Wide = 1_000_000;

/// The lowest price where a link leads to that pays for what it carries.
fn pays(model: &Model<'_>, flows: &Flows, link: usize, from: Wide) -> Wide {
	let (received, sent) = (flows.received[link], flows.sent[link]);
	let fee = Wide::from(model.network.links[link].wheeling_fee.0);
	// Neither is negative.
	(from * sent + received - 1) / received + fee
}

/// The highest price where a link comes from that is paid for.
fn is_paid(model: &Model<'_>, flows: &Flows, link: usize, to: Wide) -> Wide {
	let (received, sent) = (flows.received[link], flows.sent[link]);
	let fee = Wide::from(model.network.links[link].wheeling_fee.0);
	((to - fee) * received).div_euclid(sent)
}

/// What loses at every price.
pub(crate) struct Loss {
	/// How many books have a link into them that does.
	pub books: usize,
	/// The way on which it loses: to where less should go.
	pub way: Vec<Arc>,
}

/// The lowest prices at which no link loses that are at least these, or where not.
pub(crate) fn lowest(model: &Model<'_>, flows: &Flows, least: &[Wide]) -> Result<Vec<Wide>, Loss> {
	let mut prices = least.to_vec();
	let mut cause: Vec<Option<usize>> = vec![None; prices.len()];
	let mut loses = vec![false; prices.len()];
	let mut worst = None;
	// Each round settles the books that are one link further; what is still rising then goes in a circle.
	for round in 0..=prices.len() {
		let mut risen = None;
		for (at, link) in model.network.links.iter().enumerate() {
			if flows.received[at] == 0 {
				continue;
			}
			let least = pays(model, flows, at, prices[link.from]);
			let highest = model.ladders[link.to].highest(flows.imports[link.to]);
			if least > highest {
				loses[link.to] = true;
				worst.get_or_insert((link.to, at));
			}
			let price = least.min(highest);
			if price > prices[link.to] {
				prices[link.to] = price;
				cause[link.to] = Some(at);
				risen = Some((link.to, at));
			}
		}
		match risen {
			None => break,
			Some(circle) if round == prices.len() => {
				worst.get_or_insert(circle);
				loses[circle.0] = true;
			}
			Some(_) => (),
		}
	}
	match worst {
		None => Ok(prices),
		Some((book, link)) => Err(Loss {
			books: loses.iter().filter(|loses| **loses).count(),
			way: way(model, &cause, book, link),
		}),
	}
}

/// The way back from a book to what makes its price as high as it is.
fn way(model: &Model<'_>, cause: &[Option<usize>], book: usize, link: usize) -> Vec<Arc> {
	let mut way = Vec::new();
	let mut visited = vec![None; cause.len()];
	let (mut at, mut by) = (book, Some(link));
	while let Some(link) = by {
		if let Some(before) = visited[at] {
			return way.split_off(before);
		}
		visited[at] = Some(way.len());
		way.push(Arc {
			link,
			forward: false,
		});
		at = model.network.links[link].from;
		by = cause[at];
	}
	way
}

/// The lowest prices at which no link loses, or where one does at every price.
pub(crate) fn holds(model: &Model<'_>, flows: &Flows) -> Result<Vec<Wide>, Loss> {
	let books = model.ladders.iter().zip(&flows.imports);
	let least: Vec<_> = books.map(|(book, import)| book.lowest(*import)).collect();
	lowest(model, flows, &least)
}

/// The prices.
pub(crate) fn prices(model: &Model<'_>, flows: &Flows) -> Result<Vec<Wide>, Loss> {
	let low = holds(model, flows)?;
	let books = model.ladders.iter().zip(&flows.imports);
	let mut high: Vec<_> = books.map(|(book, import)| book.highest(*import)).collect();
	settle(model, |at| {
		let link = &model.network.links[at];
		let most = match flows.received[at] {
			0 => return false,
			_ => is_paid(model, flows, at, high[link.to]),
		};
		let falls = most < high[link.from];
		high[link.from] = high[link.from].min(most);
		falls
	});

	// Links that could carry more earn as little as they can: what they carry is dear where it comes from, and
	// cheap where it goes to.
	let mut dear = low.clone();
	settle(model, |at| {
		let link = &model.network.links[at];
		let mut rises = false;
		if flows.received[at] > 0 {
			let least = pays(model, flows, at, dear[link.from]);
			rises |= raise(&mut dear[link.to], least, high[link.to]);
		}
		if flows.received[at] < model.most[at] {
			let worth = match flows.received[at] {
				0 => worth(model, at, dear[link.to]),
				_ => is_paid(model, flows, at, dear[link.to]),
			};
			rises |= raise(&mut dear[link.from], worth, high[link.from]);
		}
		rises
	});
	let mut cheap = high.clone();
	settle(model, |at| {
		let link = &model.network.links[at];
		let mut falls = false;
		if flows.received[at] > 0 {
			let most = is_paid(model, flows, at, cheap[link.to]);
			falls |= lower(&mut cheap[link.from], most, low[link.from]);
		}
		if flows.received[at] < model.most[at] {
			let cost = match flows.received[at] {
				0 => cost(model, at, cheap[link.from]),
				_ => pays(model, flows, at, cheap[link.from]),
			};
			falls |= lower(&mut cheap[link.to], cost, low[link.to]);
		}
		falls
	});

	let middle = |(book, dear): (usize, &Wide)| {
		let middle = (dear + cheap[book]).div_euclid(2);
		middle.min(high[book]).max(low[book])
	};
	let middle: Vec<_> = dear.iter().enumerate().map(middle).collect();
	// Rounding may have cost a link its due. The highest prices are an answer above these, so there is a lowest.
	lowest(model, flows, &middle)
}

/// What a Wh is worth at the start of a link that carries nothing.
fn worth(model: &Model<'_>, link: usize, to: Wide) -> Wide {
	let link = &model.network.links[link];
	let kept = WHOLE - Wide::from(link.loss.deconstruct());
	((to - Wide::from(link.wheeling_fee.0)) * kept).div_euclid(WHOLE)
}

/// What a Wh costs at the end of a link that carries nothing.
fn cost(model: &Model<'_>, link: usize, from: Wide) -> Wide {
	let link = &model.network.links[link];
	let kept = WHOLE - Wide::from(link.loss.deconstruct());
	(from * WHOLE + kept - 1).div_euclid(kept) + Wide::from(link.wheeling_fee.0)
}

fn raise(price: &mut Wide, to: Wide, most: Wide) -> bool {
	let to = to.min(most);
	let rises = to > *price;
	*price = to.max(*price);
	rises
}

fn lower(price: &mut Wide, to: Wide, least: Wide) -> bool {
	let to = to.max(least);
	let falls = to < *price;
	*price = to.min(*price);
	falls
}

/// Visits the links until nothing changes any more; in circles of rounding, for long enough.
fn settle(model: &Model<'_>, mut visit: impl FnMut(usize) -> bool) {
	for _ in 0..=2 * model.ladders.len() {
		let mut changes = false;
		for link in 0..model.network.links.len() {
			changes |= visit(link);
		}
		if !changes {
			break;
		}
	}
}
