import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ServerStatus } from '@inmesh/core';
import { createRegistryServer, type RegistryServer } from '@inmesh/registry-server';
import { eventually, systemProgram } from '@inmesh/testing';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { bundleCommandLine, bundleSources } from '../test/support/program.ts';

const blockTimeoutMs = 120_000;
/** What the guide's ports get before them, so that the test does not meet an etcd that serves already. */
const prefixes = ['1', '2', '3'];
const guidePorts = [2179, 2180, 2279, 2280, 2379, 2380, 8761, 8771, 8772, 8773];

/** The service that the guide starts last: it registers, says so, and ends. */
const orders = `
import { createServer } from 'node:http';
import { createMesh } from 'inmesh';
const mesh = await createMesh({ service: 'orders' });
await mesh.listen(createServer((request, response) => response.end()), { port: 0 });
console.log(mesh.inspect().registry.kind);
await mesh.close();
`;

/** As much of curl as the guide uses, and no more: not every machine that runs the tests has it. */
const curl = `
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    silent: { type: 'boolean', short: 's' },
    fail: { type: 'boolean', short: 'f' },
    header: { type: 'string', short: 'H' },
    data: { type: 'string', short: 'd' },
  },
});
const { header, data, fail } = values;
const headers = header === undefined ? [] : [header.split(': ')];
const post = data === undefined ? {} : { method: 'POST', body: readFileSync(data.slice(1)) };
const answer = await fetch(positionals[0], { headers, ...post }).catch(() => process.exit(7));
if (fail && !answer.ok) process.exit(22);
process.stdout.write(await answer.text());
`;

let folder: string;
let etcdFolder: string;
let prefix: string;
let before: RegistryServer;
const groups: number[] = [];

beforeAll(async () => {
  etcdFolder = dirname(systemProgram('etcd', 'etcd-server'));
  prefix = await freePrefix();
  folder = await mkdtemp(join(tmpdir(), 'inmesh-guide-'));
  await mkdir(join(folder, 'tool'));
  const commandLine = await bundleCommandLine(join(folder, 'tool'));
  await writeFile(join(folder, 'curl.mjs'), curl);
  const scripts = {
    // `npx inmesh …`, from source.
    npx: `shift\nexec node ${commandLine} "$@"`,
    curl: `exec node ${join(folder, 'curl.mjs')} "$@"`,
  };
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  await writeFile(join(folder, 'orders.ts'), orders);
  bundleSources([join(folder, 'orders.ts')], join(folder, 'built'));
  await writeFile(join(folder, 'orders.js'), "import('./built/orders.mjs');\n");
  before = createRegistryServer({ port: Number(`${prefix}8761`) });
  await before.listen();
}, 120_000);

afterAll(async () => {
  for (const group of groups) {
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      // Nothing of it runs any more.
    }
  }
  await before?.close();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

test(
  'the guide from one registry server to three does what it says, command by command',
  async () => {
    const [etcd, read, servers, client, ...more] = await shellBlocks();
    expect(more).toEqual([]);
    const entry = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'ServiceEntry',
      metadata: { name: 'bank', namespace: 'default' },
      spec: { hosts: ['bank.example'], ports: [{ number: 443, name: 'https', protocol: 'HTTPS' }] },
    };
    const applied = await fetch(at(8761, '/v1/resources'), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ resources: [entry] }),
    });
    expect(applied.status).toBe(200);

    await run(etcd);
    await run(read);
    await run(servers);
    expect(await run(client)).toContain('connected');

    for (const port of [8771, 8772, 8773]) {
      await eventually(async () => {
        const { cluster } = (await (await fetch(at(port, '/v1/status'))).json()) as ServerStatus;
        const resource = await fetch(at(port, '/v1/resources/ServiceEntry/default/bank'));
        return cluster?.store === 'available' && cluster.servers === 3 && resource.ok;
      }, blockTimeoutMs);
    }
  },
  5 * blockTimeoutMs,
);

function at(port: number, path: string): string {
  return `http://127.0.0.1:${prefix}${port}${path}`;
}

async function shellBlocks(): Promise<string[]> {
  const guide = new URL('../../../docs/guides/registry-cluster.md', import.meta.url);
  const blocks = (await readFile(guide, 'utf8')).matchAll(/^```sh\n(.*?)^```$/gms);
  return Array.from(blocks, ([, block = '']) =>
    block
      .replace(/127\.0\.0\.1:(?=\d|\$)/g, `127.0.0.1:${prefix}`)
      .replace(/--port (?=\d)/g, `--port ${prefix}`),
  );
}

/** Gives what the block printed. Rejects when it fails, or takes too long. What it leaves running goes on. */
async function run(block = ''): Promise<string> {
  const shell = spawn('bash', ['-euo', 'pipefail', '-c', block], {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      PATH: `${folder}:${process.env.PATH}:${etcdFolder}`,
      XDG_CACHE_HOME: folder,
    },
    timeout: blockTimeoutMs,
    killSignal: 'SIGKILL',
  });
  if (shell.pid !== undefined) groups.push(shell.pid);
  const printed = text(shell.stdout);
  const [code] = (await once(shell, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`exit ${code} of:\n${block}`);
  return await printed;
}

async function freePrefix(): Promise<string> {
  for (const candidate of prefixes) {
    const free = await Promise.all(guidePorts.map((port) => isFree(Number(`${candidate}${port}`))));
    if (free.every(Boolean)) return candidate;
  }
  throw new Error(`none of ${prefixes.join(', ')} before the guide's ports makes them free`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
