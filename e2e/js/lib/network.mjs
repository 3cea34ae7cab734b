// A real gateway and a real development chain, as child processes in a folder of their own.

import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where node and gateway are. */
export const BINARIES =
  process.env.GRIDWEAVE_BIN ??
  join(process.env.CARGO_TARGET_DIR ?? join(homedir(), '.cache/gridweave/target'), 'release');

/** A port on which nothing listens now. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Asks until there is an answer other than undefined. */
export async function until(what, seconds, ask) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s in vain: ${what}`);
    await sleep(250);
  }
}

export class Network {
  #folder = mkdtempSync(join(tmpdir(), 'gridweave-e2e-js-'));
  #children = [];

  /** Starts gateway and node and waits until both listen. */
  static async start() {
    const network = new Network();
    try {
      const [http, rpc, p2p] = [await freePort(), await freePort(), await freePort()];
      network.gateway = `http://127.0.0.1:${http}`;
      network.node = `ws://127.0.0.1:${rpc}`;
      await network.#spawn('gridweave-gateway', http, [
        'serve',
        `--listen=127.0.0.1:${http}`,
        `--store=${join(network.#folder, 'gateway')}`,
        `--node=${network.node}`,
      ]);
      await network.#spawn('gridweave-node', rpc, [
        '--dev',
        `--base-path=${join(network.#folder, 'node')}`,
        `--rpc-port=${rpc}`,
        `--listen-addr=/ip4/127.0.0.1/tcp/${p2p}`,
        '--no-prometheus',
        '--no-telemetry',
        `--meter-gateway=${network.gateway}`,
      ]);
      return network;
    } catch (error) {
      await network.stop(false);
      throw error;
    }
  }

  async #spawn(name, port, args) {
    const binary = join(BINARIES, name);
    if (!existsSync(binary)) throw new Error(`${binary} is missing: cargo build --release --workspace`);
    const log = join(this.#folder, `${name}.log`);
    const file = openSync(log, 'w');
    const child = spawn(binary, args, { stdio: ['ignore', file, file] });
    closeSync(file);
    let ended;
    child.once('error', (error) => (ended = error));
    child.once('exit', (code, signal) => (ended = new Error(`${name} ended: ${code ?? signal}`)));
    this.#children.push({ child, log, gone: () => ended !== undefined });
    await until(`${name} listens`, 60, async () => {
      if (ended) throw ended;
      return (await listens(port)) ? true : undefined;
    });
  }

  /** Ends both. Logs stay, and their ends are shown, unless all went well. */
  async stop(good) {
    for (const { child, gone } of this.#children) {
      if (gone()) continue;
      const exit = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await exit;
    }
    if (good) return rmSync(this.#folder, { recursive: true, force: true });
    for (const { log } of this.#children) {
      console.error(`--- the end of ${log}`);
      console.error(readFileSync(log, 'utf8').split('\n').slice(-40).join('\n'));
    }
    console.error(`--- kept: ${this.#folder}`);
  }

  /** Posts a body as a device does; returns the status code. */
  async post(body) {
    const answer = await fetch(`${this.gateway}/v1/readings`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body,
    });
    await answer.arrayBuffer();
    return answer.status;
  }
}
