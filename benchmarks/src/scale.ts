/**
 * What one registry server holds, what ten hold, and what breaks first: unit costs that are measured
 * here, over HTTP, against a server that is a process of its own, put into the model of
 * `scale-model.ts`. Prints the table of `docs/scale.md` before its results.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { SessionOpened } from '@inmesh/core';
import type { BenchOptions, BenchResult } from './harness.ts';
import { encodeRequest, openSocket, saturate, sendAll, Watch } from './registry-load.ts';
import type { TargetReport } from './registry-target.ts';
import { breaksFirst, demandOf, simulateRestart, type UnitCosts } from './scale-model.ts';

const watchers = 1_000;
const bulk = 20_000;
const changes = 100;
const renewalRounds = 50;
const warmUpMs = 2_000;

interface Server {
  readonly url: URL;
  readonly sockets: readonly Socket[];
  report(): Promise<TargetReport>;
  close(): Promise<void>;
}

export async function run(_options: BenchOptions): Promise<BenchResult[]> {
  const server = await startServer();
  const costs = await measure(server).finally(() => server.close());
  printTable(costs);
  return Object.entries(costs).map(([name, value]) => ({
    bench: 'scale',
    subject: name,
    baseline: '–',
    concurrency: 0,
    metric: name.endsWith('Ms') ? 'CPU' : 'memory or size',
    ratio: 1,
    low: 1,
    high: 1,
    value: name.endsWith('Ms') ? value * 1_000 : value,
    unit: name.endsWith('Ms') ? 'µs' : 'bytes',
  }));
}

async function measure(server: Server): Promise<UnitCosts> {
  const { url, sockets } = server;
  const put = (path: string, body?: unknown): Buffer =>
    encodeRequest(url, { method: 'PUT', path, ...(body === undefined ? {} : { body }) });
  const open = encodeRequest(url, { method: 'POST', path: '/v1/sessions', body: { client: 'x' } });
  await warmUp(server, open, put);
  const before = await server.report();

  const opened = (await sendAll(sockets, Array<Buffer>(watchers).fill(open))) as SessionOpened[];
  const afterSessions = await server.report();
  const tokens = opened.map(({ session }) => session);

  // So many, and not for so long: what runs beside them must not be divided by few.
  for (let round = 0; round < renewalRounds; round += 1) {
    await sendAll(
      sockets,
      tokens.map((token) => put(`/v1/sessions/${token}`)),
    );
  }
  const afterRenewals = await server.report();

  await sendAll(
    sockets,
    Array.from({ length: bulk }, (_, i) =>
      put(`/v1/sessions/${tokens[i % tokens.length]}/registrations/e${i}`, endpoint(i)),
    ),
  );
  const afterEndpoints = await server.report();

  const services = ['service-0.default'];
  const subscriptions = tokens.map((token) =>
    put(`/v1/sessions/${token}/subscriptions`, { services }),
  );
  await sendAll(sockets, subscriptions);
  const watches: Watch[] = [];
  for (const token of tokens) {
    const socket = await openSocket(url);
    socket.write(encodeRequest(url, { method: 'GET', path: `/v1/sessions/${token}/watch` }));
    await once(socket, 'data');
    watches.push(new Watch(socket));
  }

  const change = async (round: number): Promise<void> => {
    const told = watches.map((watch) => watch.next());
    const changed = { ...endpoint(0), metadata: { round: String(round) } };
    const request = put(`/v1/sessions/${tokens[0]}/registrations/e0`, changed);
    await Promise.all([Promise.all(told), sendAll(sockets.slice(0, 1), [request])]);
  };
  // What the streams begin with is over by then.
  for (let round = -3; round < 0; round += 1) await change(round);
  const afterStreams = await server.report();
  for (let round = 0; round < changes; round += 1) await change(round);
  const afterChanges = await server.report();

  const registrationMs = (afterEndpoints.cpuMs - afterRenewals.cpuMs) / bulk;
  return {
    renewalMs: (afterRenewals.cpuMs - afterSessions.cpuMs) / (renewalRounds * watchers),
    registrationMs,
    sessionMs: (afterSessions.cpuMs - before.cpuMs) / watchers,
    toldMs:
      (afterChanges.cpuMs - afterStreams.cpuMs - changes * registrationMs) / (changes * watchers),
    endpointBytes: Math.max(0, afterEndpoints.rssBytes - afterSessions.rssBytes) / bulk,
    attachedBytes: Math.max(0, afterStreams.rssBytes - afterEndpoints.rssBytes) / watchers,
    emptyBytes: before.rssBytes,
    wireBytes: JSON.stringify(endpoint(0)).length + 120,
  };
}

/** What is measured is a server that has run for a while: its code is compiled. */
async function warmUp(
  { sockets }: Server,
  open: Buffer,
  put: (path: string, body?: unknown) => Buffer,
): Promise<void> {
  const opened = (await sendAll(sockets, Array<Buffer>(3_000).fill(open))) as SessionOpened[];
  const paths = opened.map(({ session }) => `/v1/sessions/${session}`);
  await sendAll(
    sockets,
    paths.map((path, i) => put(`${path}/registrations/warm${i}`, endpoint(i))),
  );
  await saturate(
    sockets,
    paths.map((path) => put(path)),
    warmUpMs,
  );
}

function endpoint(i: number): object {
  return {
    service: `service-${i % 1_000}`,
    address: `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`,
    ports: [{ name: 'http', port: 8080 }],
    labels: { version: 'v1', app: 'service' },
    metadata: { commit: '9f3c2a71' },
    locality: { region: 'eu-central', zone: 'eu-central-1a' },
  };
}

function printTable(costs: UnitCosts): void {
  console.log(
    '| endpoints | servers | cores each | memory each | streams each | sent each | store writes/s | back after a restart | over first |',
  );
  console.log('|--:|--:|--:|--:|--:|--:|--:|--:|---|');
  for (const endpoints of [1_000, 10_000, 100_000, 1_000_000]) {
    for (const servers of [1, 10]) {
      const fleet = { endpoints, servers };
      const demand = demandOf(fleet, costs);
      const cells = [
        endpoints.toLocaleString('en'),
        servers,
        demand.cores.toFixed(2),
        `${Math.round(demand.memoryBytes / 2 ** 20).toLocaleString('en')} MiB`,
        Math.round(demand.streams).toLocaleString('en'),
        `${(demand.sentBytes / 1e6).toFixed(1)} MB/s`,
        Math.round(demand.storeWrites).toLocaleString('en'),
        `${simulateRestart(fleet, costs, Math.random).toFixed(1)} s`,
        breaksFirst(demand) ?? '–',
      ];
      console.log(`| ${cells.join(' | ')} |`);
    }
  }
}

async function startServer(): Promise<Server> {
  // Beside this file once it is compiled.
  const child = fork(new URL('./registry-target.js', import.meta.url), ['registry']);
  const [started] = (await once(child, 'message')) as [{ url: string }];
  const url = new URL(started.url);
  const sockets = await Promise.all(Array.from({ length: 32 }, () => openSocket(url)));
  return {
    url,
    sockets,
    async report() {
      child.send('report');
      const [report] = (await once(child, 'message')) as [TargetReport];
      return report;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      child.disconnect();
      await once(child, 'exit');
    },
  };
}
