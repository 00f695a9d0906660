import type { StartTap, TapEvent, TapOrder, TappedCall } from '@inmesh/core';
import { silentLogger } from '@inmesh/core';
import { createFakeClock, type FakeClock } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';
import { RegistryState } from '../src/state/registry-state.ts';
import type { Session } from '../src/state/session.ts';
import { TapTable } from '../src/tap/tap-table.ts';
import { HeldStream } from './hub-fixture.ts';
import { type Fixture, startRegistry } from './registry-fixture.ts';

const call: TappedCall = {
  direction: 'inbound',
  agoMs: 3,
  peer: 'shop.default',
  peerVersion: 'v3',
  method: 'GET',
  path: '/ratings/7',
  route: '/ratings/:id',
  status: 200,
  flag: '-',
  durationMs: 4.2,
  attempts: 1,
  requestBytes: 0,
  responseBytes: 12,
  mutualTls: false,
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  code: '',
  headers: {},
};

interface Setting {
  readonly clock: FakeClock;
  readonly taps: TapTable;
  /** Sessions whose orders changed. */
  readonly changed: Session[];
  open(service?: string): Session;
  end(session: Session): void;
}

function setUp(maxTaps = 10): Setting {
  const clock = createFakeClock(1_000);
  const limits = {
    sessions: 1_000,
    sessionsPerIdentity: 1_000,
    registrationsPerSession: 10,
    endpointsPerService: 100_000,
  };
  const state = new RegistryState({ limits, removalHoldMs: 0, clock, logger: silentLogger });
  const changed: Session[] = [];
  const taps = new TapTable({
    maxTaps,
    clock,
    sessions: () => state.sessions.page(0, 1_000),
    onChange: (session) => changed.push(session),
  });
  state.observers.add(taps);
  return {
    clock,
    taps,
    changed,
    open: (service = 'reviews.default') => state.openSession(`${service}/1`, service),
    end: (session) => state.closeSession(session),
  };
}

function eventsOf(stream: HeldStream): TapEvent[] {
  return stream.events().map(({ event }) => event as unknown as TapEvent);
}

function ordersOf({ taps }: Setting, session: Session): readonly TapOrder[] {
  return taps.ordersOf(session);
}

describe('who is asked', () => {
  test('the processes of the service, each for its share, and those that come later', () => {
    const setting = setUp();
    const [first, other] = [setting.open(), setting.open('shop.default')];
    const { processes } = setting.taps.begin({ service: 'reviews', path: '/r', perSecond: 10 });
    expect(processes).toBe(1);
    expect(ordersOf(setting, first)).toEqual([
      { tap: '1', path: '/r', perSecond: 10, endsInMs: 60_000 },
    ]);
    expect(ordersOf(setting, other)).toEqual([]);
    const second = setting.open();
    expect(setting.changed).toEqual([first, first, second]);
    expect(ordersOf(setting, second)[0]?.perSecond).toBe(5);
    setting.end(second);
    expect(ordersOf(setting, first)[0]?.perSecond).toBe(10);
    setting.taps.close();
  });

  test('at most fifty of them', () => {
    const setting = setUp();
    for (let i = 0; i < 60; i += 1) setting.open();
    expect(setting.taps.begin({ service: 'reviews' }).processes).toBe(50);
    expect(ordersOf(setting, setting.open())).toEqual([]);
    setting.taps.close();
  });

  test('nobody any more when it has ended', () => {
    const setting = setUp();
    const session = setting.open();
    const { id } = setting.taps.begin({ service: 'reviews' });
    const stream = new HeldStream();
    setting.taps.unopened(id).open(stream);
    stream.emit('close'); // the terminal was killed
    expect(ordersOf(setting, session)).toEqual([]);
    expect(setting.changed).toEqual([session, session]);
    expect(() => setting.taps.take(session, { tap: '1', calls: [call], skipped: 0 })).toThrow(
      'it has ended',
    );
    expect([setting.taps.size, setting.clock.pendingTimers]).toEqual([0, 0]);
  });
});

