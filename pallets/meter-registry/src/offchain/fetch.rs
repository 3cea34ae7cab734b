//! A page from a gateway: in bounded time, of bounded size, and in order.

use alloc::{format, string::String, vec, vec::Vec};

use codec::{Decode, DecodeAll, Encode};
use gridweave_primitives::reading::{ReadingPage, MAX_PAGE_BYTES, MAX_PAGE_READINGS};
use sp_core::offchain::{HttpError, Timestamp};
use sp_runtime::offchain::http::{Error as HttpFailure, PendingRequest, Request, Response};

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

/// A request that is on its way.
pub struct Asked {
	pending: PendingRequest,
	epoch: Option<u64>,
	after: u64,
}

/// An answer whose body is still to be read.
pub struct Answer {
	response: Response,
	epoch: Option<u64>,
	after: u64,
}

/// Asks for the readings after an offset of an epoch, without waiting for them. If the page is of another
/// epoch, it begins with the oldest reading there.
pub fn ask(
	base: &[u8],
	epoch: Option<u64>,
	after: u64,
	deadline: Timestamp,
) -> Result<Asked, FetchError> {
	let base = core::str::from_utf8(base).map_err(|_| FetchError::BadUrl)?;
	let pending = Request::get(&url(base, epoch, after))
		.deadline(deadline)
		.send()
		.map_err(failure)?;
	Ok(Asked {
		pending,
		epoch,
		after,
	})
}

/// Waits until all have answered, or time is over.
pub fn answers(
	asked: Vec<Result<Asked, FetchError>>,
	deadline: Timestamp,
) -> Vec<Result<Answer, FetchError>> {
	let mut requests = Vec::with_capacity(asked.len());
	let mut questions = Vec::with_capacity(asked.len());
	for asked in asked {
		questions.push(asked.map(|asked| {
			requests.push(asked.pending);
			(asked.epoch, asked.after)
		}));
	}
	let mut outcomes = PendingRequest::try_wait_all(requests, deadline).into_iter();
	let mut answer = |(epoch, after)| match outcomes.next() {
		None | Some(Err(_)) | Some(Ok(Err(HttpFailure::DeadlineReached))) => Err(FetchError::Slow),
		Some(Ok(Err(_))) => Err(FetchError::Unreachable),
		Some(Ok(Ok(response))) if response.code != 200 => Err(FetchError::Status(response.code)),
		Some(Ok(Ok(response))) => Ok(Answer {
			response,
			epoch,
			after,
		}),
	};
	questions
		.into_iter()
		.map(|question| question.and_then(&mut answer))
		.collect()
}

impl Asked {
	/// Waits for the page.
	pub fn page(self, deadline: Timestamp) -> Result<ReadingPage, FetchError> {
		let answer = answers(Vec::from([Ok(self)]), deadline).pop();
		answer.unwrap_or(Err(FetchError::Slow))?.page(deadline)
	}
}

impl Answer {
	/// Reads the page.
	pub fn page(self, deadline: Timestamp) -> Result<ReadingPage, FetchError> {
		let body = read(&self.response, deadline)?;
		let page = ReadingPage::decode_all(&mut &body[..]).map_err(|_| FetchError::Garbage)?;
		if page.readings.len() > PAGE_READINGS {
			return Err(FetchError::Garbage);
		}
		let mut last = match self.epoch == Some(page.epoch) {
			true => self.after,
			false => 0,
		};
		for (offset, _) in &page.readings {
			if *offset <= last {
				return Err(FetchError::Unordered);
			}
			last = *offset;
		}
		Ok(page)
	}
}

fn url(base: &str, epoch: Option<u64>, after: u64) -> String {
	match epoch {
		Some(epoch) => {
			format!("{base}/v1/readings?after={after}&epoch={epoch}&limit={MAX_PAGE_READINGS}")
		}
		None => format!("{base}/v1/readings?after={after}&limit={MAX_PAGE_READINGS}"),
	}
}

fn read(response: &Response, deadline: Timestamp) -> Result<Vec<u8>, FetchError> {
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
