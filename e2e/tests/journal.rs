//! The market journal of a real chain: what it tells is what the chain tells, whoever asks and however often.

use std::{collections::BTreeMap, process::Output, time::Duration};

use anyhow::{ensure, Context, Result};
use gridweave_e2e::{
	chain::{call, number_of, until, Call, Chain},
	meter::{account, Device},
	place::{self, free_port},
	process::{binary, Gateway, Node, NodeSpec},
};
use serde_json::Value as Json;
use subxt::{dynamic::Value, rpcs::rpc_params};
use tokio::process::Command;

const MICROGRID: u32 = 0;
/// Length of a period of the development chain, in seconds.
const LENGTH: u64 = 12;

fn order(device: &Device, side: &str, period: u32, energy: u64, price: u64) -> Value<()> {
	Value::named_composite([
		("meter", Value::from(device.meter)),
		("side", Value::unnamed_variant(side, [])),
		("period", Value::from(period)),
		("energy", Value::from(energy)),
		("limit_price", Value::from(price)),
		("time_in_force", Value::unnamed_variant("GoodUntilGate", [])),
	])
}

fn place_order(order: Value<()>) -> Call {
	call("OrderBook", "place_order", vec![("order", order)])
}

async fn chain_seconds(chain: &Chain) -> Result<u64> {
	let best = chain.best().await?;
	let now = chain.ask(&best, "MicrogridsApi", "now", vec![]).await?;
	Ok(number_of(&now)?.try_into()?)
}

/// Waits until the chain's time is `second`.
async fn until_time(chain: &Chain, second: u64) -> Result<()> {
	let what = format!("chain time {second}");
	until(&what, Duration::from_secs(180), || async {
		Ok((chain_seconds(chain).await? >= second).then_some(()))
	})
	.await
}

/// Runs the program.
async fn journal(arguments: &[&str]) -> Result<Output> {
	let program = binary("gridweave-journal")?;
	Ok(Command::new(program).args(arguments).output().await?)
}

/// Runs the program over a range of blocks of a node.
async fn range(node: &Node, from: u64, to: u64) -> Result<Output> {
	let (from, to, url) = (from.to_string(), to.to_string(), node.url());
	journal(&["--from", &from, "--to", &to, "--url", &url]).await
}

/// The lines of a journal that was to be had.
fn lines(output: &Output) -> Result<Vec<Json>> {
	let told = String::from_utf8_lossy(&output.stderr);
	ensure!(output.status.success(), "{}: {told}", output.status);
	let text = std::str::from_utf8(&output.stdout)?;
	ensure!(text.ends_with('\n'), "the last line is cut");
	let lines = text.lines().map(serde_json::from_str);
	Ok(lines.collect::<Result<_, _>>()?)
}

fn of<'a>(lines: &'a [Json], kind: &'a str) -> impl Iterator<Item = &'a Json> {
	lines.iter().filter(move |line| line["type"] == kind)
}

fn number(line: &Json, field: &str) -> Result<u64> {
	line[field]
		.as_u64()
		.with_context(|| format!("no number {field}: {line}"))
}

fn planck(value: &Json) -> Result<i128> {
	let text = value.as_str();
	Ok(text
		.with_context(|| format!("no amount: {value}"))?
		.parse()?)
}

/// What fails says why in a line, tells nothing, and ends with this code.
fn ensure_fails(output: &Output, code: i32, why: &str) -> Result<()> {
	let told = String::from_utf8_lossy(&output.stderr);
	ensure!(
		output.status.code() == Some(code),
		"{}: {told}",
		output.status
	);
	ensure!(told.contains(why), "not for \"{why}\": {told}");
	ensure!(output.stdout.is_empty(), "something was told");
	Ok(())
}

