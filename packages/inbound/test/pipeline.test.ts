import { createPipeline, type InboundStep, type PipelineOptions, refuse } from '@inmesh/inbound';
import { createFakeClock, recordingObserver } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { inboundRequest } from './inbound-request.ts';

const whole = { status: 200, flag: '-', requestBytes: 0, responseBytes: 2 } as const;

function step(
  name: string,
  seen: string[],
  run: InboundStep['run'] = () => undefined,
): InboundStep {
  return {
    name,
    run(request, exchange) {
      seen.push(name);
      return run(request, exchange);
    },
    ended: () => seen.push(`${name} ended`),
  };
}

test('steps run in their order, without a promise as long as none of them waits', () => {
  const seen: string[] = [];
  const pipeline = createPipeline({
    authorization: [step('authorization', seen)],
    authentication: [step('authentication', seen)],
    limits: [step('limit', seen)],
    peers: {
      peerOf: () => {
        seen.push('peer');
        return { service: 'a.b', version: '', identity: undefined };
      },
    },
  });
  const exchange = pipeline.begin(inboundRequest('/a?b'));
  expect(pipeline.inFlight).toBe(1);
  expect(pipeline.handle(exchange)).toEqual({ kind: 'proceed' });
  expect(seen).toEqual(['limit', 'peer', 'authentication', 'authorization']);
  pipeline.end(exchange, whole);
  pipeline.end(exchange, whole);
  expect(seen.slice(4)).toEqual(['limit ended', 'authentication ended', 'authorization ended']);
  expect(pipeline.inFlight).toBe(0);
});

test('a refusal stops the steps, and only those that let the request pass hear of its end', () => {
  const seen: string[] = [];
  const no = refuse(403, 'forbidden', 'no');
  const pipeline = createPipeline({
    limits: [step('limit', seen)],
    authentication: [step('no', seen, () => no)],
    authorization: [step('never', seen)],
  });
  const exchange = pipeline.begin(inboundRequest());
  expect(pipeline.handle(exchange)).toBe(no);
  pipeline.end(exchange, { ...whole, status: 403 });
  expect(seen).toEqual(['limit', 'no', 'limit ended']);
});

test('a step that waits makes the verdict a promise, and the steps after it still run', async () => {
  const seen: string[] = [];
  const pipeline = createPipeline({
    authentication: [
      step('waits', seen, async () => undefined),
      step('waits too', seen, async () => undefined),
    ],
    authorization: [step('after', seen)],
  });
  const verdict = pipeline.handle(pipeline.begin(inboundRequest()));
  expect(verdict).toBeInstanceOf(Promise);
  expect(seen).toEqual(['waits']);
  expect(await verdict).toEqual({ kind: 'proceed' });
  expect(seen).toEqual(['waits', 'waits too', 'after']);
});

test('a step that was waiting when the caller went away is told, and nothing runs after it', async () => {
  const seen: string[] = [];
  let pass = (): void => {};
  const waiting = new Promise<undefined>((resolve) => {
    pass = () => resolve(undefined);
  });
  const pipeline = createPipeline({
    limits: [step('limit', seen, () => waiting)],
    authorization: [step('never', seen)],
  });
  const exchange = pipeline.begin(inboundRequest());
  const verdict = pipeline.handle(exchange);
  pipeline.end(exchange, { ...whole, status: 0, flag: 'DC' });
  expect(seen).toEqual(['limit']);
  pass();
  expect(await verdict).toMatchObject({ kind: 'refusal', code: 'aborted' });
  expect(seen).toEqual(['limit', 'limit ended']);
});

for (const [how, run] of [
  [
    'throws',
    () => {
      throw new Error('boom');
    },
  ],
  ['rejects', () => Promise.reject(new Error('boom'))],
] as [string, InboundStep['run']][]) {
  test(`a step that ${how} refuses with 500: a check that did not run has not passed`, async () => {
    const logged: unknown[] = [];
    const log = (fields: unknown): void => void logged.push(fields);
    const pipeline = createPipeline({
      authorization: [{ name: 'broken', run }],
      logger: { debug: log, info: log, warn: log, error: log },
    });
    const verdict = await pipeline.handle(pipeline.begin(inboundRequest()));
    expect(verdict).toMatchObject({ kind: 'refusal', status: 500, code: 'internal' });
    expect(JSON.stringify(verdict)).not.toContain('boom');
    expect(logged).toEqual([{ err: new Error('boom'), step: 'broken' }]);
  });
}

test('an observer or step that throws at the end disturbs nobody', () => {
  const observer = recordingObserver();
  const bad = (): never => {
    throw new Error('boom');
  };
  const pipeline = createPipeline({
    observers: [{ requestEnded: bad }, observer],
    limits: [{ name: 'bad', run: () => undefined, ended: bad, close: bad }],
  });
  const exchange = pipeline.begin(inboundRequest());
  pipeline.handle(exchange);
  pipeline.end(exchange, whole);
  expect(observer.requests).toHaveLength(1);
  pipeline.close();
});

