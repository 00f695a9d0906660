import {
  analyze,
  createResourceSet,
  formatResource,
  hasErrors,
  parseResources,
  validate,
} from '@inmesh/config';
import { isMeshError } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { samples } from './samples.ts';

/** Runs, and lets only our own errors pass. */
function survives(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!isMeshError(error)) throw error;
  }
}

/** Everything that can be done with a text; a resource comes out valid or not at all. */
function throughEverything(text: string): void {
  const { resources, problems } = parseResources(text, { file: 'x' });
  if (hasErrors(problems)) expect(resources).toEqual([]);
  survives(() => {
    const set = createResourceSet(resources);
    analyze(set, { services: [] });
    for (const resource of set) {
      expect(parseResources(formatResource(resource)).resources).toEqual([resource]);
    }
  });
}

test('no text makes the parser throw', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), throughEverything));
});

test('no text of YAML’s own characters makes the parser throw', () => {
  const character = fc.constantFrom(...'-?:[]{}&*!|>\'"%@`#,<~=\n\t a1.');
  fc.assert(fc.property(fc.string({ unit: character, maxLength: 80 }), throughEverything), {
    numRuns: 2_000,
  });
});

test('no JSON value makes the check throw', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      validate(value);
      throughEverything(JSON.stringify(value));
    }),
  );
});

test('no object of JavaScript makes the check throw', () => {
  const value = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
  });
  fc.assert(
    fc.property(value, fc.constantFrom(...samples), (anything, sample) => {
      validate(anything);
      validate({ ...sample, metadata: anything });
      validate({ ...sample, spec: anything });
    }),
  );
});

/** Every place in `value`, as a path. */
function placesIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, item]) => placesIn(item, [...path, key]))];
}

function replaced(value: unknown, path: readonly string[], by: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return by;
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value)
    ? [...value]
    : { ...(value as object) };
  (copy as Record<string, unknown>)[key] = replaced(
    (copy as Record<string, unknown>)[key],
    rest,
    by,
  );
  return copy;
}

const spoilt = fc.constantFrom(...samples).chain((sample) =>
  fc.record({
    sample: fc.constant(sample),
    place: fc.constantFrom(...placesIn(sample)),
    by: fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1, '', '*', {}, [], null),
      fc.constant(JSON.parse('{"__proto__":{"polluted":true}}')),
    ),
  }),
);

test('a valid resource with any one place replaced is still valid or refused', () => {
  fc.assert(
    fc.property(spoilt, ({ sample, place, by }) => {
      const value = replaced(sample, place, by);
      const { resource, problems } = validate(value);
      expect(resource === undefined).toBe(hasErrors(problems));
      throughEverything(stringify(value, { aliasDuplicateObjects: false }));
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});

test('what was found valid is found valid again, and the same', () => {
  for (const sample of samples) {
    const { resource } = validate(sample);
    expect(validate(resource).resource).toEqual(resource);
  }
});
