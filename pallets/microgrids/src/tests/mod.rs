//! Tests, one file per concern.

mod calls;
mod genesis;
mod links;
mod opening;
mod properties;
mod pruning;
