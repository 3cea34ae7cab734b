//! The methods `anomalies_*`. Every one that is not a subscription takes the hash of a block as its last
//! argument: without it, it answers for the best one.

use std::sync::Arc;

use gridweave_primitives::{MeterId, MicrogridId};
use gridweave_runtime::Hash;
use jsonrpsee::{
	core::{async_trait, RpcResult, SubscriptionResult},
	proc_macros::rpc,
	types::{ErrorCode, ErrorObjectOwned},
	PendingSubscriptionSink,
};
use pallet_anomaly_flags::{runtime_api::AnomalyFlagsApi, Kind};
use serde_json::Value;
use sp_api::ProvideRuntimeApi;
use sp_blockchain::HeaderBackend;

use super::{render, Anomalies, FLAGS};
use crate::answers::{self, failed};

/// Meters that lie.
#[rpc(server)]
pub trait AnomaliesApi {
	/// The flags of a community that stand: `flags`, by meter and kind, from `from` (meter and kind) on, at most
	/// `limit` (100, at most 1,000); and `next`, from where on to ask for more, null if there are none. An
	/// answer may be short, or empty, before the last.
	#[method(name = "anomalies_openFlags", blocking)]
	fn open_flags(
		&self,
		microgrid: MicrogridId,
		from: Option<(MeterId, String)>,
		limit: Option<u32>,
		at: Option<Hash>,
	) -> RpcResult<Value>;

	/// All flags of a meter that are remembered, at most one of each kind.
	#[method(name = "anomalies_history", blocking)]
	fn history(&self, meter: MeterId, at: Option<Hash>) -> RpcResult<Vec<Value>>;

	/// Since when a meter is under quarantine, and which kinds of flags cause it. Null if it is not.
	#[method(name = "anomalies_quarantine", blocking)]
	fn quarantine(&self, meter: MeterId, at: Option<Hash>) -> RpcResult<Option<Value>>;

	/// Of whom unmetered energy of a community may be missing: `suspects`, the first first, with how much a day
	/// (Wh); whether the feeder's `alarm` stands; whether its losses are `calibrated`.
	#[method(name = "anomalies_suspects", blocking)]
	fn suspects(&self, microgrid: MicrogridId, at: Option<Hash>) -> RpcResult<Value>;

	/// What analysts found about a meter that is not decided on: who, what, the hash of the evidence.
	#[method(name = "anomalies_findings", blocking)]
	fn findings(&self, meter: MeterId, at: Option<Hash>) -> RpcResult<Vec<Value>>;

	/// The flags of a community that stand, as `anomalies_openFlags` tells the first 100: now, and after every
	/// best block in which they have changed.
	#[subscription(
		name = "anomalies_subscribeFlags" => "anomalies_flags",
		unsubscribe = "anomalies_unsubscribeFlags",
		item = Value
	)]
	async fn subscribe_flags(&self, microgrid: MicrogridId) -> SubscriptionResult;
}

/// Answers from the node's client.
pub struct AnomaliesRpc(Arc<Anomalies>);

/// A place in the list of flags.
fn place((meter, kind): (MeterId, String)) -> RpcResult<(MeterId, Kind)> {
	let found = render::kind_of(&kind);
	found.map(|kind| (meter, kind)).ok_or_else(|| {
		let message = format!("{kind:?} is no kind of flag");
		ErrorObjectOwned::owned(ErrorCode::InvalidParams.code(), message, None::<()>)
	})
}

impl AnomaliesRpc {
	/// Answers for these.
	pub fn new(anomalies: Arc<Anomalies>) -> Self {
		Self(anomalies)
	}

	fn at(&self, at: Option<Hash>) -> Hash {
		at.unwrap_or_else(|| self.0.client.info().best_hash)
	}
}

#[async_trait]
impl AnomaliesApiServer for AnomaliesRpc {
	fn open_flags(
		&self,
		microgrid: MicrogridId,
		from: Option<(MeterId, String)>,
		limit: Option<u32>,
		at: Option<Hash>,
	) -> RpcResult<Value> {
		let from = from.map(place).transpose()?;
		let limit = limit.unwrap_or(FLAGS);
		let page = self.0.open_flags(self.at(at), microgrid, from, limit);
		page.map_err(failed)
	}

	fn history(&self, meter: MeterId, at: Option<Hash>) -> RpcResult<Vec<Value>> {
		let flags = self.0.client.runtime_api().history(self.at(at), meter);
		Ok(flags.map_err(failed)?.iter().map(render::flag).collect())
	}

	fn quarantine(&self, meter: MeterId, at: Option<Hash>) -> RpcResult<Option<Value>> {
		let isolation = self.0.client.runtime_api().quarantine(self.at(at), meter);
		Ok(isolation.map_err(failed)?.as_ref().map(render::quarantine))
	}

	fn suspects(&self, microgrid: MicrogridId, at: Option<Hash>) -> RpcResult<Value> {
		let suspects = self.0.client.runtime_api().suspects(self.at(at), microgrid);
		Ok(render::suspects(&suspects.map_err(failed)?))
	}

	fn findings(&self, meter: MeterId, at: Option<Hash>) -> RpcResult<Vec<Value>> {
		let findings = self.0.client.runtime_api().findings(self.at(at), meter);
		let findings = findings.map_err(failed)?;
		Ok(findings
			.iter()
			.map(|found| render::finding(meter, found))
			.collect())
	}

	async fn subscribe_flags(
		&self,
		pending: PendingSubscriptionSink,
		microgrid: MicrogridId,
	) -> SubscriptionResult {
		let (anomalies, at) = (self.0.clone(), self.at(None));
		let look = move || {
			let seen = anomalies.seen_flags(at, microgrid)?;
			anomalies.flags.show_first(&microgrid, seen);
			Ok(())
		};
		let latest = self.0.flags.watch(microgrid);
		answers::subscribe(pending, latest, look, Value::clone).await
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_kind_that_is_none_should_be_refused() {
		let good = place((MeterId(3), "silent".to_owned()));
		assert_eq!(good.ok(), Some((MeterId(3), Kind::Silent)));
		let bad = place((MeterId(3), "Silent".to_owned()));
		assert_eq!(bad.err().map(|error| error.code()), Some(-32_602));
	}
}
