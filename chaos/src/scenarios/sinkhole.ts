import { leastRequest, peakEwma } from '@inmesh/client';
import type { PolicyOptions } from '@inmesh/client/policies';
import type { Recorder, Tally } from '../simulation/recorder.ts';
import { logNormal } from '../simulation/service-time.ts';
import { World } from '../simulation/world.ts';
import type { Scenario } from './scenario.ts';

const onset = 20;
const seconds = 80;
const count = 10;
const clientCount = 5;

function play(policy: PolicyOptions, seed: number): Recorder {
  const world = new World({ seed, seconds, recorded: 'reviews' });
  const [sinkhole] = world.service('reviews', { count, serviceTime: logNormal(5, 0.4) });
  const clients = Array.from({ length: clientCount }, () => world.client({ policy }));
  world.load(clients, { service: 'reviews', perClient: () => 100 });
  world.at(onset, () => {
    if (sinkhole !== undefined) sinkhole.failingWith = 500;
    world.recorder.mark('onset');
  });
  return world.run();
}

/** Of what was sent between two moments, the share of the sinkhole, which is the first endpoint. */
function shareBetween(from: Tally, to: Tally): number {
  const id = [...to.byEndpoint.keys()].sort()[0] as string;
  const atSinkhole = (to.byEndpoint.get(id) ?? 0) - (from.byEndpoint.get(id) ?? 0);
  return atSinkhole / (to.all - from.all);
}

/**
 * `before`: from the onset until the last client has ejected it; `after`: from then on. Both are of
 * the whole trouble where ejection is off or never came.
 */
function sharesOf(record: Recorder): { before: number; after: number } {
  const onsetTally = record.marks.get('onset') as Tally;
  const ejections = record.events.filter(({ event }) => event.kind === 'endpoint-ejected');
  const last = ejections[clientCount - 1]?.tally;
  return {
    before: shareBetween(onsetTally, last ?? record.tally()),
    after: shareBetween(last ?? onsetTally, record.tally()),
  };
}

export const sinkhole: Scenario = {
  name: 'sinkhole',
  title: 'Sinkhole: one of ten endpoints fails at once',
  story: `Five clients call ten endpoints, 100 calls a second each. From second ${onset} one endpoint answers 500 without doing any work.
Whoever judges by load or speed alone finds it the best of all: it is always idle and always quick.`,
  phases: [
    { name: 'all well', from: 5, to: onset },
    { name: 'onset', from: onset, to: onset + 5 },
    { name: 'later', from: onset + 5, to: seconds },
  ],
  variants: [
    {
      name: 'least request, no ejection',
      play: (seed) => play({ balancer: leastRequest(), outlier: null, breaker: null }, seed),
    },
    {
      name: 'least request, ejection',
      play: (seed) => play({ balancer: leastRequest() }, seed),
    },
    {
      name: 'peak EWMA, no ejection',
      play: (seed) => play({ balancer: peakEwma(), outlier: null, breaker: null }, seed),
    },
    { name: 'defaults (peak EWMA, ejection)', play: (seed) => play({}, seed) },
  ],
  figures(record) {
    const fair = 1 / count;
    const before = (variant: string): number => sharesOf(record(variant)).before / fair;
    const after = (variant: string): number => 100 * sharesOf(record(variant)).after;
    const defaults = 'defaults (peak EWMA, ejection)';
    return [
      {
        name: 'share before ejection, defaults',
        measure: () => before(defaults),
        unit: 'times the fair share',
        bound: { kind: 'at most', value: 1.5 },
      },
      {
        name: 'share after, defaults',
        measure: () => after(defaults),
        unit: '%',
        bound: { kind: 'at most', value: 1 },
      },
      {
        name: 'share before ejection, least request',
        measure: () => before('least request, ejection'),
        unit: 'times the fair share',
      },
      {
        name: 'share after, least request',
        measure: () => after('least request, ejection'),
        unit: '%',
      },
      {
        name: 'share without ejection, peak EWMA',
        measure: () => after('peak EWMA, no ejection'),
        unit: '%',
      },
      {
        name: 'share without ejection, least request',
        measure: () => after('least request, no ejection'),
        unit: '%',
      },
    ];
  },
};
