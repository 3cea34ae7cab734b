//! Which pages of commands to look at next: as few as make sure that nothing is missed.
//!
//! A command is given only when the chain's counter of nonces has grown, or while the commands of an event are
//! being sent. When either is seen, all pages with meters that deliver here are looked at once, a few hundred
//! at a time and so many at each finalised block. At other blocks only pages with commands that nobody has
//! acknowledged are.

use std::collections::BTreeSet;

use crate::server::store::Served;

use super::book::Book;

/// Pages of one question to the node; its answer has less than half a megabyte.
pub const PAGES: usize = 256;
/// Most questions at one finalised block: a million meters are looked at within eight.
const QUESTIONS: u32 = 16;
/// Most of them for pages with open commands only.
const OPEN_QUESTIONS: u32 = 2;

/// Of a finalised block what tells whether commands were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
	/// The last nonce given.
	pub nonce: u32,
	/// Whether the commands of an event are being sent.
	pub issuing: bool,
	/// The block's time: Unix seconds.
	pub now: u64,
}

/// How far looking has come.
#[derive(Debug, Default)]
pub struct Plan {
	seen: Option<(u32, bool)>,
	/// A look at all pages is due.
	due: bool,
	/// One is under way: the next page.
	scan: Option<u32>,
	/// Pages with meters that are new here.
	joined: BTreeSet<u32>,
	/// Next page with open commands.
	open: u32,
	/// Questions at this block, for all pages and for open ones; `None` once these are through.
	asked: u32,
	asked_open: Option<u32>,
	complete: bool,
}

impl Plan {
	/// A block is finalised.
	pub fn block(&mut self, mark: Mark, joined: BTreeSet<u32>) {
		let seen = Some((mark.nonce, mark.issuing));
		self.due |= mark.issuing || self.seen != seen;
		self.seen = seen;
		self.joined.extend(joined);
		(self.asked, self.asked_open) = (0, Some(0));
	}

	/// Whether all commands that were given by the first block have been seen.
	pub fn is_complete(&self) -> bool {
		self.complete
	}

