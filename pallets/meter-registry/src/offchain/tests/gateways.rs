//! Hostile gateways: each costs its own readings, and bounded time and memory.

use std::sync::Arc;

use codec::Encode;
use gridweave_primitives::reading::{
	ReadingPage, SignedReading, MAX_PAGE_BYTES, MAX_PAGE_READINGS,
};

use super::world::*;
use crate::{
	mock::*,
	offchain::{FetchError, MAX_GATEWAYS, MAX_PAGES},
};

const BAD: &str = "http://bad";
const GOOD: &str = "http://good";

/// Whether the worker gives up on a server for this reason, in time, and still brings what the good one
/// has, whichever is asked first.
fn should_fail(server: Server, expected: FetchError) {
	for first in [1, 2] {
		let world = World::default();
		world.configure(&[BAD, GOOD]);
		world.set(BAD, server.clone());
		world.run(&[0], || {
			System::set_block_number(first);
			let meter = admitted(1);
			world.serve(GOOD, &[meter.read(1, T0 + 1, 10, 0)]);
			let start = world.clock();
			work();
			assert!(
				world.clock() - start <= 2_000,
				"{} ms",
				world.clock() - start
			);
			let progress = world.progress();
			assert_eq!(progress.gateways[0].error, Some(expected.clone()));
			assert_eq!(progress.gateways[0].failures, 1);
			assert_eq!(progress.gateways[1].error, None);
			let calls = world.submitted();
			assert_eq!(brought(&calls[0]), [(meter.id.0, 1)]);
			include(calls);
		});
	}
}

fn fixed(body: Vec<u8>) -> Server {
	Server::Fixed { status: 200, body }
}

fn page(readings: Vec<(u64, SignedReading)>) -> Vec<u8> {
	ReadingPage { epoch: 1, readings }.encode()
}

/// A gateway that makes its readings of the offset it is asked after.
fn made(make: impl Fn(u64) -> Vec<(u64, SignedReading)> + Send + Sync + 'static) -> Server {
	Server::Made(Arc::new(move |after| ReadingPage {
		epoch: 1,
		readings: make(after),
	}))
}

/// Of meters that do not exist.
fn junk(offsets: impl IntoIterator<Item = u64>) -> Vec<(u64, SignedReading)> {
	let signature = gridweave_primitives::device::DeviceSignature::Ed25519(Default::default());
	let junk = |offset: u64| {
		let meter = gridweave_primitives::MeterId(1_000_000 + (offset % 1_000) as u32);
		let reading = reading(meter, offset, T0, 0, 0);
		(
			offset,
			SignedReading {
				reading,
				signature: signature.clone(),
			},
		)
	};
	offsets.into_iter().map(junk).collect()
}

#[test]
fn an_empty_gateway_should_be_no_failure() {
	let world = World::default();
	world.configure(&[GOOD]);
	world.run(&[0], || {
		world.serve(GOOD, &[]);
		work();
		assert!(world.submitted().is_empty());
		let gateway = &world.progress().gateways[0];
		assert_eq!(
			(gateway.failures, &gateway.error, gateway.cursor),
			(0, &None, 0)
		);
	});
}

#[test]
fn garbage_should_be_refused() {
	should_fail(fixed(vec![]), FetchError::Garbage);
	should_fail(fixed(vec![0xff; 1_000]), FetchError::Garbage);
	should_fail(fixed(b"<html>welcome</html>".to_vec()), FetchError::Garbage);
	// A page and more.
	should_fail(fixed([page(vec![]), vec![0]].concat()), FetchError::Garbage);
	// A page cut off.
	let cut = page(junk(1..=3));
	should_fail(fixed(cut[..cut.len() - 1].to_vec()), FetchError::Garbage);
}

#[test]
fn a_page_with_too_many_readings_should_be_refused() {
	let many = page(junk(1..=u64::from(MAX_PAGE_READINGS) + 1));
	assert!(many.len() < MAX_PAGE_BYTES as usize);
	should_fail(fixed(many), FetchError::Garbage);
}

