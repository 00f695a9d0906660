import type { Endpoint, WatchEvent } from '@inmesh/core';
import { seededRandom } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { serviceSnapshot } from '../src/watch/service-view.ts';
import { createHubFixture, HeldStream } from './hub-fixture.ts';

function deltas(stream: HeldStream): Extract<WatchEvent, { kind: 'delta' }>[] {
  return stream.events().flatMap(({ event }) => (event.kind === 'delta' ? [event] : []));
}

function snapshots(stream: HeldStream): Extract<WatchEvent, { kind: 'snapshot' }>[] {
  return stream.events().flatMap(({ event }) => (event.kind === 'snapshot' ? [event] : []));
}

test('the first change goes out at once, those that follow within the window together', () => {
  const { clock, state, hub, register } = createHubFixture({ mergeMs: 5 });
  const session = state.openSession('a');
  const stream = new HeldStream();
  hub.subscribe(session, { services: ['reviews.default'] });
  hub.open(session, stream, undefined);
  for (const id of ['r1', 'r2', 'r3']) register(session, id);
  expect(deltas(stream).map(({ upserts }) => upserts.map(({ id }) => id))).toEqual([['r1']]);
  clock.advance(5);
  expect(deltas(stream).map(({ upserts }) => upserts.map(({ id }) => id))).toEqual([
    ['r1'],
    ['r2', 'r3'],
  ]);
  clock.advance(5);
  register(session, 'r4');
  expect(deltas(stream)).toHaveLength(3);
});

test('while the server settles, what follows a change is told after a quarter of a second, together', () => {
  let settling = true;
  const { clock, state, hub, register } = createHubFixture({
    mergeMs: 5,
    isSettling: () => settling,
  });
  const session = state.openSession('a');
  const stream = new HeldStream();
  hub.subscribe(session, { services: ['reviews.default'] });
  hub.open(session, stream, undefined);
  const told = (): string[][] => deltas(stream).map(({ upserts }) => upserts.map(({ id }) => id));
  register(session, 'r1');
  register(session, 'r2');
  clock.advance(249);
  register(session, 'r3');
  expect(told()).toEqual([['r1']]);
  clock.advance(1);
  expect(told()).toEqual([['r1'], ['r2', 'r3']]);
  clock.advance(250);
  settling = false;
  register(session, 'r4');
  register(session, 'r5');
  clock.advance(5);
  expect(told()).toEqual([['r1'], ['r2', 'r3'], ['r4'], ['r5']]);
});

test('a change is encoded once for all who watch it', () => {
  const { state, hub, register } = createHubFixture();
  const streams = [1, 2, 3].map(() => {
    const session = state.openSession('watcher');
    const stream = new HeldStream();
    hub.subscribe(session, { services: ['reviews.default'] });
    hub.open(session, stream, undefined);
    return stream;
  });
  register(state.openSession('provider'), 'r1');
  const [first, ...others] = streams.map(({ chunks }) => chunks.at(-1));
  for (const other of others) expect(other).toBe(first);
  const [snapshot, ...more] = streams.map(({ chunks }) => chunks.at(2));
  for (const other of more) expect(other).toBe(snapshot);
});

test('clients of an earlier run that come back all at once are told everything, encoded once (hostile case 56)', () => {
  const { clock, state, hub, register } = createHubFixture({ mergeMs: 5, sessions: 6_000 });
  const provider = state.openSession('provider');
  register(provider, 'r1');
  const streams = Array.from({ length: 5_000 }, () => {
    const session = state.openSession('back');
    const stream = new HeldStream();
    hub.subscribe(session, { services: ['reviews.default'] });
    hub.open(session, stream, 'ffffffffffff:77');
    return stream;
  });
  const bodies = new Set(streams.map(({ chunks }) => chunks.at(-1)));
  expect(bodies.size).toBe(1);
  // Those that register again meanwhile cost one frame for all of them, not one each.
  const before = streams[0]?.chunks.length ?? 0;
  for (let i = 2; i <= 1_000; i += 1) register(provider, `r${i}`);
  clock.advance(5);
  expect(streams[0]?.chunks.length).toBe(before + 2);
  expect(snapshots(streams[4_999] as HeldStream)).toHaveLength(1);
});

