import { formatDuration, parseDurationMs } from '@inmesh/config';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';

test.each([
  ['5s', 5_000],
  ['1.5s', 1_500],
  ['100ms', 100],
  ['1h', 3_600_000],
  ['1h30m', 5_400_000],
  ['0.001s', 1],
  ['1.1s', 1_100],
  ['34045201.7s', 34_045_201_700],
  ['0.0005s0.5ms', 1],
  ['0s', 0],
])('%s is %d ms', (text, ms) => {
  expect(parseDurationMs(text)).toBe(ms);
});

test.each([
  '',
  '5',
  's',
  '-1s',
  '+1s',
  '1 s',
  '1d',
  '1us',
  '1.s',
  '.5s',
  '1e3s',
  'Infinity',
  'NaNs',
  '0.5ms',
  '1.0005s',
  '0.0000000000000000000000000000000001ms',
  '200000h',
  `${'9'.repeat(50)}s`,
  '1s\n',
])('%j is refused', (text) => {
  expect(() => parseDurationMs(text)).toThrow(
    expect.objectContaining({ code: 'invalid_argument' }),
  );
});

test('what is written is read back the same', () => {
  fc.assert(
    fc.property(fc.nat({ max: 10 ** 11 }), (ms) => {
      expect(parseDurationMs(formatDuration(ms))).toBe(ms);
    }),
    { numRuns: 1_000 },
  );
});

test('durations are written the shortest way', () => {
  expect([0, 25, 100, 1_500, 60_000, 3_600_000].map(formatDuration)).toEqual([
    '0s',
    '25ms',
    '0.1s',
    '1.5s',
    '1m',
    '1h',
  ]);
});
