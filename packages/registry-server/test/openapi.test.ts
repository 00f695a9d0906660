import { readFile } from 'node:fs/promises';
import type { Registration } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import { Type } from 'typebox';
import { type SameWire, wire } from '../src/http/schemas/wire-schema.ts';
import { type Answer, startSecureRegistry } from './secure-fixture.ts';

test('the committed description is the one that the server gives', async () => {
  const { json } = await describe();
  const path = new URL('../../../docs/reference/openapi.json', import.meta.url);
  // When this fails: npm run docs:reference
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(json);
});

test('the description names every route, and a problem for each that can fail', async () => {
  const { json } = await describe();
  expect(json.openapi).toBe('3.1.0');
  expect(Object.keys(json.paths).length).toBeGreaterThan(25);
  for (const [path, methods] of Object.entries<Record<string, { responses: object }>>(json.paths)) {
    if (!path.startsWith('/v1/')) continue;
    for (const { responses } of Object.values(methods)) expect(responses).toHaveProperty('4XX');
  }
});

/** Of a registry with its doors shut: only then it has them all. */
async function describe(): Promise<Answer> {
  const registry = await startSecureRegistry();
  return await registry.send('GET', '/openapi.json', { token: registry.operator });
}

test('a schema that differs from its wire type does not compile', () => {
  const same: SameWire<{ a: string; b?: readonly number[] }, { readonly a: string; b?: number[] }> =
    true;
  const optional: SameWire<{ a: string }, { a?: string }> = false;
  const missing: SameWire<{ a: string }, { a: string; b?: string }> = false;
  const nested: SameWire<{ a: { b: string }[] }, { a: { b: number }[] }> = false;
  // @ts-expect-error: fields of Registration are missing.
  wire<Registration>()(Type.Object({ service: Type.String() }));
  expect([same, optional, missing, nested]).toEqual([true, false, false, false]);
});
