//! Who misses its turns to make a block, for Prometheus: `gridweave_validator_turns_missed`.

use std::{
	collections::{BTreeMap, BTreeSet},
	sync::Arc,
};

use futures::{FutureExt, StreamExt};
use gridweave_runtime::{AccountId, BlockNumber};
use pallet_validator_set::{runtime_api::ValidatorSetApi, ValidatorStatus};
use sc_client_api::BlockchainEvents;
use sp_api::ProvideRuntimeApi;
use sp_core::crypto::Ss58Codec;
use substrate_prometheus_endpoint::{register, GaugeVec, Opts, PrometheusError, Registry, U64};

use crate::service::FullClient;

const LOG: &str = "gridweave::validators";

/// The turns of active validators: one comes in every so many slots as there are of them.
#[derive(Debug, Default)]
struct Turns {
	/// The latest slot in which each was not silent: that of its last block, or that in which it was first seen
	/// as active, if it has made none since.
	heard: BTreeMap<AccountId, u64>,
	/// The latest slot of all.
	latest: u64,
}

impl Turns {
	/// How many turns each active validator has missed in a row. Who is not active any more is forgotten.
	fn missed(
		&mut self,
		validators: &[ValidatorStatus<AccountId, BlockNumber>],
	) -> BTreeMap<AccountId, u64> {
		let slot_of = |status: &ValidatorStatus<_, _>| {
			let last = status.last_authored.as_ref();
			last.map(|authored| u64::from(authored.slot))
		};
		let active: Vec<_> = validators.iter().filter(|status| status.active).collect();
		let slots = active.iter().filter_map(|status| slot_of(status));
		self.latest = slots.fold(self.latest, u64::max);
		let names: BTreeSet<_> = active.iter().map(|status| &status.validator).collect();
		self.heard.retain(|validator, _| names.contains(validator));
		let count = active.len().max(1) as u64;
		let mut missed = BTreeMap::new();
		for status in active {
			let heard = self
				.heard
				.entry(status.validator.clone())
				.or_insert(self.latest);
			*heard = slot_of(status).unwrap_or(*heard);
			let turns = self.latest.saturating_sub(*heard) / count;
			missed.insert(status.validator.clone(), turns);
		}
		missed
	}
}

/// The metric.
pub struct Metrics {
	missed: GaugeVec<U64>,
	shown: BTreeSet<AccountId>,
	turns: Turns,
}

impl Metrics {
	/// Registers it.
	pub fn register(registry: &Registry) -> Result<Self, PrometheusError> {
		let opts = Opts::new(
			"gridweave_validator_turns_missed",
			"Turns to make a block that an active validator has missed in a row",
		);
		Ok(Self {
			missed: register(GaugeVec::new(opts, &["validator"])?, registry)?,
			shown: BTreeSet::new(),
			turns: Turns::default(),
		})
	}

	fn note(&mut self, validators: &[ValidatorStatus<AccountId, BlockNumber>]) {
		let missed = self.turns.missed(validators);
		for gone in self.shown.iter().filter(|who| !missed.contains_key(who)) {
			// An error says that it is not shown.
			let _ = self.missed.remove_label_values(&[&gone.to_ss58check()]);
		}
		for (who, turns) in &missed {
			self.missed
				.with_label_values(&[&who.to_ss58check()])
				.set(*turns);
		}
		self.shown = missed.into_keys().collect();
	}
}

/// Keeps the metric true, for as long as the node runs. Blocks the thread it runs on.
pub async fn watch(client: Arc<FullClient>, mut metrics: Metrics) {
	let mut imports = client.import_notification_stream();
	while let Some(first) = imports.next().await {
		// If blocks come faster than they can be looked at, those between are passed over.
		let mut best = first.is_new_best.then_some(first.hash);
		while let Some(Some(next)) = imports.next().now_or_never() {
			best = next.is_new_best.then_some(next.hash).or(best);
		}
		let Some(best) = best else { continue };
		match client.runtime_api().validators(best) {
			Ok(validators) => metrics.note(&validators),
			Err(error) => log::debug!(target: LOG, "validators at {best:?}: {error}"),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use pallet_validator_set::Authored;

	fn status(who: u8, active: bool, slot: Option<u64>) -> ValidatorStatus<AccountId, BlockNumber> {
		ValidatorStatus {
			validator: AccountId::from([who; 32]),
			member: true,
			has_keys: true,
			active,
			queued: true,
			last_authored: slot.map(|slot| Authored {
				block: 1,
				slot: slot.into(),
			}),
		}
	}

	fn missed(turns: &mut Turns, validators: &[(u8, bool, Option<u64>)]) -> Vec<(u8, u64)> {
		let all: Vec<_> = validators
			.iter()
			.map(|(who, active, slot)| status(*who, *active, *slot))
			.collect();
		turns
			.missed(&all)
			.iter()
			.map(|(who, missed)| (AsRef::<[u8]>::as_ref(who)[0], *missed))
			.collect()
	}

	#[test]
	fn turns_should_be_counted_since_the_last_block() {
		let mut turns = Turns::default();
		let first = [(1, true, Some(100)), (2, true, Some(99)), (3, false, None)];
		assert_eq!(missed(&mut turns, &first), [(1, 0), (2, 0)]);
		let silent = [(1, true, Some(110)), (2, true, Some(99)), (3, false, None)];
		assert_eq!(missed(&mut turns, &silent), [(1, 0), (2, 5)]);
		let back = [(1, true, Some(110)), (2, true, Some(111))];
		assert_eq!(missed(&mut turns, &back), [(1, 0), (2, 0)]);
	}

	#[test]
	fn one_that_never_made_a_block_should_be_counted_since_it_became_active() {
		let mut turns = Turns::default();
		assert_eq!(missed(&mut turns, &[(1, true, Some(100))]), [(1, 0)]);
		let joined = |slot| [(1, true, Some(slot)), (2, true, None)];
		assert_eq!(missed(&mut turns, &joined(102)), [(1, 0), (2, 0)]);
		assert_eq!(missed(&mut turns, &joined(112)), [(1, 0), (2, 5)]);
		// What it missed is forgotten with it.
		assert_eq!(missed(&mut turns, &[(1, true, Some(113))]), [(1, 0)]);
		assert_eq!(missed(&mut turns, &joined(114)), [(1, 0), (2, 0)]);
	}

	#[test]
	fn the_metric_should_show_active_validators_alone() {
		let mut metrics = Metrics::register(&Registry::new()).expect("the first of its name");
		let shown = |metrics: &Metrics| {
			use substrate_prometheus_endpoint::prometheus::core::Collector;
			let families = metrics.missed.collect();
			families
				.iter()
				.map(|family| family.get_metric().len())
				.sum::<usize>()
		};
		metrics.note(&[status(1, true, Some(5)), status(2, true, Some(6))]);
		assert_eq!(shown(&metrics), 2);
		metrics.note(&[status(1, true, Some(7)), status(2, false, Some(6))]);
		assert_eq!(shown(&metrics), 1);
		metrics.note(&[]);
		assert_eq!(shown(&metrics), 0);
	}
}
