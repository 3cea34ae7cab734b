//! # The market journal
//!
//! What the market did in a range of blocks, as [records](record) in the order of happening. With it anybody
//! can recompute the market, to the planck, without the chain: inputs are replayed, outcomes compared. The
//! program `gridweave-journal` writes them as JSON lines; `docs/journal.md` explains each.
//!
//! | module | holds |
//! |---|---|
//! | [`record`] | the records: plain data that needs nothing of the chain's code |
//! | [`opening`](mod@opening) | the state that a journal begins with |
//! | [`convert`] | a block's events as records |
//! | [`state`] | where both read what events do not tell |
//!
//! A journal is [`opening()`] of the state before the first block, and then [`records()`] of each block. Both
//! are functions of what they are given, nothing else: whether that comes from a node or from externalities of
//! a test.

pub mod convert;
pub mod opening;
pub mod record;
pub mod state;

mod parts;

pub use convert::{records, Block, Event};
pub use opening::opening;
pub use record::{Line, Record, Role};
pub use state::{Error, Snapshot, State};
