//! Conservation: whatever comes in which order, no energy is lost or counted twice.

use std::collections::BTreeMap;

use gridweave_primitives::{
	traits::{MeteredEnergy, SettlementClock},
	Period,
};
use proptest::prelude::*;

use crate::{
	energy::Span,
	freshness::Moment,
	mock::*,
	pages,
	witness::{touched, Touched},
	EnergyPages,
};

#[derive(Clone, Debug)]
enum Step {
	/// Time passes, in seconds.
	Wait(u64),
	/// A device's reading of so many seconds ago comes in, after so much energy.
	Read {
		device: usize,
		ago: u64,
		import: u64,
		export: u64,
	},
	/// Settlement closes the next frozen period.
	Close,
	/// What may be pruned is.
	Prune,
	/// A device's meter is retired.
	Retire(usize),
	/// A device's meter changes owner.
	Transfer(usize),
}

fn step() -> impl Strategy<Value = Step> {
	prop_oneof![
		3 => (1u64..3_000).prop_map(Step::Wait),
		4 => (0usize..2, 0u64..6_000, 0u64..900, 0u64..900)
			.prop_map(|(device, ago, import, export)| Step::Read { device, ago, import, export }),
		3 => Just(Step::Close),
		1 => Just(Step::Prune),
		1 => (0usize..2, 0u8..4).prop_map(|(device, luck)| match luck {
			0 => Step::Retire(device),
			_ => Step::Transfer(device),
		}),
	]
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(200))]

	/// Whatever comes in which order: what was settled, what is booked on periods not yet settled, and
	/// what was corrected add up to what the registers advanced, less what is still estimated. And what
	/// was settled never changes. A meter is freed when all of its energy is settled, no earlier; and no
	/// reading calls for more corrections than its witness counts.
	#[test]
	fn settled_booked_and_corrected_energy_should_be_what_registers_show(
		steps in prop::collection::vec(step(), 1..120),
		max_span in prop_oneof![2u32..8, Just(96u32)],
	) {
		let mut outcome = Ok(());
		run(|| {
			MaxSpan::set(max_span);
			outcome = replay(steps);
		});
		outcome?;
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(30))]

	/// Batches of different meters may come in any order.
	#[test]
	fn the_order_of_batches_should_not_matter(
		readings in prop::collection::vec((0usize..3, 1u64..2_000, 0u64..500), 1..40),
		order in any::<prop::sample::Index>(),
	) {
		// The same readings: in order of time, and one meter after the other, beginning anywhere.
		let mut sequence = [(0u64, T0, 0u64); 3];
		let mut all = Vec::new();
		for (meter, seconds, import) in readings {
			let last = &mut sequence[meter];
			*last = (last.0 + 1, last.1 + seconds, last.2 + import);
			all.push((meter, last.0, last.1, last.2));
		}
		let mut by_meter = all.clone();
		by_meter.sort_by_key(|(meter, ..)| (meter + order.index(3)) % 3);
		let play = |readings: &[(usize, u64, u64, u64)]| {
			let mut end = Vec::new();
			run(|| {
				settle_before(P0);
				let devices: Vec<_> = (0..3).map(admitted).collect();
				set_now(T0 + 50 * L);
				for (meter, sequence, at, import) in readings {
					let id = devices[*meter].id;
					bring_unsigned(vec![reading(id, *sequence, *at, *import, 0)]);
				}
				end = devices.iter().map(|device| {
					let periods: Vec<_> = (0..60).map(|n| Registry::metered(device.id, P0.saturating_add(n))).collect();
					(Registry::latest(device.id), periods)
				}).collect();
			});
			end
		};
		prop_assert_eq!(play(&all), play(&by_meter));
	}
}

#[derive(Default)]
struct Book {
	sequence: u64,
	last: u64,
	registers: (u64, u64),
	settled: BTreeMap<u32, (u64, u64)>,
	corrected: (i64, i64),
	retired: Option<u64>,
	freed: bool,
}

