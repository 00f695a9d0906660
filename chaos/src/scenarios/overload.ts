import type { PolicyOptions } from '@inmesh/client/policies';
import { settledAt, summarize } from '../report/summary.ts';
import type { Recorder } from '../simulation/recorder.ts';
import { exponential } from '../simulation/service-time.ts';
import { World } from '../simulation/world.ts';
import type { Scenario } from './scenario.ts';

const onset = 20;
const over = 50;
const seconds = 90;
const count = 4;
const workers = 5;
const serviceMs = 20;
const capacity = (count * workers * 1_000) / serviceMs;
const clientCount = 10;

/**
 * Requests that an endpoint admits, with shedding: what it works on and as many again, so that a
 * worker that is done always finds the next one though the network takes its time.
 */
const maxInFlight = 2 * workers;

interface Setting {
  readonly policy: PolicyOptions;
  /** What an endpoint admits at once. @default everything */
  readonly admits?: number | 'adaptive';
}

function play({ policy, admits }: Setting, seed: number): Recorder {
  const world = new World({ seed, seconds, recorded: 'reviews' });
  world.service('reviews', {
    count,
    workers,
    serviceTime: exponential(serviceMs),
    ...(admits === undefined ? {} : { maxInFlight: admits }),
  });
  const clients = Array.from({ length: clientCount }, () => world.client({ policy }));
  const rate = (share: number): number => (share * capacity) / clientCount;
  world.load(clients, {
    service: 'reviews',
    perClient: (second) => rate(second >= onset && second < over ? 3 : 0.6),
  });
  return world.run();
}

/** Three tries within the second that callers wait, and nothing to stop them. */
const naive: PolicyOptions = {
  breaker: null,
  outlier: null,
  retryBudget: { ratio: 1, minPerSecond: 1e6 },
  retry: { perTryTimeoutMs: 300 },
};

const guardsOff: PolicyOptions = { breaker: null, outlier: null };

export const overload: Scenario = {
  name: 'overload',
  title: 'Metastable overload: three times the capacity, and what stays of it',
  story: `Four endpoints of five workers can answer ${capacity} calls a second; ten clients offer 600, then ${3 * capacity} from second ${onset} to ${over}, then 600
again. Callers wait one second. Without a limit the queues fill with requests whose callers have gone, every answer comes too late,
and retries keep it so after the cause is over: that is metastable. With shedding (the inbound pipeline's \`loadLimits\`, ${maxInFlight} in flight
a process) what cannot be served is refused at once with 503 and \`Retry-After\`.`,
  phases: [
    { name: 'below capacity', from: 5, to: onset },
    { name: 'three times over', from: onset, to: over },
    { name: 'first 10 s after', from: over, to: over + 10 },
    { name: 'later', from: over + 10, to: seconds },
  ],
  variants: [
    { name: 'no limits, naive retries', play: (seed) => play({ policy: naive }, seed) },
    { name: 'client defaults, no shedding', play: (seed) => play({ policy: {} }, seed) },
    {
      name: 'client limit only',
      play: (seed) =>
        play({ policy: { ...guardsOff, pool: { maxRequests: 4, maxPending: 8 } } }, seed),
    },
    {
      name: 'shedding, breaker and ejection off',
      play: (seed) => play({ policy: guardsOff, admits: maxInFlight }, seed),
    },
    {
      name: 'shedding, client defaults',
      play: (seed) => play({ policy: {}, admits: maxInFlight }, seed),
    },
    {
      name: 'adaptive shedding, client defaults',
      play: (seed) => play({ policy: {}, admits: 'adaptive' }, seed),
    },
    {
      name: 'adaptive client limit, long queue',
      play: (seed) => play({ policy: { ...guardsOff, limit: 'adaptive' } }, seed),
    },
    {
      name: 'adaptive client limit only',
      play: (seed) =>
        play({ policy: { ...guardsOff, limit: 'adaptive', pool: { maxPending: 8 } } }, seed),
    },
    {
      name: 'shedding, throttling clients',
      play: (seed) => play({ policy: { throttle: {} }, admits: maxInFlight }, seed),
    },
  ],
  figures(record) {
    const share = (variant: string): number =>
      (100 * summarize(record(variant), onset, over).goodput) / capacity;
    const back = (variant: string): number =>
      settledAt(
        record(variant),
        { from: over, to: seconds },
        ({ errorRatio }) => errorRatio < 0.01,
      ) - over;
    const defaults = 'shedding, client defaults';
    const adaptive = 'adaptive shedding, client defaults';
    const throttling = 'shedding, throttling clients';
    return [
      ...[defaults, adaptive, throttling].map((variant) => ({
        name: `goodput, ${variant}`,
        measure: () => share(variant),
        unit: '% of capacity',
        bound: { kind: 'at least' as const, value: 90 },
      })),
      ...[defaults, throttling].map((variant) => ({
        name: `attempts that reach the service, ${variant}`,
        measure: () => summarize(record(variant), onset, over).amplification,
        unit: 'times the offered',
      })),
      ...[
        'shedding, breaker and ejection off',
        'client limit only',
        'adaptive client limit only',
        'adaptive client limit, long queue',
        'client defaults, no shedding',
        'no limits, naive retries',
      ].map((variant) => ({
        name: `goodput, ${variant}`,
        measure: () => share(variant),
        unit: '% of capacity',
      })),
      {
        name: `errors below 1 % afterwards, ${defaults}`,
        measure: () => back(defaults),
        unit: 's',
      },
      {
        name: 'errors below 1 % afterwards, no limits, naive retries',
        measure: () => back('no limits, naive retries'),
        unit: `s (${seconds - over} is never)`,
      },
    ];
  },
};
