//! What clients may ask.

use alloc::vec::Vec;

use codec::Codec;
use gridweave_primitives::{microgrid::Terms, LinkId, MicrogridId, Period, PeriodClock};

use crate::types::{Link, Microgrid, PeriodRange};

sp_api::decl_runtime_apis! {
	/// Communities, the settlement clock, and the terms of periods.
	pub trait MicrogridsApi<AccountId: Codec> {
		/// The settlement clock.
		fn clock() -> PeriodClock;

		/// Chain time of the block asked at: Unix seconds, UTC.
		fn now() -> u64;

		/// The period that chain time lies in.
		fn current_period() -> Period;

		/// How many microgrids there are; their ids are 0 up to this, exclusive.
		fn count() -> u32;

		/// A microgrid with the terms its next periods open with.
		fn microgrid(microgrid: MicrogridId) -> Option<Microgrid<AccountId>>;

		/// The fixed terms of a period; `None` before it opens and after it is pruned.
		fn terms(microgrid: MicrogridId, period: Period) -> Option<Terms>;

		/// Which periods have opened and are still kept; `None` before the first one opens.
		fn open_periods(microgrid: MicrogridId) -> Option<PeriodRange>;

		/// A link, proposed ones as well; `None` if it is gone.
		fn link(link: LinkId) -> Option<Link<AccountId>>;

		/// The links into a microgrid and out of it that both sides have agreed to, closed ones until their
		/// last period is pruned.
		fn links(microgrid: MicrogridId) -> Vec<(LinkId, Link<AccountId>)>;
	}
}
