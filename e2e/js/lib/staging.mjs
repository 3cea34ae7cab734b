// A network of operators who begin with nothing, as docs/operators.md tells them to: keys, specification, nodes.

import { execFile, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { BINARIES, freePort, until } from './network.mjs';

const SCRIPTS = join(dirname(fileURLToPath(import.meta.url)), '../../../scripts');
const run = promisify(execFile);

/** Runs a program to its end; rejects with its output unless it exits 0. */
export const command = (program, args, options = {}) => run(program, args, { encoding: 'utf8', ...options });

/** All files of a folder and below, with their permissions. */
export function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? files(path) : [{ path, mode: statSync(path).mode & 0o777 }];
  });
}

export class Staging {
  folder = mkdtempSync(join(tmpdir(), 'gridweave-e2e-staging-'));
  nodes = {};

  /** scripts/chain-spec, with the binaries under test. */
  chainSpec(...args) {
    const env = { ...process.env, GRIDWEAVE_BIN: BINARIES };
    return command(join(SCRIPTS, 'chain-spec'), args, { cwd: this.folder, env });
  }

  /** What everybody may know of an operator. */
  public(name) {
    return JSON.parse(readFileSync(join(this.folder, 'keys', `${name}.json`), 'utf8'));
  }

  /** The phrase of an operator's account. */
  phrase(name) {
    return readFileSync(join(this.folder, 'keys', name, 'account.secret'), 'utf8').trim();
  }

  /** Gives a node its ports, once: its address is told to others. */
  async place(name) {
    const ports = { rpc: await freePort(), p2p: await freePort() };
    const keys = join(this.folder, 'keys', name);
    const base = join(this.folder, `data-${name}`);
    this.nodes[name] = { name, ports, keys, base, log: join(this.folder, `${name}.log`) };
  }

  /** Puts a node on a machine that has nothing of it but the specification: a new identity, and no session keys yet. */
  async replace(name) {
    const keys = join(this.folder, `new-${name}`);
    mkdirSync(keys);
    await command(join(BINARIES, 'gridweave-node'), [
      'key', 'generate-node-key', '--chain', this.specification, '--file', join(keys, 'node.key'),
    ]);
    Object.assign(this.nodes[name], { keys, base: join(this.folder, `new-data-${name}`) });
  }

  /** The specification that all nodes run with. */
  get specification() {
    return join(this.folder, 'specs/staging-raw.json');
  }

  /** The command line of a validator, as the document has it. */
  arguments(name) {
    const { ports, keys, base } = this.nodes[name];
    const others = Object.values(this.nodes).filter((node) => node.name !== name);
    return [
      '--validator',
      '--chain', this.specification,
      '--name', name,
      '--base-path', base,
      '--keystore-path', join(keys, 'keystore'),
      '--node-key-file', join(keys, 'node.key'),
      '--listen-addr', `/ip4/127.0.0.1/tcp/${ports.p2p}`,
      '--rpc-port', `${ports.rpc}`,
      '--no-prometheus',
      '--no-telemetry',
      ...others.flatMap((other) => [
        '--bootnodes', `/ip4/127.0.0.1/tcp/${other.ports.p2p}/p2p/${this.public(other.name).peer}`,
      ]),
    ];
  }

  /** Starts a node, or starts it again; the promise is that of its exit code. */
  start(name) {
    const node = this.nodes[name];
    const file = openSync(node.log, 'a');
    node.child = spawn(join(BINARIES, 'gridweave-node'), this.arguments(name), { stdio: ['ignore', file, file] });
    closeSync(file);
    node.gone = new Promise((resolve) => {
      node.child.once('error', resolve);
      node.child.once('exit', (code, signal) => resolve(code ?? signal));
    });
    return node.gone;
  }

  /** Ends a node as a supervisor does. */
  async end(name) {
    const { child, gone } = this.nodes[name];
    child.kill('SIGTERM');
    return gone;
  }

  /** Asks a node. */
  async ask(name, method, params = []) {
    const answer = await fetch(`http://127.0.0.1:${this.nodes[name].ports.rpc}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    const { result, error } = await answer.json();
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  /** Number of the last block that a node has finalised; undefined while it does not answer. */
  async finalised(name) {
    try {
      const header = await this.ask(name, 'chain_getHeader', [await this.ask(name, 'chain_getFinalizedHead')]);
      return Number(header.number);
    } catch {
      return undefined;
    }
  }

  /** Until all these nodes have finalised a block of this number: its hash, which must be the same. */
  async untilFinalised(number, seconds, names = Object.keys(this.nodes)) {
    await until(`block ${number} is finalised by ${names}`, seconds, async () => {
      const all = await Promise.all(names.map((name) => this.finalised(name)));
      return all.every((at) => at >= number) ? true : undefined;
    });
    const hashes = await Promise.all(names.map((name) => this.ask(name, 'chain_getBlockHash', [number])));
    if (new Set(hashes).size !== 1) throw new Error(`block ${number} differs: ${hashes}`);
    return hashes[0];
  }

  /** Ends all. Logs stay, and their ends are shown, unless all went well. */
  async stop(good) {
    for (const { child, gone } of Object.values(this.nodes)) {
      if (!child) continue;
      child.kill('SIGKILL');
      await gone;
    }
    if (good) return rmSync(this.folder, { recursive: true, force: true });
    for (const { log } of Object.values(this.nodes)) {
      console.error(`--- the end of ${log}`);
      console.error(readFileSync(log, 'utf8').split('\n').slice(-25).join('\n'));
    }
    console.error(`--- kept: ${this.folder}`);
  }
}
