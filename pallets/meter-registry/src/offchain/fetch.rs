//! A page from a gateway: in bounded time, of bounded size, and in order.

use alloc::{format, string::String, vec, vec::Vec};

use codec::{Decode, DecodeAll, Encode};
use gridweave_primitives::reading::{ReadingPage, MAX_PAGE_BYTES, MAX_PAGE_READINGS};
use sp_core::offchain::{HttpError, Timestamp};
use sp_runtime::offchain::http::{Error as HttpFailure, Request};

/// Readings asked for: a page with fewer is the last one.
pub const PAGE_READINGS: usize = MAX_PAGE_READINGS as usize;
/// Bytes read at a time.
const CHUNK: usize = 16 * 1024;

/// Why a gateway gave no page.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum FetchError {
	/// Its URL is no URL.
	BadUrl,
	/// It cannot be reached, or hung up.
	Unreachable,
	/// It took too long.
	Slow,
	/// It answered with another status than 200.
	Status(u16),
	/// Its answer is longer than a page may be.
	Endless,
	/// Its answer is no page.
	Garbage,
	/// Offsets do not ascend, or were not asked for.
	Unordered,
}

/// For the log, after the gateway's name.
impl core::fmt::Display for FetchError {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		match self {
			Self::BadUrl => f.write_str("has a URL that is none"),
			Self::Unreachable => f.write_str("cannot be reached"),
			Self::Slow => f.write_str("takes too long"),
			Self::Status(status) => write!(f, "answers with status {status}"),
			Self::Endless => f.write_str("answers more than a page may be long"),
			Self::Garbage => f.write_str("answers garbage"),
			Self::Unordered => f.write_str("serves readings out of order"),
		}
	}
}

/// The readings after an offset of an epoch. If the page is of another epoch, it begins with the oldest
/// reading there.
pub fn page(
	base: &[u8],
	epoch: Option<u64>,
	after: u64,
	deadline: Timestamp,
) -> Result<ReadingPage, FetchError> {
	let base = core::str::from_utf8(base).map_err(|_| FetchError::BadUrl)?;
	let body = get(&url(base, epoch, after), deadline)?;
	let page = ReadingPage::decode_all(&mut &body[..]).map_err(|_| FetchError::Garbage)?;
	if page.readings.len() > PAGE_READINGS {
		return Err(FetchError::Garbage);
	}
	let first = if epoch == Some(page.epoch) { after } else { 0 };
	let mut last = first;
	for (offset, _) in &page.readings {
		if *offset <= last {
			return Err(FetchError::Unordered);
		}
		last = *offset;
	}
	Ok(page)
}

fn url(base: &str, epoch: Option<u64>, after: u64) -> String {
	match epoch {
		Some(epoch) => {
			format!("{base}/v1/readings?after={after}&epoch={epoch}&limit={MAX_PAGE_READINGS}")
		}
		None => format!("{base}/v1/readings?after={after}&limit={MAX_PAGE_READINGS}"),
	}
}

fn get(url: &str, deadline: Timestamp) -> Result<Vec<u8>, FetchError> {
	let pending = Request::get(url)
		.deadline(deadline)
		.send()
		.map_err(failure)?;
	let response = match pending.try_wait(deadline) {
		Err(_) => return Err(FetchError::Slow),
		Ok(Err(HttpFailure::DeadlineReached)) => return Err(FetchError::Slow),
		Ok(Err(_)) => return Err(FetchError::Unreachable),
		Ok(Ok(response)) => response,
	};
	if response.code != 200 {
		return Err(FetchError::Status(response.code));
	}
	let mut body = Vec::new();
	let mut chunk = vec![0u8; CHUNK];
	loop {
		let read =
			sp_io::offchain::http_response_read_body(response.id, &mut chunk, Some(deadline))
				.map_err(failure)?;
		let read = usize::try_from(read).unwrap_or(usize::MAX);
		match chunk.get(..read) {
			Some([]) => return Ok(body),
			Some(bytes) if body.len().saturating_add(bytes.len()) <= MAX_PAGE_BYTES as usize => {
				body.extend_from_slice(bytes)
			}
			// One that drips for ever is stopped by the deadline, one that gushes here.
			_ => return Err(FetchError::Endless),
		}
	}
}

fn failure(error: HttpError) -> FetchError {
	match error {
		HttpError::DeadlineReached => FetchError::Slow,
		HttpError::IoError | HttpError::Invalid => FetchError::Unreachable,
	}
}
