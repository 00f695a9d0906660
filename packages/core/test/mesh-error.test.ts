import { isMeshError, MeshError } from '@inmesh/core';
import { expect, test } from '@jest/globals';

test('an error says who, where and why, and keeps its cause', () => {
  const cause = new Error('ECONNREFUSED');
  const error = new MeshError('connect_failed', 'reviews.default: nobody answers', {
    cause,
    service: 'reviews.default',
    endpoint: 'e1',
    attempts: 2,
    maybeProcessed: false,
  });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: 'MeshError',
    code: 'connect_failed',
    message: 'reviews.default: nobody answers',
    service: 'reviews.default',
    endpoint: 'e1',
    attempts: 2,
    maybeProcessed: false,
  });
  expect(error.cause).toBe(cause);
  expect(error.stack).toContain('mesh-error.test');
});

test('unless it is said otherwise the request may have been processed, so that nothing is sent twice', () => {
  const error = new MeshError('aborted', 'a');
  expect(error.maybeProcessed).toBe(true);
  expect('cause' in error).toBe(false);
});

test('errors are told apart by code, across copies of the package', () => {
  const error = new MeshError('closed', 'a');
  expect(isMeshError(error)).toBe(true);
  expect(isMeshError(error, 'aborted', 'closed')).toBe(true);
  expect(isMeshError(error, 'aborted')).toBe(false);
  const copy = Object.assign(new Error('a'), { name: 'MeshError', code: 'closed' });
  expect(isMeshError(copy, 'closed')).toBe(true);
});

test.each([undefined, null, 'MeshError', { name: 'MeshError', code: 'closed' }, new Error('a')])(
  '%p is none',
  (value) => {
    expect(isMeshError(value)).toBe(false);
  },
);