#[test]
fn a_journal_should_tell_what_the_chain_knows_and_always_the_same() -> Result<()> {
	place::run(|place| async move {
		let rpc_port = free_port()?;
		let gateway = Gateway::start(&place, rpc_port).await?;
		let spec = NodeSpec::development()
			.archive()
			.rpc_port(rpc_port)
			.gateways([gateway.url.clone()]);
		let node = Node::start(&place, &spec).await?;
		let chain = &node.chain;
		let genesis = chain.genesis_hash();
		let operator = account("Operator")?;
		let (alice, bob) = (account("Alice")?, account("Bob")?);
		let mut roof = Device::new("roof", genesis)?;
		let mut flat = Device::new("flat", genesis)?;
		roof.join(chain, &alice, &operator, MICROGRID).await?;
		flat.join(chain, &bob, &operator, MICROGRID).await?;
		let period = u32::try_from(chain_seconds(chain).await? / LENGTH)? + 5;
		let trading = chain.best_number().await?;

		// Orders alone and in a batch, of which one is refused; three trades.
		chain
			.run(
				&alice,
				&place_order(order(&roof, "Ask", period, 600, 150_000)),
			)
			.await?;
		let batch = [
			order(&flat, "Bid", period, 200, 160_000),
			order(&flat, "Bid", period, 1, 160_000),
			order(&flat, "Bid", period, 300, 155_000),
		];
		let batch = call(
			"OrderBook",
			"place_orders",
			vec![("orders", Value::unnamed_composite(batch))],
		);
		chain.run(&bob, &batch).await?;
		chain
			.run(
				&bob,
				&place_order(order(&flat, "Bid", period, 150, 150_000)),
			)
			.await?;
		let summary = chain
			.rpc("market_summary", rpc_params![MICROGRID, period])
			.await?;

		let (start, end) = (u64::from(period) * LENGTH, u64::from(period + 1) * LENGTH);
		until_time(chain, start).await?;
		for device in [&mut roof, &mut flat] {
			gateway.deliver(&device.read(start, 0, 0)).await?;
		}
		until_time(chain, end).await?;
		gateway.deliver(&roof.read(end, 0, 1_000)).await?;
		gateway.deliver(&flat.read(end, 700, 0)).await?;
		let bill = |meter: u32| chain.rpc("market_bill", rpc_params![meter, period, 1]);
		let bills = until("the bill", Duration::from_secs(120), || async {
			let bills = [bill(roof.meter).await?, bill(flat.meter).await?];
			let billed = |bill: &Json| bill["statements"][0]["period"] == period;
			Ok(bills.iter().all(billed).then_some(bills))
		})
		.await?;
		let last = chain.best_number().await?;
		chain.until_finalised(last, Duration::from_secs(60)).await?;

		// The whole chain, twice.
		let output = range(&node, 1, last).await?;
		let told = lines(&output)?;
		let again = range(&node, 1, last).await?;
		ensure!(
			output.stdout == again.stdout,
			"two journals of one range differ"
		);
		let first = &told[0];
		ensure!(
			first["type"] == "journal" && first["block"] == 0 && first["format"] == 1,
			"{first}"
		);
		ensure!(
			first["genesis"] == format!("{genesis:?}") && first["clock"]["periodLength"] == LENGTH,
			"{first}"
		);
		for (block, number) in of(&told, "block").zip(1..) {
			ensure!(block["block"] == number, "block {number} is {block}");
		}
		ensure!(
			of(&told, "block").count() as u64 == last,
			"a block is missing"
		);

		// Its parts come to the same lines, and begin with what there is then.
		let half = trading + (last - trading) / 2;
		let mut parts = lines(&range(&node, 1, half).await?)?;
		let rest = lines(&range(&node, half + 1, last).await?)?;
		ensure!(
			of(&rest, "opening").any(|line| line["of"] == "meter"),
			"no meters"
		);
		let is_happening = |line: &&Json| line["block"].as_u64() > Some(half);
		parts.extend(rest.iter().filter(is_happening).cloned());
		ensure!(parts == told, "the parts of a journal are not the whole");

		// Orders and trades are those of the market.
		let placed: Vec<_> = of(&told, "place").collect();
		ensure!(placed.len() == 4, "{placed:?}");
		let refused: Vec<_> = of(&told, "orderRefused").collect();
		ensure!(
			refused.len() == 1
				&& refused[0]["index"] == 1
				&& refused[0]["error"] == "OrderBook.BelowMinimumQuantity",
			"{refused:?}"
		);
		let (mut volume, mut value) = (0, 0);
		for trade in of(&told, "trade") {
			ensure!(
				trade["sellerMeter"] == roof.meter && trade["buyerMeter"] == flat.meter,
				"{trade}"
			);
			let energy = number(trade, "energy")?;
			volume += energy;
			value += u128::from(number(trade, "price")?) * u128::from(energy) * 1_000;
		}
		ensure!(
			of(&told, "trade").count() as u64 == number(&summary, "trades")?
				&& volume == number(&summary, "volume")?
				&& summary["value"] == value.to_string(),
			"{volume} and {value}, not {summary}"
		);

		// Bills are those of the node, of what was metered, and add up.
		let mut sums: BTreeMap<(u64, u64), i128> = BTreeMap::new();
		for statement in of(&told, "statement") {
			let key = (
				number(statement, "microgrid")?,
				number(statement, "period")?,
			);
			*sums.entry(key).or_default() += planck(&statement["amount"])?;
		}
		ensure!(sums.contains_key(&(0, u64::from(period))), "{sums:?}");
		for settled in of(&told, "periodSettled") {
			let key = (number(settled, "microgrid")?, number(settled, "period")?);
			let members = sums.remove(&key).context("settled and not billed")?;
			let others = planck(&settled["operator"])? + planck(&settled["fund"])?;
			ensure!(
				members == planck(&settled["members"])? && members + others == 0,
				"{settled} of {members}"
			);
		}
		ensure!(sums.is_empty(), "billed and not settled: {sums:?}");
		for (bill, meter, import, export) in [
			(&bills[0], roof.meter, 0, 1_000),
			(&bills[1], flat.meter, 700, 0),
		] {
			let is_its = |line: &&Json| line["meter"] == meter && line["period"] == period;
			let metered = of(&told, "metered").find(is_its).context("not metered")?;
			ensure!(
				metered["import"] == import && metered["export"] == export,
				"{metered}"
			);
			let statement = of(&told, "statement").find(is_its).context("not billed")?;
			ensure!(
				statement["amount"] == bill["statements"][0]["amount"],
				"{statement}, not {bill}"
			);
		}
		// So are trading balances, as they are told last.
		for who in [&alice, &bob, &operator] {
			let address = who.public_key().to_account_id().to_string();
			let is_its = |line: &&Json| line["account"] == address;
			let ledger: Vec<_> = of(&told, "ledger").filter(is_its).collect();
			let ledger = ledger.last().context("no trading balance")?;
			let at = chain.at(last).await?.block_hash();
			let at = format!("{at:?}");
			let known = chain
				.rpc("market_account", rpc_params![address, at])
				.await?;
			ensure!(
				ledger["balance"] == known["balance"] && ledger["locked"] == known["locked"],
				"{ledger}, not {known}"
			);
		}

		// What cannot be had is said.
		let beyond = range(&node, 1, last + 1_000).await?;
		ensure_fails(&beyond, 1, "is not finalised")?;
		ensure_fails(&range(&node, 2, 1).await?, 2, "--from")?;
		ensure_fails(&range(&node, 0, 1).await?, 2, "--from")?;
		ensure_fails(&journal(&["--from", "1"]).await?, 2, "--to")?;
		let nobody = format!("ws://127.0.0.1:{}", free_port()?);
		let nobody = journal(&["--from", "1", "--to", "1", "--url", &nobody]).await?;
		ensure_fails(&nobody, 1, "no node answers")?;
		Ok(())
	})
}
