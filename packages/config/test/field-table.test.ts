import { readFileSync } from 'node:fs';
import { fieldTable, renderFieldTable, validate } from '@inmesh/config';
import { describe, expect, test } from '@jest/globals';
import type { FieldType } from '../src/schema/field-type.ts';
import { kinds } from '../src/schema/kinds.ts';
import { metadata } from '../src/schema/metadata.ts';
import { samples } from './samples.ts';

const page = new URL('../../../docs/reference/istio-fields.md', import.meta.url);

test('the documentation page is what the check goes by', () => {
  expect(readFileSync(page, 'utf8')).toBe(renderFieldTable());
});

/** `HTTPRoute.timeout` for every field that stands in `value`. */
function fieldsIn(type: FieldType, value: unknown, found: Set<string>): Set<string> {
  if (type.kind === 'list') for (const item of value as unknown[]) fieldsIn(type.of, item, found);
  if (type.kind === 'map') {
    for (const item of Object.values(value as object)) fieldsIn(type.of, item, found);
  }
  if (type.kind === 'object') {
    for (const [name, item] of Object.entries(value as object)) {
      const field = type.fields.get(name);
      if (field === undefined) continue;
      found.add(`${type.name}.${name}`);
      fieldsIn(field.type, item, found);
    }
  }
  return found;
}

const used = new Set<string>();
for (const sample of samples) {
  fieldsIn(metadata, sample.metadata, used);
  const spec = kinds.get(sample.kind)?.spec;
  if (spec !== undefined) fieldsIn(spec, sample.spec, used);
}

describe('every honoured field is in a valid sample', () => {
  const honoured = fieldTable().filter(({ support }) => support === 'honoured');
  test.each(honoured.map(({ message, field }) => `${message}.${field}`))('%s', (name) => {
    expect(used).toContain(name);
  });
});

test.each(samples)('the sample of $kind is valid, without a warning about a field', (sample) => {
  const { resource, problems } = validate(sample);
  expect(problems.filter(({ path }) => path !== '')).toEqual([]);
  expect(resource?.spec).toEqual(sample.spec);
});

test('every field says what it means, or why not', () => {
  expect(fieldTable().filter(({ note }) => note === '')).toEqual([]);
});

test('every refused field of the table is refused, with its reason', () => {
  const route = { route: [{ destination: { host: 'a' } }], delegate: { name: 'x' } };
  const { problems } = validate({
    kind: 'VirtualService',
    metadata: { name: 'a' },
    spec: { hosts: ['a'], http: [route] },
  });
  const row = fieldTable().find(({ field }) => field === 'delegate');
  expect(row?.support).toBe('refused');
  expect(problems[0]?.reason).toBe(row?.note);
});
