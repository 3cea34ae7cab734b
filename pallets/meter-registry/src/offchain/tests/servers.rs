//! Gateways that behave as told.

use std::sync::Arc;

use codec::Encode;
use gridweave_primitives::reading::{ReadingPage, SignedReading, MAX_PAGE_READINGS};
use sp_core::offchain::HttpRequestStatus;

/// What a gateway makes of the offset it is asked after.
pub type Make = Arc<dyn Fn(u64) -> ReadingPage + Send + Sync>;

/// How a gateway behaves.
#[derive(Clone)]
pub enum Server {
	/// As documented: serves these readings with their offsets.
	Honest {
		epoch: u64,
		readings: Vec<(u64, SignedReading)>,
	},
	/// Always this answer.
	Fixed { status: u16, body: Vec<u8> },
	/// Status 200, and bytes for ever.
	Endless,
	/// Status 200, and now and then a byte.
	Dripping,
	/// Takes connections and says nothing.
	Silent,
	/// Not there.
	Dead,
	/// Serves the page that the function makes of the offset asked after.
	Made(Make),
}

/// Asked with these parameters.
fn parameters(url: &str) -> (u64, Option<u64>, u32) {
	let query = url.split_once('?').map_or("", |(_, query)| query);
	let get = |name: &str| {
		let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
		pairs
			.find(|(key, _)| *key == name)
			.map(|(_, value)| value.parse::<u64>().expect("number"))
	};
	let limit = get("limit").unwrap_or(MAX_PAGE_READINGS.into());
	(get("after").unwrap_or(0), get("epoch"), limit as u32)
}

impl Server {
	/// Its answer's status and body, if it has an end.
	pub fn answer(&self, url: &str) -> (HttpRequestStatus, Vec<u8>) {
		let (after, asked, limit) = parameters(url);
		let ok = HttpRequestStatus::Finished(200);
		match self {
			Self::Honest { epoch, readings } => {
				let after = if asked.is_none_or(|asked| asked == *epoch) {
					after
				} else {
					0
				};
				let readings = readings.iter().filter(|(offset, _)| *offset > after);
				let readings = readings.take(limit as usize).cloned().collect();
				(
					ok,
					ReadingPage {
						epoch: *epoch,
						readings,
					}
					.encode(),
				)
			}
			Self::Made(make) => (ok, make(after).encode()),
			Self::Fixed { status, body } => (HttpRequestStatus::Finished(*status), body.clone()),
			Self::Endless | Self::Dripping => (ok, vec![]),
			Self::Silent => (HttpRequestStatus::DeadlineReached, vec![]),
			Self::Dead => (HttpRequestStatus::IoError, vec![]),
		}
	}
}
