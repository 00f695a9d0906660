/**
 * What several registry servers over etcd cost. etcd must be installed.
 *
 * - change: from sending a registration to one server to the moment at which a stream of another one
 *   has it, against a put into the same etcd and a watch of it.
 * - steady: requests a second that a settled fleet of 10,000 sessions on three servers makes to etcd.
 */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { type EtcdCluster, startEtcd } from '@inmesh/testing';
import { absolute, type BenchOptions, type BenchResult, compare } from './harness.ts';
import { openSessions, startRenewals, typicalRegistration } from './registry-fleet.ts';
import {
  encodeRequest,
  openSocket,
  openSockets,
  type Sent,
  sendAll,
  Watch,
} from './registry-load.ts';
import { startTarget } from './registry-process.ts';

const sessions = 10_000;
const servers = 3;
const steadySeconds = 30;
const changesPerRound = 20;
const setupLanes = 32;

const parts: Record<string, (etcd: EtcdCluster, rounds: number) => Promise<BenchResult[]>> = {
  change: changeBench,
  steady: steadyBench,
};

/** `only`: `change` or `steady`. */
export async function* run({ rounds = 21, only }: BenchOptions): AsyncGenerator<BenchResult> {
  for (const [name, part] of Object.entries(parts)) {
    if (only !== undefined && only !== name) continue;
    const etcd = await startEtcd({ members: 3 });
    try {
      yield* await part(etcd, rounds);
    } finally {
      await etcd.close();
    }
  }
}

async function changeBench(etcd: EtcdCluster, rounds: number): Promise<BenchResult[]> {
  const a = await startTarget('registry', { etcd: etcd.address });
  const b = await startTarget('registry', { etcd: etcd.address });
  const [provider] = await openSessions(a.url, 1);
  const [follower] = await openSessions(b.url, 1);
  const follow = { services: ['reviews.default'] };
  const path = `/v1/sessions/${follower}`;
  await sendAll(await openSockets(b.url, 1), [
    encodeRequest(b.url, { method: 'PUT', path: `${path}/subscriptions`, body: follow }),
  ]);
  const subject = await openChange({
    watchedAt: b.url,
    watch: { method: 'GET', path: `${path}/watch` },
    mark: 'event: delta',
    changedAt: a.url,
    change: (i) => ({
      method: 'PUT',
      path: `/v1/sessions/${provider}/registrations/r1`,
      body: typicalRegistration('reviews', i),
    }),
  });
  const url = new URL(etcd.members[0]?.url ?? '');
  const key = base64('bench');
  const baseline = await openChange({
    watchedAt: url,
    watch: { method: 'POST', path: '/v3/watch', body: { create_request: { key } } },
    mark: '"events"',
    changedAt: url,
    change: (i) => ({
      method: 'POST',
      path: '/v3/kv/put',
      body: { key, value: base64(JSON.stringify(typicalRegistration('reviews', i))) },
    }),
  });
  for (const warmUp of [subject, baseline]) await warmUp();
  const { ratio, low, high, ...medians } = await compare({ subject, baseline }, rounds);
  await Promise.all([a.close(), b.close()]);
  const name = 'change to seen, two servers and etcd';
  const compared = { bench: 'cluster', subject: name, baseline: 'etcd put to watch' };
  return [
    { ...compared, concurrency: 1, metric: 'p50 latency', ratio, low, high },
    absolute('cluster', name, 1, medians.subject, 'ms p50'),
    absolute('cluster', 'etcd put to watch', 1, medians.baseline, 'ms p50'),
  ];
}

interface Change {
  readonly watchedAt: URL;
  readonly watch: Sent;
  /** What begins an event of the stream. */
  readonly mark: string;
  readonly changedAt: URL;
  readonly change: (i: number) => Sent;
}

/** Opens a stream, and gives a measurement: the median of some changes, from sending one until the stream has it. */
async function openChange(options: Change): Promise<() => Promise<number>> {
  const { watchedAt, watch, mark, changedAt, change } = options;
  const socket = await openSocket(watchedAt);
  socket.write(encodeRequest(watchedAt, watch));
  await once(socket, 'data');
  const seen = new Watch(socket, mark);
  const sender = await openSockets(changedAt, 1);
  let i = 0;
  return async () => {
    const times: number[] = [];
    for (let n = 0; n < changesPerRound; n += 1) {
      i += 1;
      const request = encodeRequest(changedAt, change(i));
      const arrival = seen.next();
      const began = performance.now();
      const [at] = await Promise.all([arrival, sendAll(sender, [request])]);
      times.push(at - began);
      // Changes that follow one another at once are merged on purpose.
      await pause(10);
    }
    return times.sort((x, y) => x - y)[changesPerRound >> 1] as number;
  };
}

async function steadyBench(etcd: EtcdCluster): Promise<BenchResult[]> {
  const options = { etcd: etcd.address, sessionTtlMs: 15_000 };
  const started = await Promise.all(
    Array.from({ length: servers }, () => startTarget('registry', options)),
  );
  const stops: (() => void)[] = [];
  for (const [s, { url }] of started.entries()) {
    const tokens = await openSessions(url, Math.round(sessions / servers));
    stops.push(await startRenewals(url, tokens));
    await sendAll(
      await openSockets(url, setupLanes),
      tokens.map((token, i) =>
        encodeRequest(url, {
          method: 'PUT',
          path: `/v1/sessions/${token}/registrations/e${s}-${i}`,
          body: typicalRegistration(`service-${i % 100}`, i),
        }),
      ),
    );
  }
  const status = async (): Promise<{ waiting: number; registrations: number }> => {
    const answers = await Promise.all(started.map(({ url }) => fetch(`${url.origin}/v1/status`)));
    const all = (await Promise.all(answers.map((answer) => answer.json()))) as {
      registrations: number;
      cluster: { waiting: number };
    }[];
    return {
      waiting: all.reduce((sum, { cluster }) => sum + cluster.waiting, 0),
      registrations: Math.min(...all.map(({ registrations }) => registrations)),
    };
  };
  while ((await status()).waiting > 0) await pause(200);
  await pause(2_000);
  const before = await etcdRequests(etcd);
  await pause(steadySeconds * 1_000);
  const perSecond = ((await etcdRequests(etcd)) - before) / steadySeconds;
  const { registrations } = await status();
  for (const stop of stops) stop();
  await Promise.all(started.map((server) => server.close()));
  const subject = '10,000 sessions on three servers, steady';
  return [
    absolute('cluster', subject, servers, perSecond, 'requests/s to etcd'),
    absolute('cluster', subject, servers, registrations, 'registrations at each'),
  ];
}

/** What the members were asked by clients so far. */
async function etcdRequests({ members }: EtcdCluster): Promise<number> {
  let sum = 0;
  for (const { url } of members) {
    const text = await (await fetch(`${url}/metrics`)).text();
    for (const line of text.split('\n')) {
      if (!line.startsWith('grpc_server_started_total')) continue;
      sum += Number(line.slice(line.lastIndexOf(' ')));
    }
  }
  return sum;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
