import { describe, expect, test } from '@jest/globals';
import { summarize } from '../src/report/summary.ts';
import { exponential } from '../src/simulation/service-time.ts';
import { createVirtualClock } from '../src/simulation/virtual-clock.ts';
import { World } from '../src/simulation/world.ts';

describe('the virtual clock', () => {
  test('runs timers in order of time, and of setting where times are equal', () => {
    const clock = createVirtualClock();
    const ran: string[] = [];
    for (const [name, at] of [
      ['c', 30],
      ['a', 10],
      ['b1', 20],
      ['b2', 20],
    ] as const) {
      clock.setTimer(() => ran.push(`${name}@${clock.now()}`), at);
    }
    clock.run(25);
    expect(ran).toEqual(['a@10', 'b1@20', 'b2@20']);
    expect(clock.now()).toBe(25);
  });

  test('does not run what was cancelled, and jumps only its wall clock', () => {
    const clock = createVirtualClock();
    let ran = false;
    const timer = clock.setTimer(() => {
      ran = true;
    }, 5);
    timer.cancel();
    const wall = clock.wallNow();
    clock.jumpWall(-3_600_000);
    clock.run(10);
    expect(ran).toBe(false);
    expect([clock.now(), clock.wallNow() - wall]).toEqual([10, 10 - 3_600_000]);
  });
});

describe('a world', () => {
  const play = (change: (world: World) => void = () => {}, maxInFlight?: number) => {
    const world = new World({ seed: 5, seconds: 20, recorded: 'reviews' });
    world.service('reviews', {
      count: 2,
      workers: 1,
      serviceTime: exponential(10),
      ...(maxInFlight === undefined ? {} : { maxInFlight }),
    });
    const client = world.client({ policy: { breaker: null, outlier: null } });
    world.load([client], { service: 'reviews', perClient: () => 60 });
    change(world);
    return world.run();
  };

  test('waits in queues as queueing theory says: two M/M/1 at a load of 0.3 answer in about 14 ms', () => {
    // Balanced by latency and load, so better than two separate queues (14.3 ms) and worse than none (10).
    const latencies = play().seconds.flatMap((second) => second.latencies);
    const mean = latencies.reduce((sum, ms) => sum + ms, 0) / latencies.length;
    expect(mean).toBeGreaterThan(10);
    expect(mean).toBeLessThan(15.5);
  });

  test('loses no call: all that began have ended, but for those under way', () => {
    const { seconds } = play();
    const offered = seconds.reduce((sum, second) => sum + second.offered, 0);
    const ended = seconds.reduce((sum, { ok, failed }) => sum + ok + failed, 0);
    expect(offered - ended).toBeGreaterThanOrEqual(0);
    expect(offered - ended).toBeLessThan(10);
  });

  test('sheds by the real inbound limit, and its callers see 503 as errors', () => {
    const record = play((world) => {
      world.load([world.client({ policy: { breaker: null, outlier: null } })], {
        service: 'reviews',
        perClient: () => 600,
      });
    }, 2);
    const { errorRatio, goodput, p99 } = summarize(record, 5, 20);
    expect(errorRatio).toBeGreaterThan(0.5);
    expect(goodput).toBeGreaterThan(150);
    expect(p99).toBeLessThan(1_000);
  });
});
