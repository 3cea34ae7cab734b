//! Parts of a network that nothing goes between: each is coupled for itself, in as few solutions as may be.

use crate::{flows::Flows, network::Network, Limits};

/// Books that links with a flow join.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
	/// How many books.
	pub books: usize,
	/// The links with a flow, by their place.
	pub links: Vec<usize>,
}

impl Part {
	/// Whether it is no more than may be coupled.
	pub fn is_within(&self, limits: &Limits) -> bool {
		self.books <= limits.books && self.links.len() <= limits.links
	}

	fn and(&self, other: &Self) -> Self {
		Self {
			books: self.books + other.books,
			links: [&self.links[..], &other.links[..]].concat(),
		}
	}
}

/// The parts that flows make of a network.
pub(crate) fn parts(network: &Network, flows: &Flows) -> Vec<Part> {
	let carries = || (0..network.links.len()).filter(|at| flows.received[*at] > 0);
	// Which book stands for those that it is joined with; itself, at first.
	let mut stands: Vec<usize> = (0..network.books.len()).collect();
	for link in carries().map(|at| &network.links[at]) {
		let (one, other) = (root(&stands, link.from), root(&stands, link.to));
		stands[one.max(other)] = one.min(other);
	}
	let mut parts = vec![Part::default(); network.books.len()];
	for book in 0..network.books.len() {
		parts[root(&stands, book)].books += 1;
	}
	for at in carries() {
		parts[root(&stands, network.links[at].from)].links.push(at);
	}
	parts.retain(|part| !part.links.is_empty());
	parts
}

fn root(stands: &[usize], mut book: usize) -> usize {
	while stands[book] != book {
		book = stands[book];
	}
	book
}

/// Puts parts together, the largest first, each where it fits first.
pub(crate) fn packed(mut parts: Vec<Part>, limits: &Limits) -> Vec<Part> {
	parts.sort_by_key(|part| core::cmp::Reverse(part.books));
	let mut packs: Vec<Part> = Vec::new();
	for part in parts {
		let fits = |pack: &&mut Part| pack.and(&part).is_within(limits);
		match packs.iter_mut().find(fits) {
			Some(pack) => *pack = pack.and(&part),
			None => packs.push(part),
		}
	}
	packs
}
