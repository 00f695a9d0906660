import type { Clock } from '@inmesh/core';
import { settledAt } from '../report/summary.ts';
import type { Recorder } from '../simulation/recorder.ts';
import { logNormal } from '../simulation/service-time.ts';
import type { VirtualClock } from '../simulation/virtual-clock.ts';
import { World } from '../simulation/world.ts';
import type { Scenario } from './scenario.ts';

const broken = 20;
const repaired = 30;
const seconds = 70;
const hour = 3_600_000;

function play(clientClock: (clock: VirtualClock) => Clock, seed: number): Recorder {
  const world = new World({ seed, seconds, recorded: 'reviews', clientClock });
  const processes = world.service('reviews', { count: 4, serviceTime: logNormal(5, 0.4) });
  const clients = Array.from({ length: 4 }, () => world.client({ policy: {} }));
  world.load(clients, { service: 'reviews', perClient: () => 100 });
  world.at(broken, () => {
    for (const process of processes) process.failingWith = 500;
  });
  world.at(broken + 5, () => world.clock.jumpWall(-hour));
  world.at(repaired, () => {
    for (const process of processes) process.failingWith = 0;
  });
  world.at(repaired + 20, () => world.clock.jumpWall(hour));
  return world.run();
}

/** What a client does that measures durations with `Date.now`. */
const byWallClock = (clock: VirtualClock): Clock => ({
  now: () => clock.wallNow(),
  wallNow: () => clock.wallNow(),
  setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
});

export const clockJump: Scenario = {
  name: 'clock-jump',
  title: 'Clock jump: the wall clock is set back an hour while breakers are open',
  story: `Four clients call four endpoints that answer 500 from second ${broken} to ${repaired}; breakers open and endpoints are ejected. At second ${broken + 5}
the wall clock is set back by an hour, at second ${repaired + 20} forward again. The policies go by monotonic time and notice nothing; the same policies
on the wall clock keep their breakers open for the hour.`,
  phases: [
    { name: 'well', from: 5, to: broken },
    { name: 'failing', from: broken, to: repaired },
    { name: 'first 10 s after', from: repaired, to: repaired + 10 },
    { name: 'later', from: repaired + 10, to: repaired + 20 },
    { name: 'clock set forward', from: repaired + 20, to: seconds },
  ],
  variants: [
    { name: 'monotonic clock', play: (seed) => play((clock) => clock, seed) },
    { name: 'wall clock', play: (seed) => play(byWallClock, seed) },
  ],
  figures(record) {
    const back = (variant: string): number =>
      settledAt(
        record(variant),
        { from: repaired, to: seconds },
        ({ errorRatio }) => errorRatio < 0.01,
      ) - repaired;
    return [
      {
        name: 'errors below 1 % after the repair, monotonic clock',
        measure: () => back('monotonic clock'),
        unit: 's',
        bound: { kind: 'at most', value: 10 },
      },
      { name: 'on the wall clock', measure: () => back('wall clock'), unit: 's' },
    ];
  },
};
