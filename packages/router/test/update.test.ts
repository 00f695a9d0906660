import type { Resource } from '@inmesh/config';
import { compile, update } from '@inmesh/router';
import { expect, test } from '@jest/globals';
import {
  compiled,
  destinationRule,
  forwarded,
  half,
  request,
  serviceEntry,
  virtualService,
  workload,
} from './fixtures.ts';

function host(name: string, subset = 'v1'): Resource {
  return virtualService(
    { hosts: [name], http: [{ route: [{ destination: { host: name, subset } }] }] },
    { name },
  );
}
function rule(name: string, simple: 'RANDOM' | 'ROUND_ROBIN' = 'RANDOM'): Resource {
  const subsets = ['v1', 'v2'].map((version) => ({ name: version, labels: { version } }));
  return destinationRule(
    { host: name, subsets, trafficPolicy: { loadBalancer: { simple } } },
    { name },
  );
}
const names = Array.from({ length: 20 }, (_, i) => `s${i}`);
const all: Resource[] = names.flatMap((name) => [host(name), rule(name)]);
const at = (router: ReturnType<typeof compiled>, name: string) =>
  forwarded(router.route(request({ service: `${name}.default`, authority: name }), half));

test('an update of one host compiles only it; all other decisions stay the same objects', () => {
  const before = compiled(all);
  const decisions = names.map((name) => at(before, name));
  const after = update(before, { applied: [host('s3', 'v2')] });
  expect(after.compiledHosts).toBe(1);
  names.forEach((name, i) => {
    if (name === 's3') expect(at(after, name).destination.subset).toBe('v2');
    else expect(at(after, name)).toBe(decisions[i]);
  });
});

test('the previous router goes on as it was', () => {
  const before = compiled(all);
  update(before, {
    applied: [host('s3', 'v2'), rule('s4', 'ROUND_ROBIN')],
    removed: ['VirtualService/default/s5'],
  });
  expect(at(before, 's3').destination.subset).toBe('v1');
  expect(at(before, 's4').destination.policy.balancer?.kind).toBe('random');
  expect(at(before, 's5').route).not.toBe('default');
});

test('a DestinationRule that changes reaches the routes to its host, and no others', () => {
  const before = compiled(all);
  const kept = at(before, 's1');
  const after = update(before, { applied: [rule('s3', 'ROUND_ROBIN')] });
  expect(after.compiledHosts).toBe(1);
  expect(at(after, 's3').destination.policy.balancer?.kind).toBe('round-robin');
  expect(at(after, 's1')).toBe(kept);
});

test('a wildcard DestinationRule reaches all that it covers', () => {
  const before = compiled([host('s1'), host('s2')]);
  const wildcard = destinationRule({
    host: '*.default.svc.cluster.local',
    trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL' } },
  });
  const after = update(before, { applied: [wildcard] });
  expect(after.compiledHosts).toBe(2);
  expect(at(after, 's1').destination.policy.tls?.mode).toBe('mesh');
  const again = update(after, { removed: ['DestinationRule/default/reviews'] });
  expect(at(again, 's1').destination.policy).toEqual({});
});

test('removing a VirtualService gives its host back to the next oldest, then to the default', () => {
  const young = {
    ...host('s1', 'v2'),
    metadata: { name: 'young', namespace: 'default', creationTimestamp: '2026-02-02T00:00:00Z' },
  } as Resource;
  const old = {
    ...host('s1'),
    metadata: { name: 'old', namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' },
  } as Resource;
  const both = compiled([young, old, rule('s1')]);
  expect(at(both, 's1').destination.subset).toBe('v1');
  const one = update(both, { removed: ['VirtualService/default/old'] });
  expect(at(one, 's1').destination.subset).toBe('v2');
  const none = update(one, { removed: ['VirtualService/default/young'] });
  expect(at(none, 's1').route).toBe('default');
});

test('hosts without routes see changes of rules and wildcards too', () => {
  const before = compiled([]);
  expect(at(before, 's1').destination.policy).toEqual({});
  const withRule = update(before, { applied: [rule('s1')] });
  expect(at(withRule, 's1').destination.policy.balancer?.kind).toBe('random');
  const withWildcard = update(withRule, {
    applied: [
      virtualService({
        hosts: ['*.cluster.local'],
        http: [{ name: 'all', route: [{ destination: { host: 'x' } }] }],
      }),
    ],
  });
  expect(at(withWildcard, 's1').route).toBe('all');
});

test('one destination object per service, subset and port, over routes and updates', () => {
  const plain = (name: string, target: string): Resource =>
    virtualService(
      { hosts: [name], http: [{ route: [{ destination: { host: target } }] }] },
      { name },
    );
  const before = compiled([plain('a', 'target')]);
  const direct = at(before, 'target').destination;
  expect(at(before, 'a').destination).not.toBe(undefined);
  const after = update(before, { applied: [plain('b', 'target')] });
  expect(at(after, 'b').destination).toBe(at(after, 'a').destination);
  expect(at(after, 'target').destination).toBe(direct);
  expect(direct).toBe(at(before, 'a').destination);
});

test('a ServiceEntry that changes is seen by the hosts that it names', () => {
  const before = compiled([]);
  const entry = serviceEntry({ hosts: ['api.example.com'], ports: [{ number: 80, name: 'http' }] });
  const after = update(before, { applied: [entry] });
  expect(after.serviceEntry('api.example.com')?.ports).toEqual([80]);
  expect(update(after, { removed: ['ServiceEntry/default/outside'] }).serviceEntries).toEqual([]);
});

test('compile with previous takes over what is equal, though parsed anew', () => {
  const before = compiled(all);
  const decision = at(before, 's1');
  const copy = structuredClone(all).filter((resource) => resource.metadata.name !== 's7');
  const after = compile(copy, { workload, previous: before });
  expect(after.compiledHosts).toBe(0);
  expect(at(after, 's1')).toBe(decision);
  expect(at(after, 's7').route).toBe('default');
});

test('revisions count up, or are what the caller says', () => {
  const first = compiled([]);
  expect(first.revision).toBe('1');
  expect(update(first, {}).revision).toBe('2');
  expect(update(first, { revision: 'e:9' }).revision).toBe('e:9');
  expect(compiled([], { revision: 'e:1' }).revision).toBe('e:1');
});

test('hosts that come and go leave nothing behind', () => {
  let router = compiled([]);
  for (let i = 0; i < 200; i += 1) {
    router = update(router, {
      applied: [host(`h${i}`)],
      removed: i === 0 ? [] : [`VirtualService/default/h${i - 1}`],
    });
  }
  const tables = (router as unknown as { tables: Record<string, { size: number }> }).tables;
  expect([tables.resources?.size, tables.compiled?.size, tables.services?.size]).toEqual([1, 1, 1]);
});

test('update of a router that was not compiled here is refused', () => {
  expect(() => update({} as never, {})).toThrow(
    expect.objectContaining({ code: 'invalid_argument' }),
  );
});

test('the same resource given twice is refused, because which was meant cannot be known', () => {
  expect(() => compiled([host('a'), host('a')])).toThrow(
    /VirtualService\/default\/a is given twice/,
  );
});
