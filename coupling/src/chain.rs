//! The chain: what it is asked, and how its types are those of a network. All that this program knows of the
//! chain's side is here.

use std::{sync::Arc, time::Duration};

use anyhow::{bail, ensure, Context, Result};
use codec::{Decode, DecodeAll, Encode};
use gridweave_coupling::{Book, Coupling, Level, Limits, Link, Network};
use gridweave_primitives::{
	link::sent_for, market::Side, Balance, LinkId, MicrogridId, Period, PeriodClock, Price,
	WattHours,
};
use sp_runtime::{DispatchError, Permill};
use subxt::{
	backend::LegacyBackend,
	config::substrate::SubstrateConfig,
	rpcs::{methods::legacy::LegacyRpcMethods, RpcClient},
	transactions::TransactionStatus,
	OnlineClient, OnlineClientAtBlock,
};
use subxt_signer::sr25519::Keypair;

/// The chain at one block.
pub type At = OnlineClientAtBlock<SubstrateConfig>;
type Rpc = LegacyRpcMethods<subxt::config::RpcConfigFor<SubstrateConfig>>;

/// What one solution may have.
pub const LIMITS: Limits = Limits {
	books: 32,
	links: 64,
};
/// So many solutions the chain keeps.
pub const MAX_CANDIDATES: usize = 8;
/// How much is asked for at once.
const PAGE: u32 = 100;
/// For so many blocks a transaction is good.
const LIFETIME: u64 = 16;
/// How long a transaction may take into a block.
const INCLUSION: Duration = Duration::from_secs(30);

/// A community with a call auction, and its links to others whose gates close when its own does.
#[derive(Clone, Debug, Decode)]
pub struct CoupledCommunity {
	pub microgrid: MicrogridId,
	pub price_floor: Price,
	pub price_cap: Price,
	pub gate_closes_at: u64,
	pub window_ends_at: u64,
	pub links_out: Vec<CoupledLink>,
}

/// A link between such communities.
#[derive(Clone, Debug, Decode)]
pub struct CoupledLink {
	pub link: LinkId,
	pub to: MicrogridId,
	pub loss: Permill,
	/// What may still be sent.
	pub capacity: WattHours,
	pub wheeling_fee: Price,
	pub min_quantity: WattHours,
}

/// All orders of one price on one side of a book.
#[derive(Decode)]
struct PriceLevel {
	price: Price,
	energy: WattHours,
	_orders: u32,
}

/// What goes over a link.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct LinkFlow {
	pub link: LinkId,
	pub received: WattHours,
}

/// The price of a community.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct PriceAt {
	pub microgrid: MicrogridId,
	pub price: Price,
}

/// What is submitted.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct Solution {
	/// By link.
	pub flows: Vec<LinkFlow>,
	/// By community: those at the ends of these links.
	pub prices: Vec<PriceAt>,
}

/// Communities that may be coupled for a period.
#[derive(Clone, Debug)]
pub struct Group {
	pub period: Period,
	/// When their gates close, and until when solutions are taken, in Unix seconds.
	pub gate_closes_at: u64,
	pub window_ends_at: u64,
	pub communities: Vec<CoupledCommunity>,
}

impl Group {
	/// How long solutions are taken, in seconds.
	pub fn window(&self) -> u64 {
		self.window_ends_at.saturating_sub(self.gate_closes_at)
	}

	/// The groups of a period's communities.
	pub fn of(period: Period, communities: Vec<CoupledCommunity>) -> Vec<Self> {
		let mut groups: Vec<Self> = Vec::new();
		for community in communities {
			let gate_closes_at = community.gate_closes_at;
			match groups
				.iter_mut()
				.find(|group| group.gate_closes_at == gate_closes_at)
			{
				Some(group) => group.communities.push(community),
				None => groups.push(Self {
					period,
					gate_closes_at,
					window_ends_at: community.window_ends_at,
					communities: vec![community],
				}),
			}
		}
		groups
	}

	fn place(&self, microgrid: MicrogridId) -> Option<usize> {
		let mut communities = self.communities.iter();
		communities.position(|community| community.microgrid == microgrid)
	}

	/// The links, with the places of the communities at their ends.
	fn links(&self) -> impl Iterator<Item = (usize, usize, &CoupledLink)> {
		let communities = self.communities.iter().enumerate();
		communities.flat_map(move |(from, community)| {
			(community.links_out.iter())
				.filter_map(move |link| Some((from, self.place(link.to)?, link)))
		})
	}

