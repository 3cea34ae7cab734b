//! Networks whose coupling can be said in a sentence.

use gridweave_coupling::{couple, Book, Coupling, Level, Limits, Link, Network, Unsound};
use gridweave_primitives::{Price, WattHours};
use sp_runtime::Permill;

fn levels(levels: &[(u64, u64)]) -> Vec<Level> {
	let level = |&(price, energy)| Level {
		price: Price(price),
		energy: WattHours(energy),
	};
	levels.iter().map(level).collect()
}

/// A book: bids and asks as pairs of price and energy.
fn book(bids: &[(u64, u64)], asks: &[(u64, u64)]) -> Book {
	Book {
		floor: Price(1),
		cap: Price(1_000),
		bids: levels(bids),
		asks: levels(asks),
	}
}

/// A link without loss, fee and least quantity.
fn link(from: usize, to: usize, capacity: u64) -> Link {
	Link {
		from,
		to,
		loss: Permill::zero(),
		wheeling_fee: Price(0),
		capacity: WattHours(capacity),
		min_quantity: WattHours(1),
	}
}

fn coupled(books: &[Book], links: &[Link]) -> Option<Coupling> {
	let network = Network {
		books: books.to_vec(),
		links: links.to_vec(),
	};
	let mut found = couple(&network, &Limits::NONE).expect("it is sound");
	assert!(found.len() <= 1, "what is not bounded is one");
	found.pop()
}

fn flows(coupling: &Coupling) -> Vec<u64> {
	coupling.flows.iter().map(|flow| flow.0).collect()
}

fn prices(coupling: &Coupling) -> Vec<u64> {
	coupling.prices.iter().map(|price| price.0).collect()
}

#[test]
fn one_price_should_hold_for_all_who_are_joined_by_links_that_are_not_full() {
	let cheap = book(&[(300, 100)], &[(100, 1_000)]);
	let dear = book(&[(400, 500)], &[(260, 1_000)]);
	let coupling = coupled(&[cheap, dear], &[link(0, 1, 700)]).unwrap();
	assert_eq!(flows(&coupling), [500]);
	assert_eq!(prices(&coupling), [100, 100]);
	assert_eq!(coupling.gain, 500 * (260 - 100));
}

#[test]
fn the_middle_of_the_prices_should_be_taken_that_hold_for_all() {
	// All that is asked is sold, and all that is bid for bought: between 100 and 260 every price would do.
	let cheap = book(&[(300, 100)], &[(100, 600)]);
	let dear = book(&[(400, 500)], &[(260, 1_000)]);
	let coupling = coupled(&[cheap, dear], &[link(0, 1, 700)]).unwrap();
	assert_eq!(
		(flows(&coupling), prices(&coupling)),
		(vec![500], vec![180, 180])
	);
}

#[test]
fn a_link_that_is_full_should_part_the_prices() {
	let cheap = book(&[(300, 100)], &[(100, 1_000)]);
	let dear = book(&[(400, 500)], &[(260, 1_000)]);
	let coupling = coupled(&[cheap, dear], &[link(0, 1, 200)]).unwrap();
	assert_eq!(
		(flows(&coupling), prices(&coupling)),
		(vec![200], vec![100, 260])
	);
}

#[test]
fn a_community_should_pass_on_all_that_it_receives() {
	// Between what its members bid and ask nothing of theirs may trade.
	let source = book(&[], &[(100, 100_000)]);
	let between = book(&[(50, 900)], &[(700, 900)]);
	let sink = book(&[(500, 1_234)], &[]);
	let lossy = |from, to| Link {
		loss: Permill::from_parts(73_421),
		..link(from, to, 50_000)
	};
	let links = [lossy(0, 1), lossy(1, 2)];
	let coupling = coupled(&[source, between, sink], &links).unwrap();
	assert_eq!(coupling.flows[1], WattHours(1_234));
	// ⌈1234 / (1 − 0.073421)⌉ = 1332, of which ⌈1332 / (1 − 0.073421)⌉ = 1438 are sent.
	assert_eq!(coupling.flows[0], WattHours(1_332));
	assert_eq!(coupling.gain, 1_234 * 500 - 1_438 * 100);
	// Losses are paid for, and no more: 100 × 1438 / 1332, and that × 1332 / 1234.
	assert_eq!(prices(&coupling), [100, 108, 117]);
}