test('closing closes each step once', () => {
  let closes = 0;
  const pipeline = createPipeline({
    limits: [
      {
        name: 'a',
        run: () => undefined,
        close: () => {
          closes += 1;
        },
      },
    ],
  });
  pipeline.close();
  pipeline.close();
  expect(closes).toBe(1);
});

test('what ended is told with times of the injected clock', () => {
  const clock = createFakeClock(1000);
  const observer = recordingObserver();
  const pipeline = createPipeline({ clock, observers: [observer] });
  const exchange = pipeline.begin(
    inboundRequest('/a/b?token=secret', { 'inmesh-peer': 'orders.shop;v2;orders' }, 'POST'),
  );
  pipeline.handle(exchange);
  exchange.route = '/a/:id';
  clock.advance(25);
  pipeline.end(exchange, { status: 201, flag: '-', requestBytes: 3, responseBytes: 4 });
  expect(observer.requests).toEqual([
    {
      method: 'POST',
      path: '/a/b',
      route: '/a/:id',
      status: 201,
      flag: '-',
      startedAt: 1000,
      endedAt: 1025,
      requestBytes: 3,
      responseBytes: 4,
      peerService: 'orders.shop',
      peerVersion: 'v2',
      peer: undefined,
      mutualTls: false,
      principal: undefined,
      traceId: exchange.context.trace?.traceId,
      spanId: exchange.context.trace?.spanId,
      parentSpanId: '',
      sampled: false,
      header: expect.any(Function),
    },
  ]);
});

test('a header never gives an identity, a proven peer does', () => {
  const identity = {
    spiffeId: 'spiffe://a/ns/b/sa/c',
    trustDomain: 'a',
    namespace: 'b',
    serviceAccount: 'c',
  };
  const byHeader = createPipeline();
  const labelled = byHeader.begin(inboundRequest('/', { 'inmesh-peer': 'c.b;;c' }));
  byHeader.handle(labelled);
  expect(labelled.peer.service).toBe('c.b');
  expect(labelled.context.identity).toBeUndefined();

  const byCertificate = createPipeline({
    peers: { peerOf: () => ({ service: 'c.b', version: '', identity }) },
  });
  const proven = byCertificate.begin(inboundRequest());
  byCertificate.handle(proven);
  expect(proven.context.identity).toMatchObject({ peer: identity, peerVerified: true });
  expect(Object.getPrototypeOf(proven.context.identity?.claims)).toBeNull();
});

test('thousands of tiny headers are refused with 431', () => {
  const pipeline = createPipeline();
  const verdict = (count: number): unknown => {
    const headers = Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, '']));
    return pipeline.handle(pipeline.begin(inboundRequest('/', headers)));
  };
  expect(verdict(200)).toEqual({ kind: 'proceed' });
  expect(verdict(201)).toMatchObject({ status: 431 });
});

test('only GET and HEAD of exactly an exempt path pass the steps', () => {
  const pipeline = createPipeline({
    exemptPaths: ['/livez'],
    authorization: [{ name: 'nobody', run: () => refuse(403, 'forbidden', 'no') }],
  });
  const passes = (url: string, method = 'GET'): boolean => {
    const verdict = pipeline.handle(pipeline.begin(inboundRequest(url, {}, method)));
    return !(verdict instanceof Promise) && verdict.kind === 'proceed';
  };
  expect(passes('/livez')).toBe(true);
  expect(passes('/livez?deep=1', 'HEAD')).toBe(true);
  for (const url of [
    '/livez/',
    '/livez/../admin',
    '//livez',
    '/Livez',
    '/livez%2f..%2fadmin',
    '/livez#a',
    '/healthz',
  ]) {
    expect([url, passes(url)]).toEqual([url, false]);
  }
  expect(passes('/livez', 'POST')).toBe(false);
});

const wrongOptions: [PipelineOptions, string][] = [
  [
    { exemptPaths: ['healthz'] },
    'exemptPaths must hold paths that start with \'/\', got "healthz"',
  ],
  [
    { passOnHeaders: ['X-Upper'] },
    'passOnHeaders must hold lower-case names of end-to-end headers, got "X-Upper"',
  ],
  [{ passOnHeaders: ['host'] }, 'got "host"'],
  [{ passOnHeaders: ['inmesh-peer'] }, 'got "inmesh-peer"'],
  [{ passOnHeaders: ['a\r\nb'] }, 'got "a\\r\\nb"'],
  [{ maxTimeoutMs: 0 }, 'maxTimeoutMs must be above 0, got 0'],
  [{ samplingRatio: 3 }, 'samplingRatio must be within 0..1, got 3'],
];
test.each(wrongOptions)('options that cannot be are refused: %j', (options, message) => {
  expect(() => createPipeline(options)).toThrow(message);
});