test('a watcher that does not read is bounded, and told everything whole once it reads again (hostile case 55)', () => {
  const { clock, state, hub, register, drops } = createHubFixture({ maxQueueBytes: 2_000 });
  const session = state.openSession('slow');
  const slow = new HeldStream();
  hub.subscribe(session, { services: ['reviews.default'] });
  hub.open(session, slow, undefined);
  slow.held = true;
  for (let i = 0; i < 500; i += 1) {
    register(session, `r${i}`);
    clock.advance(10);
  }
  expect(slow.writableLength).toBeLessThan(3_000);
  expect(drops()).toBeGreaterThan(0);
  const whole = snapshots(slow).length;
  slow.release();
  expect(snapshots(slow)).toHaveLength(whole + 1);
  expect(snapshots(slow).at(-1)?.endpoints).toHaveLength(500);
  register(session, 'r500');
  expect(deltas(slow).at(-1)).toMatchObject({
    from: snapshots(slow).at(-1)?.revision,
    upserts: [{ id: 'r500' }],
  });
});

test('a watcher that has not read for 30 s is cut off', () => {
  const { clock, state, hub } = createHubFixture();
  hub.start();
  const session = state.openSession('dead');
  const stream = new HeldStream();
  stream.held = true;
  hub.open(session, stream, undefined);
  clock.advance(29_000);
  expect(stream.destroyed).toBe(false);
  clock.advance(2_000);
  expect(stream.destroyed).toBe(true);
  expect(hub.watchers).toBe(0);
  hub.close();
  expect(clock.pendingTimers).toBe(0);
});

test('a snapshot asked for while changes wait comes after them, so that the next delta fits', () => {
  const { clock, state, hub, register } = createHubFixture({ mergeMs: 50 });
  const early = state.openSession('early');
  hub.subscribe(early, { services: ['reviews.default'] });
  hub.open(early, new HeldStream(), undefined);
  register(early, 'r1');
  register(early, 'r2');
  const late = state.openSession('late');
  const stream = new HeldStream();
  hub.subscribe(late, { services: ['reviews.default'] });
  hub.open(late, stream, undefined);
  expect(snapshots(stream)).toHaveLength(0);
  clock.advance(50);
  expect(snapshots(stream)[0]?.endpoints).toHaveLength(2);
  register(early, 'r3');
  clock.advance(50);
  expect(deltas(stream)[0]?.from).toBe(snapshots(stream)[0]?.revision);
});

test('a gap that is longer than the log is answered with a snapshot (hostile case 57)', () => {
  const { clock, state, hub, register } = createHubFixture();
  const session = state.openSession('a');
  hub.subscribe(session, { services: ['reviews.default'] });
  const before = new HeldStream();
  hub.open(session, before, undefined);
  before.destroy();
  for (let i = 0; i < 3_000; i += 1) {
    register(session, 'r1', { weight: 1 + (i % 900) });
    clock.advance(10);
  }
  const after = new HeldStream();
  hub.open(session, after, before.events().at(-1)?.id);
  expect(after.events().map(({ event }) => event.kind)).toEqual(['hello', 'snapshot']);
});

test('nothing of a session or a stream stays behind after it ended (hostile case 75)', () => {
  const { state, hub, register, clock } = createHubFixture();
  const provider = state.openSession('provider');
  register(provider, 'r1');
  const streams: HeldStream[] = [];
  for (let i = 0; i < 100; i += 1) {
    const session = state.openSession('short');
    hub.subscribe(session, { services: ['reviews.default', `s${i}.default`] });
    const stream = new HeldStream();
    hub.open(session, stream, undefined);
    streams.push(stream);
    if (i % 2 === 0) state.closeSession(session);
    else state.expireSession(session);
  }
  const written = streams.map(({ chunks }) => chunks.length);
  register(provider, 'r2');
  clock.advance(10);
  expect(streams.map(({ chunks }) => chunks.length)).toEqual(written);
  expect([hub.watchers, state.sessions.size]).toEqual([0, 1]);
});

