import { createAuthentication } from '@inmesh/auth';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseToken } from '../src/jwt/parsed-token.ts';
import { parseStrictJson } from '../src/jwt/strict-json.ts';
import { audience, base64, goodClaims, issuer, keySet, mint, rsaKey } from './token-maker.ts';
import { verdictOf } from './verdict-of.ts';

const key = rsaKey('k');

test('strict JSON reads what JSON.parse reads, when every name is there once', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
      const text = JSON.stringify(value);
      expect(JSON.stringify(parseStrictJson(text))).toBe(text);
    }),
    { numRuns: 1_000 },
  );
});

test('whatever strict JSON takes JSON.parse takes too', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"',
    '\\',
    '1',
    '-',
    '.',
    'e5',
    'true',
    'null',
    ' ',
    '\n',
    '\\u00',
    '0',
    'NaN',
    '\u0000',
    '\u2028',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('');
      if (parseStrictJson(text) !== undefined) expect(() => JSON.parse(text)).not.toThrow();
    }),
    { numRuns: 20_000 },
  );
});

test.each([
  '',
  ' ',
  '1 2',
  '{"a":1,}',
  '[1,]',
  '{a:1}',
  "{'a':1}",
  '01',
  '+1',
  '1.',
  '.5',
  'NaN',
  'Infinity',
  '1e999',
  '"\t"',
  '"\\x"',
  '{"a":1}x',
  '\ufeff{}',
  '//',
  `${'['.repeat(50)}${']'.repeat(50)}`,
])('%j is not strict JSON', (text) => expect(parseStrictJson(text)).toBeUndefined());

test('objects of strict JSON have no prototype', () => {
  const value = parseStrictJson('{"__proto__":{"x":1},"constructor":2}') as Record<string, unknown>;
  expect(Object.getPrototypeOf(value)).toBeNull();
  expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
  expect(value.x).toBeUndefined();
});

test('no text at all makes the parser throw', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(fc.base64String(), { maxLength: 5 }).map((parts) => parts.join('.')),
      ),
      (text) => {
        expect(parseToken(text)).toBeDefined();
      },
    ),
    { numRuns: 3_000 },
  );
});

test('a good token with one character changed, added or taken away is never accepted', async () => {
  const { pipeline } = createAuthentication({
    issuers: [{ issuer, audiences: [audience], jwks: keySet(key.jwk) }],
  });
  const good = mint(key, { payload: { ...goodClaims(), sub: 'ada' } });
  expect(await verdictOf(pipeline, { authorization: `Bearer ${good}` })).toBe(200);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ';
  await fc.assert(
    fc.asyncProperty(
      fc.nat(good.length - 1),
      fc.nat(alphabet.length - 1),
      fc.constantFrom(0, 1),
      async (at, letter, cut) => {
        const changed = good.slice(0, at) + alphabet[letter] + good.slice(at + cut);
        fc.pre(changed !== good && changed.trim() !== good);
        expect(await verdictOf(pipeline, { authorization: `Bearer ${changed}` })).toBe(401);
      },
    ),
    { numRuns: 1_000 },
  );
  pipeline.close();
});

test('a header of any JSON value is refused or harmless', async () => {
  const { pipeline } = createAuthentication({
    issuers: [{ issuer, audiences: [audience], jwks: keySet(key.jwk) }],
  });
  const [, payload, signature] = mint(key).split('.');
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), async (value) => {
      const token = [base64(JSON.stringify(value)), payload, signature].join('.');
      expect(await verdictOf(pipeline, { authorization: `Bearer ${token}` })).toBe(401);
    }),
    { numRuns: 500 },
  );
  pipeline.close();
});

test('case 16: 5 MB and JSON of 100,000 levels are refused unread, whatever the cap', async () => {
  const strict = createAuthentication({
    issuers: [{ issuer, audiences: [audience], jwks: keySet(key.jwk) }],
  });
  const generous = createAuthentication({
    issuers: [{ issuer, audiences: [audience], jwks: keySet(key.jwk) }],
    maxTokenBytes: 10_000_000,
  });
  const deep = mint(key, { payload: `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}` });
  for (const token of ['x'.repeat(5_000_000), `a.${'b'.repeat(5_000_000)}.c`, deep]) {
    const headers = { authorization: `Bearer ${token}` };
    expect(await verdictOf(strict.pipeline, headers)).toBe(401);
    expect(await verdictOf(generous.pipeline, headers)).toBe(401);
  }
  strict.pipeline.close();
  generous.pipeline.close();
});
