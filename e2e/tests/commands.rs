//! From an operator's event over finalised blocks, a gateway and a broker to devices, and back to the chain in
//! their signed readings.

use std::{
	rc::Rc,
	time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{ensure, Context, Result};
use codec::Compact;
use gridweave_e2e::{
	broker::Broker,
	chain::{call, number_of, until, Call, Chain},
	demand_response::{enrolment, event, open},
	meter::{account, Device},
	place::{self, free_port, Place},
	process::{Gateway, Node, NodeSpec},
};
use serde_json::{json, Value as Json};
use subxt::dynamic::{At as _, Value};

/// Length of a period of the development chain, in seconds.
const LENGTH: u64 = 12;
/// Soon enough for a loaded machine.
const SOON: Duration = Duration::from_secs(90);

fn now() -> u64 {
	SystemTime::now()
		.duration_since(UNIX_EPOCH)
		.map_or(0, |since| since.as_secs())
}

/// A command to one meter.
fn charge(programme: u128, device: &Device, until: u64) -> Call {
	call(
		"DemandResponse",
		"send_command",
		vec![
			("programme", Value::from(programme)),
			("meter", Value::from(device.meter)),
			("action", Value::unnamed_variant("Charge", [])),
			("from", Value::from(now())),
			("until", Value::from(until)),
		],
	)
}

/// The latest command of a meter as the last finalised block has it: its nonce, and when it was acknowledged.
async fn on_chain(chain: &Chain, meter: u32) -> Result<Option<(u128, Option<u128>)>> {
	let at = chain.finalised().await?;
	let arguments = vec![Value::from(meter)];
	let command = chain
		.ask(&at, "DemandResponseApi", "command", arguments)
		.await?;
	let Some(command) = command.at(0usize) else {
		return Ok(None);
	};
	let nonce = number_of(command.at("nonce").context("no nonce")?)?;
	let acknowledged = command
		.at("acknowledged")
		.and_then(|value| value.at(0usize));
	Ok(Some((nonce, acknowledged.map(number_of).transpose()?)))
}

/// The state of the latest command of a meter, as the gateway tells it, with its nonce.
async fn latest(gateway: &Gateway, meter: u32) -> Result<Option<(String, u64)>> {
	let (status, text) = gateway.get(&format!("/v1/commands/{meter}")).await?;
	if status != 200 {
		return Ok(None);
	}
	let told: Json = serde_json::from_str(&text)?;
	let latest = &told["latest"];
	let state = latest["state"].as_str().map(str::to_owned);
	Ok(state.zip(latest["nonce"].as_u64()))
}

async fn until_latest(gateway: &Gateway, meter: u32, state: &str, nonce: u64) -> Result<()> {
	let what = format!("command {nonce} of meter {meter} is {state}");
	let expected = Some((state.to_owned(), nonce));
	until(&what, SOON, || async {
		Ok((latest(gateway, meter).await? == expected).then_some(()))
	})
	.await
}

/// A node, a gateway that it pulls from, and a broker.
async fn start(place: &Rc<Place>) -> Result<(Node, Gateway, u16, Broker)> {
	let (rpc_port, port) = (free_port()?, free_port()?);
	let gateway = Gateway::start_on(place, rpc_port, port).await?;
	let spec = NodeSpec::development()
		.rpc_port(rpc_port)
		.gateways([gateway.url.clone()]);
	let node = Node::start(place, &spec).await?;
	Ok((node, gateway, port, Broker::start(place).await?))
}

#[test]
fn commands_should_reach_devices_and_be_acknowledged_on_chain() -> Result<()> {
	place::run(|place| async move {
		let (node, gateway, port, broker) = start(&place).await?;
		let chain = &node.chain;
		let (operator, alice, bob) = (account("Operator")?, account("Alice")?, account("Bob")?);
		let genesis = chain.genesis_hash();
		let mut good = Device::new("an obedient device", genesis)?;
		let mut deaf = Device::new("a deaf device", genesis)?;
		good.join(chain, &alice, &operator, 0).await?;
		deaf.join(chain, &bob, &operator, 0).await?;
		gateway.deliver(&good.read(now(), 10, 0)).await?;
		gateway.deliver(&deaf.read(now(), 10, 0)).await?;

		let programme = open(chain, &operator, 0).await?;
		chain.run(&alice, &enrolment(programme, good.meter)).await?;
		chain.run(&bob, &enrolment(programme, deaf.meter)).await?;

		// The event is announced, and devices are told, while the gateway is gone: killed, not stopped.
		let bridge = broker.bridge(&place, &gateway.url)?;
		let topic = |device: &Device| format!("gridweave/v1/commands/{}", device.meter);
		let mut ear = broker.listen("obedient", &topic(&good));
		let mut other_ear = broker.listen("deaf", &topic(&deaf));
		drop(gateway);
		let start = now() / LENGTH + 2;
		chain.run(&operator, &event(programme, start, 4)).await?;
		let (from, until_second) = (start * LENGTH, (start + 4) * LENGTH);
		until("the chain tells both devices", SOON, || async {
			let told = (
				on_chain(chain, good.meter).await?,
				on_chain(chain, deaf.meter).await?,
			);
			Ok((told.0.is_some() && told.1.is_some()).then_some(()))
		})
		.await?;
		let gateway = Gateway::start_on(&place, node.rpc_port, port).await?;

		let told = ear.next(SOON).await?.context("an empty message")?;
		let nonce = told["nonce"].as_u64().context("no nonce")?;
		let command = |device: &Device| {
			json!({"meter": device.meter, "nonce": nonce, "action": "limit_import", "watts": 1_500,
				"from": from, "until": until_second, "event": told["event"]})
		};
		ensure!(told == command(&good), "{told}");
		ensure!(told["event"].is_u64(), "{told}");
		let other = other_ear.next(SOON).await?.context("an empty message")?;
		ensure!(other == command(&deaf), "{other}");
		// What was told was final.
		ensure!(on_chain(chain, good.meter).await? == Some((nonce.into(), None)));
		until_latest(&gateway, good.meter, "open", nonce).await?;

		// Killed again before the device says that it obeys.
		drop(gateway);
		let gateway = Gateway::start_on(&place, node.rpc_port, port).await?;
		let mut reading = good.read(now(), 10, 0).reading;
		reading.acknowledged = Some(Compact(u32::try_from(nonce)?));
		let captured_at = reading.captured_at;
		gateway.deliver(&good.signed(reading)).await?;
		gateway.deliver(&deaf.read(now(), 10, 0)).await?;
		until("the chain knows that the device obeys", SOON, || async {
			let expected = Some((u128::from(nonce), Some(u128::from(captured_at))));
			Ok((on_chain(chain, good.meter).await? == expected).then_some(()))
		})
		.await?;
		if now() < until_second {
			until_latest(&gateway, good.meter, "acknowledged", nonce).await?;
		}

		// Its time is over: nothing is told any more, and the one that nobody acknowledged stays visible.
		until_latest(&gateway, deaf.meter, "expired", nonce).await?;
		until_latest(&gateway, good.meter, "done", nonce).await?;
		ensure!(now() >= until_second);
		ensure!(on_chain(chain, deaf.meter).await? == Some((nonce.into(), None)));
		let (_, listed) = gateway.get("/v1/commands?state=expired").await?;
		let listed: Json = serde_json::from_str(&listed)?;
		ensure!(listed["commands"][0]["meter"] == deaf.meter, "{listed}");
		let (_, metrics) = gateway.get("/metrics").await?;
		let line = "gridweave_gateway_commands{state=\"expired\"} 1";
		ensure!(metrics.lines().any(|found| found == line), "{metrics}");
		for (ear, device) in [(&mut ear, &good), (&mut other_ear, &deaf)] {
			// It may have been told again, when the gateway had started anew.
			while ear.next(SOON).await?.is_some() {}
			let mut late = broker.listen(&format!("late-{}", device.meter), &topic(device));
			let heard = late.next(Duration::from_secs(3)).await;
			ensure!(heard.is_err(), "the broker keeps {heard:?}");
		}

		// A command to one device, with the bridge gone: a later nonce. It is withdrawn when its meter
		// leaves.
		drop(bridge);
		let charging = charge(programme, &deaf, now() + 3_600);
		chain.run(&operator, &charging).await?;
		let _bridge = broker.bridge(&place, &gateway.url)?;
		let told = other_ear.next(SOON).await?.context("an empty message")?;
		ensure!(told["nonce"].as_u64() > Some(nonce), "{told}");
		ensure!(
			told["action"] == "charge" && told["watts"].is_null(),
			"{told}"
		);
		ensure!(told["event"].is_null(), "{told}");
		let leave = call(
			"DemandResponse",
			"leave",
			vec![
				("programme", Value::from(programme)),
				("meter", Value::from(deaf.meter)),
			],
		);
		// Only after the event is measured.
		until("the member leaves", SOON, || async {
			Ok(chain.run(&bob, &leave).await.ok())
		})
		.await?;
		while other_ear.next(SOON).await?.is_some() {}
		until_latest(
			&gateway,
			deaf.meter,
			"withdrawn",
			told["nonce"].as_u64().unwrap_or(0),
		)
		.await
	})
}
