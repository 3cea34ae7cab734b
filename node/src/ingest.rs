//! What the off-chain worker that brings readings tells of itself, for operators: by RPC and to Prometheus.
//! It writes that into the persistent off-chain storage at the end of each run.

use std::sync::Arc;

use codec::Decode;
use futures::StreamExt;
use gridweave_runtime::{
	ingest::{GatewayProgress, Progress, Tally, PROGRESS_KEY},
	opaque::Block,
};
use jsonrpsee::{core::RpcResult, RpcModule};
use sc_client_api::BlockchainEvents;
use serde_json::{json, Value};
use sp_core::offchain::{OffchainStorage, STORAGE_PREFIX};
use substrate_prometheus_endpoint::{
	register, Counter, Gauge, GaugeVec, Opts, PrometheusError, Registry, U64,
};

/// What the worker did in its last run; nothing if it has not run since the node was started.
fn progress(storage: &impl OffchainStorage) -> Option<Progress> {
	let stored = storage.get(STORAGE_PREFIX, PROGRESS_KEY)?;
	Progress::decode(&mut &stored[..]).ok()
}

/// The method `meters_ingestStatus`.
pub fn methods<S: OffchainStorage + 'static>(
	storage: Option<S>,
) -> Result<RpcModule<Option<S>>, jsonrpsee::core::RegisterMethodError> {
	let mut module = RpcModule::new(storage);
	module.register_method("meters_ingestStatus", |_, storage, _| {
		let progress = storage.as_ref().and_then(progress);
		RpcResult::Ok(progress.as_ref().map(status))
	})?;
	Ok(module)
}

fn status(progress: &Progress) -> Value {
	let Tally {
		submitted,
		batches,
		refused,
		landed,
		expired,
		stale,
		unknown,
		bad_signature,
		future,
	} = progress.tally;
	json!({
		"block": progress.block,
		"readingsInFlight": progress.in_flight,
		"batchesInFlight": progress.batches_in_flight,
		"lastRun": {
			"submittedReadings": submitted,
			"submittedBatches": batches,
			"refusedBatches": refused,
			"landedReadings": landed,
			"expiredBatches": expired,
			"skipped": {
				"stale": stale,
				"unknownMeter": unknown,
				"badSignature": bad_signature,
				"future": future,
			},
		},
		"gateways": progress.gateways.iter().map(gateway).collect::<Vec<_>>(),
	})
}

fn gateway(gateway: &GatewayProgress) -> Value {
	json!({
		"url": url(gateway),
		"cursor": gateway.cursor,
		"waiting": gateway.waiting,
		"oldestWaitingBlocks": gateway.oldest,
		"failures": gateway.failures,
		"error": gateway.error.as_ref().map(ToString::to_string),
		"lastSuccessBlock": gateway.succeeded,
	})
}

fn url(gateway: &GatewayProgress) -> String {
	String::from_utf8_lossy(&gateway.url).into_owned()
}

/// The same for Prometheus. All names begin with `gridweave_ingest_`.
pub struct Metrics {
	submitted_readings: Counter<U64>,
	submitted_batches: Counter<U64>,
	landed_readings: Counter<U64>,
	expired_batches: Counter<U64>,
	readings_in_flight: Gauge<U64>,
	batches_in_flight: Gauge<U64>,
	waiting: GaugeVec<U64>,
	lag: GaugeVec<U64>,
	failures: GaugeVec<U64>,
	success: GaugeVec<U64>,
}

