// The stock JavaScript client against a real node and gateway, with no custom types: whatever it knows of
// the chain it reads from the chain.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import { compactFromU8a, hexToU8a } from '@polkadot/util';

import { Device } from '../lib/device.mjs';
import { Network, until } from '../lib/network.mjs';

const PALLETS = ['microgrids', 'meterRegistry', 'orderBook', 'settlement'];
const MICROGRID = 0;
const RATINGS = { maxImport: 20_000_000, maxExport: 20_000_000 };

let network, api, operator, seller, buyer;
let good = true;

/** A test after whose failure the network's logs stay. */
function step(name, body) {
  test(name, async () => {
    try {
      await body();
    } catch (error) {
      good = false;
      throw error;
    }
  });
}

/** Signs, submits, waits for the block; returns the transaction's events, or throws the pallet's error. */
function send(signer, tx) {
  return new Promise((resolve, reject) => {
    tx.signAndSend(signer, { nonce: -1 }, ({ status, events, dispatchError, isError }) => {
      if (dispatchError) {
        if (!dispatchError.isModule) return reject(new Error(dispatchError.toString()));
        const { section, name, docs } = api.registry.findMetaError(dispatchError.asModule);
        return reject(new Error(`${section}.${name}: ${docs.join(' ')}`));
      }
      if (isError) return reject(new Error(`transaction lost: ${status.type}`));
      if (status.isInBlock) resolve(events.map(({ event }) => event));
    }).catch(reject);
  });
}

const find = (events, section, method) =>
  events.find((event) => event.section === section && event.method === method) ??
  assert.fail(`no event ${section}.${method} among ${events.map((e) => `${e.section}.${e.method}`)}`);

const chainSeconds = async () => Math.floor((await api.query.timestamp.now()).toNumber() / 1000);

/** Posts a reading until the gateway has stored it: it may not have heard of a new meter yet. */
const deliver = (reading) =>
  until('the gateway stores a reading', 20, async () =>
    (await network.post(reading)) === 201 ? true : undefined,
  );

before(async () => {
  network = await Network.start();
  api = await ApiPromise.create({ provider: new WsProvider(network.node), noInitWarn: true });
  const keyring = new Keyring({ type: 'sr25519', ss58Format: api.registry.chainSS58 });
  [operator, seller, buyer] = ['//Operator', '//Charlie', '//Dave'].map((uri) => keyring.addFromUri(uri));
});

after(async () => {
  await api?.disconnect();
  await network?.stop(good);
});

step('every call, event, error and storage item of our pallets has docs', () => {
  for (const pallet of PALLETS) {
    for (const kind of ['tx', 'events', 'errors', 'query']) {
      const items = Object.entries(api[kind][pallet] ?? {}).filter(([, item]) => item.meta);
      assert.ok(items.length > 0, `${kind}.${pallet} is empty`);
      for (const [name, { meta }] of items) {
        const docs = meta.docs.map((line) => line.toString().trim()).join(' ');
        // The version of a pallet's storage is FRAME's own.
        if (name !== 'palletVersion') assert.ok(docs.length > 10, `${kind}.${pallet}.${name} has no docs`);
      }
    }
  }
});

