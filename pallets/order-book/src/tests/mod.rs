//! One file per concern.

mod availability;
mod batch;
mod gate;
mod matching;
mod open_orders;
mod placing;
mod reference;
mod removals;
mod views;
