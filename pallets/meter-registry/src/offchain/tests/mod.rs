//! The worker against a scripted world: gateways good and hostile, a pool, a virtual clock.

mod batches;
mod forks;
mod gateways;
mod lock;
mod pool;
mod readings;
mod servers;
mod sharing;
mod state;
mod time;
mod work;
mod world;
