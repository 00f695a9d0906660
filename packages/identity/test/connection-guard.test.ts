import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import {
  type ConnectionGuard,
  type ConnectionGuardOptions,
  createConnectionGuard,
  createRevocationList,
  type Peer,
} from '@inmesh/identity';
import { createFakeClock, type FakeClock, seededRandom } from '@inmesh/testing';
import { afterEach, describe, expect, test } from '@jest/globals';

const hour = 3_600_000;
const open: { guard: ConnectionGuard; sockets: Socket[] }[] = [];
afterEach(() => {
  for (const { guard, sockets } of open.splice(0)) {
    guard.close();
    for (const socket of sockets) socket.destroy();
  }
});

function setUp(options: Partial<ConnectionGuardOptions> = {}): {
  clock: FakeClock;
  guard: ConnectionGuard;
  refused: string[];
  /** A connection that is watched, with a peer whose certificate lives for `lifeMs`. */
  connect(lifeMs?: number, serial?: string): Socket;
  /** A request on it, whose response goes on until it is ended. */
  request(socket: Socket): { served: boolean; response: ServerResponse; end(): void };
} {
  const clock = createFakeClock();
  const refused: string[] = [];
  const guard = createConnectionGuard({
    clock,
    random: seededRandom(1),
    revoked: createRevocationList(),
    maxAgeMs: hour,
    graceMs: 10_000,
    onRefused: (_peer, reason) => void refused.push(reason),
    ...options,
  });
  const sockets: Socket[] = [];
  open.push({ guard, sockets });
  return {
    clock,
    guard,
    refused,
    connect(lifeMs = 24 * hour, serial = '1') {
      const socket = new Socket();
      sockets.push(socket);
      guard.watch(socket, { ...peer, serial, expiresAt: clock.wallNow() + lifeMs });
      return socket;
    },
    request(socket) {
      const response = new ServerResponse(new IncomingMessage(socket));
      return {
        served: guard.admits(socket, response),
        response,
        end: () => void response.destroy(),
      };
    },
  };
}

const peer: Peer = {
  identity: {
    spiffeId: 'spiffe://td/ns/a/sa/b',
    trustDomain: 'td',
    namespace: 'a',
    serviceAccount: 'b',
  },
  serial: '1',
  expiresAt: 0,
};

describe('case 39: the age of a connection is capped', () => {
  test('a connection that is old says goodbye with its next response', () => {
    const { clock, connect, request } = setUp();
    const socket = connect();
    const early = request(socket);
    expect(early.response.getHeader('connection')).toBeUndefined();
    early.end();
    clock.advance(0.79 * hour);
    expect(request(socket).response.hasHeader('connection')).toBe(false);
    clock.advance(0.22 * hour);
    const late = request(socket);
    expect(late.served).toBe(true);
    expect(late.response.getHeader('connection')).toBe('close');
  });

  test('a response that goes on when its connection gets old says goodbye if its head is not out', () => {
    const { clock, connect, request } = setUp();
    const { response } = request(connect());
    clock.advance(hour + 1_000);
    expect(response.getHeader('connection')).toBe('close');
  });

  test('an old connection on which nothing happens is closed, one with a response is not', () => {
    const { clock, connect, request } = setUp();
    const [idle, busy] = [connect(), connect()];
    const { end } = request(busy);
    clock.advance(hour + 2_000);
    expect(idle.destroyed).toBe(true);
    expect(busy.destroyed).toBe(false);
    end();
    clock.advance(2_000);
    expect(busy.destroyed).toBe(true);
  });

  test('while the process stands still nothing counts as silent: what has arrived is read afterwards', () => {
    const { clock, guard, connect } = setUp();
    const socket = connect();
    guard.retire(() => true);
    clock.advance(100);
    clock.block(5_000);
    clock.advance(250);
    expect(socket.destroyed).toBe(false);
    clock.advance(300);
    expect(socket.destroyed).toBe(true);
  });

  test('connections that opened together do not close together', () => {
    const { clock, connect } = setUp();
    const sockets = Array.from({ length: 100 }, () => connect());
    const closed = (): number => sockets.filter((socket) => socket.destroyed).length;
    clock.advance(0.8 * hour);
    expect(closed()).toBeLessThan(3);
    clock.advance(0.1 * hour);
    expect(closed()).toBeGreaterThan(25);
    expect(closed()).toBeLessThan(75);
    clock.advance(0.11 * hour);
    expect(closed()).toBe(100);
  });

  test('a short life caps it further, so that it ends before the certificate does', () => {
    const { clock, connect, refused } = setUp();
    const socket = connect(60_000);
    clock.advance(52_000);
    expect(socket.destroyed).toBe(true);
    expect(refused).toEqual([]);
  });
});

describe('a peer whose certificate has expired', () => {
  test('is not served any more on an open connection, to the millisecond', () => {
    const { clock, guard, connect, request, refused } = setUp();
    const socket = connect(60_000);
    const { end } = request(socket);
    clock.advance(59_999);
    expect(guard.peer(socket)).toMatchObject({ serial: '1' });
    end();
    clock.jumpWall(1);
    expect(guard.peer(socket)).toBeUndefined();
    expect(request(socket).served).toBe(false);
    expect(socket.destroyed).toBe(true);
    expect(refused).toEqual([expect.stringContaining('it expired at')]);
  });

  test('loses a response that goes on, after the time of grace', () => {
    const { clock, connect, request, refused } = setUp();
    const socket = connect(60_000);
    request(socket);
    clock.advance(69_000);
    expect(socket.destroyed).toBe(false);
    clock.advance(3_000);
    expect(socket.destroyed).toBe(true);
    expect(refused).toHaveLength(1);
  });
});

describe('a peer that is revoked', () => {
  test('loses its idle connections at once, and others keep theirs', () => {
    const revoked = createRevocationList();
    const { guard, connect, refused } = setUp({ revoked });
    const [bad, good] = [connect(hour, 'bad'), connect(hour, '600d')];
    revoked.replace(['bad']);
    guard.check();
    expect([bad.destroyed, good.destroyed]).toEqual([true, false]);
    expect(refused).toEqual(['serial bad is revoked']);
  });
});

test('connections are retired by what they are, and cut after the time of grace', () => {
  const { clock, guard, connect, request } = setUp();
  const plain = new Socket();
  guard.watch(plain, undefined);
  const secure = connect();
  const { response } = request(plain);
  guard.retire((of) => of === undefined);
  expect(response.getHeader('connection')).toBe('close');
  clock.advance(9_000);
  expect([plain.destroyed, secure.destroyed]).toEqual([false, false]);
  clock.advance(2_000);
  expect([plain.destroyed, secure.destroyed]).toEqual([true, false]);
});

test('a plain connection may get as old as it likes', () => {
  const { clock, guard } = setUp();
  const plain = new Socket();
  guard.watch(plain, undefined);
  clock.advance(100 * hour);
  expect(plain.destroyed).toBe(false);
  plain.destroy();
});

test('a request on a connection that is not watched is not served', () => {
  const { request } = setUp();
  const stranger = new Socket();
  expect(request(stranger).served).toBe(false);
  expect(stranger.destroyed).toBe(true);
});

test('connections that have closed are forgotten, and without any there is no timer', async () => {
  const { clock, guard, connect } = setUp();
  for (let i = 0; i < 1_000; i += 1) connect().destroy();
  await clock.advanceAsync(2_000);
  expect(guard.connections).toBe(0);
  expect(clock.pendingTimers).toBe(0);
});