	/// The network with these books.
	pub fn network(&self, books: Vec<Book>) -> Network {
		let links = self.links().map(|(from, to, link)| Link {
			from,
			to,
			loss: link.loss,
			wheeling_fee: link.wheeling_fee,
			capacity: link.capacity,
			min_quantity: link.min_quantity,
		});
		Network {
			links: links.collect(),
			books,
		}
	}

	/// What is submitted of a coupling of the network.
	pub fn solution(&self, coupling: &Coupling) -> Solution {
		let mut flows = Vec::new();
		let mut coupled = vec![false; self.communities.len()];
		for ((from, to, link), &received) in self.links().zip(&coupling.flows) {
			if received.is_zero() {
				continue;
			}
			coupled[from] = true;
			coupled[to] = true;
			flows.push(LinkFlow {
				link: link.link,
				received,
			});
		}
		flows.sort_unstable_by_key(|flow| flow.link);
		let communities = self.communities.iter().zip(&coupling.prices).zip(coupled);
		let prices = communities.filter(|(_, coupled)| *coupled);
		let mut prices: Vec<_> = prices
			.map(|((community, &price), _)| PriceAt {
				microgrid: community.microgrid,
				price,
			})
			.collect();
		prices.sort_unstable_by_key(|price| price.microgrid);
		Solution { flows, prices }
	}

	/// What a link sends.
	pub fn sent(&self, flow: &LinkFlow) -> Option<WattHours> {
		let mut links = self.links();
		let (_, _, link) = links.find(|(_, _, link)| link.link == flow.link)?;
		Some(sent_for(link.loss, flow.received))
	}
}

/// A connection to a node.
pub struct Chain {
	client: OnlineClient<SubstrateConfig>,
	rpc: Rpc,
}

impl Chain {
	/// Connects to a node.
	pub async fn connect(url: &str) -> Result<Self> {
		let rpc = RpcClient::from_insecure_url(url)
			.await
			.with_context(|| format!("no node answers at {url}"))?;
		let backend = Arc::new(LegacyBackend::builder().build(rpc.clone()));
		let client = OnlineClient::from_backend(backend).await?;
		Ok(Self {
			client,
			rpc: Rpc::new(rpc),
		})
	}

	/// Whether its keys are known to everybody: a chain to develop and test with.
	pub async fn is_for_development(&self) -> Result<bool> {
		let kind = self.rpc.system_chain_type().await?;
		Ok(kind == "Development" || kind == "Local")
	}

	/// The last finalised block.
	pub async fn finalised(&self) -> Result<At> {
		Ok(self.client.at_current_block().await?)
	}

	/// The best block.
	pub async fn best(&self) -> Result<At> {
		let hash = self.rpc.chain_get_block_hash(None).await?;
		Ok(self.client.at_block(hash.context("no best block")?).await?)
	}

	/// Asks a runtime API: `function` is `Api_method`, `args` its arguments as a tuple.
	async fn ask<A: Decode>(at: &At, function: &str, args: impl Encode) -> Result<A> {
		let args = args.encode();
		let answer = (at.runtime_apis().call_raw(function, Some(&args)).await)
			.with_context(|| function.to_string())?;
		A::decode_all(&mut &answer[..])
			.with_context(|| format!("answer of {function}: is the chain of another version?"))
	}

	/// Chain time, in Unix seconds.
	pub async fn now(&self, at: &At) -> Result<u64> {
		Self::ask(at, "MicrogridsApi_now", ()).await
	}

	/// The settlement clock.
	pub async fn clock(&self, at: &At) -> Result<PeriodClock> {
		Self::ask(at, "MicrogridsApi_clock", ()).await
	}

	/// How many periods ahead markets open.
	pub fn horizon(&self, at: &At) -> Result<u32> {
		let metadata = at.metadata_ref();
		let pallet = metadata.pallet_by_name("Microgrids");
		let horizon = pallet.and_then(|pallet| pallet.constant_by_name("Horizon"));
		let horizon = horizon.context("the chain has no microgrids")?;
		Ok(u32::decode_all(&mut &horizon.value()[..])?)
	}

