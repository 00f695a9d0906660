import { silentLogger } from '@inmesh/core';
import { readInstance } from '@inmesh/core/eureka';
import { createFakeClock, type FakeClock } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { EurekaDoor } from '../src/eureka/eureka-door.ts';
import { InstanceIndex } from '../src/eureka/instance-index.ts';
import { LeaseTable } from '../src/eureka/lease-table.ts';
import { addressFault } from '../src/probe/address-policy.ts';
import { declareEndpoint } from '../src/state/declare-endpoint.ts';
import { RegistryState } from '../src/state/registry-state.ts';
import { defaultSelfPreservation, SelfPreservation } from '../src/state/self-preservation.ts';
import { createEmbeddedStore } from '../src/store/embedded-store.ts';
import { createOverrides } from '../src/store/overrides.ts';
import { springInstance } from './eureka-fixture.ts';
import { reviews } from './registry-fixture.ts';

interface Fixture {
  readonly clock: FakeClock;
  readonly state: RegistryState;
  readonly index: InstanceIndex;
  readonly leases: LeaseTable;
  readonly door: EurekaDoor;
  register(instanceId: string, overrides?: Record<string, unknown>): void;
  shown(): string[];
}

async function createFixture(): Promise<Fixture> {
  const clock = createFakeClock(1_000);
  const logger = silentLogger;
  const limits = {
    sessions: 100,
    sessionsPerIdentity: 10_000,
    registrationsPerSession: 10,
    endpointsPerService: 100_000,
  };
  const state = new RegistryState({ limits, removalHoldMs: 0, clock, logger });
  const index = new InstanceIndex(state.endpoints, 'default', clock);
  const leases = new LeaseTable({
    state,
    selfPreservation: new SelfPreservation(defaultSelfPreservation, 90_000),
    sessionTtlMs: 15_000,
    registrationsPerSession: limits.registrationsPerSession,
    clock,
    logger,
  });
  const store = await createEmbeddedStore({ dataDir: undefined });
  const { endpoints } = state;
  const overrides = await createOverrides({ store, endpoints, clock, logger });
  const door = new EurekaDoor({ state, index, leases, overrides, namespace: 'default', logger });
  state.observers.add(index);
  leases.start();
  return {
    clock,
    state,
    index,
    leases,
    door,
    register(instanceId, overridden = {}) {
      door.register(
        readInstance(springInstance({ instanceId, ...overridden }), clock.wallNow(), addressFault),
      );
    },
    shown: () => Array.from(index.all(), ({ instance }) => instance.instanceId),
  };
}

test('an instance that is silent for its own duration is gone, one that renews stays', async () => {
  const { clock, door, register, shown } = await createFixture();
  register('silent');
  register('short', { leaseInfo: { renewalIntervalInSecs: 3, durationInSecs: 9 } });
  register('alive');
  for (let i = 0; i < 4; i += 1) {
    clock.advance(30_000);
    door.renew('ORDERS', 'alive', {});
    expect(shown().includes('short')).toBe(false);
  }
  expect(shown()).toEqual(['alive']);
  expect(door.renew('ORDERS', 'silent', {})).toEqual({ kind: 'unknown' });
});

test('a lost network is not a hundred lost processes: with over half silent none expires, for a time', async () => {
  const { clock, register, shown } = await createFixture();
  for (let i = 0; i < 20; i += 1) register(`i${i}`);
  clock.advance(100_000);
  expect(shown()).toHaveLength(20);
  clock.advance(5 * 90_000);
  expect(shown()).toHaveLength(0);
});

test("many instances share the door's sessions, as many as a session may hold", async () => {
  const { clock, state, door, register } = await createFixture();
  for (let i = 0; i < 25; i += 1) register(`i${i}`);
  expect(state.sessions.size).toBe(3);
  clock.advance(60_000);
  for (let i = 0; i < 25; i += 1) expect(door.cancel('ORDERS', `i${i}`)).toBe(true);
  expect(state.sessions.size).toBe(0);
});

test('a process of ours takes over its endpoint from what a peer told of it', async () => {
  const { clock, state, door, index, leases } = await createFixture();
  const told = springInstance({
    app: 'REVIEWS',
    instanceId: 'reviews-1',
    metadata: { inmesh: 'endpoint' },
  });
  door.register(readInstance(told, clock.wallNow(), addressFault), true);
  expect(leases.find('reviews-1')?.replica).toBe(true);
  const session = state.openSession('reviews');
  state.register(session, declareEndpoint('reviews-1', reviews), undefined);
  expect(leases.find('reviews-1')).toBeUndefined();
  // Told again: it is ours now.
  door.register(readInstance(told, clock.wallNow(), addressFault), true);
  expect(index.findEndpoint('reviews-1')?.instance.ipAddr).toBe('127.0.0.1');
  expect(door.cancel('REVIEWS', 'reviews-1')).toBe(false);
});

test('an override that came through Eureka ends with its instance', async () => {
  const { state, door, register } = await createFixture();
  register('a');
  expect(await door.override('ORDERS', 'a', 'OUT_OF_SERVICE', false)).toBe(true);
  door.cancel('ORDERS', 'a');
  await new Promise(setImmediate);
  expect(state.endpoints.overrideOf('ORDERS/a')).toBeUndefined();
});

test('a change leaves the deltas after three minutes', async () => {
  const { clock, door, index, register } = await createFixture();
  register('a');
  for (let i = 0; i < 6; i += 1) {
    expect([...index.recent()]).toHaveLength(1);
    clock.advance(30_000);
    door.renew('ORDERS', 'a', {});
  }
  expect([...index.recent()]).toEqual([]);
});
