import type { Logger, LogMethod } from '@inmesh/core';
import { createAdapterHost, prometheusText, type TelemetryAdapter } from '@inmesh/metrics';
import { expect, test } from '@jest/globals';
import { endedCall, openRecorder, orders } from './ended.ts';

function collectingLogger(): { logger: Logger; lines: Readonly<Record<string, unknown>>[] } {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const log: LogMethod = (fields) => void lines.push(fields);
  return { lines, logger: { debug: log, info: log, warn: log, error: log } };
}

test('an adapter that throws is counted, rests longer each time, and others are still told', async () => {
  using under = openRecorder();
  const { recorder, clock } = under;
  const { logger, lines } = collectingLogger();
  let asked = 0;
  let heard = 0;
  const broken: TelemetryAdapter = {
    name: 'broken',
    observer: {
      callEnded() {
        asked += 1;
        throw new Error('full disk');
      },
    },
  };
  const good: TelemetryAdapter = {
    name: 'good',
    observer: {
      callEnded() {
        heard += 1;
      },
    },
  };
  const host = createAdapterHost({ recorder, adapters: [broken, good], logger });
  const askedAfter = (ms: number): number => {
    clock.advance(ms);
    host.observer.callEnded(endedCall());
    return asked;
  };
  expect([askedAfter(0), askedAfter(999), askedAfter(1), askedAfter(1_999), askedAfter(1)]).toEqual(
    [1, 1, 2, 2, 3],
  );
  expect(heard).toBe(5);
  expect(lines[0]).toMatchObject({ adapter: 'broken', reason: 'full disk', restMs: 1_000 });
  const text = await prometheusText(recorder, orders).text();
  expect(text).toContain('inmesh_adapter_failures_total{adapter="broken"} 3');
  expect(text).toContain('inmesh_adapter_failures_total{adapter="good"} 0');
  await host.close();
});

test('an adapter that is slow inside calls again and again is left alone for a while, one that was once is not', async () => {
  using under = openRecorder();
  const { recorder, clock } = under;
  let asked = 0;
  let tookMs = 51;
  const slow: TelemetryAdapter = {
    name: 'slow',
    observer: {
      callEnded() {
        asked += 1;
        clock.advance(tookMs);
      },
    },
  };
  const host = createAdapterHost({ recorder, adapters: [slow] });
  const tell = (times: number): void => {
    for (let i = 0; i < times; i += 1) host.observer.callEnded(endedCall());
  };
  tell(2);
  tookMs = 0;
  tell(200);
  tookMs = 51;
  tell(2);
  expect(asked).toBe(204);
  tell(10);
  expect(asked).toBe(205);
  const text = await prometheusText(recorder, orders).text();
  expect(text).toContain('inmesh_adapter_failures_total{adapter="slow"} 1');
});

test('flushes come at their interval, one at a time, and a hanging one is counted once', async () => {
  using under = openRecorder();
  const { recorder, clock } = under;
  const { logger, lines } = collectingLogger();
  const settle: (() => void)[] = [];
  const hanging: TelemetryAdapter = {
    name: 'hanging',
    flushEveryMs: 1_000,
    flush: () => new Promise((resolve) => settle.push(resolve)),
  };
  const host = createAdapterHost({ recorder, adapters: [hanging], logger, deadlineMs: 2_500 });
  await clock.advanceAsync(10_000);
  expect(settle).toHaveLength(1);
  expect(lines).toHaveLength(1);
  settle[0]?.();
  await clock.advanceAsync(1_000);
  expect(settle).toHaveLength(2);
  settle[1]?.();
  const closed = host.close();
  await clock.advanceAsync(0);
  for (const done of settle) done();
  await clock.advanceAsync(3_000);
  await closed;
  expect(clock.pendingTimers).toBe(0);
});

test('close flushes what is left, closes each adapter within the deadline and leaves no timer', async () => {
  using under = openRecorder();
  const { recorder, clock } = under;
  const steps: string[] = [];
  const adapters: TelemetryAdapter[] = [
    { name: 'a', flush: () => void steps.push('flush'), close: () => void steps.push('close') },
    { name: 'b', close: () => new Promise(() => {}) },
    {
      name: 'c',
      flush: () => Promise.reject(new Error('away')),
      close: () => void steps.push('c'),
    },
  ];
  const host = createAdapterHost({ recorder, adapters });
  const closed = host.close();
  expect(host.close()).toBe(closed);
  await clock.advanceAsync(5_000);
  await closed;
  expect(steps).toEqual(['flush', 'close', 'c']);
  expect(clock.pendingTimers).toBe(0);
  expect([...recorder.gauges()]).toEqual([]);
});

test('names of adapters are labels and unique', () => {
  using under = openRecorder();
  const { recorder } = under;
  const open =
    (...names: string[]) =>
    () =>
      createAdapterHost({ recorder, adapters: names.map((name) => ({ name })) });
  expect(open('a', 'a')).toThrow('comes twice');
  expect(open('A b')).toThrow('is not 1 to 63');
});
