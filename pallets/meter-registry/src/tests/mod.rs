//! One file per concern.

mod api;
mod authorize;
mod booking;
mod conservation;
mod energy;
mod lifecycle;
mod periods;
mod pruning;
mod readings;
mod relay;