#[test]
fn energy_should_go_where_it_is_worth_most_by_the_best_way() {
	let source = book(&[], &[(100, 1_000)]);
	let sinks = [book(&[(300, 800)], &[]), book(&[(200, 800)], &[])];
	let dear_way = Link {
		wheeling_fee: Price(20),
		..link(0, 1, 1_000)
	};
	let books = [source, sinks[0].clone(), sinks[1].clone()];
	let links = [dear_way, link(0, 1, 300), link(0, 2, 1_000)];
	let coupling = coupled(&books, &links).unwrap();
	assert_eq!(flows(&coupling), [500, 300, 200]);
	assert_eq!(prices(&coupling), [200, 220, 200]);
}

#[test]
fn nothing_should_be_coupled_that_gains_nothing() {
	let books = [
		book(&[(200, 100)], &[(150, 100)]),
		book(&[(200, 100)], &[(150, 100)]),
	];
	assert_eq!(coupled(&books, &[link(0, 1, 100), link(1, 0, 100)]), None);
	assert_eq!(coupled(&books, &[]), None);
	assert_eq!(coupled(&[], &[]), None);
	// Losses and the fee eat what would be gained.
	let books = [book(&[], &[(100, 100)]), book(&[(120, 100)], &[])];
	let dear = Link {
		loss: Permill::from_percent(10),
		wheeling_fee: Price(9),
		..link(0, 1, 100)
	};
	assert_eq!(coupled(&books, &[dear]), None);
	assert!(coupled(&books, &[link(0, 1, 100)]).is_some());
}

#[test]
fn a_least_quantity_should_be_kept_or_the_link_be_left_out() {
	let books = [book(&[], &[(100, 90)]), book(&[(120, 500)], &[(110, 500)])];
	let least = |least| Link {
		min_quantity: WattHours(least),
		..link(0, 1, 400)
	};
	assert_eq!(coupled(&books, &[least(91)]), None);
	assert_eq!(flows(&coupled(&books, &[least(90)]).unwrap()), [90]);
	// Another link can do it.
	let both = coupled(&books, &[least(91), least(50)]).unwrap();
	assert_eq!(flows(&both), [0, 90]);
}

#[test]
fn more_than_may_be_coupled_should_be_left_out_from_the_least() {
	let mut books = vec![book(&[], &[(100, 10_000)])];
	let mut links = Vec::new();
	for size in 1..=5 {
		books.push(book(&[(200, 100 * size)], &[]));
		links.push(link(0, books.len() - 1, 1_000));
	}
	let network = Network { books, links };
	let within = |books, links| {
		let found = couple(&network, &Limits { books, links }).unwrap();
		assert_eq!(found.len(), 1);
		flows(&found[0])
	};
	assert_eq!(within(6, 5), [100, 200, 300, 400, 500]);
	assert_eq!(within(6, 3), [0, 0, 300, 400, 500]);
	assert_eq!(within(3, 5), [0, 0, 0, 400, 500]);
}

#[test]
fn parts_of_a_network_should_be_coupled_apart_where_they_are_too_many_for_one() {
	// Four times a source and two sinks; nothing goes between them.
	let (mut books, mut links) = (Vec::new(), Vec::new());
	for size in [3, 1, 4, 2] {
		let first = books.len();
		books.push(book(&[], &[(100, 10_000)]));
		for _ in 0..2 {
			books.push(book(&[(200, 100 * size)], &[]));
			links.push(link(first, books.len() - 1, 1_000));
		}
	}
	let network = Network { books, links };
	let within = |books, links| {
		let found = couple(&network, &Limits { books, links }).unwrap();
		found.iter().map(flows).collect::<Vec<_>>()
	};
	let all = [300, 300, 100, 100, 400, 400, 200, 200];
	assert_eq!(within(12, 8), [all]);
	// Two and two: what gains most comes first.
	let halves = [
		[0, 0, 0, 0, 400, 400, 200, 200],
		[300, 300, 100, 100, 0, 0, 0, 0],
	];
	assert_eq!(within(6, 8), halves);
	assert_eq!(within(11, 4), halves);
	// One that is too large is all that loses by that.
	assert_eq!(within(2, 8).len(), 4);
	assert_eq!(within(2, 8)[0], [0, 0, 0, 0, 0, 400, 0, 0]);
}

#[test]
fn floor_and_cap_should_hold_where_nobody_else_says_what_the_price_is() {
	// All is sold; the cap is all that bounds what is to be paid at home.
	let cheap = Book {
		cap: Price(90),
		..book(&[], &[(10, 100)])
	};
	let dear = Book {
		floor: Price(60),
		..book(&[(80, 100)], &[])
	};
	let coupling = coupled(&[cheap, dear], &[link(0, 1, 100)]).unwrap();
	let [cheap, dear] = prices(&coupling)[..] else {
		panic!("two books")
	};
	assert!(cheap <= dear && (60..=80).contains(&dear), "{cheap} {dear}");
}

