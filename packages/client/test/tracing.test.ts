import {
  fixedTracePolicy,
  type RequestContext,
  runInContext,
  type TracePolicy,
} from '@inmesh/core';
import { recordingObserver } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { clientOf, type Echoed, echo, upstream } from './client-fixture.ts';

const traceId = 'a'.repeat(32);
const parent = 'b'.repeat(16);
const context: RequestContext = {
  trace: { traceId, spanId: parent, sampled: true, state: 'v=1' },
  deadline: Infinity,
  identity: undefined,
  baggage: '',
  passOn: [],
};

async function headersSent(
  policy: Partial<TracePolicy>,
  own: Record<string, string> = {},
): Promise<Record<string, string>> {
  const server = await upstream(echo);
  const mesh = clientOf([server], { tracing: fixedTracePolicy(policy) });
  const answer = await runInContext(context, () =>
    mesh.request('http://reviews/', { headers: own }),
  );
  const { headers } = answer.json() as Echoed;
  const ofTraces = Object.entries(headers).filter(([name]) => /^(trace|b3|x-b3)/.test(name));
  return Object.fromEntries(ofTraces) as Record<string, string>;
}

test('a trace goes on in each format that was asked for', async () => {
  const { traceparent, tracestate, b3, ...multi } = await headersSent({
    formats: ['w3c', 'b3', 'b3-multi'],
  });
  const [, , spanId] = (traceparent as string).split('-');
  expect(traceparent).toBe(`00-${traceId}-${spanId}-01`);
  expect(tracestate).toBe('v=1');
  expect(b3).toBe(`${traceId}-${spanId}-1-${parent}`);
  expect(multi).toEqual({
    'x-b3-traceid': traceId,
    'x-b3-spanid': spanId,
    'x-b3-parentspanid': parent,
    'x-b3-sampled': '1',
  });
});

test('no format passes no trace on, and a trace that the caller gave stays his', async () => {
  expect(await headersSent({ formats: [] })).toEqual({});
  expect(await headersSent({ formats: ['b3', 'b3-multi'] }, { b3: '0' })).toEqual({ b3: '0' });
  const { b3, traceparent } = await headersSent({ formats: ['w3c', 'b3'] }, { b3: '0' });
  expect([b3, traceparent]).toEqual(['0', expect.stringContaining(traceId)]);
});

test('each attempt is a span of its own, below the call, where spans are exported', async () => {
  const server = await upstream(echo);
  server.fault = (_, number) => (number === 1 ? { kind: 'status', status: 503 } : undefined);
  const observer = recordingObserver();
  const mesh = clientOf([server], {
    tracing: fixedTracePolicy({ spans: true }),
    observers: [observer],
    retry: { backoffBaseMs: 0, backoffMaxMs: 0 },
  });
  const { headers } = (
    await runInContext(context, () =>
      mesh.request('http://reviews/x?secret=1', { headers: { 'X-A': '1' } }),
    )
  ).json() as Echoed;
  const [call] = observer.calls;
  const spans = observer.attempts.map(({ spanId }) => spanId);
  expect(call).toMatchObject({
    traceId,
    parentSpanId: parent,
    sampled: true,
    authority: 'reviews',
  });
  expect(new Set([...spans, call?.spanId, parent]).size).toBe(4);
  expect(headers.traceparent).toBe(`00-${traceId}-${spans[1]}-01`);
  expect(observer.attempts[0]?.call.header('x-a')).toBe('1');
});

test('where nobody exports spans, all attempts go out as the call’s', async () => {
  const server = await upstream(echo);
  const observer = recordingObserver();
  const mesh = clientOf([server], { observers: [observer], samplingRatio: 1 });
  await mesh.request('http://reviews/');
  expect(observer.attempts[0]?.spanId).toBe(observer.calls[0]?.spanId);
  expect(observer.calls[0]).toMatchObject({ sampled: true, parentSpanId: '' });
});
