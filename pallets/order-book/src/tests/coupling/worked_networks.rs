//! Hand-worked networks.

use Side::{Ask, Bid};

use super::*;

fn gain(network: &Network, flows: &[(u32, u64)], prices: &[(u32, u64)]) -> Result<i128, Fault> {
	network.gain(&network.plan(&solution(flows, prices)).expect("sound"))
}

#[test]
fn cheap_energy_should_go_where_more_is_bid() {
	let network = Network {
		books: vec![vec![(Ask, 100, 1_000)], vec![(Bid, 240, 950)]],
		links: vec![line(0, (0, 1), 50_000, 5_000, 2)],
	};
	let worth = 240 * 950 - 100 * 1_000 - 2 * 950;
	for there in [108, 200, 240] {
		assert_eq!(
			gain(&network, &[(0, 950)], &[(0, 100), (1, there)]),
			Ok(worth)
		);
	}
	// No price below its ask, none above its bid.
	assert_eq!(
		gain(&network, &[(0, 950)], &[(0, 99), (1, 200)]),
		Err(Fault::PriceOffInterval)
	);
	assert_eq!(
		gain(&network, &[(0, 950)], &[(0, 100), (1, 241)]),
		Err(Fault::PriceOffInterval)
	);
	// More than is asked for, or than there is.
	assert_eq!(
		gain(&network, &[(0, 951)], &[(0, 100), (1, 200)]),
		Err(Fault::NotFilled)
	);
}

#[test]
fn what_is_left_should_keep_the_price_at_its_limit() {
	// Half of the ask is sent: the price is what it asks for; nobody bids for the other half.
	let network = Network {
		books: vec![
			vec![(Ask, 100, 1_000), (Bid, 90, 10)],
			vec![(Bid, 240, 900)],
		],
		links: vec![line(0, (0, 1), 0, 5_000, 0)],
	};
	assert_eq!(
		gain(&network, &[(0, 500)], &[(0, 100), (1, 240)]),
		Ok(140 * 500)
	);
	assert_eq!(
		gain(&network, &[(0, 500)], &[(0, 101), (1, 240)]),
		Err(Fault::PriceOffInterval)
	);
	// So is the bid's: all of it fills only if the price there is its limit.
	assert_eq!(
		gain(&network, &[(0, 500)], &[(0, 100), (1, 239)]),
		Err(Fault::PriceOffInterval)
	);
}

#[test]
fn links_should_displace_what_costs_more() {
	let network = Network {
		books: vec![vec![(Ask, 50, 100)], vec![(Ask, 150, 100), (Bid, 200, 100)]],
		links: vec![line(0, (0, 1), 0, 100, 0)],
	};
	// The sale at 150 does not happen: 50 are saved for each of its Wh, twice over.
	assert_eq!(
		gain(&network, &[(0, 100)], &[(0, 50), (1, 150)]),
		Ok(100 * 100)
	);
	// At 151 the dearer seller would have sold.
	assert_eq!(
		gain(&network, &[(0, 100)], &[(0, 50), (1, 151)]),
		Err(Fault::PriceOffInterval)
	);
}

#[test]
fn energy_should_go_through_a_community() {
	let network = Network {
		books: vec![
			vec![(Ask, 50, 100)],
			vec![(Ask, 150, 100), (Bid, 100, 100)],
			vec![(Bid, 200, 100)],
		],
		links: vec![line(0, (0, 1), 0, 100, 1), line(1, (1, 2), 0, 100, 1)],
	};
	let flows = [(0, 100), (1, 100)];
	let worth = (200 - 50 - 2) * 100;
	assert_eq!(
		gain(&network, &flows, &[(0, 50), (1, 120), (2, 200)]),
		Ok(worth)
	);
	// It would have sold at 151, and bought at 99.
	for through in [151, 99] {
		let prices = [(0, 50), (1, through), (2, 200)];
		assert_eq!(
			gain(&network, &flows, &prices),
			Err(Fault::PriceOffInterval)
		);
	}
}

#[test]
fn sending_back_and_forth_should_gain_nothing() {
	let network = Network {
		books: vec![
			vec![(Ask, 50, 100), (Bid, 60, 100)],
			vec![(Ask, 50, 100), (Bid, 60, 100)],
		],
		links: vec![line(0, (0, 1), 0, 100, 0), line(1, (1, 0), 0, 100, 0)],
	};
	assert_eq!(
		gain(&network, &[(0, 10), (1, 10)], &[(0, 55), (1, 55)]),
		Ok(0)
	);
}