#[test]
fn an_endless_answer_should_be_cut_off() {
	should_fail(Server::Endless, FetchError::Endless);
	let world = World::default();
	world.configure(&[BAD]);
	world.set(BAD, Server::Endless);
	world.run(&[0], || {
		work();
		assert!(
			world.bytes() <= MAX_PAGE_BYTES as usize + 64 * 1024,
			"{}",
			world.bytes()
		);
	});
}

#[test]
fn an_answer_as_long_as_a_page_may_be_should_be_read() {
	let mut body = page(junk(1..=1_000));
	body.resize(MAX_PAGE_BYTES as usize, 0);
	should_fail(fixed(body.clone()), FetchError::Garbage);
	body.push(0);
	should_fail(fixed(body), FetchError::Endless);
}

#[test]
fn a_slow_gateway_should_be_given_up() {
	should_fail(Server::Silent, FetchError::Slow);
	should_fail(Server::Dripping, FetchError::Slow);
}

#[test]
fn another_status_should_be_refused_whatever_the_body() {
	for status in [201, 204, 301, 404, 500, 503] {
		let server = Server::Fixed {
			status,
			body: page(vec![]),
		};
		should_fail(server, FetchError::Status(status));
	}
}

#[test]
fn a_gateway_that_is_not_there_should_be_given_up() {
	should_fail(Server::Dead, FetchError::Unreachable);
}

#[test]
fn a_url_that_is_none_should_be_told() {
	let world = World::default();
	world.run(&[0], || {
		let urls = vec![vec![0xff, 0xfe], b"nonsense".to_vec()];
		world.store(gridweave_primitives::ingest::GATEWAYS_KEY, &urls.encode());
		work();
		let progress = world.progress();
		assert_eq!(progress.gateways[0].error, Some(FetchError::BadUrl));
		assert_eq!(progress.gateways[1].error, Some(FetchError::Unreachable));
	});
}

#[test]
fn offsets_out_of_order_should_be_refused() {
	should_fail(fixed(page(junk([2, 1]))), FetchError::Unordered);
	should_fail(fixed(page(junk([1, 1]))), FetchError::Unordered);
	should_fail(fixed(page(junk([0]))), FetchError::Unordered);
}

#[test]
fn a_gateway_that_repeats_itself_should_be_refused() {
	// Asked for what comes after the first page, it serves the first page.
	let full = 1..=u64::from(MAX_PAGE_READINGS);
	should_fail(made(move |_| junk(full.clone())), FetchError::Unordered);
}

#[test]
fn a_gateway_without_end_should_be_read_a_few_pages_far() {
	let world = World::default();
	world.configure(&[BAD, GOOD]);
	let full = u64::from(MAX_PAGE_READINGS);
	world.set(BAD, made(move |after| junk(after + 1..=after + full)));
	world.run(&[0], || {
		let meter = admitted(1);
		world.serve(GOOD, &[meter.read(1, T0 + 1, 10, 0)]);
		work();
		let asked = world
			.requests()
			.iter()
			.filter(|url| url.starts_with(BAD))
			.count();
		assert_eq!(asked as u32, MAX_PAGES);
		assert_eq!(world.submitted().len(), 1);
	});
}

#[test]
fn a_gateway_with_another_store_should_be_read_from_its_start() {
	let world = World::default();
	world.configure(&[GOOD]);
	world.run(&[0], || {
		let meter = admitted(1);
		let readings = [1, 2].map(|n| meter.read(n, T0 + n, n * 10, 0));
		world.serve(GOOD, &readings);
		work();
		include(world.submitted());
		work();
		assert_eq!(world.progress().gateways[0].cursor, 2);
		// Its disk was lost: offsets start anew.
		let fresh = vec![(1, meter.read(3, T0 + 3, 30, 0))];
		world.set(
			GOOD,
			Server::Honest {
				epoch: 2,
				readings: fresh,
			},
		);
		next_block();
		let calls = world.submitted();
		assert_eq!(brought(&calls[0]), [(meter.id.0, 3)]);
		include(calls);
		work();
		let gateway = world.progress().gateways[0].clone();
		assert_eq!((gateway.cursor, gateway.error), (1, None));
		// Empty, with yet another one.
		world.set(
			GOOD,
			Server::Honest {
				epoch: 3,
				readings: vec![],
			},
		);
		next_block();
		assert_eq!(world.progress().gateways[0].cursor, 0);
	});
}

