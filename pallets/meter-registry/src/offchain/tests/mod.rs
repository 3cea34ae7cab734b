//! The worker against a scripted world: gateways good and hostile, a pool, a virtual clock.

mod batches;
mod gateways;
mod readings;
mod sharing;
mod state;
mod work;
mod world;
