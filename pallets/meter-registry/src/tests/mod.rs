//! One file per concern.

mod api;
mod authorize;
mod booking;
mod conservation;
mod deposits;
mod energy;
mod history;
mod keys;
mod lifecycle;
mod onboarding;
mod owners;
mod periods;
mod pruning;
mod quality;
mod ratings;
mod readings;
mod relay;
