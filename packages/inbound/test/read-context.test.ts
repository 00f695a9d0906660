import { fixedTracePolicy, type RequestContext } from '@inmesh/core';
import { createPipeline, type PipelineOptions } from '@inmesh/inbound';
import { createFakeClock } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { inboundRequest } from './inbound-request.ts';

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const span = '00f067aa0ba902b7';

function contextOf(headers: Record<string, string>, options: PipelineOptions = {}): RequestContext {
  return createPipeline({ clock: createFakeClock(500), ...options }).begin(
    inboundRequest('/', headers),
  ).context;
}

test('the caller is the parent of what is called next', () => {
  const headers = { traceparent: `00-${trace}-${span}-01`, tracestate: 'a=1,b=2' };
  expect(contextOf(headers).trace).toEqual({
    traceId: trace,
    spanId: span,
    sampled: true,
    state: 'a=1,b=2',
  });
});

test.each([
  '',
  'x',
  `00-${trace}-${span}-01, 00-${trace}-${span}-01`,
  `00-${'0'.repeat(32)}-${span}-01`,
])('a traceparent that is not valid begins a new trace: %j', (traceparent) => {
  const { trace: begun } = contextOf({ traceparent, tracestate: 'a=1' });
  expect(begun?.traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(begun?.traceId).not.toBe(trace);
  expect(begun?.state).toBe('');
  expect(begun?.sampled).toBe(false);
});

test('where spans are exported, a sampled request has one of its own, below its caller', () => {
  const tracing = fixedTracePolicy({ spans: true });
  const sampled = contextOf({ traceparent: `00-${trace}-${span}-01` }, { tracing }).trace;
  expect(sampled).toMatchObject({ traceId: trace, parentSpanId: span });
  expect(sampled?.spanId).not.toBe(span);
  const other = contextOf({ traceparent: `00-${trace}-${span}-00` }, { tracing }).trace;
  expect(other).toMatchObject({ spanId: span, sampled: false });
  const begun = contextOf({}, { tracing }).trace;
  expect(begun?.parentSpanId).toBeUndefined();
});

test('B3 is passed on as it came, unless the mesh speaks it itself', () => {
  const headers = { b3: `${trace}-${span}-1`, 'x-request-id': '7' };
  expect(contextOf(headers).passOn).toEqual(['x-request-id', '7', 'b3', headers.b3]);
  expect(contextOf(headers).trace?.traceId).not.toBe(trace);
  const speaking = contextOf(headers, { tracing: fixedTracePolicy({ formats: ['w3c', 'b3'] }) });
  expect(speaking.trace).toMatchObject({ traceId: trace, spanId: span, sampled: true });
  expect(speaking.passOn).toEqual(['x-request-id', '7']);
});

test('a new trace is sampled at the ratio that was asked for', () => {
  expect(contextOf({}, { samplingRatio: 0.5, random: () => 0.49 }).trace?.sampled).toBe(true);
  expect(contextOf({}, { samplingRatio: 0.5, random: () => 0.5 }).trace?.sampled).toBe(false);
});

test.each([
  ['250', 750],
  ['0', 500],
  ['4000000000', 500 + 3_600_000],
  ['2147483648', 500 + 3_600_000],
  ['99999999999', Number.POSITIVE_INFINITY],
  ['-1', Number.POSITIVE_INFINITY],
  ['1.5', Number.POSITIVE_INFINITY],
  ['1e3', Number.POSITIVE_INFINITY],
  [' 5', Number.POSITIVE_INFINITY],
  ['5ms', Number.POSITIVE_INFINITY],
  ['0x10', Number.POSITIVE_INFINITY],
  ['100, 200', Number.POSITIVE_INFINITY],
  ['', Number.POSITIVE_INFINITY],
])('a time-out of %j is a deadline at %d', (text, deadline) => {
  expect(contextOf({ 'inmesh-timeout-ms': text }).deadline).toBe(deadline);
});

test.each([
  ['1', 1],
  ['2', 2],
  ['999', 999],
  ['1000', 1],
  ['0', 1],
  ['-2', 1],
  ['2, 3', 1],
  ['', 1],
])('attempt %j is try number %d', (header, attempt) => {
  expect(contextOf({ 'inmesh-attempt': header }).attempt).toBe(attempt);
  expect(contextOf({}).attempt).toBe(1);
});

test('baggage travels as it came, up to 8,192 bytes', () => {
  expect(contextOf({ baggage: 'a=1;p=2' }).baggage).toBe('a=1;p=2');
  expect(contextOf({ baggage: 'x'.repeat(8192) }).baggage).toHaveLength(8192);
  expect(contextOf({ baggage: 'x'.repeat(8193) }).baggage).toBe('');
});

test('the headers to pass on do, and nothing else; an oversize one is left out', () => {
  const headers = {
    'x-request-id': 'r',
    b3: '0',
    authorization: 'secret',
    'x-b3-flags': 'x'.repeat(1025),
  };
  expect(contextOf(headers).passOn).toEqual(['x-request-id', 'r', 'b3', '0']);
  expect(contextOf(headers, { passOnHeaders: ['x-tenant'] }).passOn).toEqual([]);
});

test('what passOn gives travels on, once under each name and not without bounds', () => {
  const passOn = (): string[] => [
    'user-id',
    'ann',
    'x-request-id',
    'other',
    'big',
    'x'.repeat(1_025),
  ];
  expect(contextOf({ 'x-request-id': '7' }, { passOn }).passOn).toEqual([
    'x-request-id',
    '7',
    'user-id',
    'ann',
  ]);
});
