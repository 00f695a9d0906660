import { headerValue, joinedHeader } from '@inmesh/core';
import { expect, test } from '@jest/globals';

const headers = ['accept', 'a', 'x', '1', 'accept', 'b', 'empty', '', 'value', 'accept'];

test('the first value of a header is found, and a value is not taken for a name', () => {
  expect(headerValue(headers, 'accept')).toBe('a');
  expect(headerValue(headers, 'empty')).toBe('');
  expect(headerValue(headers, '1')).toBeUndefined();
  expect(headerValue([], 'a')).toBeUndefined();
});

test('repeats are joined in their order', () => {
  expect(joinedHeader(headers, 'accept')).toBe('a,b');
  expect(joinedHeader(headers, 'x')).toBe('1');
  expect(joinedHeader(headers, 'empty')).toBe('');
  expect(joinedHeader(headers, 'none')).toBeUndefined();
});
