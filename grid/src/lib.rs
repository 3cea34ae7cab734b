//! # Grid folders
//!
//! Real communities as data: who is connected where, what they take and give every quarter of an hour of a year,
//! and the wires between them. `data/simbench/README.md` describes the format; any folder in it will do.
//!
//! The [fleet](../gridweave_gateway/index.html) replays them against a real chain, the simulation runs them through
//! the pallets in process.

pub mod calendar;
pub mod flex;
pub mod grid;
pub mod profiles;
pub mod wires;
