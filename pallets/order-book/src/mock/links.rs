//! Other communities, and links to them.

use gridweave_primitives::{
	link::{LinkTerms, OpenLink},
	traits::LinkInspect,
	LinkId, MeterId, MicrogridId, Period, Price, WattHours,
};
use sp_runtime::Permill;

use super::{AccountId, MaxLinks, OpenLinks, Tables};

impl LinkInspect<AccountId> for Tables {
	fn most() -> u32 {
		MaxLinks::get()
	}

	fn links_into(microgrid: MicrogridId, _: Period) -> Vec<OpenLink<AccountId>> {
		let links = OpenLinks::get().into_iter();
		links.filter(|link| link.terms.to == microgrid).collect()
	}

	fn links_out_of(microgrid: MicrogridId, _: Period) -> Vec<OpenLink<AccountId>> {
		let links = OpenLinks::get().into_iter();
		links.filter(|link| link.terms.from == microgrid).collect()
	}
}

/// The operator of all links of the mock.
pub const LINK_OPERATOR: AccountId = 98;
/// Other communities, and meters of Alice and Carol in the first and of Bob in the second.
pub const NORTH: MicrogridId = MicrogridId(1);
pub const SOUTH: MicrogridId = MicrogridId(2);
pub const NORTHS: MeterId = MeterId(20);
pub const NORTHS_OTHER: MeterId = MeterId(21);
pub const SOUTHS: MeterId = MeterId(22);

/// A link of the mock: 5 % of what is sent are lost, at most 5 kWh are sent, the wheeling fee is 2 units, and
/// at least 10 Wh are received.
pub fn link(id: u32, from: MicrogridId, to: MicrogridId) -> OpenLink<AccountId> {
	OpenLink {
		id: LinkId(id),
		terms: LinkTerms {
			from,
			to,
			loss: Permill::from_percent(5),
			capacity: WattHours(5_000),
			wheeling_fee: Price(2),
			min_quantity: WattHours(10),
		},
		operator: LINK_OPERATOR,
	}
}

/// Opens links for all periods.
pub fn connect(links: impl IntoIterator<Item = OpenLink<AccountId>>) {
	OpenLinks::mutate(|open| open.extend(links));
}