#[test]
fn a_failing_gateway_should_be_left_alone_for_longer_and_longer() {
	let world = World::default();
	world.configure(&[BAD]);
	world.set(BAD, Server::Dead);
	world.run(&[0], || {
		let asked: Vec<u64> = (1..=32u64)
			.filter(|block| {
				System::set_block_number(*block);
				work();
				!world.requests().is_empty()
			})
			.collect();
		assert_eq!(asked, [1, 2, 4, 8, 16, 24, 32]);
		assert_eq!(world.progress().gateways[0].failures, 7);
		// Once it answers, all is forgotten.
		world.serve(BAD, &[]);
		System::set_block_number(40);
		work();
		assert_eq!(world.progress().gateways[0].failures, 0);
		world.set(BAD, Server::Dead);
		let asked = (41..=44u64).filter(|block| {
			world.requests();
			System::set_block_number(*block);
			work();
			!world.requests().is_empty()
		});
		assert_eq!(asked.collect::<Vec<_>>(), [41, 42, 44]);
	});
}

#[test]
fn gateways_beyond_the_most_should_be_ignored() {
	let world = World::default();
	let urls: Vec<String> = (0..=MAX_GATEWAYS)
		.map(|n| format!("http://gate-{n}"))
		.collect();
	world.configure(&urls.iter().map(String::as_str).collect::<Vec<_>>());
	world.run(&[0], || {
		urls.iter().for_each(|url| world.serve(url, &[]));
		work();
		assert_eq!(world.requests().len(), MAX_GATEWAYS);
	});
}

#[test]
fn what_a_page_brought_before_a_failure_should_count() {
	let world = World::default();
	world.configure(&[BAD]);
	world.run(&[0], || {
		// A full page, of which all but the last are junk, and then the first one again.
		let meter = admitted(1);
		let mut readings = junk(1..u64::from(MAX_PAGE_READINGS));
		readings.push((MAX_PAGE_READINGS.into(), meter.read(1, T0 + 1, 10, 0)));
		world.set(BAD, made(move |_| readings.clone()));
		work();
		assert_eq!(
			world.progress().gateways[0].error,
			Some(FetchError::Unordered)
		);
		assert_eq!(brought(&world.submitted()[0]), [(meter.id.0, 1)]);
	});
}

#[test]
fn an_honest_gateway_should_not_be_blamed_when_time_is_over() {
	let world = World::default();
	world.configure(&[GOOD]);
	let full = u64::from(MAX_PAGE_READINGS);
	world.set(GOOD, made(move |after| junk(after + 1..=after + full)));
	world.run(&[0], || {
		world.tick(300);
		work();
		assert!((2..10).contains(&world.requests().len()));
		let gateway = &world.progress().gateways[0];
		assert_eq!((gateway.failures, &gateway.error), (0, &None));
	});
}

#[test]
fn a_store_that_changes_between_two_pages_should_be_read_from_its_start() {
	let world = World::default();
	world.configure(&[GOOD]);
	world.run(&[0], || {
		let meter = admitted(1);
		bring_one(&meter, 9, T0 + 9, 90, 0);
		// A full page of which all but the last are settled; and then another store.
		let stale = meter.read(1, T0 + 1, 10, 0);
		let full = u64::from(MAX_PAGE_READINGS);
		let mut readings: Vec<_> = (1..full).map(|offset| (offset, stale.clone())).collect();
		readings.extend(junk([full]));
		let fresh = vec![(1, meter.read(10, T0 + 10, 100, 0))];
		let pages = move |after| match after {
			0 => ReadingPage {
				epoch: 1,
				readings: readings.clone(),
			},
			_ => ReadingPage {
				epoch: 2,
				readings: fresh.clone(),
			},
		};
		world.set(GOOD, Server::Made(Arc::new(pages)));
		work();
		assert_eq!(brought(&world.submitted()[0]), [(meter.id.0, 10)]);
		// It may have to be brought again: the cursor must not have passed it.
		let gateway = &world.progress().gateways[0];
		assert_eq!(
			(&gateway.error, gateway.cursor, gateway.waiting),
			(&None, 0, 1)
		);
	});
}
