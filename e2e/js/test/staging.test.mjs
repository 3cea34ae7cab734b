// What docs/operators.md tells operators to do, done: keys, a specification, four validators, a motion of the council,
// new session keys, a damaged database.

import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import { decodeAddress } from '@polkadot/util-crypto';

import { BINARIES, until } from '../lib/network.mjs';
import { Staging, command, files } from '../lib/staging.mjs';

const OPERATORS = ['alpha', 'beta', 'gamma', 'delta'];
const staging = new Staging();
let good = true;
let api, accounts;

/** A step that needs those before it. */
function step(name, body) {
  test(name, async (context) => {
    if (!good) return context.skip('a step before it failed');
    try {
      await body();
    } catch (error) {
      good = false;
      throw error;
    }
  });
}

after(async () => {
  await api?.disconnect();
  await staging.stop(good);
});

/** Signs, submits, waits for the block; the events, or the pallet's error. */
function send(signer, tx) {
  return new Promise((resolve, reject) => {
    tx.signAndSend(signer, { nonce: -1 }, ({ status, events, dispatchError, isError }) => {
      if (dispatchError) {
        const known = dispatchError.isModule && api.registry.findMetaError(dispatchError.asModule);
        return reject(new Error(known ? `${known.section}.${known.name}` : dispatchError.toString()));
      }
      if (isError) return reject(new Error(`transaction lost: ${status.type}`));
      if (status.isInBlock) resolve(events.map(({ event }) => event));
    }).catch(reject);
  });
}
const told = (events, name) => events.find((event) => `${event.section}.${event.method}` === name);

step('each operator should make keys that nobody else can read', async () => {
  for (const name of OPERATORS) {
    await staging.chainSpec('operator', name, '--out', 'keys');
    const folder = join(staging.folder, 'keys', name);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    const secret = files(folder);
    assert.equal(secret.length, 5, `${secret.map(({ path }) => path)}`);
    for (const { path, mode } of secret) assert.equal(mode & 0o077, 0, `${path} has the mode ${mode.toString(8)}`);
    const open = readFileSync(join(staging.folder, 'keys', `${name}.json`), 'utf8');
    for (const { path } of secret) {
      const text = readFileSync(path, 'utf8').trim().replaceAll('"', '');
      assert.ok(!open.includes(text), `${name}.json tells what is in ${path}`);
    }
  }
  await assert.rejects(staging.chainSpec('operator', 'alpha', '--out', 'keys'), ({ code, stderr }) => {
    assert.equal(code, 1);
    return stderr.includes('its keys stay');
  });
});

step('a specification should be made of the public parts alone, and have no sudo key', async () => {
  const parts = OPERATORS.map((name) => `keys/${name}.json`);
  await staging.chainSpec('staging', ...parts, '--out', 'specs');
  const plain = JSON.parse(readFileSync(join(staging.folder, 'specs/staging.json'), 'utf8'));
  const genesis = plain.genesis.runtimeGenesis.patch;
  assert.equal(plain.chainType, 'Live');
  assert.equal(genesis.sudo?.key ?? null, null);
  assert.deepEqual(genesis.councilMembership.members, OPERATORS.map((name) => staging.public(name).account));
  await assert.rejects(staging.chainSpec('staging', parts[0], parts[0], '--out', 'twice'), ({ stderr }) =>
    stderr.includes('a key in common'),
  );
});

step('four nodes of it should finalise one chain', async () => {
  for (const name of OPERATORS) await staging.place(name);
  for (const name of OPERATORS) staging.start(name);
  await staging.untilFinalised(3, 120);
});

step('more than half of the council should open a community, and less should not', async () => {
  api = await ApiPromise.create({
    provider: new WsProvider(`ws://127.0.0.1:${staging.nodes.alpha.ports.rpc}`),
    noInitWarn: true,
  });
  const keyring = new Keyring({ type: 'sr25519', ss58Format: api.registry.chainSS58 });
  accounts = OPERATORS.map((name) => keyring.addFromUri(staging.phrase(name)));
  // Addresses differ by the chain's prefix; keys do not.
  const keys = OPERATORS.map((name) => decodeAddress(staging.public(name).account));
  assert.deepEqual(accounts.map(({ publicKey }) => publicKey), keys);
  const [alpha, beta, gamma] = accounts;

  // As in the document, "The first community".
  const document = readFileSync(new URL('../../../docs/operators.md', import.meta.url), 'utf8');
  const terms = JSON.parse(document.match(/```json terms\n([^]*?)```/)[1]);
  const call = api.tx.microgrids.createMicrogrid(beta.address, terms);
  await assert.rejects(send(alpha, call), /BadOrigin/);
  const proposed = told(await send(alpha, api.tx.council.propose(3, call, call.method.encodedLength)), 'council.Proposed');
  const [, index, hash] = proposed.data;
  await send(alpha, api.tx.council.vote(hash, index, true));
  await send(beta, api.tx.council.vote(hash, index, true));
  const weight = { refTime: 100_000_000_000, proofSize: 1_000_000 };
  const close = api.tx.council.close(hash, index, weight, call.method.encodedLength);
  await assert.rejects(send(alpha, close), /council.TooEarly/);
  await send(gamma, api.tx.council.vote(hash, index, true));
  const closed = await send(alpha, close);
  assert.ok(told(closed, 'council.Executed').data[1].isOk, 'the motion is carried out');
  assert.ok(told(closed, 'microgrids.MicrogridCreated'), 'the community is there');
});

/** New session keys for a validator: made by its node, set by its account. */
async function rotate(name) {
  const account = accounts[OPERATORS.indexOf(name)];
  const owner = `0x${Buffer.from(account.publicKey).toString('hex')}`;
  const before = (await api.query.session.nextKeys(account.address)).toHex();
  const made = await staging.ask(name, 'author_rotateKeysWithOwner', [owner]);
  await send(account, api.tx.session.setKeys(made.keys, made.proof));
  const now = (await api.query.session.nextKeys(account.address)).toHex();
  assert.notEqual(now, before);
  assert.equal(now, made.keys);
  assert.equal(await staging.ask(name, 'author_hasSessionKeys', [made.keys]), true);
  const kept = files(join(staging.nodes[name].keys, 'keystore'));
  for (const { path, mode } of kept) assert.equal(mode & 0o077, 0, `${path} has the mode ${mode.toString(8)}`);
  return kept.length;
}

step('a validator should exchange its session keys', async () => {
  assert.equal(await rotate('beta'), 6, 'the old ones, and the new ones');
});

step('a node with a damaged database should say so, and fetch the chain from others once it is purged', async () => {
  const { base, log } = staging.nodes.delta;
  assert.equal(await staging.end('delta'), 0);
  const parts = files(base).filter(({ path }) => path.includes('paritydb'));
  assert.ok(parts.length > 0, 'no database');
  for (const { path } of parts) writeFileSync(path, 'no database any more');
  const size = statSync(log).size;
  assert.equal(await staging.start('delta'), 1);
  const said = readFileSync(log).subarray(size).toString();
  assert.match(said, /purge-chain/);

  const purge = ['purge-chain', '--chain', staging.specification, '--base-path', base, '-y'];
  await command(join(BINARIES, 'gridweave-node'), purge);
  const seen = await staging.finalised('alpha');
  staging.start('delta');
  await staging.untilFinalised(seen + 2, 120);
});

step('a validator whose machine is gone should come back with its phrase and the specification alone', async () => {
  await staging.end('delta');
  await staging.replace('delta');
  staging.start('delta');
  await staging.untilFinalised((await staging.finalised('alpha')) + 1, 120);
  assert.equal(await rotate('delta'), 3);
});
