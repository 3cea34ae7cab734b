//! A node, asked by JSON-RPC.

use std::{cell::Cell, collections::HashMap};

use anyhow::{anyhow, bail, ensure, Context, Result};
use codec::Encode;
use gridweave_journal::{
	state::{decode, Key, Value},
	Error, Event, State,
};
use gridweave_runtime::{Hash, VERSION};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use sp_core::storage::well_known_keys;
use subxt::rpcs::{client::RpcParams, rpc_params, RpcClient};
use tokio::runtime::Runtime;

/// How many keys are asked for at once: the node lists no more.
const PAGE: u32 = 1_000;
/// How many values are asked for at once: pages of meters are some kilobytes each.
const VALUES: usize = 256;

/// What a node says of a state that it has pruned.
const DISCARDED: &str = "State already discarded";

/// A connection to a node.
pub struct Node {
	runtime: Runtime,
	rpc: RpcClient,
	/// Hash of the runtime's code that was found to be the one that is known.
	known: Cell<Option<Hash>>,
}

impl Node {
	/// Connects by WebSocket.
	pub fn connect(url: &str) -> Result<Self> {
		let runtime = tokio::runtime::Builder::new_multi_thread()
			.worker_threads(1)
			.enable_all()
			.build()?;
		let rpc = runtime
			.block_on(RpcClient::from_insecure_url(url))
			.with_context(|| format!("no node answers at {url}"))?;
		Ok(Self {
			runtime,
			rpc,
			known: Cell::new(None),
		})
	}

	fn ask<T: DeserializeOwned>(&self, method: &str, params: RpcParams) -> Result<T> {
		let answer = self.runtime.block_on(self.rpc.request(method, params));
		// The error's own text has that of its causes.
		answer.map_err(|error| match error.to_string() {
			told if told.contains(DISCARDED) => anyhow!(
				"the node does not keep the state any more: ask one with --state-pruning archive"
			),
			told => anyhow!("{method}: {told}"),
		})
	}

	/// Fails if a block is not finalised yet.
	pub fn ensure_finalised(&self, number: u32) -> Result<()> {
		let head: String = self.ask("chain_getFinalizedHead", rpc_params![])?;
		let header: Json = self.ask("chain_getHeader", rpc_params![head])?;
		let last = header
			.get("number")
			.and_then(Json::as_str)
			.and_then(|number| u32::from_str_radix(number.trim_start_matches("0x"), 16).ok())
			.context("chain_getHeader: a header without number")?;
		ensure!(
			number <= last,
			"block {number} is not finalised: the last one that is, is {last}"
		);
		Ok(())
	}

	/// Fails if the block that follows `parent` was made by another runtime than that whose events and storage
	/// this program knows: by the one that was in force at the end of `parent`.
	pub fn ensure_runtime(&self, parent: Hash) -> Result<()> {
		let code = rpc_params![hexed(well_known_keys::CODE), text(parent)];
		let code: Option<Hash> = self.ask("state_getStorageHash", code)?;
		if code.is_some() && self.known.get() == code {
			return Ok(());
		}
		self.compare_runtime(parent)?;
		self.known.set(code);
		Ok(())
	}

	fn compare_runtime(&self, parent: Hash) -> Result<()> {
		let version: Json = self.ask("state_getRuntimeVersion", rpc_params![text(parent)])?;
		let name = version.get("specName").and_then(Json::as_str);
		let number = version.get("specVersion").and_then(Json::as_u64);
		let (Some(name), Some(number)) = (name, number) else {
			bail!("the runtime that made it has no name or version");
		};
		ensure!(
			name == VERSION.spec_name && number == u64::from(VERSION.spec_version),
			"it was made by the runtime {name} {number}; this program knows {} {}",
			VERSION.spec_name,
			VERSION.spec_version,
		);
		// Of one version there may be builds that differ: how events and storage are encoded, metadata says.
		let metadata: String = self.ask("state_getMetadata", rpc_params![text(parent)])?;
		ensure!(
			unhexed(&metadata)? == gridweave_runtime::Runtime::metadata().encode(),
			"it was made by another build of the runtime {name} {number} than this program knows"
		);
		Ok(())
	}

