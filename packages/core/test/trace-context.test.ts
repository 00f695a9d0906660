import { formatTraceparent, newSpanId, newTraceId, parseTraceparent } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const span = '00f067aa0ba902b7';

test.each([
  [`00-${trace}-${span}-01`, true],
  [`00-${trace}-${span}-00`, false],
  // Flags that later versions may define do not hide the one that is known.
  [`00-${trace}-${span}-03`, true],
  [`00-${trace}-${span}-02`, false],
  // A later version may have more fields.
  [`cc-${trace}-${span}-01`, true],
  [`cc-${trace}-${span}-01-what-comes-later`, true],
])('%s is read', (header, sampled) => {
  expect(parseTraceparent(header, 'a=1')).toEqual({
    traceId: trace,
    spanId: span,
    sampled,
    state: 'a=1',
  });
});

test.each([
  undefined,
  '',
  `00-${trace}-${span}`,
  `00-${trace}-${span}-1`,
  `00-${trace}-${span}-01-`,
  `00-${trace}-${span}-01-more`,
  `cc-${trace}-${span}-01.more`,
  `ff-${trace}-${span}-01`,
  `00-${'0'.repeat(32)}-${span}-01`,
  `00-${trace}-${'0'.repeat(16)}-01`,
  `00-${trace.toUpperCase()}-${span}-01`,
  `00-${trace.slice(1)}-${span}-01`,
  ` 00-${trace}-${span}-01`,
  `00-${trace}-${span}-01, 00-${trace}-${span}-01`,
])('%s is no trace context', (header) => {
  expect(parseTraceparent(header)).toBeUndefined();
});

test('an oversize tracestate is dropped whole, and the trace is kept', () => {
  const header = `00-${trace}-${span}-01`;
  expect(parseTraceparent(header, 'x'.repeat(512))?.state).toHaveLength(512);
  expect(parseTraceparent(header, 'x'.repeat(513))).toMatchObject({ traceId: trace, state: '' });
});

test('what is formatted is read back', () => {
  fc.assert(
    fc.property(fc.boolean(), (sampled) => {
      const [traceId, spanId] = [newTraceId(), newSpanId()];
      const header = formatTraceparent(traceId, spanId, sampled);
      expect(parseTraceparent(header)).toEqual({ traceId, spanId, sampled, state: '' });
    }),
  );
});

test('ids are of the right length and all different, over many refills of the random pool', () => {
  const traces = new Set<string>();
  const spans = new Set<string>();
  for (let i = 0; i < 5000; i += 1) {
    traces.add(newTraceId());
    spans.add(newSpanId());
  }
  expect([traces.size, spans.size]).toEqual([5000, 5000]);
  for (const id of traces) expect(id).toMatch(/^[0-9a-f]{32}$/);
  for (const id of spans) expect(id).toMatch(/^[0-9a-f]{16}$/);
});
