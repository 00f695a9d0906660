/**
 * What a registry bears over time: 100,000 registrations of 10,000 sessions that renew every 5 s, 100
 * changes a second, 1,000 watchers of 10 services each. Tells how soon a change is seen by those who
 * follow its service, how much of it was lost, and what the server takes.
 */
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerStatus } from '@inmesh/core';
import { absolute, type BenchOptions, type BenchResult } from './harness.ts';
import { openSessions, startRenewals, typicalRegistration } from './registry-fleet.ts';
import { encodeRequest, openSocket, openSockets, sendAll } from './registry-load.ts';
import { startTarget, type Target } from './registry-process.ts';
import type { TargetReport } from './registry-target.ts';

const sessions = 10_000;
const perSession = 10;
const services = 1_000;
const changesPerSecond = 100;
const watchers = 1_000;
const watchedServices = 10;
const lanes = 64;
const tickMs = 10;
/** Snapshots go out, and the code that sends changes is compiled. */
const warmUpMs = 5_000;
/** What is seen later than that was lost. */
const patienceMs = 5_000;

/** `rounds` is for how many seconds, and `only` a part of the fleet: `0.1` is a tenth of its sessions. */
export async function run({ rounds = 30, only }: BenchOptions): Promise<BenchResult[]> {
  const fleet = Math.round(sessions * Number(only ?? 1));
  const target = await startTarget('registry', { sessionTtlMs: 15_000 });
  const closers: (() => void)[] = [];
  try {
    return await measure(target, fleet, rounds * 1_000, closers);
  } finally {
    for (const close of closers) close();
    await target.close();
  }
}

async function measure(
  target: Target,
  fleet: number,
  durationMs: number,
  closers: (() => void)[],
): Promise<BenchResult[]> {
  const { url } = target;
  const say = (what: string): void => console.error(`sustained: ${what}`);
  const tokens = await openSessions(url, fleet);
  closers.push(await startRenewals(url, tokens));
  const sockets = await openSockets(url, lanes);
  closers.push(() => destroyAll(sockets));
  for (let i = 0; i < perSession; i += 1) {
    await sendAll(
      sockets,
      tokens.map((token, session) => registering(url, token, session, i)),
    );
  }
  say(`${fleet * perSession} registrations of ${fleet} sessions`);

  const seen = new Sightings();
  const watching = await openSessions(url, watchers);
  closers.push(await startRenewals(url, watching));
  const subscriptions = watching.map((token, w) => {
    const body = { services: watchedBy(w).map((service) => `service-${service}.default`) };
    return encodeRequest(url, { method: 'PUT', path: `/v1/sessions/${token}/subscriptions`, body });
  });
  await sendAll(sockets, subscriptions);
  const streams: Socket[] = [];
  closers.push(() => destroyAll(streams));
  for (const token of watching) {
    const socket = await openSocket(url);
    socket.write(encodeRequest(url, { method: 'GET', path: `/v1/sessions/${token}/watch` }));
    seen.read(socket);
    streams.push(socket);
  }
  say(`${watchers} streams`);

  const changing = { url, tokens, sockets };
  await change(changing, 0, warmUpMs);
  await pause(patienceMs);
  seen.begin();
  const before = await target.report();
  const began = performance.now();
  const first = Math.floor((warmUpMs / 1_000) * changesPerSecond);
  const changes = await change(changing, first, durationMs);
  const after = await target.report();
  const tookMs = performance.now() - began;
  await pause(patienceMs);
  const status = (await (await fetch(`${url.origin}/v1/status`)).json()) as ServerStatus;
  // Each service has as many followers as any other.
  const expected = (changes - first) * ((watchers * watchedServices) / services);
  return report(fleet, {
    seen,
    expected,
    sessionsLost: fleet + watchers - status.sessions,
    registrationsLost: fleet * perSession - status.registrations,
    rssBytes: after.rssBytes,
    cpuRatio: (after.cpuMs - before.cpuMs) / tookMs,
  });
}