/** A client as the protocol asks for: takes snapshots whole, deltas that reach back to what it has, and starts over at others. */
class ModelClient {
  readonly lists = new Map<string, { revision: string; endpoints: Map<string, Endpoint> }>();
  lastId: string | undefined;
  misfits = 0;

  read(id: string | undefined, event: WatchEvent): boolean {
    if (event.kind === 'snapshot') {
      const endpoints = new Map(event.endpoints.map((endpoint) => [endpoint.id, endpoint]));
      this.lists.set(event.service, { revision: event.revision, endpoints });
    } else if (event.kind === 'delta') {
      const list = this.lists.get(event.service);
      // Of a subscription that was taken back, or a repeat after a resume.
      if (list === undefined || numberOf(event.revision) <= numberOf(list.revision)) return true;
      if (numberOf(list.revision) < numberOf(event.from)) {
        this.misfits += 1;
        return false;
      }
      for (const endpoint of event.upserts) list.endpoints.set(endpoint.id, endpoint);
      for (const removed of event.removes) list.endpoints.delete(removed);
      list.revision = event.revision;
    }
    this.lastId = id ?? this.lastId;
    return true;
  }
}

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'whatever is lost on the way, a client that resumes ends with what the server has (seed %i)',
  (seed) => {
    const random = seededRandom(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const { clock, state, hub, register } = createHubFixture({ mergeMs: 20, maxQueueBytes: 600 });
    const services = ['a', 'b', 'c', 'd'].map((name) => `${name}.default`);
    const provider = state.openSession('provider');
    const session = state.openSession('client');
    const client = new ModelClient();
    let stream = new HeldStream();
    let readUntil = 0;
    let fits = true;
    const readSome = (count: number): void => {
      for (const { id, event } of stream.events().slice(readUntil, readUntil + count)) {
        readUntil += 1;
        fits = client.read(id, event);
        if (!fits) return;
      }
    };
    const reconnect = (): void => {
      stream.destroy();
      stream = new HeldStream();
      readUntil = 0;
      if (!fits) client.lastId = undefined;
      fits = true;
      hub.open(session, stream, client.lastId);
    };
    const subscribe = (): void => {
      const wanted = services.filter(() => random() < 0.7);
      hub.subscribe(session, { services: wanted });
      for (const service of client.lists.keys()) {
        if (!wanted.includes(service)) client.lists.delete(service);
      }
    };
    const step: (() => void)[] = [
      () =>
        register(provider, `e${below(6)}-${'abcd'[below(1)]}`, {
          service: 'a',
          weight: 1 + below(9),
        }),
      () => {
        const name = 'abcd'[below(4)] as string;
        register(provider, `${name}${below(5)}`, { service: name, weight: 1 + below(9) });
      },
      () => state.deregister(provider, `${'abcd'[below(4)]}${below(5)}`),
      () => clock.advance(below(30)),
      () => readSome(below(4)),
      () => {
        stream.held = !stream.held;
        if (!stream.held) stream.release();
      },
      () => random() < 0.3 && reconnect(),
      () => random() < 0.2 && subscribe(),
    ];
    hub.subscribe(session, { services });
    hub.open(session, stream, undefined);
    for (let i = 0; i < 3_000; i += 1) {
      step[below(step.length)]?.();
      if (!fits) reconnect();
    }
    hub.subscribe(session, { services });
    for (let i = 0; i < 4; i += 1) {
      stream.release();
      clock.advance(100);
      readSome(Number.POSITIVE_INFINITY);
      if (!fits) reconnect();
    }
    for (const service of services) {
      const truth = serviceSnapshot(state, service);
      const list = client.lists.get(service);
      expect(list?.revision).toBe(truth.revision);
      expect([...(list?.endpoints.values() ?? [])].sort(byId)).toEqual(
        [...truth.endpoints].sort(byId),
      );
    }
    // Starting over is for gaps that the server does not know of; in a single server there are none.
    expect(client.misfits).toBe(0);
  },
);

function numberOf(revision: string): number {
  return Number(revision.slice(revision.indexOf(':') + 1));
}

function byId(a: Endpoint, b: Endpoint): number {
  return a.id < b.id ? -1 : 1;
}
