//! # The market journal
//!
//! What the market did in a range of blocks, as records ([`record`]) in the order of happening.

pub mod record;
