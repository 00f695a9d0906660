import { silentLogger } from '@inmesh/core';
import { createFakeClock, type FakeClock } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { declareEndpoint } from '../src/state/declare-endpoint.ts';
import { LeaseSweeper } from '../src/state/lease-sweeper.ts';
import { RegistryState } from '../src/state/registry-state.ts';
import { defaultSelfPreservation, SelfPreservation } from '../src/state/self-preservation.ts';
import type { Session } from '../src/state/session.ts';
import { reviews } from './registry-fixture.ts';

const ttlMs = 15_000;

interface Leases {
  readonly clock: FakeClock;
  readonly state: RegistryState;
  readonly selfPreservation: SelfPreservation;
  readonly sweeper: LeaseSweeper;
  open(count: number): Session[];
  /** Lets time pass; each of `sessions` renews every 5 s. */
  run(ms: number, sessions: readonly Session[]): void;
}

function createLeases(): Leases {
  const clock = createFakeClock(1_000_000);
  const limits = {
    sessions: 1_000_000,
    sessionsPerIdentity: 10,
    registrationsPerSession: 1_000,
    endpointsPerService: 100_000,
  };
  const state = new RegistryState({ limits, removalHoldMs: 1_000, clock, logger: silentLogger });
  const selfPreservation = new SelfPreservation(defaultSelfPreservation, ttlMs);
  const onExpired = (): void => {};
  const sweeper = new LeaseSweeper({
    state,
    selfPreservation,
    ttlMs,
    mayExpire: () => true,
    expire: (session) => state.expireSession(session),
    clock,
    logger: silentLogger,
    onExpired,
  });
  sweeper.start();
  return {
    clock,
    state,
    selfPreservation,
    sweeper,
    open: (count) => Array.from({ length: count }, (_, i) => state.openSession(`s${i}`)),
    run(ms, sessions) {
      for (let passed = 0; passed < ms; passed += 1_000) {
        for (const [i, session] of sessions.entries()) {
          if (i % 5 === (passed / 1_000) % 5) state.renew(session.token);
        }
        clock.advance(1_000);
      }
    },
  };
}

test('a session that renews lives, one that is silent for a TTL ends with its endpoints', () => {
  const { state, open, run } = createLeases();
  const [alive, silent] = open(2) as [Session, Session];
  state.register(silent, declareEndpoint('r1', reviews), undefined);
  run(14_000, [alive]);
  expect(state.sessions.size).toBe(2);
  run(2_000, [alive]);
  expect(state.sessions.find(silent.token)).toBeUndefined();
  expect(state.sessions.find(alive.token)).toBe(alive);
  expect(state.services.find('reviews.default')?.endpoints.size).toBe(0);
});

test('the wall clock may jump by an hour without any effect (hostile case 72)', () => {
  const { clock, state, open, run } = createLeases();
  const sessions = open(3);
  run(5_000, sessions);
  clock.jumpWall(3_600_000);
  run(10_000, sessions);
  clock.jumpWall(-7_200_000);
  run(10_000, sessions);
  expect(state.sessions.size).toBe(3);
});

test('nine silent sessions of nine are expired: with so few, silence is taken at its word', () => {
  const { state, open, run } = createLeases();
  open(9);
  run(17_000, []);
  expect(state.sessions.size).toBe(0);
});

test('when over half of ten fall silent at once, none is expired', () => {
  const { state, selfPreservation, open, run } = createLeases();
  const sessions = open(10);
  run(10_000, sessions);
  run(60_000, sessions.slice(6));
  expect(state.sessions.size).toBe(10);
  expect(selfPreservation.active).toBe(true);
});

test('when half of ten fall silent, they are expired', () => {
  const { state, selfPreservation, open, run } = createLeases();
  const sessions = open(10);
  run(10_000, sessions);
  run(20_000, sessions.slice(5));
  expect(state.sessions.size).toBe(5);
  expect(selfPreservation.active).toBe(false);
});

test('sessions that fall silent one after another within a TTL count together', () => {
  const { state, selfPreservation, open, run } = createLeases();
  const sessions = open(100);
  run(10_000, sessions);
  for (let dead = 0; dead <= 70; dead += 10) run(1_000, sessions.slice(dead));
  run(20_000, sessions.slice(70));
  expect(selfPreservation.active).toBe(true);
  expect(state.sessions.size).toBeGreaterThan(40);
});

test('self-preservation ends after five TTLs: what is silent then is expired for good', () => {
  const { state, selfPreservation, open, run } = createLeases();
  const sessions = open(20);
  run(10_000, sessions);
  const alive = sessions.slice(15);
  // The first of them falls due 10 s after the last renewals.
  run(5 * ttlMs + 9_000, alive);
  expect(selfPreservation.active).toBe(true);
  run(6_000, alive);
  expect([selfPreservation.active, state.sessions.size]).toEqual([false, 5]);
  run(60_000, alive);
  expect([selfPreservation.active, state.sessions.size]).toEqual([false, 5]);
});

test('when the network heals, nobody is expired for coming back in the second half', () => {
  const { state, selfPreservation, open, run } = createLeases();
  const sessions = open(20);
  run(10_000, sessions);
  run(30_000, []);
  expect(selfPreservation.active).toBe(true);
  run(5_000, sessions.slice(0, 12));
  run(20_000, sessions);
  expect([selfPreservation.active, state.sessions.size]).toEqual([false, 20]);
});

test('after a stall of its own the server waits for renewals before it expires anybody (hostile case 61)', () => {
  const { clock, state, open } = createLeases();
  const sessions = open(3);
  // The process stood still: time passed, and no timer ran in it.
  const skip = clock.now() + 60_000;
  const realNow = clock.now;
  Object.assign(clock, { now: () => Math.max(realNow(), skip) });
  clock.advance(300);
  expect(state.sessions.size).toBe(3);
  for (const session of sessions) expect(state.renew(session.token)).toBe(true);
});

test('a hundred thousand registrations and their renewals are cheap', () => {
  const { clock, state, open } = createLeases();
  const sessions = open(10_000);
  for (const [i, session] of sessions.entries()) {
    for (let j = 0; j < 10; j += 1) {
      const registration = { ...reviews, service: `s${i % 100}` };
      state.register(session, declareEndpoint(`e${i}-${j}`, registration), undefined);
    }
  }
  expect(state.endpoints.held).toBe(100_000);
  const startedAt = performance.now();
  for (let round = 0; round < 5; round += 1) {
    for (const session of sessions) state.renew(session.token);
    clock.advance(5_000);
  }
  // 50,000 renewals and 100 sweeps: some 20 ms; a scan per sweep or renewal would take seconds.
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  expect(state.sessions.size).toBe(10_000);
});

test('after it was stopped no timer waits', () => {
  const { clock, sweeper } = createLeases();
  sweeper.stop();
  expect(clock.pendingTimers).toBe(0);
});
