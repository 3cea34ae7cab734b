//! # The gateway
//!
//! Between meters and chain: devices post signed readings, the gateway syncs them to disk before it
//! acknowledges them, off-chain workers fetch them page by page, and what the chain has finalised is
//! deleted. `docs/gateway.md` is the contract with devices and operators.
//!
//! The gateway holds no key and decides nothing: it checks signatures to keep junk out of its store,
//! the chain checks them again.
//!
//! The other way it tells devices what the chain commands ([`command`]): from finalised blocks over HTTP, and
//! over an MQTT broker by `gridweave-gateway mqtt`.
//!
//! What the chain flags about meters goes to a webhook and an MQTT broker ([`alerts`]).
//!
//! Beside meters that cannot sign, the edge signer does ([`edge`]): it reads their protocols ([`inlets`]),
//! holds their keys and posts what it signed to a gateway. `docs/meters.md` says how to connect a meter.

pub mod alerts;
pub mod command;
pub mod edge;
pub mod inlets;
pub mod server;

/// Waits for SIGINT or SIGTERM.
pub(crate) async fn interrupted() -> std::io::Result<()> {
	use tokio::signal::unix::{signal, SignalKind};
	let mut terminate = signal(SignalKind::terminate())?;
	tokio::select! {
		interrupted = tokio::signal::ctrl_c() => interrupted,
		_ = terminate.recv() => Ok(()),
	}
}
