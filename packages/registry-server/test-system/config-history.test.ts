import { expect, test } from '@jest/globals';
import { type ConfigReading, faultsInConfig, type WriteTry } from './support/config-history.ts';

const write = (
  value: string,
  from: number,
  to: number,
  revision: number | undefined,
  key = 'a',
): WriteTry => ({ key, value, from, to, revision });

const read = (
  revision: number,
  values: Record<string, string>,
  at = 1_000 + revision,
  server = 's',
): ConfigReading => ({
  server,
  from: at,
  to: at + 1,
  revision,
  values: new Map(Object.entries(values)),
});

test('what one store could have shown has no fault, late readers and lost answers included', () => {
  const tries = [
    write('1', 0, 10, 1),
    write('2', 5, 20, 2),
    write('x', 12, 18, undefined),
    write('3', 30, 40, 4),
    write('other', 15, 45, 3, 'b'),
  ];
  const readings = [
    read(1, { a: '1' }),
    read(2, { a: '2' }, 1_002, 't'),
    read(3, { a: 'x', b: 'other' }),
    read(4, { a: '3', b: 'other' }),
  ];
  expect(faultsInConfig(tries, readings)).toEqual([]);
});

test.each<[string, WriteTry[], ConfigReading[], RegExp]>([
  [
    'one that was acknowledged first comes last',
    [write('1', 0, 10, 2), write('2', 20, 30, 1)],
    [],
    /^1 was acknowledged before 2 began, and came after it \(1, 2\)/,
  ],
  [
    'two have one number',
    [write('1', 0, 10, 1), write('2', 5, 30, 1)],
    [],
    /both acknowledged as 1/,
  ],
  [
    'an acknowledged write is lost',
    [write('1', 0, 10, 1), write('2', 20, 30, 2)],
    [read(3, { a: '1' })],
    /^s showed 1 for a at 3, where 2 was written; it is of 1/,
  ],
  [
    'one is shown as nothing',
    [write('1', 0, 10, 1)],
    [read(1, {})],
    /^s showed nothing for a at 1/,
  ],
  [
    'a value comes from nowhere',
    [write('1', 0, 10, 1)],
    [read(1, { a: '7' })],
    /^s showed 7 for a at 1, where 1 was written/,
  ],
  [
    'a value comes before it was written',
    [write('1', 5_000, 5_010, undefined)],
    [read(1, { a: '1' })],
    /before it was written/,
  ],
  [
    'what was replaced comes back',
    [write('old', 0, 10, undefined), write('new', 20, 30, 2)],
    [read(1, { a: 'old' }), read(2, { a: 'new' }), read(3, { a: 'old' })],
    /showed old for a at 3: it came back/,
  ],
  [
    'two servers show one revision differently',
    [write('1', 0, 10, undefined), write('2', 0, 10, undefined)],
    [read(1, { a: '1' }), read(1, { a: '2' }, 5_000, 't')],
    /^t showed 2 for a at 1, and s 1/,
  ],
  [
    'a server goes back',
    [write('1', 0, 10, 1), write('2', 20, 30, 2)],
    [read(2, { a: '2' }, 100), read(1, { a: '1' }, 200)],
    /^s went back from 2 to 1/,
  ],
])('it is a fault when %s', (_what, tries, readings, found) => {
  const faults = faultsInConfig(tries, readings);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toMatch(found);
});
