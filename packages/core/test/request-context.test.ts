import { currentContext, type RequestContext, runInContext } from '@inmesh/core';
import { expect, test } from '@jest/globals';

const context = (baggage: string): RequestContext => ({
  trace: undefined,
  deadline: Number.POSITIVE_INFINITY,
  identity: undefined,
  baggage,
  passOn: [],
});

test('outside a request there is no context', () => {
  expect(currentContext()).toBeUndefined();
});

test('code and what it starts sees its own context, and nothing of one beside it', async () => {
  const later = async (): Promise<string | undefined> => {
    await new Promise(setImmediate);
    return currentContext()?.baggage;
  };
  const seen = await Promise.all([
    runInContext(context('a'), later),
    runInContext(context('b'), later),
    runInContext(context('c'), () => runInContext(undefined, later)),
    runInContext(context('d'), () => runInContext(context('e'), later)),
  ]);
  expect(seen).toEqual(['a', 'b', undefined, 'e']);
  expect(currentContext()).toBeUndefined();
});

test('what the body returns and throws comes through', () => {
  expect(runInContext(context('a'), () => 7)).toBe(7);
  const fail = (): never => {
    throw new Error('boom');
  };
  expect(() => runInContext(context('a'), fail)).toThrow('boom');
  expect(currentContext()).toBeUndefined();
});
