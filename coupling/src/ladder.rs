//! A book as seen from its links: what energy from outside is worth to it.
//!
//! What a community gets for nothing it gives to those who value it most. An ask that does not sell is energy
//! that its owner keeps, and values at the limit: so bids and asks are one falling line of steps, and a book
//! that asks for `Q` in all and imports `n` hands out the first `n + Q` Wh of it. The last Wh handed out is
//! what one Wh more of export costs, the next one what one Wh more of import is worth, and every price
//! between the two clears the book. Without import these are the clearing prices of its call auction.

use gridweave_primitives::units::{ENERGY_BOUND, PRICE_BOUND};

use crate::{network::Book, Wide};

#[derive(Clone, Copy, Debug)]
struct Step {
	/// What a Wh of it is worth.
	price: Wide,
	/// Wh of it and of the steps before it.
	until: Wide,
	/// Worth of these.
	worth: Wide,
}

/// A book by falling worth. Imports are positive, exports negative.
#[derive(Clone, Debug)]
pub(crate) struct Ladder {
	steps: Vec<Step>,
	/// All that is asked.
	asked: Wide,
	/// What that is worth to those who ask.
	worth_asked: Wide,
	floor: Wide,
	cap: Wide,
}

impl Ladder {
	pub fn new(book: &Book) -> Self {
		let mut levels: Vec<_> = (book.bids.iter().chain(&book.asks))
			.map(|level| (Wide::from(level.price.0), Wide::from(level.energy.0)))
			.filter(|(_, energy)| *energy > 0)
			.collect();
		levels.sort_unstable_by_key(|(price, _)| -price);
		let (mut until, mut worth) = (0, 0);
		let mut steps: Vec<Step> = Vec::new();
		for (price, energy) in levels {
			until += energy;
			worth += price * energy;
			let step = Step {
				price,
				until,
				worth,
			};
			match steps.last_mut() {
				Some(last) if last.price == price => *last = step,
				_ => steps.push(step),
			}
		}
		let asks = book.asks.iter();
		let asks = asks.map(|level| (Wide::from(level.price.0), Wide::from(level.energy.0)));
		let (mut asked, mut worth_asked) = (0, 0);
		for (price, energy) in asks {
			asked += energy;
			worth_asked += price * energy;
		}
		Self {
			steps,
			asked,
			worth_asked,
			floor: book.floor.0.into(),
			cap: book.cap.0.into(),
		}
	}

	/// Whether so much can be imported, or exported.
	pub fn holds(&self, import: Wide) -> bool {
		(-self.asked..=self.total() - self.asked).contains(&import)
			&& import.unsigned_abs() < ENERGY_BOUND.into()
	}

	/// The lowest price at which the book clears with this import: above all prices if it exports what it has
	/// not.
	pub fn lowest(&self, import: Wide) -> Wide {
		if import + self.asked < 0 {
			return 2 * Wide::from(PRICE_BOUND);
		}
		let low = self.low(import);
		low.map_or(self.floor, |low| low.max(self.floor))
	}

	/// The highest price at which the book clears with this import: below all prices if it imports what nobody
	/// takes.
	pub fn highest(&self, import: Wide) -> Wide {
		if import + self.asked > self.total() {
			return -1;
		}
		let high = self.high(import);
		high.map_or(self.cap, |high| high.min(self.cap))
	}

	fn total(&self) -> Wide {
		self.steps.last().map_or(0, |step| step.until)
	}

	/// The step that Wh number `at` is of, from 1.
	fn step_of(&self, at: Wide) -> Option<usize> {
		let step = self.steps.partition_point(|step| step.until < at);
		(at > 0 && step < self.steps.len()).then_some(step)
	}

	fn before(&self, step: usize) -> (Wide, Wide) {
		let before = step.checked_sub(1).and_then(|step| self.steps.get(step));
		before.map_or((0, 0), |step| (step.until, step.worth))
	}

	/// The welfare of the community with this import, without what it pays for it. What nobody takes is worth
	/// nothing, and what is not there costs nothing.
	pub fn welfare(&self, import: Wide) -> Wide {
		let handed_out = (import + self.asked).clamp(0, self.total());
		let worth = self.step_of(handed_out).map_or(0, |step| {
			let (until, worth) = self.before(step);
			worth + (handed_out - until) * self.steps[step].price
		});
		worth - self.worth_asked
	}

	/// What one Wh more of import is worth; `None` if nobody takes it.
	pub fn low(&self, import: Wide) -> Option<Wide> {
		let step = self.step_of(import + self.asked + 1)?;
		Some(self.steps[step].price)
	}

	/// What one Wh more of export costs; `None` if there is none.
	pub fn high(&self, import: Wide) -> Option<Wide> {
		let step = self.step_of(import + self.asked)?;
		Some(self.steps[step].price)
	}

