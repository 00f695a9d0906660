import {
  createResourceSet,
  type DestinationRule,
  defineResource,
  type ResourceInput,
  type VirtualService,
} from '@inmesh/config';
import { expect, test } from '@jest/globals';

function rule(name: string, namespace = 'default'): DestinationRule {
  return defineResource({
    kind: 'DestinationRule',
    metadata: { name, namespace },
    spec: { host: name },
  });
}

function service(name: string): VirtualService {
  return defineResource({
    kind: 'VirtualService',
    metadata: { name },
    spec: { hosts: [name], http: [{ route: [{ destination: { host: name } }] }] },
  });
}

test('a set lists by kind, namespace and name', () => {
  const set = createResourceSet([rule('b'), rule('c', 'alpha'), service('z'), rule('a')]);
  expect(
    [...set].map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`),
  ).toEqual([
    'VirtualService default/z',
    'DestinationRule alpha/c',
    'DestinationRule default/a',
    'DestinationRule default/b',
  ]);
  expect(set.size).toBe(4);
  expect(set.list('DestinationRule')).toHaveLength(3);
  expect(set.list('Telemetry')).toEqual([]);
});

test('two resources of one name are refused, of two namespaces are not', () => {
  expect(() => createResourceSet([rule('a'), rule('a')])).toThrow(
    expect.objectContaining({
      code: 'invalid_resource',
      message: 'DestinationRule/default/a is defined twice',
    }),
  );
  expect(createResourceSet([rule('a'), rule('a', 'prod')]).size).toBe(2);
});

test('what was not checked before is checked', () => {
  const input: ResourceInput = {
    kind: 'DestinationRule',
    metadata: { name: 'a' },
    spec: { host: '' },
  };
  expect(() => createResourceSet([input])).toThrow(
    expect.objectContaining({ code: 'invalid_resource', path: '/spec/host' }),
  );
});

test('with replaces by name and keeps the objects of the others', () => {
  const a = rule('a');
  const before = createResourceSet([a, rule('b')]);
  const next = rule('b');
  const after = before.with([next]);
  expect(after.get('DestinationRule/default/a')).toBe(a);
  expect(after.get('DestinationRule/default/b')).toBe(next);
  expect(before.get('DestinationRule/default/b')).not.toBe(next);
});

test('without takes out by id and does not mind what is not there', () => {
  const set = createResourceSet([rule('a'), rule('b')]);
  const after = set.without(['DestinationRule/default/a', 'DestinationRule/default/nobody']);
  expect([...after].map(({ metadata }) => metadata.name)).toEqual(['b']);
});

test('a defined resource is frozen all the way down and has version and namespace', () => {
  const resource = service('a');
  expect(resource).toMatchObject({
    apiVersion: 'networking.istio.io/v1',
    metadata: { namespace: 'default' },
  });
  expect(Object.isFrozen(resource.spec.http?.[0]?.route?.[0]?.destination)).toBe(true);
});

test('defineResource names every error', () => {
  expect(() =>
    defineResource({
      kind: 'VirtualService',
      metadata: { name: 'a' },
      spec: {
        hosts: ['a'],
        http: [{ timeout: 'soon', route: [{ destination: { host: 'a' }, weight: -1 }] }],
      },
    }),
  ).toThrow(
    /\/spec\/http\/0\/route\/0\/weight: .*\n.*\/spec\/http\/0\/timeout: |timeout: .*\n.*weight: /,
  );
});

test('changing the input afterwards changes nothing', () => {
  const labels = { version: 'v1' };
  const resource = defineResource({
    kind: 'DestinationRule',
    metadata: { name: 'a' },
    spec: { host: 'a', subsets: [{ name: 'v1', labels }] },
  });
  labels.version = 'v2';
  expect(resource.spec.subsets?.[0]?.labels).toEqual({ version: 'v1' });
});
