import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accessLog, createAdapterHost, logFile } from '@inmesh/metrics';
import { createFakeClock, eventually } from '@inmesh/testing';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { endedCall, openRecorder } from './ended.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'inmesh-log-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function linesOf(file: string): Record<string, unknown>[] {
  return readFileSync(join(folder, file), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('a line is JSON in pino’s shape, and only the owner may read the file', async () => {
  const file = logFile({ path: join(folder, 'below', 'access.jsonl'), clock: createFakeClock() });
  const round: Record<string, unknown> = {};
  round.self = round;
  file.info({ path: '/a\r\n\u001b[31m"😀"' }, 'call');
  file.error({ err: new TypeError('no'), size: 7n }, 'failed');
  file.warn(round, 'cannot be written');
  await file.close();
  expect(linesOf('below/access.jsonl')).toEqual([
    { level: 30, time: Date.UTC(2026, 0, 1), path: '/a\r\n\u001b[31m"😀"', msg: 'call' },
    expect.objectContaining({
      level: 50,
      err: expect.objectContaining({ type: 'TypeError', message: 'no' }),
      size: '7',
    }),
    expect.objectContaining({ level: 40, msg: 'cannot be written', unwritable: true }),
  ]);
  expect(statSync(join(folder, 'below', 'access.jsonl')).mode & 0o777).toBe(0o600);
});

test('a file that is full is set aside, and only so many are kept', async () => {
  const file = logFile({ path: join(folder, 'a.jsonl'), maxBytes: 1_024, maxFiles: 2 });
  for (let i = 0; i < 100; i += 1) {
    file.info({ i, padding: 'x'.repeat(100) }, 'line');
    // One write at a time: what waits together is written together, into one file.
    await eventually(() => file.waitingBytes === 0);
  }
  await file.close();
  expect(readdirSync(folder).sort()).toEqual(['a.jsonl', 'a.jsonl.1', 'a.jsonl.2']);
  expect(file.lost).toBe(0);
});

test('a file that cannot be written loses lines, says so, and goes on when it can', async () => {
  using under = openRecorder();
  const { recorder, clock } = under;
  const path = join(folder, 'access.jsonl');
  mkdirSync(path); // a folder stands in its way
  const failures: Readonly<Record<string, unknown>>[] = [];
  const silent = (): void => {};
  const host = createAdapterHost({
    recorder,
    adapters: [accessLog({ file: { path, clock } })],
    logger: {
      debug: silent,
      info: silent,
      error: silent,
      warn: (fields) => void failures.push(fields),
    },
  });
  host.observer.callEnded(endedCall());
  await eventually(() => {
    clock.advance(10_000);
    return failures.length > 0;
  });
  expect(failures[0]).toMatchObject({
    in: 'flush',
    reason: expect.stringMatching(/^1 lines were lost: /),
  });
  rmSync(path, { recursive: true });
  clock.advance(10_000);
  host.observer.callEnded(endedCall());
  await host.close();
  expect(linesOf('access.jsonl')).toEqual([expect.objectContaining({ msg: 'call' })]);
});

test('a path must be there, and sizes within their limits', () => {
  expect(() => logFile({ path: '' })).toThrow('path is missing');
  expect(() => logFile({ path: 'a', maxBytes: 1 })).toThrow('maxBytes must be');
  expect(() => accessLog({})).toThrow('pass logger or file, got neither');
});
