import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type SseEvent, SseParser } from '../src/sse-parser.ts';

function parse(chunks: readonly Uint8Array[], maxEventLength = 10_000): SseEvent[] {
  const events: SseEvent[] = [];
  const parser = new SseParser({ maxEventLength, onEvent: (event) => void events.push(event) });
  for (const chunk of chunks) parser.push(chunk);
  return events;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('reads events, joins data lines, keeps the last id and skips comments', () => {
  const text =
    ': hi\nevent: snapshot\nid: e:1\ndata: {"a":\ndata:1}\n\ndata: x\n\nid\ndata: y\n\nevent: gone\n\n';
  expect(parse([bytes(text)])).toEqual([
    { event: 'snapshot', data: '{"a":\n1}', id: 'e:1' },
    { event: 'message', data: 'x', id: 'e:1' },
    { event: 'message', data: 'y', id: '' },
  ]);
});

test('line ends may be LF, CR LF or CR', () => {
  expect(parse([bytes('data: a\r\n\r\ndata: b\r\rdata: c\n\n')]).map(({ data }) => data)).toEqual([
    'a',
    'b',
    'c',
  ]);
});

test('a byte order mark at the start is no part of the first field', () => {
  expect(parse([new Uint8Array([0xef, 0xbb, 0xbf]), bytes('data: a\n\n')])).toHaveLength(1);
});

test('an id with a NUL is ignored', () => {
  expect(parse([bytes('id: a\0b\ndata: x\n\n')])).toEqual([
    { event: 'message', data: 'x', id: '' },
  ]);
});

test('an event that the stream did not finish is not told', () => {
  expect(parse([bytes('data: x\n')])).toEqual([]);
});

test('however the bytes are cut, the events are the same', () => {
  const piece = fc.constantFrom(
    'data: ',
    'ü€😀',
    '\n',
    '\r\n',
    '\r',
    'id: ',
    'event: x',
    ':',
    'abc',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.array(fc.nat(200)), (pieces, cuts) => {
      const whole = bytes(pieces.join(''));
      const at = [...new Set(cuts.map((cut) => cut % (whole.length + 1)))].sort((x, y) => x - y);
      const chunks = [0, ...at].map((start, index) => whole.subarray(start, at[index]));
      expect(parse(chunks)).toEqual(parse([whole]));
    }),
  );
});

test('an event that is too long is refused, in one line, in many, and before its line ends', () => {
  for (const text of [
    `data: ${'x'.repeat(200)}\n`,
    'data: 123456789\n'.repeat(20),
    'y'.repeat(200),
  ]) {
    expect(() => parse([bytes(text)], 100)).toThrow('at most 100 characters');
  }
});

test('a line of 8 MiB in small pieces takes linear time', () => {
  const chunk = bytes('x'.repeat(1_024));
  const chunks = [bytes('data: '), ...Array.from({ length: 8_192 }, () => chunk), bytes('\n\n')];
  expect(parse(chunks, 2 ** 24)[0]?.data).toHaveLength(2 ** 23);
});