#[test]
fn an_unsound_network_should_be_refused_with_its_reason() {
	let unsound = |change: fn(&mut Network)| {
		let mut network = Network {
			books: vec![book(&[(2, 2)], &[]), book(&[], &[(1, 1)])],
			links: vec![link(1, 0, 5)],
		};
		change(&mut network);
		couple(&network, &Limits::NONE)
	};
	assert!(unsound(|_| ()).is_ok());
	type Case = (fn(&mut Network), Unsound);
	let cases: [Case; 9] = [
		(
			|network| network.books[0].bids[0].price = Price(1 << 40),
			Unsound::Price(0),
		),
		(
			|network| network.books[1].cap = Price(1 << 40),
			Unsound::Price(1),
		),
		(
			|network| network.books[1].floor = Price(1_001),
			Unsound::Price(1),
		),
		(
			|network| network.books[1].asks = levels(&[(1, u64::MAX), (1, u64::MAX)]),
			Unsound::Energy(1),
		),
		(|network| network.links[0].to = 2, Unsound::Ends(0)),
		(|network| network.links[0].to = 1, Unsound::Ends(0)),
		(
			|network| network.links[0].loss = Permill::from_percent(50),
			Unsound::Terms(0),
		),
		(
			|network| network.links[0].wheeling_fee = Price(1 << 40),
			Unsound::Terms(0),
		),
		(
			|network| network.links[0].capacity = WattHours(1 << 32),
			Unsound::Terms(0),
		),
	];
	for (change, why) in cases {
		assert_eq!(unsound(change), Err(why));
	}
}

#[test]
fn what_is_at_the_bounds_should_be_reckoned_exactly() {
	let price = (1 << 40) - 1;
	let most = (1 << 32) - 1;
	let high = |bids: &[(u64, u64)], asks: &[(u64, u64)]| Book {
		cap: Price(price),
		..book(bids, asks)
	};
	let books = [high(&[], &[(1, 1 << 62)]), high(&[(price, 1 << 62)], &[])];
	let coupling = coupled(&books, &[link(0, 1, most)]).unwrap();
	assert_eq!(coupling.flows, [WattHours(most)]);
	assert_eq!(coupling.gain, i128::from(most) * i128::from(price - 1));
}

#[test]
fn two_communities_that_only_pass_on_should_balance_to_the_wh() {
	let source = book(&[], &[(250_000, 2_275)]);
	let sinks = [book(&[(750_000, 475)], &[]), book(&[(500_000, 1_420)], &[])];
	let none = book(&[], &[]);
	let books = [
		none.clone(),
		source,
		sinks[0].clone(),
		sinks[1].clone(),
		none,
	];
	let books = books.map(|book| Book {
		cap: Price(1_000_000),
		..book
	});
	let lossy = |from, to, capacity| Link {
		loss: Permill::from_percent(5),
		..link(from, to, capacity)
	};
	let dear = Link {
		wheeling_fee: Price(25_001),
		..link(4, 0, 6)
	};
	let links = [
		dear,
		link(0, 3, 337),
		link(1, 4, 601),
		lossy(0, 2, 438),
		lossy(4, 0, 602),
	];
	let coupling = coupled(&books, &links).unwrap();
	// All that the first link brings goes on. Whether a Wh of it takes the dear way is a matter of rounding.
	let [dear, near, first, far, lossy] = flows(&coupling)[..] else {
		panic!("five links")
	};
	assert!(first >= 600 && dear <= 6 && far == 416, "{coupling:?}");
	assert_eq!(dear + lossy, near + 438);
	assert!(near >= 132, "{coupling:?}");
}

#[test]
fn a_lossy_way_should_be_taken_where_energy_is_free_and_the_other_costs_a_fee() {
	let books = [
		book(&[], &[]),
		book(&[(250, 4_015)], &[]),
		book(&[], &[]),
		book(&[], &[(1, 4_375)]),
	];
	let dear = Link {
		wheeling_fee: Price(20),
		..link(2, 1, 4_015)
	};
	let lossy = Link {
		loss: Permill::from_parts(81_446),
		..link(2, 1, 4_372)
	};
	let coupling = coupled(&books, &[link(3, 2, 4_375), dear, lossy]).unwrap();
	// ⌈4015 / (1 − 0.081446)⌉ = 4372; a Wh less of it may go the other way.
	let [first, dear, lossy] = flows(&coupling)[..] else {
		panic!("three links")
	};
	assert!(
		dear <= 1 && dear + lossy == 4_015 && first >= 4_371,
		"{coupling:?}"
	);
}
