//! Tests, one file per concern.

mod calls;
mod genesis;
mod opening;
mod properties;
mod pruning;
