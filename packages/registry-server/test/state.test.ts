import { silentLogger } from '@inmesh/core';
import { createFakeClock } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { ChangeLog } from '../src/state/change-log.ts';
import { declareEndpoint } from '../src/state/declare-endpoint.ts';
import { effectiveStatus } from '../src/state/endpoint-record.ts';
import { RegistryState } from '../src/state/registry-state.ts';
import { ServiceTable } from '../src/state/service-table.ts';
import type { Session } from '../src/state/session.ts';
import { reviews } from './registry-fixture.ts';

function createState(): RegistryState {
  const limits = {
    sessions: 100,
    sessionsPerIdentity: 10,
    registrationsPerSession: 100,
    endpointsPerService: 100_000,
  };
  return new RegistryState({
    limits,
    removalHoldMs: 1_000,
    clock: createFakeClock(),
    logger: silentLogger,
  });
}

test('what an endpoint asks for, an operator and the probes make one status', () => {
  const session = {} as Session;
  const held = { name: 'held', session } as const;
  const leaving = { name: 'leaving', since: 0 } as const;
  const up = declareEndpoint('r1', reviews);
  const draining = declareEndpoint('r1', { ...reviews, status: 'draining' });
  const status = (
    holder: typeof held | typeof leaving,
    declared: typeof up,
    healthy: boolean,
    override?: 'up' | 'draining' | 'down',
  ): string => effectiveStatus({ holder, declared, healthy }, override);
  expect(status(held, up, true)).toBe('up');
  expect(status(held, up, false)).toBe('down');
  expect(status(held, draining, false)).toBe('draining');
  expect(status(leaving, up, true)).toBe('draining');
  expect(status(held, up, true, 'down')).toBe('down');
  expect(status(held, up, true, 'draining')).toBe('draining');
  expect(status(held, up, false, 'up')).toBe('up');
  // An endpoint that is on its way out is not sent traffic, whoever wants it.
  expect(status(held, draining, true, 'up')).toBe('draining');
  expect(status(leaving, up, true, 'up')).toBe('draining');
  expect(status(leaving, up, true, 'down')).toBe('down');
});

test('an override is kept while its endpoint is away', () => {
  const state = createState();
  state.endpoints.setOverride('r1', 'down');
  state.register(state.openSession('a'), declareEndpoint('r1', reviews), undefined);
  expect(state.endpoints.find('r1')?.endpoint.status).toBe('down');
  state.endpoints.setOverride('r1', undefined);
  expect(state.endpoints.find('r1')?.endpoint.status).toBe('up');
});

test('what the probes said is forgotten when an endpoint is no longer probed', () => {
  const state = createState();
  const session = state.openSession('a');
  state.register(session, declareEndpoint('r1', reviews), { path: '/' });
  const record = state.endpoints.find('r1');
  if (record === undefined) throw new Error('not registered');
  state.endpoints.setHealthy(record, false);
  expect(record.endpoint.status).toBe('down');
  state.register(session, declareEndpoint('r1', reviews), { path: '/' });
  expect(record.endpoint.status).toBe('down');
  state.register(session, declareEndpoint('r1', reviews), undefined);
  expect(record.endpoint.status).toBe('up');
});

test('the log tells what changed since a revision, and when it no longer can', () => {
  const log = new ChangeLog();
  log.append(3, 'a');
  log.append(7, 'b');
  log.append(9, 'a');
  expect(log.since(0)).toEqual({ from: 0, endpointIds: new Set(['a', 'b']) });
  expect(log.since(5)).toEqual({ from: 3, endpointIds: new Set(['b', 'a']) });
  expect(log.since(9)).toEqual({ from: 9, endpointIds: new Set() });
  for (let revision = 10; revision < 5_000; revision += 1) log.append(revision, 'c');
  expect(log.since(9)).toBeUndefined();
  expect(log.since(4_998)).toEqual({ from: 4_998, endpointIds: new Set(['c']) });
});

test('of services without endpoints only so many are remembered, the latest', () => {
  const table = new ServiceTable();
  for (let i = 1; i <= 10_500; i += 1) {
    const record = table.obtain(`s${i}.default`);
    record.revision = i;
    table.sizeChanged(record);
  }
  expect([table.size, table.forgottenUntil]).toEqual([10_000, 500]);
  expect(table.find('s500.default')).toBeUndefined();
  expect(table.find('s501.default')).toBeDefined();
});

test('a million endpoints that come and go leave nothing behind (hostile case 75)', () => {
  const clock = createFakeClock();
  const limits = {
    sessions: 100,
    sessionsPerIdentity: 10,
    registrationsPerSession: 100,
    endpointsPerService: 100_000,
  };
  const state = new RegistryState({ limits, removalHoldMs: 0, clock, logger: silentLogger });
  const declared = declareEndpoint('x', reviews);
  for (let i = 0; i < 10_000; i += 1) {
    const session = state.openSession('short');
    for (let j = 0; j < 100; j += 1) {
      state.register(session, { ...declared, id: `e${i}-${j}` }, undefined);
    }
    state.expireSession(session);
  }
  expect([state.sessions.size, state.endpoints.held, state.services.size]).toEqual([0, 0, 1]);
  expect(state.services.find('reviews.default')?.endpoints.size).toBe(0);
});

test('a service has so many endpoints, however many sessions bring them', () => {
  const limits = {
    sessions: 100,
    sessionsPerIdentity: 10,
    registrationsPerSession: 100,
    endpointsPerService: 2,
  };
  const clock = createFakeClock();
  const state = new RegistryState({ limits, removalHoldMs: 0, clock, logger: silentLogger });
  const declared = declareEndpoint('x', reviews);
  const register = (id: string, service = 'reviews.default'): number =>
    state.register(state.openSession('one'), { ...declared, id, service }, undefined);
  register('a');
  register('b');
  expect(() => register('c')).toThrow(/limits\.endpointsPerService/);
  register('b');
  register('c', 'ratings.default');
});

test('an endpoint that is to be taken back waits until its service has room again, and its session lives', () => {
  const state = new RegistryState({
    limits: {
      sessions: 100,
      sessionsPerIdentity: 10,
      registrationsPerSession: 100,
      endpointsPerService: 1,
    },
    removalHoldMs: 0,
    clock: createFakeClock(),
    logger: silentLogger,
  });
  const mine = declareEndpoint('mine', reviews);
  const session = state.openSession('a');
  state.register(session, mine, undefined);
  // Another server says that it has it, and then that it is gone.
  state.learn(mine, undefined);
  const known = state.endpoints.find('mine');
  if (known !== undefined) state.endpoints.leave(known);
  const other = state.openSession('b');
  state.register(other, declareEndpoint('other', reviews), undefined);
  expect(state.renew(session.token)).toBe(true);
  expect(state.endpoints.find('mine')).toBeUndefined();
  state.closeSession(other);
  expect(state.renew(session.token)).toBe(true);
  expect([...session.registrations.keys()]).toEqual(['mine']);
  expect(session.disputed.size).toBe(0);
});