describe('its bounds', () => {
  test('so many at once, and one that nobody opens makes room', () => {
    const { taps, clock } = setUp(1);
    taps.begin({ service: 'reviews' });
    expect(() => taps.begin({ service: 'reviews' })).toThrow('1 taps are open');
    clock.advance(10_000);
    expect([taps.size, clock.pendingTimers]).toEqual([0, 0]);
  });

  test('it ends when its time is over, and says so', () => {
    const { taps, clock } = setUp();
    const stream = new HeldStream();
    taps.unopened(taps.begin({ service: 'reviews', forMs: 30_000 }).id).open(stream);
    clock.advance(29_999);
    expect(stream.ended).toBe(false);
    clock.advance(1);
    expect(eventsOf(stream)).toEqual([{ kind: 'ended', reason: 'time' }]);
    expect([stream.ended, taps.size, clock.pendingTimers]).toEqual([true, 0, 0]);
  });

  test('a registry that stops ends it', () => {
    const { taps, clock } = setUp();
    const stream = new HeldStream();
    taps.unopened(taps.begin({ service: 'reviews' }).id).open(stream);
    taps.close();
    expect(eventsOf(stream)).toEqual([{ kind: 'ended', reason: 'closing' }]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('all processes together show no more a second than was asked for', () => {
    const { taps, clock, open } = setUp();
    const sessions = [open(), open()];
    const stream = new HeldStream();
    taps.unopened(taps.begin({ service: 'reviews', perSecond: 3 }).id).open(stream);
    for (const session of sessions) {
      taps.take(session, { tap: '1', calls: [call, call], skipped: 1 });
    }
    clock.advance(1_000);
    taps.take(sessions[0] as Session, { tap: '1', calls: [call], skipped: 0 });
    const counts = eventsOf(stream).map((event) =>
      event.kind === 'calls' ? [event.calls.length, event.skipped] : [],
    );
    expect(counts).toEqual([
      [2, 1],
      [1, 2],
      [1, 0],
    ]);
    taps.close();
  });

  test('for a reader that does not read so much is kept, and the rest is counted', () => {
    const { taps, clock, open } = setUp();
    const session = open();
    const stream = new HeldStream();
    const { id } = taps.begin({ service: 'reviews', perSecond: 100, forMs: 600_000 });
    taps.unopened(id).open(stream);
    stream.held = true;
    const long = { ...call, path: `/${'x'.repeat(200)}` };
    for (let i = 0; i < 60; i += 1) {
      clock.advance(1_000);
      taps.take(session, { tap: '1', calls: Array(50).fill(long), skipped: 0 });
    }
    expect(stream.writableLength).toBeLessThan(300_000);
    stream.release();
    taps.take(session, { tap: '1', calls: [], skipped: 1 });
    const shown = eventsOf(stream).flatMap((event) => (event.kind === 'calls' ? [event] : []));
    const counted = shown.reduce((sum, { calls, skipped }) => sum + calls.length + skipped, 0);
    expect(counted).toBe(60 * 50 + 1);
    taps.close();
  });

  test('a stream opens once', () => {
    const { taps } = setUp();
    const { id } = taps.begin({ service: 'reviews' });
    taps.unopened(id).open(new HeldStream());
    expect(() => taps.unopened(id)).toThrow('has a stream already');
    expect(() => taps.unopened('guessed')).toThrow('no such tap');
    taps.close();
  });
});

describe('over HTTP', () => {
  const begin = (send: Fixture['send'], body: StartTap | object): ReturnType<Fixture['send']> =>
    send('/v1/taps', { method: 'POST', body });

  async function opened(fixture: Fixture, service = 'reviews.default'): Promise<string> {
    const { json } = await fixture.send('/v1/sessions', {
      method: 'POST',
      body: { client: 'test', service },
    });
    return json.session;
  }

  test('a process hears of it on its stream, also on one that opens later, and tells', async () => {
    const fixture = await startRegistry();
    const session = await opened(fixture);
    const stream = await fixture.watch(session);
    const { status, json } = await begin(fixture.send, { service: 'reviews', method: 'GET' });
    expect([status, json.processes]).toEqual([201, 1]);
    const { taps } = await stream.nextOf('taps');
    expect(taps).toMatchObject([{ tap: '1', method: 'GET', perSecond: 20 }]);
    const again = await fixture.watch(session);
    expect((await again.nextOf('taps')).taps).toHaveLength(1);
    const tell = (more: object = {}): ReturnType<Fixture['send']> =>
      fixture.send(`/v1/sessions/${session}/tapped`, {
        method: 'POST',
        body: { tap: '1', skipped: 0, calls: [{ ...call, ...more }] },
      });
    expect((await tell()).status).toBe(204);
    expect((await tell({ path: 'a\u001b[31m' })).text).toContain('/calls/0/path');
    const stranger = await opened(fixture, 'shop.default');
    const body = { tap: '1', skipped: 0, calls: [call] };
    const refused = await fixture.send(`/v1/sessions/${stranger}/tapped`, {
      method: 'POST',
      body,
    });
    expect([refused.status, refused.json.code]).toEqual([404, 'not_found']);
  });

  test('it is in the audit, with whose calls and which', async () => {
    const { send } = await startRegistry();
    await begin(send, { service: 'reviews', path: '/ratings' });
    const { json } = await send('/v1/audit?limit=1');
    expect(json.entries).toMatchObject([
      {
        actor: 'operator everybody',
        action: 'POST /v1/taps',
        status: 201,
        target: { service: 'reviews.default', path: '/ratings' },
      },
    ]);
  });

  test.each([
    [{ service: 'Reviews' }, '/service'],
    [{ service: 'reviews', path: 'ratings' }, '/path'],
    [{ service: 'reviews', path: '/\n' }, '/path'],
    [{ service: 'reviews', perSecond: 101 }, '/perSecond'],
    [{ service: 'reviews', forMs: 600_001 }, '/forMs'],
    [{ service: 'reviews', sampleRatio: 2 }, '/sampleRatio'],
    [{ service: 'reviews', headers: ['cookie'] }, '/headers'],
  ])('one that makes no sense is refused with its path: %#', async (body, path) => {
    const { send } = await startRegistry();
    const answer = await begin(send, body);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(path);
  });
});