	/// The pages of the next question at this block. They count as looked at: after a failure a new plan is
	/// made.
	pub fn next(&mut self, served: &Served, book: &Book) -> Vec<u32> {
		if self.asked >= QUESTIONS {
			return Vec::new();
		}
		self.asked += 1;
		if self.scan.is_none() && std::mem::take(&mut self.due) {
			self.scan = Some(0);
			// The next look takes all of them in.
			self.joined.clear();
		}
		if let Some(from) = self.scan {
			let pages: Vec<u32> = served
				.pages(from, PAGES)
				.into_iter()
				.map(|(page, _)| page)
				.collect();
			self.scan = match pages.last() {
				Some(last) if pages.len() == PAGES => last.checked_add(1),
				_ => None,
			};
			self.complete |= self.scan.is_none();
			self.asked_open = None;
			return pages;
		}
		if !self.joined.is_empty() {
			let pages: Vec<u32> = std::iter::from_fn(|| self.joined.pop_first())
				.take(PAGES)
				.collect();
			return pages;
		}
		let Some(asked) = self.asked_open.filter(|asked| *asked < OPEN_QUESTIONS) else {
			return Vec::new();
		};
		let pages = book.open_pages(self.open, PAGES);
		self.open = match pages.last() {
			Some(last) if pages.len() == PAGES => last.saturating_add(1),
			_ => 0,
		};
		// From the beginning again at the next block.
		self.asked_open = Some(asked + 1).filter(|_| self.open != 0);
		pages
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{
		command::{Action, Command},
		server::commands::book::Given,
	};
	use gridweave_primitives::MeterId;
	use proptest::prelude::*;

	const MARK: Mark = Mark {
		nonce: 1,
		issuing: false,
		now: 0,
	};

	fn served(pages: u32) -> Served {
		let mut served = Served::default();
		(0..pages).for_each(|page| served.add(MeterId::at(page, 3)));
		served
	}

	fn asked(plan: &mut Plan, mark: Mark, served: &Served, book: &Book) -> Vec<u32> {
		plan.block(mark, BTreeSet::new());
		let mut all = Vec::new();
		loop {
			let pages = plan.next(served, book);
			assert!(pages.len() <= PAGES);
			if pages.is_empty() {
				return all;
			}
			all.extend(pages);
		}
	}

	fn all(served: &Served) -> Vec<u32> {
		served
			.pages(0, usize::MAX)
			.into_iter()
			.map(|(page, _)| page)
			.collect()
	}

	fn open(book: &mut Book, page: u32) {
		let meter = MeterId::at(page, 3);
		let command = Command {
			meter: meter.0,
			nonce: 1,
			action: Action::Charge,
			watts: None,
			from: 0,
			until: u64::MAX,
			event: None,
		};
		let acknowledged = None;
		book.see(
			page,
			1 << 3,
			&[(
				3,
				Given {
					command,
					acknowledged,
				},
			)],
		);
	}

	#[test]
	fn all_should_be_looked_at_once_and_again_when_commands_are_given() {
		let (served, book, mut plan) = (served(600), Book::new(9), Plan::default());
		assert!(!plan.is_complete());
		assert_eq!(asked(&mut plan, MARK, &served, &book), all(&served));
		assert!(plan.is_complete());
		assert!(asked(&mut plan, MARK, &served, &book).is_empty());
		let given = Mark { nonce: 2, ..MARK };
		assert_eq!(asked(&mut plan, given, &served, &book), all(&served));
		assert!(asked(&mut plan, given, &served, &book).is_empty());
	}

	#[test]
	fn while_commands_are_sent_all_should_be_looked_at_and_once_more_thereafter() {
		let (served, book, mut plan) = (served(3), Book::new(9), Plan::default());
		let issuing = Mark {
			issuing: true,
			..MARK
		};
		for mark in [issuing, issuing, MARK] {
			assert_eq!(asked(&mut plan, mark, &served, &book), all(&served));
		}
		assert!(asked(&mut plan, MARK, &served, &book).is_empty());
	}

	#[test]
	fn no_meters_should_be_looked_at_in_no_time() {
		let (served, book, mut plan) = (Served::default(), Book::new(9), Plan::default());
		assert!(asked(&mut plan, MARK, &served, &book).is_empty());
		assert!(plan.is_complete());
	}

	#[test]
	fn a_million_meters_should_be_looked_at_within_eight_blocks() {
		let (served, book, mut plan) = (served(31_250), Book::new(9), Plan::default());
		let mut seen = Vec::new();
		for _ in 0..8 {
			assert!(!plan.is_complete());
			seen.extend(asked(&mut plan, MARK, &served, &book));
		}
		assert!(plan.is_complete());
		assert_eq!(seen, all(&served));
	}

	#[test]
	fn open_commands_should_be_looked_at_at_every_block_and_no_others() {
		let (served, mut book, mut plan) = (served(9), Book::new(9), Plan::default());
		asked(&mut plan, MARK, &served, &book);
		open(&mut book, 4);
		open(&mut book, 7);
		for _ in 0..3 {
			assert_eq!(asked(&mut plan, MARK, &served, &book), [4, 7]);
		}
	}

	#[test]
	fn many_open_commands_should_be_looked_at_in_turn() {
		let (served, mut book, mut plan) = (served(1_500), Book::new(9_999), Plan::default());
		asked(&mut plan, MARK, &served, &book);
		(0..1_500).for_each(|page| open(&mut book, page));
		let mut seen = BTreeSet::new();
		for _ in 0..3 {
			let pages = asked(&mut plan, MARK, &served, &book);
			assert!(pages.len() <= PAGES * OPEN_QUESTIONS as usize);
			seen.extend(pages);
		}
		assert_eq!(seen.len(), 1_500);
	}

	#[test]
	fn a_page_with_a_new_meter_should_be_looked_at_once() {
		let (served, book, mut plan) = (served(9), Book::new(9), Plan::default());
		asked(&mut plan, MARK, &served, &book);
		plan.block(MARK, [5].into());
		assert_eq!(plan.next(&served, &book), [5]);
		assert!(plan.next(&served, &book).is_empty());
		assert!(asked(&mut plan, MARK, &served, &book).is_empty());
	}

	proptest! {
		/// Whatever is given, in whatever blocks, is seen: a page that changed is looked at afterwards.
		#[test]
		fn no_command_should_be_missed(
			blocks in prop::collection::vec((0u32..3, any::<bool>(), prop::collection::vec(0u32..5_000, 0..4)), 1..12),
			pages in 1u32..5_000,
		) {
			let (served, book, mut plan) = (served(pages), Book::new(9), Plan::default());
			let (mut nonce, mut unseen, mut was_issuing) = (0, BTreeSet::new(), false);
			for (more, issuing, changed) in blocks {
				nonce += more;
				// The chain changes pages only if it gave nonces or was sending.
				if more > 0 || was_issuing {
					unseen.extend(changed.into_iter().filter(|page| *page < pages));
				}
				was_issuing = issuing;
				let mark = Mark { nonce, issuing, now: 0 };
				for page in asked(&mut plan, mark, &served, &book) {
					unseen.remove(&page);
				}
			}
			let still = Mark { nonce: nonce + u32::from(was_issuing), issuing: false, now: 0 };
			for _ in 0..4 {
				for page in asked(&mut plan, still, &served, &book) {
					unseen.remove(&page);
				}
			}
			prop_assert!(unseen.is_empty());
			prop_assert!(asked(&mut plan, still, &served, &book).is_empty());
		}
	}
}
