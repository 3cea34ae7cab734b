//! Who is blamed for time that went by.

use std::sync::Arc;

use gridweave_primitives::reading::{ReadingPage, SignedReading, MAX_PAGE_READINGS};

use super::world::*;
use crate::{
	mock::*,
	offchain::{FetchError, FIRST_MS, LOOK_MS},
};

const BAD: &str = "http://bad";
const GOOD: &str = "http://good";

/// A gateway with more pages than a run has time for, all of what is on chain already.
fn endless(reading: SignedReading) -> Server {
	let full = u64::from(MAX_PAGE_READINGS);
	Server::Made(Arc::new(move |after| ReadingPage {
		epoch: 1,
		readings: (after + 1..=after + full)
			.map(|offset| (offset, reading.clone()))
			.collect(),
	}))
}

#[test]
fn a_gateway_should_not_be_blamed_when_its_share_of_the_time_is_over() {
	for delay in [100, 300, 600] {
		let world = World::default();
		world.configure(&[GOOD]);
		world.run(&[0], || {
			let meter = admitted(1);
			bring_one(&meter, 9, T0 + 9, 90, 0);
			world.set(GOOD, endless(meter.read(1, T0 + 1, 10, 0)));
			world.delay(GOOD, delay);
			work();
			assert!(world.requests().len() >= 2);
			let gateway = &world.progress().gateways[0];
			assert_eq!((gateway.failures, &gateway.error), (0, &None), "{delay} ms");
			assert!(gateway.cursor >= u64::from(MAX_PAGE_READINGS));
		});
	}
}

#[test]
fn a_first_answer_that_is_late_should_be_a_failure() {
	let world = World::default();
	world.configure(&[GOOD]);
	world.run(&[0], || {
		world.serve(GOOD, &[]);
		world.delay(GOOD, FIRST_MS);
		work();
		assert_eq!(world.progress().gateways[0].error, Some(FetchError::Slow));
	});
}

#[test]
fn first_pages_should_be_fetched_together() {
	let world = World::default();
	let urls = ["http://a", "http://b", "http://c", "http://d"];
	world.configure(&urls);
	world.run(&[0], || {
		for url in urls {
			world.serve(url, &[]);
			world.delay(url, 500);
		}
		let start = world.clock();
		work();
		assert_eq!(world.clock() - start, 500);
		let gateways = world.progress().gateways;
		assert!(gateways.iter().all(|gateway| gateway.error.is_none()));
	});
}

#[test]
fn silent_gateways_should_take_no_time_from_one_another() {
	let world = World::default();
	let silent: Vec<String> = (0..10).map(|n| format!("http://silent-{n}")).collect();
	let mut urls: Vec<&str> = silent.iter().map(String::as_str).collect();
	urls.push(GOOD);
	world.configure(&urls);
	world.run(&[0], || {
		let meter = admitted(1);
		silent.iter().for_each(|url| world.set(url, Server::Silent));
		world.serve(GOOD, &[meter.read(1, T0 + 1, 10, 0)]);
		world.delay(GOOD, FIRST_MS - 1);
		let start = world.clock();
		work();
		assert!(world.clock() - start <= FIRST_MS);
		assert_eq!(world.progress().gateways[10].error, None);
		assert_eq!(world.submitted().len(), 1);
	});
}

#[test]
fn a_gateway_that_rests_should_have_no_share_of_the_time() {
	let world = World::default();
	world.configure(&[BAD, GOOD]);
	world.run(&[0], || {
		let meter = admitted(1);
		bring_one(&meter, 9, T0 + 9, 90, 0);
		world.set(BAD, Server::Dead);
		world.set(GOOD, endless(meter.read(1, T0 + 1, 10, 0)));
		world.delay(GOOD, 150);
		// It fails after blocks 1 and 2, and rests after 3.
		work();
		next_block();
		world.requests();
		let start = world.clock();
		next_block();
		assert_eq!(world.clock() - start, LOOK_MS);
		let asked = world.requests();
		assert!(asked.iter().all(|url| url.starts_with(GOOD)));
		// At 0, 150, 300, …, 1,800 ms.
		assert_eq!(asked.len(), 13);
	});
}

#[test]
fn a_gateway_that_rests_should_keep_what_was_told_of_it() {
	let world = World::default();
	world.configure(&[GOOD]);
	world.run(&[0], || {
		let meter = registered(
			1,
			ALICE,
			HERE,
			gridweave_primitives::meter::MeterKind::Prosumer,
		);
		world.serve(GOOD, &[meter.read(1, T0 + 1, 10, 0)]);
		work();
		world.set(GOOD, Server::Dead);
		next_block();
		System::set_block_number(4);
		// Asked again after one block and after two: it rests now.
		work();
		world.requests();
		next_block();
		assert!(world.requests().is_empty());
		let gateway = world.progress().gateways[0].clone();
		assert_eq!(gateway.error, Some(FetchError::Unreachable));
		assert_eq!((gateway.failures, gateway.succeeded), (2, Some(1)));
		assert_eq!((gateway.waiting, gateway.oldest), (1, Some(4)));
	});
}