fn replay(steps: Vec<Step>) -> Result<(), TestCaseError> {
	settle_before(P0);
	let devices = [admitted(1), admitted(2)];
	let mut books = [Book::default(), Book::default()];
	let mut closing = 0u32;
	for step in steps {
		let mut corrected = Vec::new();
		match step {
			Step::Wait(seconds) => set_now(Now::get() + seconds),
			Step::Prune => {
				let open = [0, 1].map(|n| is_open(&devices[n], &books[n], closing));
				prune();
				for meter in freed() {
					let slot = meter.slot() as usize;
					prop_assert!(
						books[slot].retired.is_some() && !open[slot],
						"energy was left"
					);
					books[slot].freed = true;
				}
			}
			Step::Retire(device) if books[device].retired.is_some() => {}
			Step::Retire(device) => {
				let meter = devices[device].id;
				Registry::retire_meter(RuntimeOrigin::signed(OPERATOR), meter).unwrap();
				books[device].retired = Some(Now::get());
				books[device].freed = !freed().is_empty();
				prop_assert_eq!(books[device].freed, books[device].sequence == 0);
			}
			Step::Transfer(device) if books[device].retired.is_some() => {}
			Step::Transfer(device) => {
				let meter = devices[device].id;
				let from = Registry::api_meter(meter).unwrap().owner;
				let to = if from == ALICE { BOB } else { ALICE };
				Registry::offer_meter(RuntimeOrigin::signed(from), meter, Some(to)).unwrap();
				Registry::accept_meter(RuntimeOrigin::signed(to), meter).unwrap();
			}
			Step::Close if !Clock::is_frozen_at(closing) => {}
			Step::Close => {
				let period = P0.saturating_add(closing);
				for (meter, energy) in Registry::close_page(HERE, 0, period) {
					let settled = (energy.import.0, energy.export.0);
					books[meter.slot() as usize]
						.settled
						.insert(closing, settled);
				}
				closing += 1;
				settle_before(P0.saturating_add(closing));
			}
			Step::Read {
				device,
				ago,
				import,
				export,
			} => {
				let book = &mut books[device];
				let at = (Now::get() - ago.min(Now::get() - T0)).max(book.last + 1);
				if at > Now::get() || book.retired.is_some() {
					continue;
				}
				let touched = touched_by(&devices[device], at);
				let before = energy_pages();
				book.sequence += 1;
				book.last = at;
				book.registers.0 += import;
				book.registers.1 += export;
				bring_unsigned(vec![reading(
					devices[device].id,
					book.sequence,
					at,
					book.registers.0,
					book.registers.1,
				)]);
				corrected = corrections();
				let (corrections, periods) = touched.map_or((0, Vec::new()), |touched| {
					(touched.corrections, touched.periods().collect())
				});
				prop_assert!(
					corrected.len() <= corrections as usize,
					"beyond the witness"
				);
				for (key, page) in energy_pages() {
					let changed = before.get(&key) != Some(&page);
					prop_assert!(!changed || periods.contains(&key), "beyond the witness");
				}
			}
		}
		for (meter, _, correction) in corrected {
			let book = &mut books[meter.slot() as usize];
			book.corrected.0 += correction.import;
			book.corrected.1 += correction.export;
		}
		for (device, book) in devices.iter().zip(&books) {
			check(device, book, closing)?;
		}
	}
	Ok(())
}

/// Whether a meter has energy that is not settled, or will have some.
fn is_open(device: &Device, book: &Book, closing: u32) -> bool {
	let open = P0.saturating_add(closing);
	book.retired
		.is_some_and(|at| Clock::clock().period_before(at) >= open)
		|| EnergyPages::<Test>::iter().any(|((_, period), page)| {
			period.get() >= open.0 && page.meters.get(device.id.slot()).is_some()
		})
}

/// The energy that is stored, by period: all devices are on one page.
fn energy_pages() -> BTreeMap<Period, crate::EnergyPage> {
	EnergyPages::<Test>::iter()
		.map(|((_, period), page)| (Period(period.get()), page))
		.collect()
}

/// What the witness counts for a reading of a device captured at `until`.
fn touched_by(device: &Device, until: u64) -> Option<Touched> {
	let page = pages::latest_page::<Test>(device.id.page())?;
	let latest = page.meters.get(device.id.slot())?;
	let span = Span {
		from: latest.captured_at,
		until,
	};
	let moment = Moment::read::<Test>();
	Some(touched(&moment, span, page.kept_from, MaxSpan::get()))
}

fn check(device: &Device, book: &Book, closing: u32) -> Result<(), TestCaseError> {
	let Some(latest) = Registry::latest(device.id) else {
		prop_assert!(book.freed || book.sequence == 0);
		return Ok(());
	};
	let mut import = i128::from(book.corrected.0) - i128::from(latest.pruned_estimate.0);
	let mut export = i128::from(book.corrected.1);
	for (settled_import, settled_export) in book.settled.values() {
		import += i128::from(*settled_import);
		export += i128::from(*settled_export);
	}
	for ((_, period), page) in EnergyPages::<Test>::iter() {
		let n = period.get() - P0.0;
		let Some(entry) = page.meters.get(device.id.slot()) else {
			continue;
		};
		import -= i128::from(entry.outstanding.0);
		if n < closing {
			prop_assert_eq!(
				book.settled.get(&n),
				Some(&(entry.import.0, entry.export.0)),
				"what was settled changed"
			);
		} else {
			import += i128::from(entry.import.0);
			export += i128::from(entry.export.0);
		}
	}
	prop_assert_eq!(import, i128::from(latest.imported.0));
	prop_assert_eq!(export, i128::from(latest.exported.0));
	Ok(())
}
