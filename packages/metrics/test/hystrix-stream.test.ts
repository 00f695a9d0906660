import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  latencyBucket,
  latencyBuckets,
  MeshError,
  type MeshErrorCode,
  type ResponseFlag,
} from '@inmesh/core';
import { type HystrixStream, hystrixStream } from '@inmesh/metrics';
import { expect, test } from '@jest/globals';
import { endedCall, openRecorder } from './ended.ts';

async function serve(
  stream: HystrixStream,
): Promise<{ server: Server; open: () => Promise<IncomingMessage> }> {
  const server = createServer((request, response) => stream.handle(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const open = async (): Promise<IncomingMessage> => {
    const request = get({ host: '127.0.0.1', port, path: '/hystrix.stream', agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.setEncoding('utf8');
    return response;
  };
  return { server, open };
}

async function nextChunk(response: IncomingMessage): Promise<string> {
  const [chunk] = (await once(response, 'data')) as [string];
  return chunk;
}

/** What the dashboard's validateData refuses to be without. */
const requiredKeys = [
  'reportingHosts',
  'type',
  'name',
  'group',
  'isCircuitBreakerOpen',
  'errorPercentage',
  'errorCount',
  'requestCount',
  'rollingCountCollapsedRequests',
  'rollingCountExceptionsThrown',
  'rollingCountFailure',
  'rollingCountFallbackFailure',
  'rollingCountFallbackRejection',
  'rollingCountFallbackSuccess',
  'rollingCountResponsesFromCache',
  'rollingCountSemaphoreRejected',
  'rollingCountShortCircuited',
  'rollingCountSuccess',
  'rollingCountThreadPoolRejected',
  'rollingCountTimeout',
  'rollingCountBadRequests',
  'currentConcurrentExecutionCount',
  'latencyExecute_mean',
  'latencyExecute',
  'latencyTotal_mean',
  'latencyTotal',
  'propertyValue_circuitBreakerRequestVolumeThreshold',
  'propertyValue_circuitBreakerSleepWindowInMilliseconds',
  'propertyValue_circuitBreakerErrorThresholdPercentage',
  'propertyValue_circuitBreakerForceOpen',
  'propertyValue_circuitBreakerForceClosed',
  'propertyValue_executionIsolationStrategy',
  'propertyValue_executionIsolationThreadTimeoutInMilliseconds',
  'propertyValue_executionIsolationThreadInterruptOnTimeout',
  'propertyValue_executionIsolationSemaphoreMaxConcurrentRequests',
  'propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests',
  'propertyValue_requestCacheEnabled',
  'propertyValue_requestLogEnabled',
  'propertyValue_metricsRollingStatisticalWindowInMilliseconds',
];

test('a command has every key that the dashboard asks for, none of them null', async () => {
  using under = openRecorder();
  const { recorder, clock } = under;
  for (const status of [200, 200, 200, 503]) recorder.callEnded(endedCall({ status }));
  recorder.event({
    kind: 'breaker-changed',
    service: 'reviews.default',
    subset: '',
    from: 'closed',
    to: 'open',
  });
  clock.advance(2_000);
  const stream = hystrixStream(recorder);
  const { server, open } = await serve(stream);
  const response = await open();
  expect(response.headers['content-type']).toBe('text/event-stream;charset=UTF-8');
  expect(response.headers['cache-control']).toBe('no-cache, no-store, max-age=0, must-revalidate');
  const chunk = await nextChunk(response);
  expect(chunk).toMatch(/^data: \{.*\}\n\n$/);
  const frame = JSON.parse(chunk.slice('data: '.length)) as Record<string, unknown>;
  expect(requiredKeys.filter((key) => frame[key] === undefined || frame[key] === null)).toEqual([]);
  expect(frame).toMatchObject({
    name: 'reviews.default:v1',
    isCircuitBreakerOpen: true,
    errorPercentage: 25,
    errorCount: 1,
    requestCount: 4,
    latencyTotal: { '0': 3, '50': 3, '99.5': 3, '100': 3 },
  });
  stream.close();
  server.close();
});

test('counts say why calls failed, as Hystrix tells them apart', async () => {
  using under = openRecorder();
  const { recorder, clock } = under;
  const failure = (flag: ResponseFlag, code: MeshErrorCode): void =>
    recorder.callEnded(endedCall({ status: 0, flag, error: new MeshError(code, 'failed') }));
  recorder.callEnded(endedCall());
  recorder.callEnded(endedCall({ status: 500 }));
  failure('UT', 'deadline_exceeded');
  failure('UO', 'circuit_open');
  failure('UO', 'overloaded');
  failure('UF', 'connect_failed');
  clock.advance(2_000);
  const stream = hystrixStream(recorder, {
    inFlight: (service) => (service === 'reviews.default' ? 7 : 0),
    breaker: { minCalls: 50, failureRatio: 0.2 },
  });
  const { server, open } = await serve(stream);
  const response = await open();
  const frame = JSON.parse((await nextChunk(response)).slice('data: '.length));
  expect(frame).toMatchObject({
    requestCount: 6,
    errorCount: 5,
    rollingCountSuccess: 1,
    rollingCountTimeout: 1,
    rollingCountShortCircuited: 1,
    rollingCountSemaphoreRejected: 1,
    rollingCountFailure: 2,
    currentConcurrentExecutionCount: 7,
    propertyValue_circuitBreakerRequestVolumeThreshold: 50,
    propertyValue_circuitBreakerErrorThresholdPercentage: 20,
    propertyValue_circuitBreakerSleepWindowInMilliseconds: 5_000,
  });
  stream.close();
  server.close();
});

test('a command around a function is there beside what is called, with every key', async () => {
  using under = openRecorder();
  const latencies = Array(latencyBuckets).fill(0);
  latencies[latencyBucket(20)] = 3;
  latencies[latencyBucket(400)] = 1;
  const stream = hystrixStream(under.recorder, {
    commands: () => [
      {
        name: 'stock',
        breaker: 'open',
        forced: true,
        inFlight: 2,
        capacity: 10,
        timeoutMs: 500,
        isCached: true,
        policy: {
          minCalls: 5,
          failureRatio: 0.4,
          sleepMs: 1_000,
          windowMs: 20_000,
          probes: 1,
          successesToClose: 1,
        },
        window: {
          runs: 12,
          failures: 4,
          timeouts: 1,
          refused: 3,
          overloaded: 1,
          fallbacks: 6,
          cacheHits: 7,
          collapsed: 9,
        },
        shared: 14,
        latencies,
      },
    ],
  });
  const { server, open } = await serve(stream);
  const frame = JSON.parse((await nextChunk(await open())).slice('data: '.length));
  expect(requiredKeys.filter((key) => frame[key] === undefined || frame[key] === null)).toEqual([]);
  expect(frame).toMatchObject({
    name: 'stock',
    group: 'commands',
    isCircuitBreakerOpen: true,
    requestCount: 16,
    errorCount: 8,
    errorPercentage: 50,
    rollingCountSuccess: 8,
    rollingCountFailure: 3,
    rollingCountTimeout: 1,
    rollingCountShortCircuited: 3,
    rollingCountSemaphoreRejected: 1,
    rollingCountFallbackSuccess: 6,
    rollingCountResponsesFromCache: 7,
    rollingCountCollapsedRequests: 9,
    currentConcurrentExecutionCount: 2,
    propertyValue_circuitBreakerForceOpen: true,
    propertyValue_circuitBreakerForceClosed: false,
    propertyValue_circuitBreakerRequestVolumeThreshold: 5,
    propertyValue_executionTimeoutInMilliseconds: 500,
    propertyValue_executionIsolationSemaphoreMaxConcurrentRequests: 10,
    propertyValue_metricsRollingStatisticalWindowInMilliseconds: 20_000,
    propertyValue_requestCacheEnabled: true,
  });
  expect(frame.latencyTotal['50']).toBeGreaterThan(18);
  expect(frame.latencyTotal['50']).toBeLessThan(22);
  expect(frame.latencyTotal['99']).toBeGreaterThan(370);
  stream.close();
  server.close();
});

test('a stream without commands pings, the sixth is refused, and close ends all and leaves no timer', async () => {
  using under = openRecorder();
  const stream = hystrixStream(under.recorder);
  const { server, open } = await serve(stream);
  const responses = await Promise.all(Array.from({ length: 5 }, open));
  expect(await nextChunk(responses[0] as IncomingMessage)).toBe('ping: \n\n');
  const sixth = await open();
  expect(sixth.statusCode).toBe(503);
  sixth.resume();
  const ended = responses.map((response) => once(response.resume(), 'end'));
  stream.close();
  stream.close();
  await Promise.all(ended);
  expect(under.clock.pendingTimers).toBe(0);
  server.close();
});

test('every interval brings new numbers', async () => {
  using under = openRecorder();
  const { recorder, clock } = under;
  const stream = hystrixStream(recorder, { intervalMs: 1_000 });
  const { server, open } = await serve(stream);
  const response = await open();
  expect(await nextChunk(response)).toBe('ping: \n\n');
  recorder.callEnded(endedCall());
  clock.advance(1_000);
  expect(await nextChunk(response)).toContain('"requestCount":1');
  response.destroy();
  stream.close();
  expect(clock.pendingTimers).toBe(0);
  server.close();
});
