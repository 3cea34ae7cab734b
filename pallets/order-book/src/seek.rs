//! The door to looking for what comes next in storage.
//!
//! The iterators of storage do not know where they end: they ask for the next key, whatever it belongs to,
//! and only then see that it is none of theirs. Every key deleted in this block that lies behind their last
//! one is stepped over on the way, however many there are and whosever they were. So here whoever looks for
//! entries knows how many there are, and never asks for one more.

/// At most the next `count` of `entries`. There must be as many: then each is found without running past
/// the end of them.
pub(crate) fn at_most<I: Iterator>(count: u32, mut entries: I) -> impl Iterator<Item = I::Item> {
	(0..count).map_while(move |_| {
		#[cfg(test)]
		crate::mock::Seeks::mutate(|seeks| *seeks += 1);
		entries.next()
	})
}