	/// What more import is worth, and how much of it, step by step.
	pub fn steps_in(&self, import: Wide) -> impl Iterator<Item = (Wide, Wide)> + '_ {
		let handed_out = import + self.asked;
		let first = self.step_of(handed_out + 1).unwrap_or(self.steps.len());
		(first..self.steps.len()).map(move |step| {
			let from = self.before(step).0.max(handed_out);
			(self.steps[step].price, self.steps[step].until - from)
		})
	}

	/// What more export costs, and how much of it, step by step.
	pub fn steps_out(&self, import: Wide) -> impl Iterator<Item = (Wide, Wide)> + '_ {
		let handed_out = import + self.asked;
		let first = self.step_of(handed_out).map_or(0, |step| step + 1);
		(0..first).rev().map(move |step| {
			let until = self.steps[step].until.min(handed_out);
			(self.steps[step].price, until - self.before(step).0)
		})
	}

	/// How much more can be imported at what the first Wh of it is worth.
	pub fn room_in(&self, import: Wide) -> Wide {
		let handed_out = import + self.asked;
		if handed_out < 0 {
			return -handed_out;
		}
		let step = self.step_of(handed_out + 1);
		step.map_or(0, |step| self.steps[step].until - handed_out)
	}

	/// How much more can be exported at what the first Wh of it costs.
	pub fn room_out(&self, import: Wide) -> Wide {
		let handed_out = import + self.asked;
		if handed_out > self.total() {
			return handed_out - self.total();
		}
		let step = self.step_of(handed_out);
		step.map_or(0, |step| handed_out - self.before(step).0)
	}
}

#[cfg(test)]
mod tests {
	use gridweave_primitives::{Price, WattHours};

	use super::*;
	use crate::network::Level;

	fn levels(levels: &[(u64, u64)]) -> Vec<Level> {
		let level = |&(price, energy)| Level {
			price: Price(price),
			energy: WattHours(energy),
		};
		levels.iter().map(level).collect()
	}

	fn ladder(bids: &[(u64, u64)], asks: &[(u64, u64)]) -> Ladder {
		Ladder::new(&Book {
			floor: Price(0),
			cap: Price(1_000_000),
			bids: levels(bids),
			asks: levels(asks),
		})
	}

	#[test]
	fn a_book_without_import_should_clear_as_its_auction_does() {
		// The example of the auction's documentation.
		let book = ladder(
			&[(240_000, 700), (200_000, 500)],
			&[(150_000, 700), (211_001, 300)],
		);
		assert_eq!((book.low(0), book.high(0)), (Some(200_000), Some(211_001)));
		assert_eq!(book.welfare(0), 700 * (240_000 - 150_000));
		// A side that fills wholly is no bound.
		let book = ladder(&[(200, 100)], &[(150, 300)]);
		assert_eq!((book.low(0), book.high(0)), (Some(150), Some(150)));
		let book = ladder(&[(200, 300)], &[(150, 300)]);
		assert_eq!((book.low(0), book.high(0)), (Some(150), Some(200)));
	}

	#[test]
	fn import_should_go_to_who_values_it_most() {
		let book = ladder(&[(200, 100), (120, 50)], &[(150, 300), (110, 40)]);
		// 40 of the bid at 200 are met at 110, 60 at 150.
		assert_eq!(book.welfare(0), 40 * 90 + 60 * 50);
		assert_eq!((book.low(0), book.high(0)), (Some(150), Some(150)));
		assert_eq!((book.room_in(0), book.room_out(0)), (60, 240));
		// 60 Wh of import displace what is asked at 150, the next ones go to the bid at 120.
		assert_eq!((book.low(60), book.high(60)), (Some(120), Some(150)));
		assert_eq!(book.welfare(60) - book.welfare(0), 60 * 150);
		assert_eq!(book.welfare(70) - book.welfare(60), 10 * 120);
		// All that is asked can be exported, and all that is bid for imported.
		assert!(book.holds(-340) && !book.holds(-341));
		assert!(book.holds(150) && !book.holds(151));
		assert_eq!((book.low(-340), book.high(-340)), (Some(200), None));
		assert_eq!((book.low(150), book.high(150)), (None, Some(110)));
		assert_eq!(book.welfare(-340), -(300 * 150 + 40 * 110));
		assert_eq!(book.welfare(150), 200 * 100 + 120 * 50);
	}

	#[test]
	fn steps_should_lead_both_ways() {
		let book = ladder(&[(200, 100), (120, 50)], &[(150, 300), (110, 40)]);
		let more: Vec<_> = book.steps_in(10).collect();
		assert_eq!(more, [(150, 50), (120, 50), (110, 40)]);
		let less: Vec<_> = book.steps_out(10).collect();
		assert_eq!(less, [(150, 250), (200, 100)]);
		assert_eq!(
			(book.steps_in(150).count(), book.steps_out(-340).count()),
			(0, 0)
		);
	}

	#[test]
	fn an_empty_book_should_hold_nothing() {
		let book = ladder(&[], &[(7, 0)]);
		assert!(book.holds(0) && !book.holds(1) && !book.holds(-1));
		assert_eq!(
			(book.low(0), book.high(0), book.welfare(0)),
			(None, None, 0)
		);
		assert_eq!((book.room_in(0), book.room_out(0)), (0, 0));
	}
}