interface Found {
  readonly seen: Sightings;
  readonly expected: number;
  readonly sessionsLost: number;
  readonly registrationsLost: number;
  readonly rssBytes: TargetReport['rssBytes'];
  readonly cpuRatio: number;
}

function report(fleet: number, found: Found): BenchResult[] {
  const subject = `${fleet * perSession} registrations, ${changesPerSecond} changes/s`;
  const figures: [value: number, unit: string][] = [
    [found.seen.quantileMs(0.5), 'ms p50 change to seen'],
    [found.seen.quantileMs(0.99), 'ms p99 change to seen'],
    [found.expected - found.seen.count, 'changes not seen'],
    [found.sessionsLost, 'sessions lost'],
    [found.registrationsLost, 'registrations lost'],
    [found.rssBytes / 2 ** 20, 'MiB RSS'],
    [100 * found.cpuRatio, '% of a core'],
  ];
  return figures.map(([value, unit]) => absolute('sustained', subject, watchers, value, unit));
}

/** Registration `i` of a session, or a change of it that says when it was sent. */
function registering(
  url: URL,
  token: string | undefined,
  session: number,
  i: number,
  sentAt?: number,
): Buffer {
  const service = `service-${(session * perSession + i) % services}`;
  const body = typicalRegistration(service, session);
  const metadata = sentAt === undefined ? body.metadata : { sentAt: sentAt.toFixed(3) };
  const path = `/v1/sessions/${token}/registrations/${service}-${session}`;
  return encodeRequest(url, { method: 'PUT', path, body: { ...body, metadata } });
}

interface Changing {
  readonly url: URL;
  readonly tokens: readonly string[];
  readonly sockets: readonly Socket[];
}

/** Changes one registration after the other, without waiting for answers; gives the number of the next change. */
async function change(
  { url, tokens, sockets }: Changing,
  from: number,
  durationMs: number,
): Promise<number> {
  const began = performance.now();
  let next = from;
  for (const socket of sockets) socket.resume();
  for (let elapsedMs = 0; elapsedMs < durationMs; elapsedMs = performance.now() - began) {
    const due = from + Math.floor((elapsedMs / 1_000) * changesPerSecond);
    for (; next < due; next += 1) {
      const session = (next * 7) % tokens.length;
      const request = registering(
        url,
        tokens[session],
        session,
        next % perSession,
        performance.now(),
      );
      sockets[next % lanes]?.write(request);
    }
    await pause(tickMs);
  }
  return next;
}

function watchedBy(watcher: number): number[] {
  return Array.from(
    { length: watchedServices },
    (_, i) => (watcher * watchedServices + i) % services,
  );
}

const marker = '"sentAt":"';

/** How long after they were sent changes were seen. */
class Sightings {
  readonly #latencies: number[] = [];
  #since = 0;
  #sorted = false;

  get count(): number {
    return this.#latencies.length;
  }

  /** Counts what is sent from now on. */
  begin(): void {
    this.#latencies.length = 0;
    this.#since = performance.now();
  }

  quantileMs(ratio: number): number {
    if (!this.#sorted) this.#latencies.sort((a, b) => a - b);
    this.#sorted = true;
    return this.#latencies[Math.floor(ratio * (this.#latencies.length - 1))] ?? Number.NaN;
  }

  read(socket: Socket): void {
    let rest = '';
    socket.on('data', (chunk: Buffer) => {
      const now = performance.now();
      const text = rest + chunk.toString('latin1');
      let from = text.indexOf(marker);
      let told = 0;
      for (; from >= 0; from = text.indexOf(marker, told)) {
        const end = text.indexOf('"', from + marker.length);
        if (end < 0) break;
        told = end;
        const sentAt = Number(text.slice(from + marker.length, end));
        // A snapshot tells old changes again.
        if (sentAt >= this.#since) this.#latencies.push(now - sentAt);
      }
      // A marker that was cut, or what comes after it.
      rest = text.slice(Math.max(told, from < 0 ? text.length - marker.length : from));
    });
  }
}

function destroyAll(sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.destroy();
}