impl Metrics {
	/// Registers them all.
	pub fn register(registry: &Registry) -> Result<Self, PrometheusError> {
		let name = |name: &str| format!("gridweave_ingest_{name}");
		let counter = |of: &str, help: &str| register(Counter::new(name(of), help)?, registry);
		let gauge = |of: &str, help: &str| register(Gauge::new(name(of), help)?, registry);
		let by_gateway = |of: &str, help: &str| {
			register(
				GaugeVec::new(Opts::new(name(of), help), &["gateway"])?,
				registry,
			)
		};
		Ok(Self {
			submitted_readings: counter("submitted_readings_total", "Readings submitted")?,
			submitted_batches: counter("submitted_batches_total", "Batches submitted")?,
			landed_readings: counter(
				"landed_readings_total",
				"Readings of submitted batches that were found on chain",
			)?,
			expired_batches: counter(
				"expired_batches_total",
				"Batches that did not come on chain in time",
			)?,
			readings_in_flight: gauge("readings_in_flight", "Readings in submitted batches")?,
			batches_in_flight: gauge("batches_in_flight", "Submitted batches")?,
			waiting: by_gateway("gateway_waiting", "Readings that wait to come on chain")?,
			lag: by_gateway(
				"gateway_lag_blocks",
				"For how many blocks the oldest reading has been waiting",
			)?,
			failures: by_gateway("gateway_failures", "How often in a row the gateway failed")?,
			success: by_gateway(
				"gateway_last_success_block",
				"The last block after which the gateway answered as it should",
			)?,
		})
	}

	fn note(&self, progress: &Progress) {
		let tally = &progress.tally;
		self.submitted_readings.inc_by(tally.submitted.into());
		self.submitted_batches.inc_by(tally.batches.into());
		self.landed_readings.inc_by(tally.landed.into());
		self.expired_batches.inc_by(tally.expired.into());
		self.readings_in_flight.set(progress.in_flight.into());
		self.batches_in_flight
			.set(progress.batches_in_flight.into());
		for gateway in &progress.gateways {
			let url = url(gateway);
			let set = |gauge: &GaugeVec<U64>, value| gauge.with_label_values(&[&url]).set(value);
			set(&self.waiting, gateway.waiting.into());
			set(&self.lag, gateway.oldest.unwrap_or(0));
			set(&self.failures, gateway.failures.into());
			set(&self.success, gateway.succeeded.unwrap_or(0));
		}
	}
}

/// Keeps the metrics true: at each imported block what the run before did is counted.
pub async fn watch<C: BlockchainEvents<Block>, S: OffchainStorage>(
	client: Arc<C>,
	storage: S,
	metrics: Metrics,
) {
	let mut imported = client.import_notification_stream();
	let mut seen = None;
	while imported.next().await.is_some() {
		let Some(progress) = progress(&storage) else {
			continue;
		};
		if seen != Some(progress.block) {
			seen = Some(progress.block);
			metrics.note(&progress);
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use codec::Encode;
	use sp_core::offchain::storage::InMemOffchainStorage;

	fn told() -> Progress {
		Progress {
			block: 7,
			tally: Tally {
				submitted: 12,
				batches: 2,
				..Tally::default()
			},
			in_flight: 12,
			batches_in_flight: 2,
			gateways: vec![GatewayProgress {
				url: b"http://gate".to_vec(),
				cursor: 40,
				waiting: 3,
				oldest: Some(5),
				failures: 1,
				error: None,
				succeeded: Some(6),
			}],
		}
	}

	#[test]
	fn the_status_should_tell_what_the_worker_has_stored() {
		let mut storage = InMemOffchainStorage::default();
		let ask = |storage: &InMemOffchainStorage| {
			let module = methods(Some(storage.clone())).expect("one method");
			let answer = module.call::<_, Option<Value>>("meters_ingestStatus", [(); 0]);
			futures::executor::block_on(answer).expect("it answers")
		};
		assert_eq!(ask(&storage), None);
		storage.set(STORAGE_PREFIX, PROGRESS_KEY, &told().encode());
		let status = ask(&storage).expect("it ran");
		assert_eq!(status["batchesInFlight"], 2);
		assert_eq!(status["lastRun"]["submittedReadings"], 12);
		let gateway = &status["gateways"][0];
		assert_eq!(gateway["url"], "http://gate");
		assert_eq!(gateway["oldestWaitingBlocks"], 5);
		assert_eq!(gateway["lastSuccessBlock"], 6);
		assert!(gateway["error"].is_null());
	}

	#[test]
	fn metrics_should_show_each_gateway() {
		let registry = Registry::new();
		let metrics = Metrics::register(&registry).expect("new names");
		metrics.note(&told());
		metrics.note(&told());
		assert_eq!(metrics.submitted_readings.get(), 24);
		assert_eq!(metrics.batches_in_flight.get(), 2);
		assert_eq!(metrics.lag.with_label_values(&["http://gate"]).get(), 5);
	}
}