	/// The communities that may be coupled for a period.
	pub async fn communities(&self, at: &At, period: Period) -> Result<Vec<CoupledCommunity>> {
		let mut all: Vec<CoupledCommunity> = Vec::new();
		loop {
			let after = all.last().map(|community| community.microgrid);
			let page: Vec<CoupledCommunity> = Self::ask(
				at,
				"OrderBookApi_coupled_communities",
				(period, after, PAGE),
			)
			.await?;
			let Some(last) = page.last() else {
				return Ok(all);
			};
			ensure!(
				after < Some(last.microgrid),
				"the same communities again and again"
			);
			all.extend(page);
		}
	}

	/// The books of a group.
	pub async fn books(&self, at: &At, group: &Group) -> Result<Vec<Book>> {
		let mut books = Vec::new();
		for community in &group.communities {
			let side = |side| self.side(at, community.microgrid, group.period, side);
			books.push(Book {
				floor: community.price_floor,
				cap: community.price_cap,
				bids: side(Side::Bid).await?,
				asks: side(Side::Ask).await?,
			});
		}
		Ok(books)
	}

	async fn side(
		&self,
		at: &At,
		microgrid: MicrogridId,
		period: Period,
		side: Side,
	) -> Result<Vec<Level>> {
		let mut all: Vec<Level> = Vec::new();
		loop {
			let after = all.last().map(|level| level.price);
			let page: Vec<PriceLevel> = Self::ask(
				at,
				"OrderBookApi_levels",
				(microgrid, period, side, after, PAGE),
			)
			.await?;
			let Some(last) = page.last() else {
				return Ok(all);
			};
			let goes_on = after.is_none_or(|after| side.is_better(after, last.price));
			ensure!(goes_on, "the same levels again and again");
			all.extend(page.iter().map(|level| Level {
				price: level.price,
				energy: level.energy,
			}));
		}
	}

	/// What a solution may claim at most, in planck, or why it is refused.
	pub async fn score(
		&self,
		at: &At,
		period: Period,
		solution: &Solution,
	) -> Result<Result<Balance, DispatchError>> {
		Self::ask(at, "OrderBookApi_coupling_score", (period, solution)).await
	}

	/// What the solutions claim that wait for a group, the most first.
	pub async fn claims(&self, at: &At, group: &Group) -> Result<Vec<Balance>> {
		let of = (group.period, group.window_ends_at);
		Self::ask(at, "OrderBookApi_coupling_claims", of).await
	}

	/// Signs and submits a solution, and waits until it is in a block; returns that block's number.
	pub async fn submit(
		&self,
		signer: &Keypair,
		period: Period,
		solution: &Solution,
		claim: Balance,
	) -> Result<u64> {
		let base = self.finalised().await?;
		let metadata = base.metadata_ref();
		let pallet = metadata
			.pallet_by_name("OrderBook")
			.context("the chain has no order book")?;
		let call = pallet
			.call_variant_by_name("submit_coupling")
			.context("the chain does not couple auctions")?;
		let mut bytes = vec![pallet.call_index(), call.index];
		(period, solution, claim).encode_to(&mut bytes);
		// What does not fit the metadata is an error.
		let payload = base.transactions().from_call_data_bytes(&bytes)?;
		let account = signer.public_key().0.into();
		let nonce = self.rpc.system_account_next_index(&account).await?;
		// After the window it would only cost a fee.
		let params = subxt::config::DefaultExtrinsicParamsBuilder::new()
			.mortal(LIFETIME)
			.nonce(nonce)
			.build();
		let mut progress = base
			.transactions()
			.create_v4_signable(&payload, &account, params)
			.await?
			.sign(signer)?
			.submit_and_watch()
			.await?;
		let included = async {
			while let Some(status) = progress.next().await {
				match status? {
					TransactionStatus::InBestBlock(block)
					| TransactionStatus::InFinalizedBlock(block) => {
						let hash = block.block_hash();
						block.wait_for_success().await?;
						return Ok(self.client.at_block(hash).await?.block_number());
					}
					TransactionStatus::Error { message }
					| TransactionStatus::Invalid { message }
					| TransactionStatus::Dropped { message } => bail!("transaction lost: {message}"),
					_ => (),
				}
			}
			bail!("the node stopped watching the transaction")
		};
		tokio::time::timeout(INCLUSION, included)
			.await
			.context("a transaction found no block")?
	}
}

#[cfg(test)]
mod tests {
	use pallet_order_book as pallet;

