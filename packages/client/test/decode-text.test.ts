import { seededRandom } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { decodeMarkedText, decodeText } from '../src/faces/decode-text.ts';

test('texts of any alphabet, and bytes that are none, read the same however they are cut', () => {
  const random = seededRandom(3);
  const noise = Buffer.from(Array.from({ length: 100_000 }, () => random() * 256));
  const texts = ['', 'a', 'aé', '漢字', '😀x'].map((text) => Buffer.from(text.repeat(30_000)));
  for (const bytes of [...texts, noise, Buffer.alloc(50_000, 0x80)]) {
    const whole = bytes.toString('utf8');
    expect(decodeText([bytes]) === whole).toBe(true);
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + Math.floor(random() * 40_000);
      chunks.push(bytes.subarray(at, end));
      at = end;
    }
    expect(decodeText(chunks) === whole).toBe(true);
  }
});

test('a byte order mark is left out, once', () => {
  expect(decodeMarkedText([Buffer.from('\uFEFF\uFEFFa')])).toBe('\uFEFFa');
  expect(decodeMarkedText([])).toBe('');
});
