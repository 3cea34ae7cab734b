//! Meters that lie, for clients: what the runtime API tells of flags, quarantine and suspects, by RPC and by
//! subscription.
//!
//! The open flags of a community that somebody watches are looked at once per best block, on a thread of its
//! own, and told if they have changed ([`board`](crate::board)).

mod render;
mod rpc;

use std::sync::Arc;

use futures::{FutureExt, StreamExt};
use gridweave_primitives::{MeterId, MicrogridId};
use gridweave_runtime::Hash;
use pallet_anomaly_flags::{runtime_api::AnomalyFlagsApi, Kind};
use sc_client_api::BlockchainEvents;
use serde_json::{json, Value};
use sp_api::{ApiError, ProvideRuntimeApi};
use sp_blockchain::HeaderBackend;

use crate::{
	board::{Board, Seen},
	service::FullClient,
};

pub use rpc::{AnomaliesApiServer, AnomaliesRpc};

const LOG: &str = "gridweave::anomalies";

/// Flags of one answer, if no number is asked for.
const FLAGS: u32 = 100;

/// The flags of how many different communities are watched at a time.
const MOST_WATCHED: usize = 128;

/// What there is to be watched, and who asks the runtime for it.
pub struct Anomalies {
	client: Arc<FullClient>,
	flags: Board<MicrogridId>,
}

impl Anomalies {
	/// Nothing is watched yet.
	pub fn new(client: Arc<FullClient>) -> Self {
		Self {
			client,
			flags: Board::new(MOST_WATCHED),
		}
	}

	/// A page of the open flags of a community, at a block.
	fn open_flags(
		&self,
		at: Hash,
		microgrid: MicrogridId,
		from: Option<(MeterId, Kind)>,
		limit: u32,
	) -> Result<Value, ApiError> {
		let api = self.client.runtime_api();
		let page = api.open_flags(at, microgrid, from, limit)?;
		Ok(render::page(&page))
	}

	/// The open flags of a community as their watchers see them.
	fn seen_flags(&self, at: Hash, microgrid: MicrogridId) -> Result<Seen, ApiError> {
		let mut what = self.open_flags(at, microgrid, None, FLAGS)?;
		what["microgrid"] = json!(microgrid);
		Ok(Seen {
			hash: at,
			block: self.client.number(at).ok().flatten().unwrap_or_default(),
			what,
			last: None,
		})
	}

	/// Follows the chain, for as long as the node runs. Blocks the thread it runs on.
	pub async fn follow(self: Arc<Self>) {
		let mut imports = self.client.import_notification_stream();
		while let Some(first) = imports.next().await {
			// If looking takes longer than a block, the states between are passed over.
			let mut best = first.is_new_best.then_some(first.hash);
			while let Some(Some(next)) = imports.next().now_or_never() {
				best = next.is_new_best.then_some(next.hash).or(best);
			}
			let Some(best) = best else { continue };
			for microgrid in self.flags.watched() {
				match self.seen_flags(best, microgrid) {
					Ok(seen) => self.flags.show(&microgrid, seen),
					Err(error) => {
						log::debug!(target: LOG, "flags of {microgrid} at {best:?}: {error}")
					}
				}
			}
		}
	}
}
