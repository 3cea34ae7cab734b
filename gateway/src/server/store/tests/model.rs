//! The store against a model that says naively what it should do.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
	Post(Vec<(u32, u64, bool)>),
	/// From now on readings are checked with the key of this number.
	Rotate(u8),
	Finalise(u32, u64),
	/// The oldest so many.
	Expire(usize),
	Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
	let post = proptest::collection::vec((0u32..3, 0u64..12, any::<bool>()), 1..8);
	proptest::collection::vec(
		prop_oneof![
			6 => post.prop_map(Step::Post),
			3 => (0u32..3, 0u64..12).prop_map(|(meter, sequence)| Step::Finalise(meter, sequence)),
			2 => (1usize..6).prop_map(Step::Expire),
			1 => (0u8..4).prop_map(Step::Rotate),
			1 => Just(Step::Reopen),
		],
		1..20,
	)
}

/// What the store should hold, said naively.
#[derive(Default)]
struct Model {
	held: Vec<SignedReading>,
	/// The reading stored last, of each meter.
	last: BTreeMap<u32, SignedReading>,
	finalised: BTreeMap<u32, u64>,
	/// The newest key of each meter.
	keys: BTreeMap<u32, u8>,
}

impl Model {
	fn post(&mut self, signed: &SignedReading, key: u8) -> Outcome {
		let (meter, sequence) = (signed.reading.meter.0, signed.reading.sequence);
		match self.keys.get(&meter) {
			Some(newest) if *newest > key => return Outcome::OldKey,
			Some(newest) if *newest < key => self.drop_until(meter, u64::MAX),
			_ => {}
		}
		self.keys.insert(meter, key);
		let of_meter = self
			.held
			.iter()
			.filter(|held| held.reading.meter.0 == meter);
		let newest = of_meter.clone().map(|held| held.reading.sequence).max();
		let on_chain = self.finalised.get(&meter).copied();
		let Some(newest) = newest.max(on_chain).filter(|newest| sequence <= *newest) else {
			self.held.push(signed.clone());
			self.last.insert(meter, signed.clone());
			return Outcome::Stored;
		};
		let last = self.last.get(&meter).filter(|_| Some(sequence) <= on_chain);
		let known = of_meter
			.chain(last)
			.find(|known| known.reading.sequence == sequence);
		match known {
			Some(known) if known.reading == signed.reading => Outcome::Duplicate,
			Some(_) => Outcome::Conflict,
			None => Outcome::Stale { newest },
		}
	}

	fn drop_until(&mut self, meter: u32, sequence: u64) {
		self.held
			.retain(|held| held.reading.meter.0 != meter || held.reading.sequence > sequence);
	}
}

/// Every key is of the block of its number.
fn key(number: u8) -> Key {
	key_at(number.into(), number.into())
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(32))]

	#[test]
	fn the_store_should_do_as_its_model(steps in steps()) {
		let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
		runtime.block_on(async {
			let mut fixture = Fixture::new(LIMITS);
			let mut model = Model::default();
			let mut with = 0;
			for step in steps {
				match step {
					Step::Post(readings) => {
						let readings: Vec<_> = readings
							.into_iter()
							.map(|(meter, sequence, tampered)| {
								let mut reading = reading(meter, sequence);
								reading.status = tampered.into();
								sign_by(0, reading)
							})
							.collect();
						let expected: Vec<_> = readings.iter().map(|r| model.post(r, with)).collect();
						let readings = readings.into_iter().map(|r| (r, key(with))).collect();
						prop_assert_eq!(fixture.store.insert(readings).await.unwrap(), expected);
					},
					Step::Finalise(meter, sequence) => {
						let before = model.finalised.get(&meter).copied().unwrap_or(0);
						let sequence = sequence.max(before);
						let accepted = sequence + 1;
						fixture.store.finalise(finalised(meter, sequence, accepted)).await.unwrap();
						if model.last.contains_key(&meter) {
							model.finalised.insert(meter, sequence);
							model.drop_until(meter, sequence);
						}
					},
					Step::Expire(most) => {
						let expire = fixture.store.write(1, move |tables| tables.expire(u64::MAX, most));
						let most = most.min(model.held.len());
						prop_assert_eq!(expire.await.unwrap(), most as u64);
						model.held.drain(..most);
					},
					Step::Rotate(key) => with = key,
					Step::Reopen => fixture = fixture.reopen(LIMITS).await,
				}
				let served = page(&fixture.store, 0).await;
				let served: Vec<_> = served.readings.into_iter().map(|(_, signed)| signed).collect();
				prop_assert_eq!(&served, &model.held);
				prop_assert_eq!(fixture.metrics.stored.get(), model.held.len() as i64);
				let accepted: u64 = model.finalised.values().map(|sequence| sequence + 1).sum();
				prop_assert_eq!(fixture.metrics.accepted.get(), accepted as i64);
			}
			Ok(())
		})?;
	}
}
