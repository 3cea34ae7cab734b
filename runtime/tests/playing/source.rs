//! Bytes that decide.

/// Bytes, read from the first to the last.
pub struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
	pub fn new(bytes: &'a [u8]) -> Self {
		Self(bytes)
	}

	/// The next byte, if there is one.
	pub fn next(&mut self) -> Option<u8> {
		let (first, rest) = self.0.split_first()?;
		self.0 = rest;
		Some(*first)
	}

	/// The next byte; zeros follow the last.
	pub fn byte(&mut self) -> u8 {
		self.next().unwrap_or(0)
	}

	/// A number below `bound`, which is not zero.
	pub fn below(&mut self, bound: usize) -> usize {
		usize::from(self.byte()) % bound
	}

	/// One of these.
	pub fn one_of<T: Copy>(&mut self, choice: &[T]) -> T {
		choice[self.below(choice.len())]
	}

	/// A number of so many bytes.
	pub fn number(&mut self, bytes: usize) -> u128 {
		(0..bytes).fold(0, |number, _| number << 8 | u128::from(self.byte()))
	}
}
