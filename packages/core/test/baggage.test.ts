import { formatBaggage, parseBaggage } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';

test.each<[string, [string, string][]]>([
  ['tenant=7', [['tenant', '7']]],
  [
    ' tenant = 7 ;ttl=5, user=al%C3%AFce ',
    [
      ['tenant', '7'],
      ['user', 'alïce'],
    ],
  ],
  ['a=1,a=2', [['a', '2']]],
  ['a=b=c', [['a', 'b=c']]],
  ['a=', [['a', '']]],
  ['', []],
  ['=1, no pair,b c=1,d=%zz,e=1', [['e', '1']]],
])('%j', (header, entries) => {
  expect([...parseBaggage(header)]).toEqual(entries);
});

test('a header of many entries is read to its 180th', () => {
  const header = Array.from({ length: 500 }, (_, i) => `k${i}=v`).join(',');
  expect(parseBaggage(header).size).toBe(180);
});

test('what is written is read back', () => {
  const value = fc.string({ unit: 'grapheme' });
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), value), (entries) => {
      const map = new Map(Object.entries(entries));
      expect(parseBaggage(formatBaggage(map))).toEqual(map);
    }),
  );
});
