import { fixedTracePolicy, receiveTrace, type TraceFormat, type TracePolicy } from '@inmesh/core';
import { expect, test } from '@jest/globals';

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const span = '00f067aa0ba902b7';
const parent = 'a2fb4a1d1a96d312';

const policyOf = (policy: Partial<TracePolicy>): TracePolicy => fixedTracePolicy(policy).current;

function receive(
  headers: Record<string, string>,
  formats: readonly TraceFormat[],
  policy: Partial<TracePolicy> = {},
): ReturnType<typeof receiveTrace> {
  return receiveTrace(
    (name) => headers[name],
    policyOf({ formats, ...policy }),
    () => 0.5,
  );
}

test.each([
  [`${trace}-${span}-1-${parent}`, true],
  [`${trace}-${span}-1`, true],
  [`${trace}-${span}-d`, true],
  [`${trace}-${span}-0`, false],
  [`${trace.toUpperCase()}-${span.toUpperCase()}-0`, false],
])('b3: %s is read', (b3, sampled) => {
  expect(receive({ b3 }, ['b3'])).toEqual({ traceId: trace, spanId: span, sampled, state: '' });
});

test('a trace id of 64 bits is padded', () => {
  expect(receive({ b3: `${span}-${parent}-1` }, ['b3']).traceId).toBe(`${'0'.repeat(16)}${span}`);
});

test('a decision without ids is kept for the trace that begins', () => {
  expect(receive({ b3: '0' }, ['b3'], { samplingRatio: 1 })).toMatchObject({ sampled: false });
  expect(receive({ b3: '1' }, ['b3'])).toMatchObject({ sampled: true });
  expect(receive({ 'x-b3-flags': '1' }, ['b3-multi'])).toMatchObject({ sampled: true });
});

test('ids without a decision leave it to us', () => {
  const b3 = `${trace}-${span}`;
  expect(receive({ b3 }, ['b3'], { samplingRatio: 0.6 })).toMatchObject({
    traceId: trace,
    sampled: true,
  });
  expect(receive({ b3 }, ['b3'], { samplingRatio: 0.4 })).toMatchObject({
    traceId: trace,
    sampled: false,
  });
});

test('B3 in several headers is read', () => {
  const headers = { 'x-b3-traceid': trace, 'x-b3-spanid': span, 'x-b3-sampled': 'true' };
  expect(receive(headers, ['b3-multi'])).toMatchObject({
    traceId: trace,
    spanId: span,
    sampled: true,
  });
  expect(receive({ ...headers, 'x-b3-spanid': 'x' }, ['b3-multi']).traceId).not.toBe(trace);
});

test.each([
  '',
  '2',
  'x',
  `${trace}-${span}-2`,
  `${trace}-${'0'.repeat(16)}-1`,
  `${trace}-1`,
  `${trace}-${span}-1-`,
])('b3: %j begins a new trace', (b3) => {
  expect(receive({ b3 }, ['b3']).traceId).not.toBe(trace);
});

test('the first format that is there wins', () => {
  const headers = { b3: `${trace}-${span}-1`, traceparent: `00-${'a'.repeat(32)}-${span}-00` };
  expect(receive(headers, ['w3c', 'b3']).traceId).toBe('a'.repeat(32));
  expect(receive(headers, ['b3', 'w3c']).traceId).toBe(trace);
  expect(receive({ ...headers, traceparent: 'broken' }, ['w3c', 'b3']).traceId).toBe(trace);
  expect(receive(headers, []).traceId).not.toBe(trace);
});
