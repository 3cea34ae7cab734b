//! What readings weigh, put together from measured parts. Each part is measured alone: together, the noise of
//! the dear ones would hide the cheap ones.

use frame_support::weights::Weight;
use gridweave_primitives::traits::OnReading;

use crate::{Config, WeightInfo};

/// What a call's readings touch.
pub struct Load {
	/// Readings that change hot storage only.
	pub regular: u32,
	/// Other readings.
	pub irregular: u32,
	/// Pages of meters.
	pub pages: u32,
	/// Pages of energy.
	pub spans: u32,
}

/// What `of` weighs beyond nothing of it.
fn beyond(of: impl Fn(u32) -> Weight, n: u32) -> Weight {
	of(n).saturating_sub(of(0))
}

/// Booking readings, without what is corrected.
pub fn intake<T: Config>(load: Load) -> Weight {
	T::WeightInfo::submit_pages(load.pages)
		.saturating_add(beyond(T::WeightInfo::submit_regular, load.regular))
		.saturating_add(beyond(T::WeightInfo::submit_irregular, load.irregular))
		.saturating_add(beyond(T::WeightInfo::submit_spans, load.spans))
}

/// Looking readings up and checking their signatures.
pub fn review<T: Config>(readings: u32, pages: u32) -> Weight {
	T::WeightInfo::authorize_pages(pages)
		.saturating_add(beyond(T::WeightInfo::authorize_readings, readings))
}

/// All that readings weigh which come as expected and give no cause for a flag: each of another meter, on
/// `pages` pages, all in one period.
pub fn punctual<T: Config>(readings: u32, pages: u32) -> Weight {
	intake::<T>(Load {
		regular: readings,
		irregular: 0,
		pages,
		spans: pages,
	})
	.saturating_add(review::<T>(readings, pages))
	.saturating_add(T::Readings::weight(pages, readings))
}