step('a kilowatt-hour goes from meter to money', async () => {
  const microgrid = (await api.query.microgrids.microgrids(MICROGRID)).unwrap();
  assert.equal(microgrid.operator.toString(), operator.address);

  // Registered by their owners, admitted by the operator.
  const meters = [];
  for (const [owner, name] of [[seller, 'seller, roof'], [buyer, 'buyer, flat']]) {
    const device = new Device(api, name);
    const events = await send(
      owner,
      api.tx.meterRegistry.registerMeter(
        MICROGRID,
        'Prosumer',
        device.key,
        device.serial,
        1_000_000_000,
        device.proof(owner, MICROGRID),
      ),
    );
    device.meter = find(events, 'meterRegistry', 'MeterRegistered').data.meter.toNumber();
    meters.push(device);
  }
  const [roof, flat] = meters;
  await send(
    operator,
    api.tx.utility.batchAll(meters.map(({ meter }) => api.tx.meterRegistry.admitMeter(meter, RATINGS))),
  );

  // First readings set the base.
  for (const device of meters) await deliver(device.read(await chainSeconds(), 0, 0));

  // Both orders, for the period after the next.
  const clock = await api.query.microgrids.clock();
  const length = clock.periodLength.toNumber();
  const period = Math.floor((await chainSeconds()) / length) + 2;
  const order = (device, side, limitPrice) => ({
    meter: device.meter,
    side,
    period,
    energy: 600,
    limitPrice,
    timeInForce: 'GoodUntilGate',
  });
  await send(seller, api.tx.orderBook.placeOrder(order(roof, 'Ask', 150_000)));
  const events = await send(buyer, api.tx.orderBook.placeOrder(order(flat, 'Bid', 160_000)));
  find(events, 'orderBook', 'Trade');

  // The roof feeds in 1,000 Wh and the flat takes 800 Wh, exactly within the period.
  const [start, end] = [period * length, (period + 1) * length];
  for (const [second, made, taken] of [[start, 0, 0], [end, 1_000, 800]]) {
    await until(`the chain reaches ${second}`, 60, async () =>
      (await chainSeconds()) >= second ? true : undefined,
    );
    await deliver(roof.read(second, 0, made));
    await deliver(flat.read(second, taken, 0));
  }

  // The bills.
  const bill = (device) =>
    until(`the statement of meter ${device.meter}`, 120, async () => {
      const statement = await api.call.settlementApi.statement(device.meter, period);
      return statement.isSome ? statement.unwrap() : undefined;
    });
  const [sold, bought] = [await bill(roof), await bill(flat)];
  for (const statement of [sold, bought]) {
    assert.ok(statement.provenance.unwrap().isMeasured, statement.toString());
  }
  assert.equal(sold.account.toString(), seller.address);
  assert.equal(sold.export.toNumber(), 1_000);
  assert.equal(sold.contracts.sold.toNumber(), 600);
  assert.equal(sold.split.delivered.toNumber(), 600);
  assert.equal(sold.split.surplus.toNumber(), 400);
  assert.equal(bought.account.toString(), buyer.address);
  assert.equal(bought.import.toNumber(), 800);
  assert.equal(bought.contracts.bought.toNumber(), 600);
  assert.equal(bought.split.consumed.toNumber(), 600);
  assert.equal(bought.split.need.toNumber(), 200);

  // 600 Wh at the resting order's 0.15 GRID/kWh; the rest at the prices of the pool; the fee. Exactly.
  const cost = (price, energy) => price.toBigInt() * BigInt(energy) * 1000n;
  const traded = 150_000n * 600n * 1000n;
  const fee = cost(microgrid.terms.rules.fee, 600);
  const surplus = cost(sold.prices.residual.members.sell, 400);
  const need = cost(bought.prices.residual.members.buy, 200);
  assert.equal(sold.contracts.receivable.toBigInt(), traded);
  assert.equal(bought.contracts.payable.toBigInt(), traded);
  assert.equal(sold.contracts.fee.toBigInt(), fee);
  assert.equal(bought.contracts.fee.toBigInt(), fee);
  assert.ok(surplus > 0n && need > 0n);
  assert.equal(sold.amount.toBigInt(), traded + surplus - fee);
  assert.equal(bought.amount.toBigInt(), -(traded + need + fee));
  // More surplus than need: surplus earns feed-in, need costs that and the fund's share of the gain.
  const [retail, feedIn] = [microgrid.terms.retailPrice, microgrid.terms.feedInPrice].map((p) => p.toBigInt());
  const kept = 1_000_000n - microgrid.terms.residual.asPool.spread.toBigInt();
  assert.equal(surplus, feedIn * 400n * 1000n);
  assert.equal(need, (retail - ((retail - feedIn) * kept) / 1_000_000n) * 200n * 1000n);

  // All payments of the period sum to zero.
  const summary = (await api.call.settlementApi.summary(MICROGRID, period)).unwrap();
  assert.deepEqual(summary.prices.toHex(), sold.prices.toHex());
  assert.equal(summary.members.toBigInt() + summary.operator.toBigInt() + summary.fund.toBigInt(), 0n);
  assert.equal(summary.members.toBigInt(), sold.amount.toBigInt() + bought.amount.toBigInt());

  // At the same time tomorrow, without orders, all that was metered would meet in the pool.
  const tomorrow = period + clock.periodsPerDay.toNumber();
  const [expected] = await api.call.settlementApi.expectedPrices(MICROGRID, tomorrow, 1);
  assert.equal(expected.period.toNumber(), tomorrow);
  assert.equal(expected.days.toNumber(), 1);
  assert.deepEqual([expected.surplus.toNumber(), expected.need.toNumber()], [1_000, 800]);
  assert.equal(expected.ratio.unwrap().toNumber(), 1_250_000);
  assert.equal(expected.prices.sell.toBigInt(), feedIn);
});

step('every block and event decodes, general transactions included', async () => {
  const best = (await api.rpc.chain.getHeader()).number.toNumber();
  let general = 0;
  let accepted = 0;
  for (let number = 1; number <= best; number++) {
    const hash = await api.rpc.chain.getBlockHash(number);
    const { block } = await api.rpc.chain.getBlock(hash);
    const derived = await api.derive.chain.getBlock(hash);
    assert.equal(derived.extrinsics.length, block.extrinsics.length);
    // The raw bytes, as other clients see them, beside what this client made of them.
    const raw = await api.rpc.chain.getBlock.raw(hash);
    block.extrinsics.forEach((extrinsic, index) => {
      assert.ok(extrinsic.method.section && extrinsic.method.method);
      JSON.stringify(extrinsic.toHuman());
      const bytes = hexToU8a(raw.block.extrinsics[index].toString());
      const [prefix] = compactFromU8a(bytes);
      if (bytes[prefix] !== 0x45) return;
      general += 1;
      assert.equal(`${extrinsic.method.section}.${extrinsic.method.method}`, 'meterRegistry.submitReadings');
      assert.ok(extrinsic.method.args[0].readings.length > 0);
      // The call ends the transaction: it was found where it is.
      const call = extrinsic.method.toU8a();
      assert.deepEqual(bytes.slice(-call.length), call);
    });
    const events = await (await api.at(hash)).query.system.events();
    for (const { event } of events) {
      assert.ok(event.section && event.method);
      JSON.stringify(event.toHuman());
      assert.notEqual(`${event.section}.${event.method}`, 'system.ExtrinsicFailed', event.toString());
      if (event.method === 'ReadingsAccepted') {
        accepted += event.data.accepted.toNumber();
        assert.equal(event.data.stale.toNumber(), 0);
      }
      assert.notEqual(event.method, 'ReadingsRelayed');
    }
  }
  assert.ok(general > 0, 'no block holds a general transaction');
  assert.equal(accepted, 6, 'each of the six readings once');
});
