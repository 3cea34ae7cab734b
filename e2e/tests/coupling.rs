//! Call auctions of a real chain, coupled over a link by whoever finds how.

use std::{process::Stdio, time::Duration};

use anyhow::{bail, ensure, Context, Result};
use gridweave_e2e::{
	chain::{call, number_of, until, Call, Chain, Event},
	meter::{account, Device},
	place,
	process::{binary, Node, NodeSpec},
};
use serde_json::{json, Value as Json};
use subxt::dynamic::{At as _, Value};
use tokio::{
	io::{AsyncBufReadExt as _, BufReader},
	process::Command,
	time::{sleep, timeout, Instant},
};

/// Length of a period of the development chain, in seconds.
const LENGTH: u64 = 12;
/// How many periods before delivery the gates of the communities close: the window ends before delivery.
const GATE_CLOSURE: u32 = 8;
/// Communities of the test come after those of the development chain. In the middle nobody buys or sells.
const CHEAP: u32 = 2;
const MIDDLE: u32 = 3;
const DEAR: u32 = 4;

type Fields<'a> = Vec<(&'a str, Value<()>)>;

/// A call within a call.
fn inner(pallet: &str, name: &str, arguments: Fields<'_>) -> Value<()> {
	Value::unnamed_variant(pallet, [Value::named_variant(name, arguments)])
}

fn terms() -> Value<()> {
	let number = |number: u64| Value::from(number);
	let rules = Value::named_composite([
		("mechanism", Value::unnamed_variant("CallAuction", [])),
		("price_floor", number(1)),
		("price_cap", number(1_000_000)),
		("min_quantity", number(10)),
		("gate_closure", Value::from(GATE_CLOSURE)),
		("fee", number(0)),
	]);
	Value::named_composite([
		("retail_price", number(300_000)),
		("feed_in_price", number(80_000)),
		("rules", rules),
		("residual", Value::unnamed_variant("Tariff", [])),
	])
}

/// The call by which who governs the chain founds three communities of their own, and links them in a row. In one block:
/// so the links are open as soon as they are.
fn founding(operator: &[u8; 32]) -> Call {
	let community = || {
		let fields = vec![
			("operator", Value::from_bytes(operator)),
			("terms", terms()),
		];
		let create = inner("Microgrids", "create_microgrid", fields);
		inner("Sudo", "sudo", vec![("call", create)])
	};
	let link = |from: u32, to: u32| {
		let link = Value::named_composite([
			("from", Value::from(from)),
			("to", Value::from(to)),
			("loss", Value::from(50_000u32)),
			("capacity", Value::from(3_000u64)),
			("wheeling_fee", Value::from(10_000u64)),
			("min_quantity", Value::from(10u64)),
		]);
		inner("Microgrids", "propose_link", vec![("terms", link)])
	};
	let links = [link(CHEAP, MIDDLE), link(MIDDLE, DEAR)];
	let communities = [CHEAP, MIDDLE, DEAR].map(|_| community());
	let calls = Value::unnamed_composite(communities.into_iter().chain(links));
	call("Utility", "batch_all", vec![("calls", calls)])
}

fn order(device: &Device, side: &str, period: u32, energy: u64, price: u64) -> Call {
	let order = Value::named_composite([
		("meter", Value::from(device.meter)),
		("side", Value::unnamed_variant(side, [])),
		("period", Value::from(period)),
		("energy", Value::from(energy)),
		("limit_price", Value::from(price)),
		("time_in_force", Value::unnamed_variant("GoodUntilGate", [])),
	]);
	call("OrderBook", "place_order", vec![("order", order)])
}

async fn chain_seconds(chain: &Chain) -> Result<u64> {
	let at = chain.finalised().await?;
	let now = chain.ask(&at, "MicrogridsApi", "now", vec![]).await?;
	Ok(number_of(&now)?.try_into()?)
}

fn coupling(node: &Node, arguments: &[&str]) -> Result<Command> {
	let mut command = Command::new(binary("gridweave-coupling")?);
	command
		.args(arguments)
		.arg(format!("--url={}", node.url()))
		.stdin(Stdio::null())
		.kill_on_drop(true);
	Ok(command)
}

/// What the order book tells from block `first` on, until the coupling is done.
async fn carried_out(chain: &Chain, first: u64) -> Result<Vec<Event>> {
	let (mut next, mut told) = (first, Vec::new());
	let deadline = Instant::now() + Duration::from_secs(150);
	loop {
		while next <= chain.finalised().await?.block_number() {
			for event in chain.block(next).await?.events {
				let done = event.is("OrderBook", "CouplingDone");
				told.extend((event.pallet == "OrderBook").then_some(event));
				if done {
					return Ok(told);
				}
			}
			next += 1;
		}
		ensure!(Instant::now() < deadline, "nothing was coupled: {told:?}");
		sleep(Duration::from_millis(500)).await;
	}
}

