/**
 * What a registry bears over time: 100,000 registrations of 10,000 sessions that renew every 5 s, 100
 * changes a second, 1,000 watchers of 10 services each. Tells how soon a change is seen by those who
 * follow its service, how much of it was lost, and what the server takes.
 */
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { absolute, type BenchOptions, type BenchResult } from './harness.ts';
import { openSessions, startRenewals, typicalRegistration } from './registry-fleet.ts';
import { encodeRequest, openSocket, openSockets, sendAll } from './registry-load.ts';
import { startTarget } from './registry-process.ts';

const sessions = 10_000;
const services = 1_000;
const changesPerSecond = 100;
const watchers = 1_000;
const watchedServices = 10;
const lanes = 64;
const pauseMs = 10;

/** `rounds` is for how many seconds, and `only` a part of the fleet: `0.1` is a tenth of all of it. */
export async function run({ rounds = 30, only }: BenchOptions): Promise<BenchResult[]> {
  const share = only === undefined ? 1 : Number(only);
  const fleet = Math.round(sessions * share);
  const target = await startTarget('registry', { sessionTtlMs: 15_000 });
  const { url } = target;
  const tokens = await openSessions(url, fleet);
  const stops = [await startRenewals(url, tokens)];
  const setup = await openSockets(url, lanes);
  const perSession = 10;
  const registration = (session: number, i: number) => {
    const service = `service-${(session * perSession + i) % services}`;
    return { id: `${service}-${session}`, body: typicalRegistration(service, session) };
  };
  const register = (session: number, i: number, sentAt?: number): Buffer => {
    const { id, body } = registration(session, i);
    const metadata = sentAt === undefined ? body.metadata : { sentAt: sentAt.toFixed(3) };
    const path = `/v1/sessions/${tokens[session]}/registrations/${id}`;
    return encodeRequest(url, { method: 'PUT', path, body: { ...body, metadata } });
  };
  for (let i = 0; i < perSession; i += 1) {
    await sendAll(
      setup,
      tokens.map((_, session) => register(session, i)),
    );
  }

  const latencies: number[] = [];
  const followers = Array<number>(services).fill(0);
  const watching = await openSessions(url, watchers);
  for (const [w, token] of watching.entries()) {
    const followed = Array.from(
      { length: watchedServices },
      (_, i) => (w * watchedServices + i) % services,
    );
    for (const service of followed) followers[service] = (followers[service] as number) + 1;
    const names = followed.map((service) => `service-${service}.default`);
    const path = `/v1/sessions/${token}/subscriptions`;
    await sendAll(setup.slice(0, 1), [
      encodeRequest(url, { method: 'PUT', path, body: { services: names } }),
    ]);
  }
  const streams: Socket[] = [];
  for (const token of watching) {
    const socket = await openSocket(url);
    socket.write(encodeRequest(url, { method: 'GET', path: `/v1/sessions/${token}/watch` }));
    readChanges(socket, (sentAt) => void latencies.push(performance.now() - sentAt));
    streams.push(socket);
  }
  stops.push(await startRenewals(url, watching));
  // The snapshots have gone out.
  await pause(3_000);
  latencies.length = 0;

  const before = await target.report();
  const began = performance.now();
  let changes = 0;
  let expected = 0;
  const sockets = await openSockets(url, lanes);
  for (const socket of sockets) socket.resume();
  while (performance.now() - began < rounds * 1_000) {
    const due = Math.floor(((performance.now() - began) / 1_000) * changesPerSecond);
    for (; changes < due; changes += 1) {
      const session = (changes * 7) % fleet;
      const i = changes % perSession;
      const now = performance.now();
      sockets[changes % lanes]?.write(register(session, i, now));
      expected += followers[(session * perSession + i) % services] as number;
    }
    await pause(pauseMs);
  }
  await pause(2_000);
  const after = await target.report();
  const status = (await (await fetch(`${url.origin}/v1/status`)).json()) as {
    sessions: number;
    registrations: number;
  };
  for (const stop of stops) stop();
  for (const socket of [...streams, ...sockets, ...setup]) socket.destroy();
  await target.close();
  latencies.sort((a, b) => a - b);
  const at = (ratio: number): number => latencies[Math.floor(ratio * (latencies.length - 1))] ?? 0;
  const subject = `${fleet * perSession} registrations, ${changesPerSecond} changes/s`;
  const seconds = (performance.now() - began) / 1_000;
  const figures: [number, string][] = [
    [at(0.5), 'ms p50 change to seen'],
    [at(0.99), 'ms p99 change to seen'],
    [expected - latencies.length, 'changes not seen'],
    [fleet + watchers - status.sessions, 'sessions lost'],
    [fleet * perSession - status.registrations, 'registrations lost'],
    [after.rssBytes / 2 ** 20, 'MiB RSS'],
    [(after.cpuMs - before.cpuMs) / seconds / 10, '% of a core'],
  ];
  return figures.map(([value, unit]) => absolute('sustained', subject, watchers, value, unit));
}

const marker = '"sentAt":"';

/** Tells when each change that a stream carries was sent. */
function readChanges(socket: Socket, onChange: (sentAt: number) => void): void {
  let rest = '';
  socket.on('data', (chunk: Buffer) => {
    const text = rest + chunk.toString('latin1');
    const end = text.lastIndexOf('\n\n');
    rest = text.slice(end < 0 ? 0 : end + 2).slice(-65_536);
    if (end < 0) return;
    const whole = text.slice(0, end);
    for (let from = whole.indexOf(marker); from >= 0; from = whole.indexOf(marker, from + 1)) {
      onChange(Number.parseFloat(whole.slice(from + marker.length, from + marker.length + 20)));
    }
  });
}
