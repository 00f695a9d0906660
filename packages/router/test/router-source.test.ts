import { MeshError } from '@inmesh/core';
import { createRouterSource, update } from '@inmesh/router';
import { expect, test } from '@jest/globals';
import { compiled, to, virtualService } from './fixtures.ts';

const good = virtualService({ http: [{ route: [to()] }] });
const bad = virtualService({ http: [{ timeout: 'soon', route: [to()] }] }, { name: 'bad' });

test('a new router replaces the old one whole, and listeners are told', () => {
  const source = createRouterSource(compiled([]));
  const seen: string[] = [];
  const stop = source.onChange((router) => seen.push(router.revision));
  expect(source.replace((current) => update(current, { applied: [good] }))).toBeUndefined();
  expect(source.current.revision).toBe('2');
  stop();
  stop();
  source.replace((current) => update(current, {}));
  expect(seen).toEqual(['2']);
});

test('when compiling fails the last good router stays, and the error is returned and reported', () => {
  const reported: MeshError[] = [];
  const source = createRouterSource(compiled([good]), { onError: (error) => reported.push(error) });
  const before = source.current;
  const error = source.replace((current) => update(current, { applied: [bad] }));
  expect(error).toMatchObject({ code: 'invalid_resource' });
  expect(error?.message).toContain('VirtualService/default/bad');
  expect(reported).toEqual([error]);
  expect(source.lastError).toBe(error);
  expect(source.current).toBe(before);
  source.replace((current) => update(current, {}));
  expect(source.lastError).toBeUndefined();
});

test('a listener that throws is logged, and the others are still told', () => {
  const errors: string[] = [];
  const log = (_: unknown, message: string): void => void errors.push(message);
  const logger = { debug: log, info: log, warn: log, error: log };
  const source = createRouterSource(compiled([]), { logger });
  let told = 0;
  source.onChange(() => {
    throw new Error('listener');
  });
  source.onChange(() => {
    told += 1;
  });
  source.replace((current) => update(current, {}));
  expect(told).toBe(1);
  expect(errors).toEqual(['a listener of the router source threw']);
});

test('whatever a builder throws arrives as a MeshError', () => {
  const source = createRouterSource(compiled([]));
  const error = source.replace(() => {
    throw new Error('boom');
  });
  expect(error).toBeInstanceOf(MeshError);
  expect(error?.message).toContain('boom');
});
