import type { PolicyOptions } from '@inmesh/client/policies';
import { summarize } from '../report/summary.ts';
import type { Recorder } from '../simulation/recorder.ts';
import { logNormal } from '../simulation/service-time.ts';
import { World } from '../simulation/world.ts';
import type { Scenario } from './scenario.ts';

const onset = 20;
const over = 65;
const seconds = 80;
const flappers = 3;
const periodSeconds = 3;

function play(policy: PolicyOptions, seed: number): Recorder {
  const world = new World({ seed, seconds, recorded: 'reviews', renewalLossRatio: 0.2 });
  const processes = world.service('reviews', { count: 10, serviceTime: logNormal(5, 0.4) });
  const clients = Array.from({ length: 5 }, () => world.client({ policy }));
  world.load(clients, { service: 'reviews', perClient: () => 100 });
  for (const [index, process] of processes.slice(0, flappers).entries()) {
    for (let at = onset + index; at < over; at += 2 * periodSeconds) {
      world.at(at, () => process.kill());
      world.at(at + periodSeconds, () => process.revive());
    }
  }
  return world.run();
}

export const flapping: Scenario = {
  name: 'flapping',
  title: 'Flapping: three of ten endpoints die and come back, every few seconds',
  story: `Five clients, 100 calls a second each. From second ${onset} to ${over} three of ten processes are killed and started again every ${periodSeconds} s, too
fast for the registry's leases to notice; a fifth of all renewals is lost besides. Every kill resets what was under way.`,
  phases: [
    { name: 'all well', from: 5, to: onset },
    { name: 'flapping', from: onset, to: over },
    { name: 'calm again', from: over, to: seconds },
  ],
  variants: [
    {
      name: 'no retries, no ejection',
      play: (seed) => play({ retry: { maxRetries: 0 }, outlier: null, breaker: null }, seed),
    },
    {
      name: 'ejection only',
      play: (seed) => play({ retry: { maxRetries: 0 }, breaker: null }, seed),
    },
    {
      name: 'retries only',
      play: (seed) => play({ outlier: null, breaker: null }, seed),
    },
    { name: 'defaults', play: (seed) => play({}, seed) },
  ],
  figures: (record) =>
    ['no retries, no ejection', 'ejection only', 'retries only', 'defaults'].map((variant) => ({
      name: `failed calls while flapping, ${variant}`,
      measure: () => 100 * summarize(record(variant), onset, over).errorRatio,
      unit: '%',
      // Every call here is idempotent: a process that goes must cost none of them.
      ...(variant === 'defaults' ? { bound: { kind: 'at most' as const, value: 0 } } : {}),
    })),
};