#[test]
fn auctions_should_clear_over_links_as_the_program_found() -> Result<()> {
	place::run(|place| async move {
		let node = Node::start(&place, &NodeSpec::development().archive()).await?;
		let chain = &node.chain;
		let alice = account("Alice")?;
		let events = chain.run(&alice, &founding(&alice.public_key().0)).await?;
		let opened = events
			.iter()
			.filter(|event| event.is("Microgrids", "LinkOpened"));
		let links = opened.map(|event| Ok(u32::try_from(event.number("link")?)?));
		let links = links.collect::<Result<Vec<_>>>()?;
		let [near, far] = links[..] else {
			bail!("the links are not open: {links:?}")
		};

		// Much to sell where it is cheap, and a need where it is dear, with little to sell.
		let mut roof = Device::new("roof", chain.genesis_hash())?;
		let mut flat = Device::new("flat", chain.genesis_hash())?;
		let (bob, charlie) = (account("Bob")?, account("Charlie")?);
		roof.join(chain, &bob, &alice, CHEAP).await?;
		flat.join(chain, &charlie, &alice, DEAR).await?;
		let now = chain_seconds(chain).await?;
		let period = u32::try_from(now / LENGTH)? + GATE_CLOSURE + 4;
		let gate = (u64::from(period) - u64::from(GATE_CLOSURE)) * LENGTH;
		chain
			.run(&bob, &order(&roof, "Ask", period, 5_000, 100_000))
			.await?;
		chain
			.run(&charlie, &order(&flat, "Bid", period, 1_900, 250_000))
			.await?;
		let before = chain.best_number().await?;

		// The program submits what it finds once the gates have closed.
		let mut program = coupling(&node, &["--dev=Dave"])?;
		let mut program = program.stdout(Stdio::piped()).spawn()?;
		let told = program.stdout.take().context("no output")?;
		let mut told = BufReader::new(told).lines();
		let line = async {
			loop {
				let line = told.next_line().await?.context("the program ended")?;
				let line: Json = serde_json::from_str(&line)?;
				if line["period"] == period {
					return anyhow::Ok(line);
				}
			}
		};
		let line = timeout(Duration::from_secs(120), line)
			.await
			.context("the program finds nothing")??;
		ensure!(line["outcome"] == "submitted", "{line}");
		ensure!(line["gate_closes_at"] == gate, "{line}");
		let flows = json!([
			{ "link": near, "received": 2_000, "sent": 2_106 },
			{ "link": far, "received": 1_900, "sent": 2_000 },
		]);
		ensure!(line["flows"] == flows, "{line}");
		// The seller has more at its limit. What the buyer pays beside it are losses and fee: rounded up, lest
		// the link lose.
		let prices = json!([
			{ "microgrid": CHEAP, "price": 100_000 },
			{ "microgrid": MIDDLE, "price": 115_300 },
			{ "microgrid": DEAR, "price": 131_369 },
		]);
		ensure!(line["prices"] == prices, "{line}");
		let fees = (2_000 + 1_900) * 10_000;
		let gain = (1_900 * 250_000 - 2_106 * 100_000 - fees) * 1_000u64;
		ensure!(
			line["claim"].as_str() == Some(gain.to_string().as_str()),
			"{line}"
		);

		// And so the auctions clear, once the time for better ones is over.
		let told = carried_out(chain, before).await?;
		let of = |name: &str| {
			told.iter()
				.filter(|event| event.is("OrderBook", name))
				.collect::<Vec<_>>()
		};
		let accepted = of("CouplingAccepted");
		ensure!(
			accepted.len() == 1 && accepted[0].number("gain")? == u128::from(gain),
			"{accepted:?}"
		);
		let mut fills = Vec::new();
		for fill in of("CoupledFill") {
			fills.push((
				fill.number("microgrid")?,
				fill.number("price")?,
				fill.number("energy")?,
			));
		}
		fills.sort_unstable();
		let expected = [
			(u128::from(CHEAP), 100_000, 2_106),
			(u128::from(DEAR), 131_369, 1_900),
		];
		ensure!(fills == expected, "{fills:?}");
		let mut carried = Vec::new();
		for event in of("LinkCarried") {
			carried.push((event.number("link")?, event.number("sent")?));
		}
		let expected = [(near.into(), 2_106), (far.into(), 2_000)];
		ensure!(carried == expected, "{carried:?}");
		let at = chain.finalised().await?;
		let arguments = vec![Value::from(DEAR), Value::from(period)];
		let flows = chain
			.ask(&at, "OrderBookApi", "flows_into", arguments)
			.await?;
		let flow = flows.at(0usize).and_then(|flow| flow.at(1usize));
		let received = flow.and_then(|flow| flow.at("received"));
		ensure!(number_of(received.context("no flow")?)? == 1_900, "{flows}");

		// What was submitted costs nothing: no other was better.
		let dave = account("Dave")?.public_key().0;
		until("the deposit is free", Duration::from_secs(60), || async {
			let at = chain.finalised().await?;
			let keys = vec![Value::from_bytes(dave)];
			let held = chain.storage(&at, "Balances", "Holds", keys).await?;
			let held = held.as_ref().and_then(|held| held.at(0usize)).cloned();
			Ok(held
				.and_then(|held| held.at(0usize).cloned())
				.is_none()
				.then_some(()))
		})
		.await?;
		Ok(())
	})
}

#[test]
fn the_program_should_refuse_what_it_cannot_do() -> Result<()> {
	place::run(|place| async move {
		let node = Node::start(&place, &NodeSpec::development()).await?;
		// No auctions wait: done.
		let idle = coupling(&node, &["--dev=Dave", "--once"])?.output().await?;
		let log = String::from_utf8_lossy(&idle.stderr);
		ensure!(idle.status.success() && idle.stdout.is_empty(), "{log}");
		// A key that others may read.
		let key = place.folder("keys")?.join("key");
		std::fs::write(&key, "7".repeat(64))?;
		let key = format!("--key={}", key.display());
		let open = coupling(&node, &[&key, "--once"])?.output().await?;
		let told = String::from_utf8_lossy(&open.stderr);
		ensure!(
			open.status.code() == Some(1) && told.contains("chmod 600"),
			"{told}"
		);
		// Bad usage.
		let nobody = coupling(&node, &["--once"])?.output().await?;
		ensure!(nobody.status.code() == Some(2), "{}", nobody.status);
		Ok(())
	})
}
