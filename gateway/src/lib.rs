//! # The gateway
//!
//! Between meters and chain: devices post signed readings, the gateway syncs them to disk before it
//! acknowledges them, off-chain workers fetch them page by page, and what the chain has finalised is
//! deleted. `docs/gateway.md` is the contract with devices and operators.
//!
//! The gateway holds no key and decides nothing: it checks signatures to keep junk out of its store,
//! the chain checks them again.

pub mod server;
