import { leastRequest, peakEwma, roundRobin } from '@inmesh/client';
import type { PolicyOptions } from '@inmesh/client/policies';
import type { BalancerPolicy } from '@inmesh/core';
import { summarize } from '../report/summary.ts';
import type { Recorder } from '../simulation/recorder.ts';
import { logNormal } from '../simulation/service-time.ts';
import { World } from '../simulation/world.ts';
import type { Scenario } from './scenario.ts';

const onset = 20;
const seconds = 80;
/** What is learned is learned within a few seconds; the tail is judged after it. */
const judgedFrom = onset + 5;

function play(
  balancer: BalancerPolicy,
  slowdown: number,
  seed: number,
  more: PolicyOptions = {},
): Recorder {
  const world = new World({ seed, seconds, recorded: 'reviews' });
  const [gray] = world.service('reviews', { count: 10, serviceTime: logNormal(5, 0.4) });
  const clients = Array.from({ length: 5 }, () =>
    world.client({ policy: { balancer, ...more }, timeoutMs: 5_000 }),
  );
  world.load(clients, { service: 'reviews', perClient: () => 100 });
  world.at(onset, () => {
    if (gray !== undefined) gray.slowdown = slowdown;
  });
  return world.run();
}

export const grayFailure: Scenario = {
  name: 'gray-failure',
  title: 'Gray failure: one of ten endpoints turns 50 times slower',
  story: `Five clients call ten endpoints, 100 calls a second each; handlers take 5 ms at the median. At second ${onset} one endpoint
turns 50 times slower. It answers every request rightly, so no health check and no ejection by errors sees it: only a balancer that
looks at latency does. A hedge repairs what a blind one does, where its budget covers the slow endpoint's share: here a second try
after the 85th percentile, for 15 % of the calls at most.`,
  phases: [
    { name: 'all well', from: 5, to: onset },
    { name: 'learning', from: onset, to: judgedFrom },
    { name: 'one slow', from: judgedFrom, to: seconds },
  ],
  variants: [
    { name: 'peak EWMA, none slow', play: (seed) => play(peakEwma(), 1, seed) },
    { name: 'peak EWMA', play: (seed) => play(peakEwma(), 50, seed) },
    { name: 'least request', play: (seed) => play(leastRequest(), 50, seed) },
    { name: 'round robin', play: (seed) => play(roundRobin(), 50, seed) },
    {
      name: 'round robin, hedged',
      play: (seed) => play(roundRobin(), 50, seed, { hedge: { percentile: 0.85, maxRatio: 0.15 } }),
    },
  ],
  figures(record) {
    const p99 = (variant: string): number =>
      summarize(record(variant), judgedFrom, seconds).p99 ?? Number.POSITIVE_INFINITY;
    const without = (): number => p99('peak EWMA, none slow');
    const overall = (): number =>
      summarize(record('peak EWMA'), onset, seconds).p99 ?? Number.POSITIVE_INFINITY;
    return [
      {
        name: 'p99 with peak EWMA, over the p99 without the slow endpoint',
        measure: () => p99('peak EWMA') / without(),
        unit: 'times',
        bound: { kind: 'at most', value: 1.5 },
      },
      {
        name: 'the same, with the seconds in which it is learned',
        measure: () => overall() / without(),
        unit: 'times',
        bound: { kind: 'at most', value: 1.5 },
      },
      { name: 'least request', measure: () => p99('least request') / without(), unit: 'times' },
      { name: 'round robin', measure: () => p99('round robin') / without(), unit: 'times' },
      {
        name: 'round robin, hedged',
        measure: () => p99('round robin, hedged') / without(),
        unit: 'times',
      },
      {
        name: 'requests per call, round robin, hedged',
        measure: () => summarize(record('round robin, hedged'), judgedFrom, seconds).amplification,
        unit: 'times',
        bound: { kind: 'at most', value: 1.15 },
      },
    ];
  },
};
