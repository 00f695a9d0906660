import type { Logger } from '@inmesh/core';
import { accessLog } from '@inmesh/metrics';
import { seededRandom } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import { endedCall, endedRequest } from './ended.ts';

function jsonLogger(): {
  logger: Logger;
  lines: () => Record<string, unknown>[];
  raw: () => string;
} {
  let text = '';
  const logger = pino(
    { level: 'debug' },
    {
      write(line: string) {
        text += line;
      },
    },
  );
  const lines = (): Record<string, unknown>[] =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  return { logger, lines, raw: () => text };
}

test('a call and a request are one line each, with numbers and without query', () => {
  const { logger, lines } = jsonLogger();
  const { observer } = accessLog({ logger });
  observer?.callEnded?.(endedCall({ path: '/ratings/7?token=secret#x' }));
  observer?.requestEnded?.(
    endedRequest({ path: '/orders/7?user=alice', principal: 'issuer/alice' }),
  );
  expect(lines()).toEqual([
    expect.objectContaining({
      msg: 'call',
      level: 30,
      direction: 'outbound',
      service: 'reviews.default',
      version: 'v1',
      path: '/ratings/7',
      status: 200,
      durationMs: 3,
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    }),
    expect.objectContaining({ msg: 'request', peer: 'productpage.default', path: '/orders/7' }),
  ]);
  expect(JSON.stringify(lines())).not.toMatch(/secret|alice/);
});

test('failures are always logged, good calls as often as the ratio says', () => {
  const { logger, lines } = jsonLogger();
  const { observer } = accessLog({ logger, sampleRatio: 0.1, random: seededRandom(3) });
  for (let i = 0; i < 1_000; i += 1)
    observer?.callEnded?.(endedCall({ status: i < 50 ? 503 : 200 }));
  const failed = lines().filter(({ level }) => level === 40);
  expect(failed).toHaveLength(50);
  expect(lines().length - 50).toBeGreaterThan(60);
  expect(lines().length - 50).toBeLessThan(130);
});

test('hostile case 53: CR, LF, ANSI codes and 10 kB in a path or method stay data on one short line', () => {
  const { logger, lines, raw } = jsonLogger();
  const { observer } = accessLog({ logger });
  observer?.requestEnded?.(
    endedRequest({ path: `/a\r\n{"level":60}\u001b[2J${'x'.repeat(10_000)}`, method: 'G\nT' }),
  );
  expect([...raw().trimEnd()].filter((character) => character < ' ')).toEqual([]);
  expect(raw().length).toBeLessThan(1_500);
  expect(lines()[0]?.path).toMatch(/^\/a\\u000d\\u000a/);
});

test('a path is redacted as the caller says', () => {
  const { logger, lines } = jsonLogger();
  const redactPath = (path: string): string => path.replace(/\d+/g, ':n');
  accessLog({ logger, redactPath }).observer?.callEnded?.(endedCall());
  expect(lines()[0]?.path).toBe('/ratings/:n');
});

test('a ratio outside 0..1 is refused', () => {
  const { logger } = jsonLogger();
  expect(() => accessLog({ logger, sampleRatio: 3 })).toThrow(
    'sampleRatio must be within 0..1, got 3',
  );
});
