import {
  defineResource,
  formatResource,
  formatResources,
  parseResources,
  splitTraffic,
} from '@inmesh/config';
import { describe, expect, test } from '@jest/globals';
import { samples } from './samples.ts';

const resources = samples.map((sample) => defineResource(sample));

describe.each(['yaml', 'json'] as const)('%s', (format) => {
  test.each(resources)('a $kind is read back the same', (resource) => {
    const {
      resources: [again],
      problems,
    } = parseResources(formatResource(resource, format));
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(again).toEqual(resource);
  });
  test('several are read back in order', () => {
    expect(parseResources(formatResources(resources, format)).resources).toEqual(resources);
  });
  test('none is read back as none', () => {
    expect(parseResources(formatResources([], format))).toMatchObject({
      resources: [],
      problems: [],
    });
  });
});

test('texts that YAML would read as something else are quoted', () => {
  const resource = defineResource({
    kind: 'DestinationRule',
    metadata: {
      name: 'a',
      annotations: { a: 'true', b: '1', c: '~', d: 'x: y', e: 'a\nb', f: '' },
    },
    spec: { host: 'a' },
  });
  expect(parseResources(formatResource(resource)).resources).toEqual([resource]);
});

describe('the short form of a split', () => {
  test('writes the two resources that it stands for', () => {
    const split = splitTraffic({
      service: 'reviews',
      weights: { v1: 90, v2: 10 },
      sticky: 'header:user-id',
    });
    expect(formatResources(split)).toBe(`apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
  namespace: default
  annotations:
    inmesh.dev/sticky: header:user-id
spec:
  hosts:
    - reviews
  http:
    - name: split
      route:
        - destination:
            host: reviews
            subset: v1
          weight: 90
        - destination:
            host: reviews
            subset: v2
          weight: 10
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: reviews
  namespace: default
spec:
  host: reviews
  subsets:
    - name: v1
      labels:
        version: v1
    - name: v2
      labels:
        version: v2
`);
  });
  test.each([
    [{}, undefined, 'invalid_argument'],
    [{ v1: -1 }, undefined, 'invalid_resource'],
    [{ v1: Number.NaN }, undefined, 'invalid_resource'],
    [{ v1: 0, v2: 0 }, undefined, 'invalid_resource'],
    [{ 'V 1': 1 }, undefined, 'invalid_resource'],
    [{ v1: 1 }, 'user-id', 'invalid_argument'],
  ])('refuses %j with the key %s', (weights, sticky, code) => {
    expect(() =>
      splitTraffic({ service: 'a', weights, ...(sticky === undefined ? {} : { sticky }) }),
    ).toThrow(expect.objectContaining({ code }));
  });
});