	/// Hash of a finalised block.
	pub fn hash(&self, number: u32) -> Result<Hash> {
		let hash: Option<Hash> = self.ask("chain_getBlockHash", rpc_params![number])?;
		hash.with_context(|| format!("the node knows no block {number}"))
	}

	/// The state at the end of a block.
	pub fn at(&self, number: u32) -> Result<At<'_>> {
		let hash = self.hash(number)?;
		Ok(At { node: self, hash })
	}
}

fn text(hash: Hash) -> String {
	format!("{hash:#x}")
}

fn hexed(bytes: &[u8]) -> String {
	format!("0x{}", hex::encode(bytes))
}

fn unhexed(text: &str) -> Result<Vec<u8>> {
	let digits = text.strip_prefix("0x").unwrap_or(text);
	hex::decode(digits).with_context(|| format!("not hexadecimal: {text}"))
}

/// The state at the end of a block, as a node has it.
pub struct At<'a> {
	node: &'a Node,
	hash: Hash,
}

impl At<'_> {
	/// The block's hash.
	pub fn hash(&self) -> Hash {
		self.hash
	}

	/// The block's events.
	pub fn events(&self) -> Result<Vec<Event>> {
		// The key is the same whatever the runtime is.
		let key = gridweave_journal::state::prefix("System", "Events");
		let values = self.fetch(&[key])?;
		match values.into_iter().flatten().next() {
			Some(value) => Ok(decode("what happened", &value)?),
			None => Ok(Vec::new()),
		}
	}

	fn fetch(&self, keys: &[Key]) -> Result<Vec<Option<Value>>> {
		let mut found: HashMap<String, Option<String>> = HashMap::new();
		let texts: Vec<_> = keys.iter().map(|key| hexed(key)).collect();
		for some in texts.chunks(VALUES) {
			#[derive(serde::Deserialize)]
			struct Changes {
				changes: Vec<(String, Option<String>)>,
			}
			let answer: Vec<Changes> = self
				.node
				.ask("state_queryStorageAt", rpc_params![some, text(self.hash)])?;
			found.extend(answer.into_iter().flat_map(|answer| answer.changes));
		}
		texts
			.iter()
			.map(|key| match found.get(key) {
				Some(value) => value.as_deref().map(unhexed).transpose(),
				None => bail!("state_queryStorageAt: no answer for {key}"),
			})
			.collect()
	}

	fn list(&self, prefix: &[u8]) -> Result<Vec<(Key, Value)>> {
		let prefix = hexed(prefix);
		let mut keys = Vec::new();
		loop {
			let last: Option<&Key> = keys.last();
			let start = last.map(|key| hexed(key));
			let some: Vec<String> = self.node.ask(
				"state_getKeysPaged",
				rpc_params![&prefix, PAGE, start, text(self.hash)],
			)?;
			let full = some.len() >= PAGE as usize;
			for key in &some {
				keys.push(unhexed(key)?);
			}
			if !full {
				break;
			}
		}
		let values = self.fetch(&keys)?;
		let entries = keys.into_iter().zip(values);
		Ok(entries
			.filter_map(|(key, value)| Some((key, value?)))
			.collect())
	}
}

fn unreadable(error: anyhow::Error) -> Error {
	Error::Unreadable(error.into())
}

impl State for At<'_> {
	fn values(&self, keys: &[Key]) -> Result<Vec<Option<Value>>, Error> {
		if keys.is_empty() {
			return Ok(Vec::new());
		}
		self.fetch(keys).map_err(unreadable)
	}

	fn entries(&self, prefix: &[u8]) -> Result<Vec<(Key, Value)>, Error> {
		self.list(prefix).map_err(unreadable)
	}
}
