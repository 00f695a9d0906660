import { createClient } from '@inmesh/client';
import {
  createCluster,
  type PolicyOptions,
  resolvePolicy,
  SilenceWatch,
} from '@inmesh/client/policies';
import { type RequestContext, runInContext, staticEndpoint, unknownLocality } from '@inmesh/core';
import { startUpstream } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { PlaceQueue } from '../src/simulation/place-queue.ts';
import { SimulatedCall } from '../src/simulation/simulated-call.ts';
import type { Reply } from '../src/simulation/simulated-endpoint.ts';
import { createVirtualClock } from '../src/simulation/virtual-clock.ts';

/** What an upstream does with the attempts in turn: a status, one that forbids a retry, one that is shed, or a reset. */
type Script = readonly (number | 'marked' | 'shed' | 'reset')[];

const headersOf = {
  marked: { 'inmesh-retry': 'no' },
  shed: { 'inmesh-overloaded': '1', 'retry-after': '1' },
} as const;

interface Outcome {
  /** What the callee was told of each attempt's number. */
  readonly told: readonly string[];
  /** 0: no answer. */
  readonly statuses: readonly number[];
  readonly retriesSpent: boolean;
}

interface Case {
  readonly script: Script;
  readonly calls?: number;
  readonly policy?: PolicyOptions;
  readonly attempt?: number;
}

const contextOf = ({ attempt = 1 }: Case): RequestContext => ({
  trace: undefined,
  deadline: Number.POSITIVE_INFINITY,
  identity: undefined,
  baggage: '',
  passOn: [],
  attempt,
});

/** No jitter: what is compared is what happens, not when. */
const random = () => 0;
const noEjection = { outlier: null } as const;

async function byClient({ script, policy, calls = 1, ...rest }: Case): Promise<Outcome> {
  const told: string[] = [];
  const upstream = await startUpstream({
    fault: (request, number) => {
      told.push(String(request.headers['inmesh-attempt'] ?? '1'));
      const step = script[number - 1] ?? 200;
      if (step === 'reset') return { kind: 'reset' };
      if (typeof step === 'number') return { kind: 'status', status: step };
      return { kind: 'status', status: 503, headers: headersOf[step] };
    },
  });
  const endpoints = { reviews: [{ port: upstream.port }] };
  const client = createClient({ ...noEjection, ...policy, endpoints, random });
  const context = contextOf({ script, ...rest });
  const statuses: number[] = [];
  try {
    for (let call = 0; call < calls; call += 1) {
      await runInContext(context, () => client.request('http://reviews/')).then(
        ({ status }) => statuses.push(status),
        () => statuses.push(0),
      );
    }
  } finally {
    await client.close();
    await upstream.close();
  }
  return { told, statuses, retriesSpent: context.retriesSpent === true };
}

function bySimulation({ script, policy, calls = 1, ...rest }: Case): Outcome {
  const told: string[] = [];
  const clock = createVirtualClock();
  const service = 'reviews.default';
  const cluster = createCluster(service, {
    policy: resolvePolicy({ ...noEjection, ...policy }),
    clock,
    random,
    locality: unknownLocality,
    onEvent: () => {},
    onRemoved: () => {},
  });
  const endpoints = [staticEndpoint(service, { port: 80 })];
  cluster.update({ service, endpoints, revision: '1', state: 'live', asOf: 0 });
  const replyTo = (number: number): Reply => {
    const step = script[number - 1] ?? 200;
    if (step === 'reset') return { kind: 'reset' };
    if (typeof step === 'number') return { kind: 'answer', status: step, headers: [] };
    return { kind: 'answer', status: 503, headers: Object.entries(headersOf[step]).flat() };
  };
  const context = contextOf({ script, ...rest });
  const destination = { service, subset: '', labels: {}, port: undefined, policy: {} };
  const statuses: number[] = [];
  const inFlight = new Set<SimulatedCall>();
  const silence = new SilenceWatch(clock, inFlight);
  for (let call = 0; call < calls; call += 1) {
    new SimulatedCall(
      {
        clock,
        random,
        places: new PlaceQueue(),
        timeoutMs: 10_000,
        calls: inFlight,
        silence,
        deliver: (_endpoint, headers, onReply) => {
          told.push(headers['inmesh-attempt'] ?? '1');
          const reply = replyTo(told.length);
          clock.setTimer(() => onReply(reply), 1);
        },
      },
      { cluster, destination },
      context,
      ({ status }) => statuses.push(status),
    ).start();
    clock.run(clock.now() + 100);
  }
  return { told, statuses, retriesSpent: context.retriesSpent === true };
}

const failing = (count: number): Script => Array.from({ length: count }, () => 503 as const);

const cases: readonly (readonly [string, Case])[] = [
  ['an answer', { script: [200] }],
  ['an answer that says nothing of a retry', { script: [500] }],
  ['a retry that helps', { script: [503, 502, 200] }],
  ['retries used up', { script: [503, 503, 503] }],
  ['a reset', { script: ['reset', 200] }],
  ['resets only', { script: ['reset', 'reset', 'reset'] }],
  ['an answer that forbids a retry', { script: ['marked'] }],
  ['a retry after which one is forbidden', { script: [503, 'marked'] }],
  ['the request being a retry of the caller', { script: [503], attempt: 2 }],
  ['an answer that was shed', { script: ['shed', 200] }],
  [
    'shed answers, which open no breaker',
    {
      script: Array.from({ length: 8 }, () => 'shed' as const),
      calls: 8,
      policy: { breaker: { minCalls: 5 }, retry: { maxRetries: 0 } },
    },
  ],
  [
    'answers of who retried below, which open no breaker',
    {
      script: Array.from({ length: 8 }, () => 'marked' as const),
      calls: 8,
      policy: { breaker: { minCalls: 5 } },
    },
  ],
  [
    'a throttle that refuses',
    {
      script: failing(40),
      calls: 12,
      policy: { throttle: { factor: 1.5 }, breaker: null, retry: { maxRetries: 0 } },
    },
  ],
  [
    'a budget that runs out',
    { script: failing(40), calls: 12, policy: { retryBudget: { minPerSecond: 0, ratio: 0.5 } } },
  ],
  [
    'a breaker that opens',
    {
      script: failing(40),
      calls: 8,
      policy: { breaker: { minCalls: 5 }, retry: { maxRetries: 0 } },
    },
  ],
];

// The simulation repeats the order of the client's call loop: here it is held to it.
test.each(cases)('does what the client does: %s', async (_name, given) => {
  expect(bySimulation(given)).toEqual(await byClient(given));
});