	use super::*;

	fn community(
		microgrid: u32,
		gate: u64,
		to: &[(u32, u32)],
	) -> pallet::runtime_api::CoupledCommunity {
		let link = |&(link, to): &(u32, u32)| pallet::runtime_api::CoupledLink {
			link: LinkId(link),
			to: MicrogridId(to),
			loss: Permill::from_percent(5),
			capacity: WattHours(2_000),
			wheeling_fee: Price(10),
			min_quantity: WattHours(7),
		};
		pallet::runtime_api::CoupledCommunity {
			microgrid: MicrogridId(microgrid),
			price_floor: Price(1),
			price_cap: Price(900),
			gate_closes_at: gate,
			window_ends_at: gate + 60,
			links_out: to.iter().map(link).collect(),
		}
	}

	fn told(communities: &[pallet::runtime_api::CoupledCommunity]) -> Vec<CoupledCommunity> {
		Decode::decode(&mut &communities.encode()[..]).expect("types are those of the chain")
	}

	fn book(bids: &[(u64, u64)], asks: &[(u64, u64)]) -> Book {
		let level = |&(price, energy): &(u64, u64)| pallet::runtime_api::Level {
			price: Price(price),
			energy: WattHours(energy),
			orders: 3,
		};
		let levels = |levels: &[(u64, u64)]| -> Vec<Level> {
			let answer = levels.iter().map(level).collect::<Vec<_>>().encode();
			let levels: Vec<PriceLevel> = DecodeAll::decode_all(&mut &answer[..]).unwrap();
			let level = |level: &PriceLevel| Level {
				price: level.price,
				energy: level.energy,
			};
			levels.iter().map(level).collect()
		};
		Book {
			floor: Price(1),
			cap: Price(900),
			bids: levels(bids),
			asks: levels(asks),
		}
	}

	#[test]
	fn types_should_be_those_of_the_chain() {
		assert_eq!(LIMITS.links, pallet::types::MAX_FLOWS as usize);
		assert_eq!(LIMITS.books, pallet::types::MAX_COUPLED as usize);
		assert_eq!(MAX_CANDIDATES, pallet::types::MAX_CANDIDATES as usize);
		// Ids and places differ, and so does the order of links.
		let communities = told(&[
			community(4, 600, &[(9, 8), (3, 6)]),
			community(6, 600, &[]),
			community(8, 600, &[(2, 6)]),
		]);
		let groups = Group::of(Period(7), communities);
		let [group] = &groups[..] else {
			panic!("one group")
		};
		let books = vec![
			book(&[], &[(100, 5_000)]),
			book(&[(500, 950)], &[]),
			book(&[(400, 1_900)], &[]),
		];
		let found = gridweave_coupling::couple(&group.network(books), &LIMITS).unwrap();
		let solution = group.solution(&found[0]);
		let bytes = solution.encode();
		let taken = pallet::Solution::decode_all(&mut &bytes[..]).unwrap();
		let flows: Vec<_> = taken
			.flows
			.iter()
			.map(|at| (at.link.0, at.received.0))
			.collect();
		assert_eq!(flows, [(3, 950), (9, 1_900)]);
		let prices: Vec<_> = taken
			.prices
			.iter()
			.map(|at| (at.microgrid.0, at.price.0))
			.collect();
		assert_eq!(prices.iter().map(|at| at.0).collect::<Vec<_>>(), [4, 6, 8]);
		assert_eq!(group.sent(&solution.flows[1]), Some(WattHours(2_000)));
	}

	#[test]
	fn communities_should_be_coupled_with_those_whose_gates_close_when_theirs_do() {
		let communities = told(&[
			community(0, 600, &[(0, 2)]),
			community(1, 300, &[]),
			community(2, 600, &[(5, 1)]),
		]);
		let groups = Group::of(Period(7), communities);
		let of = |group: &Group| -> Vec<_> {
			group.communities.iter().map(|of| of.microgrid.0).collect()
		};
		assert_eq!(
			groups.iter().map(of).collect::<Vec<_>>(),
			[vec![0, 2], vec![1]]
		);
		// What leads elsewhere is left out.
		let network = groups[0].network(vec![book(&[], &[]), book(&[(3, 3)], &[])]);
		assert_eq!(network.links.len(), 1);
		assert_eq!(network.links[0].capacity, WattHours(2_000));
	}
}
