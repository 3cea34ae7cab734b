//! Flows over the links of a network, and how they are changed along a path.

use gridweave_primitives::{
	link::{received_of, sent_for},
	WattHours,
};

use crate::{ladder::Ladder, network::Network, Wide};

/// A network made ready for reckoning.
pub(crate) struct Model<'a> {
	pub network: &'a Network,
	pub ladders: Vec<Ladder>,
	/// The most that each link may bring; nothing if it is not to be used.
	pub most: Vec<Wide>,
}

impl<'a> Model<'a> {
	pub fn new(network: &'a Network) -> Self {
		let ladders = network.books.iter().map(Ladder::new).collect();
		let most = network.links.iter().map(|link| link.most().0.into());
		Self {
			network,
			ladders,
			most: most.collect(),
		}
	}

	/// What has to be sent over a link so that `received` arrives.
	fn sent(&self, link: usize, received: Wide) -> Wide {
		// Received is less than can be counted in 32 bits.
		let received = WattHours(u64::try_from(received).unwrap_or(u64::MAX));
		sent_for(self.network.links[link].loss, received).0.into()
	}

	/// The most that arrives of what is sent over a link.
	fn received(&self, link: usize, sent: Wide) -> Wide {
		let sent = WattHours(u64::try_from(sent).unwrap_or(u64::MAX));
		received_of(self.network.links[link].loss, sent).0.into()
	}
}

/// One step of a path along which energy moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arc {
	pub link: usize,
	/// More goes over the link; otherwise less goes over it, and energy moves from where the link leads to.
	pub forward: bool,
}

impl Arc {
	/// Where energy comes from.
	pub fn start(&self, network: &Network) -> usize {
		let link = &network.links[self.link];
		if self.forward {
			link.from
		} else {
			link.to
		}
	}

	/// Where energy goes.
	pub fn end(&self, network: &Network) -> usize {
		let link = &network.links[self.link];
		if self.forward {
			link.to
		} else {
			link.from
		}
	}
}

/// What goes over the links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flows {
	/// What each link brings.
	pub received: Vec<Wide>,
	/// What it takes for that.
	pub sent: Vec<Wide>,
	/// What each book imports.
	pub imports: Vec<Wide>,
}

impl Flows {
	pub fn none(network: &Network) -> Self {
		Self {
			received: vec![0; network.links.len()],
			sent: vec![0; network.links.len()],
			imports: vec![0; network.books.len()],
		}
	}

	/// Those over some links alone.
	pub fn over(&self, model: &Model<'_>, links: &[usize]) -> Self {
		let mut flows = Self::none(model.network);
		for link in links {
			flows.set(model, *link, self.received[*link]);
		}
		flows
	}

	/// Lets a link bring so much.
	pub fn set(&mut self, model: &Model<'_>, link: usize, received: Wide) {
		let sent = model.sent(link, received);
		let ends = &model.network.links[link];
		self.imports[ends.to] += received - self.received[link];
		self.imports[ends.from] -= sent - self.sent[link];
		self.received[link] = received;
		self.sent[link] = sent;
	}

	/// The welfare of all, in 10⁻⁹ GRID.
	pub fn welfare(&self, model: &Model<'_>) -> Wide {
		let books = model.ladders.iter().zip(&self.imports);
		let books: Wide = books.map(|(ladder, import)| ladder.welfare(*import)).sum();
		let links = model.network.links.iter().zip(&self.received);
		let fees: Wide = links
			.map(|(link, received)| Wide::from(link.wheeling_fee.0) * received)
			.sum();
		books - fees
	}

	/// How much can be brought along a path before the price of an end, or what a link does, changes: at least
	/// 1 Wh.
	pub fn room(&self, model: &Model<'_>, path: &[Arc]) -> Wide {
		let (Some(first), Some(last)) = (path.first(), path.last()) else {
			return 1;
		};
		let (start, end) = (first.start(model.network), last.end(model.network));
		let mut energy = match start == end {
			true => Wide::from(u32::MAX),
			false => model.ladders[start].room_out(self.imports[start]),
		};
		for arc in path {
			let (received, sent) = (self.received[arc.link], self.sent[arc.link]);
			energy = if arc.forward {
				let more = model.received(arc.link, sent + energy);
				more.min(model.most[arc.link]) - received
			} else {
				let less = received - energy.min(received);
				sent - model.sent(arc.link, less)
			};
		}
		if start != end {
			energy = energy.min(model.ladders[end].room_in(self.imports[end]));
		}
		energy.max(1)
	}

	/// The same with so much more brought to the end of a path, and no less than before to what lies between;
	/// `None` if a link cannot. Whether the books can, is not looked at.
	pub fn along(&self, model: &Model<'_>, path: &[Arc], energy: Wide) -> Option<Self> {
		let mut flows = self.clone();
		let mut wanted = energy;
		for arc in path.iter().rev() {
			let (received, sent) = (flows.received[arc.link], flows.sent[arc.link]);
			if arc.forward {
				let more = received + wanted;
				if more > model.most[arc.link] {
					return None;
				}
				flows.set(model, arc.link, more);
				wanted = flows.sent[arc.link] - sent;
			} else {
				if wanted > sent {
					return None;
				}
				let less = model.received(arc.link, sent - wanted);
				flows.set(model, arc.link, less);
				wanted = received - less;
			}
		}
		Some(flows)
	}

	/// Whether the books can import, and export, all this.
	pub fn are_held(&self, model: &Model<'_>) -> bool {
		let mut books = model.ladders.iter().zip(&self.imports);
		books.all(|(ladder, import)| ladder.holds(*import))
	}
}
