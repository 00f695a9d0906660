import { createPipeline, loadLimits, proceed } from '@inmesh/inbound';
import { createFakeClock } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { inboundRequest } from './inbound-request.ts';

const ended = { status: 200, flag: '-', requestBytes: 0, responseBytes: 0 } as const;

test('beyond the limit of requests in flight the answer is 503 with retry-after, until one ends', () => {
  const pipeline = createPipeline({
    limits: [loadLimits({ maxInFlight: 2, retryAfterSeconds: 3 })],
  });
  const open = () => {
    const exchange = pipeline.begin(inboundRequest());
    return { exchange, verdict: pipeline.handle(exchange) };
  };
  const first = open();
  open();
  const third = open();
  expect(first.verdict).toEqual({ kind: 'proceed' });
  expect(third.verdict).toMatchObject({
    status: 503,
    code: 'overloaded',
    flag: 'UO',
    headers: ['retry-after', '3', 'inmesh-overloaded', '1'],
  });
  // A refused request gives nothing back, for it took nothing.
  pipeline.end(third.exchange, { ...ended, status: 503 });
  expect(open().verdict).toMatchObject({ status: 503 });
  pipeline.end(first.exchange, ended);
  expect(open().verdict).toEqual({ kind: 'proceed' });
});

test('while the event loop is behind requests are refused, at once and not after the next measurement', () => {
  const clock = createFakeClock();
  let frozen = 0;
  // A blocked loop: time passes and no timer runs.
  const blocked = { ...clock, now: () => clock.now() + frozen };
  const pipeline = createPipeline({
    clock,
    limits: [loadLimits({ maxEventLoopDelayMs: 100, clock: blocked })],
  });
  const verdict = () => pipeline.handle(pipeline.begin(inboundRequest()));
  clock.advance(1000);
  expect(verdict()).toEqual({ kind: 'proceed' });
  frozen = 200;
  expect(verdict()).toMatchObject({ status: 503 });
  frozen = 0;
  clock.advance(50);
  expect(verdict()).toEqual({ kind: 'proceed' });
  pipeline.close();
  expect(clock.pendingTimers).toBe(0);
});

test('limits that cannot be are refused with name and value', () => {
  expect(() => loadLimits({ maxInFlight: 0 })).toThrow('maxInFlight must be above 0, got 0');
  expect(() => loadLimits({ maxEventLoopDelayMs: Number.NaN })).toThrow(
    'maxEventLoopDelayMs must be above 0, got NaN',
  );
  expect(() => loadLimits({ retryAfterSeconds: 0.5 })).toThrow(
    'retryAfterSeconds must be a whole number from 0, got 0.5',
  );
});

test('batch work is shed first and critical last', () => {
  const pipeline = createPipeline({ limits: [loadLimits({ maxInFlight: 10 })] });
  const open = (priority: string) => {
    const request = inboundRequest('/', { 'inmesh-priority': priority });
    return pipeline.handle(pipeline.begin(request));
  };
  const admitted = (priority: string) => {
    let count = 0;
    while (open(priority) === proceed) count += 1;
    return count;
  };
  expect(admitted('batch')).toBe(5);
  expect(admitted('nonsense')).toBe(4);
  expect(admitted('critical')).toBe(1);
});

test('an adaptive limit falls while latency rises with the load', () => {
  const clock = createFakeClock();
  const pipeline = createPipeline({
    clock,
    limits: [loadLimits({ maxInFlight: { initialLimit: 100 }, clock })],
  });
  const batchOf = (size: number, latencyMs: number): number => {
    const exchanges = Array.from({ length: size }, () => pipeline.begin(inboundRequest()));
    const admitted = exchanges.filter((one) => pipeline.handle(one) === proceed);
    clock.advance(latencyMs);
    for (const one of exchanges) pipeline.end(one, ended);
    return admitted.length;
  };
  for (let i = 0; i < 20; i += 1) batchOf(20, 10);
  expect(batchOf(200, 10)).toBe(90);
  for (let i = 0; i < 40; i += 1) batchOf(200, 300);
  expect(batchOf(200, 300)).toBeLessThan(30);
});

test('it shows its limit, what is in flight and what it shed by reason, and looking changes nothing', () => {
  const clock = createFakeClock();
  let frozen = 0;
  const blocked = { ...clock, now: () => clock.now() + frozen };
  const limits = loadLimits({ maxInFlight: 2, maxEventLoopDelayMs: 100, clock: blocked });
  const pipeline = createPipeline({ clock, limits: [limits] });
  const open = () => pipeline.handle(pipeline.begin(inboundRequest()));
  const shown = { limit: 2, inFlight: 1, shed: { inFlight: 0, eventLoopDelay: 0 } };
  expect(open()).toBe(proceed);
  expect([limits.inspect(), limits.inspect()]).toMatchObject([shown, shown]);
  open();
  open();
  frozen = 500;
  expect(limits.inspect().eventLoopDelayMs).toBeGreaterThan(100);
  frozen = 0;
  expect(limits.inspect()).toMatchObject({
    inFlight: 2,
    shed: { inFlight: 1, eventLoopDelay: 0 },
  });
  pipeline.close();
  expect(loadLimits({ clock }).inspect()).toMatchObject({
    limit: undefined,
    eventLoopDelayMs: undefined,
  });
});
