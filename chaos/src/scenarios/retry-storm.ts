import type { PolicyOptions } from '@inmesh/client/policies';
import type { RequestContext } from '@inmesh/core';
import { settledAt, summarize } from '../report/summary.ts';
import type { Recorder } from '../simulation/recorder.ts';
import { exponential } from '../simulation/service-time.ts';
import type { SimulatedClient } from '../simulation/simulated-client.ts';
import type { Handler } from '../simulation/simulated-endpoint.ts';
import { serviceName, World } from '../simulation/world.ts';
import type { Scenario } from './scenario.ts';

const broken = 20;
const repaired = 50;
const seconds = 80;
const processes = 4;
const perClient = 100;

/** One that never runs out. */
const budgetOff: PolicyOptions = { retryBudget: { ratio: 1, minPerSecond: 1e6 } };
const breakersOff: PolicyOptions = { breaker: null, outlier: null };

/**
 * `unaware`: the tiers' handlers make their calls outside the request's context, so none knows of
 * another's retries. `aware`: as the mesh does it by itself, the attempt header tells the tiers below
 * of a retry, and `inmesh-retry: no` those above that it was tried already.
 */
type Chain = 'unaware' | 'aware';

/**
 * Middle tiers hand on what their upstream said, as a gateway does. That is the worst case: an
 * application that answers 500 instead would end most retries above it.
 */
function handOn(client: SimulatedClient, upstream: string, chain: Chain): Handler {
  return (inbound: RequestContext, respond) =>
    client.call(serviceName(upstream), chain === 'aware' ? inbound : undefined, ({ status }) =>
      respond(status === 0 ? 503 : status),
    );
}

function play(policy: PolicyOptions, chain: Chain, seed: number): Recorder {
  const world = new World({ seed, seconds, recorded: 'back' });
  const tier = { count: processes, serviceTime: exponential(2) };
  const calling = () => world.client({ policy, timeoutMs: 2_000 });
  const back = world.service('back', tier);
  world.service('middle', { ...tier, handler: () => handOn(calling(), 'back', chain) });
  world.service('front', { ...tier, handler: () => handOn(calling(), 'middle', chain) });
  const edge = Array.from({ length: processes }, calling);
  world.load(edge, { service: 'front', perClient: () => perClient });
  world.at(broken, () => {
    for (const process of back) process.failingWith = 503;
  });
  world.at(repaired, () => {
    for (const process of back) process.failingWith = 0;
  });
  return world.run();
}

export const retryStorm: Scenario = {
  name: 'retry-storm',
  title: 'Retry storm: three tiers retry, the last one fails',
  story: `An edge calls \`front\`, which calls \`middle\`, which calls \`back\`; each has ${processes} processes, and each edge process makes ${perClient} calls
a second. From second ${broken} to ${repaired} every process of \`back\` answers 503, and the tiers between hand that answer on. With two retries at each of
three tiers and nothing to stop them, one call becomes 27. A retry budget bounds the retries of each tier; the mesh's headers see to it
that one layer retries, the one nearest to the failure; a breaker stops calling at all. "Well under 1" with breakers is taken as 0.5.`,
  phases: [
    { name: 'well', from: 5, to: broken },
    { name: 'back fails', from: broken, to: repaired },
    { name: 'first 10 s after repair', from: repaired, to: repaired + 10 },
    { name: 'later', from: repaired + 10, to: seconds },
  ],
  variants: [
    { name: 'naive', play: (seed) => play({ ...budgetOff, ...breakersOff }, 'unaware', seed) },
    {
      name: 'one layer retries',
      play: (seed) => play({ ...budgetOff, ...breakersOff }, 'aware', seed),
    },
    { name: 'budget', play: (seed) => play(breakersOff, 'unaware', seed) },
    { name: 'budget, one layer retries', play: (seed) => play(breakersOff, 'aware', seed) },
    { name: 'defaults', play: (seed) => play({}, 'aware', seed) },
  ],
  figures(record) {
    const load = (variant: string): number =>
      summarize(record(variant), broken, repaired).amplification;
    const back = (variant: string): number => {
      const span = { from: repaired, to: seconds };
      return settledAt(record(variant), span, ({ errorRatio }) => errorRatio < 0.01) - repaired;
    };
    const unit = 'times the offered';
    return [
      { name: 'load on the failing tier, naive', measure: () => load('naive'), unit },
      { name: 'one layer retries, no budget', measure: () => load('one layer retries'), unit },
      { name: 'budget at every layer', measure: () => load('budget'), unit },
      {
        name: 'budget and one layer, breakers off',
        measure: () => load('budget, one layer retries'),
        unit,
        bound: { kind: 'at most', value: 1.25 },
      },
      {
        name: 'the same, worst second',
        measure: () =>
          Math.max(
            ...record('budget, one layer retries')
              .seconds.slice(broken, repaired)
              .map(({ attempts, offered }) => attempts / offered),
          ),
        unit,
      },
      {
        name: 'with breakers',
        measure: () => load('defaults'),
        unit,
        bound: { kind: 'at most', value: 0.5 },
      },
      ...['budget, one layer retries', 'defaults'].map((variant) => ({
        name: `errors below 1 % after the repair, ${variant}`,
        measure: () => back(variant),
        unit: 's',
        bound: { kind: 'at most' as const, value: 10 },
      })),
    ];
  },
};
