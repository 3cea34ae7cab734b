//! The metered energy of a period that is settled.

use codec::Encode;
use gridweave_primitives::{traits::MeteredEnergy, Be32, MicrogridId, Period};
use gridweave_runtime::MeterRegistry;
use sp_state_machine::BasicExternalities;

use crate::{
	record::Metered,
	state::{decode, prefix, Error, State},
};

const PALLET: &str = "MeterRegistry";

/// What the meters of a microgrid metered in a period, once all of its pages are closed: in the order of their
/// ids. Read by the runtime's own code, from those entries of the state that it needs.
pub(crate) fn metered(
	state: &impl State,
	microgrid: MicrogridId,
	period: Period,
) -> Result<Vec<Metered>, Error> {
	let of_grid = [
		prefix(PALLET, "MicrogridPages"),
		Be32::from(microgrid).encode(),
	]
	.concat();
	let pages = state.entries(&of_grid)?;
	let mut keys = Vec::new();
	for (_, value) in &pages {
		let page = Be32::from(decode::<u32>("a page of meters", value)?).encode();
		let period = Be32::from(period).encode();
		keys.push([prefix(PALLET, "LatestPages"), page.clone()].concat());
		keys.push([prefix(PALLET, "EnergyPages"), page, period].concat());
	}
	let values = state.values(&keys)?;
	let count = u32::try_from(pages.len()).unwrap_or(u32::MAX);
	let mut loaded = BasicExternalities::default();
	for (key, value) in pages {
		loaded.insert(key, value);
	}
	for (key, value) in keys.into_iter().zip(values) {
		if let Some(value) = value {
			loaded.insert(key, value);
		}
	}
	let mut told = loaded.execute_with(|| {
		(0..count)
			.flat_map(|page| MeterRegistry::closed_page(microgrid, page, period))
			.map(|(meter, metered)| Metered {
				microgrid: microgrid.0,
				period: period.0,
				meter: meter.0,
				import: metered.import.0,
				export: metered.export.0,
				provenance: metered.provenance.into(),
			})
			.collect::<Vec<_>>()
	});
	told.sort_by_key(|metered| metered.meter);
	Ok(told)
}
