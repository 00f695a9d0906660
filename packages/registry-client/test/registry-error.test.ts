import { expect, test } from '@jest/globals';
import { answerError } from '../src/registry-error.ts';

const problem = JSON.stringify({ code: 'overloaded', detail: 'too many wait' });

test.each([
  ['5', 5_000],
  ['999999999', 300_000],
  ['-1', undefined],
  ['soon', undefined],
  [['1', '2'], undefined],
  [undefined, undefined],
])('a refusal with Retry-After %j asks to be left alone for %j ms', (header, retryAfterMs) => {
  const error = answerError('r:1', 'sign a certificate', 503, problem, header);
  expect(error).toMatchObject({ code: 'registry_unavailable', retryAfterMs });
  expect(error.message).toBe('registry r:1 answered 503 to sign a certificate: too many wait');
});
