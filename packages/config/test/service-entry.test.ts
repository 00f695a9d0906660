import { describe, expect, test } from '@jest/globals';
import { problemsOf } from './problems-of.ts';

const entry = (more: object): string[] =>
  problemsOf('ServiceEntry', { hosts: ['api.example.com'], ...more });
const ports = [{ number: 443, name: 'https', protocol: 'HTTPS' }];

test('the smallest ServiceEntry has no problem', () => {
  expect(entry({})).toEqual([]);
});

describe('hosts', () => {
  test('are needed', () => {
    expect(problemsOf('ServiceEntry', { hosts: [] })).toEqual(['error missing_field /spec/hosts']);
  });
  test('must not be *', () => {
    expect(entry({ hosts: ['*'] })).toEqual(['error invalid_value /spec/hosts/0']);
  });
  test('wildcards cannot be looked up', () => {
    expect(entry({ hosts: ['*.example.com'] })).toEqual([]);
    expect(entry({ hosts: ['*.example.com'], resolution: 'DNS' })).toEqual([
      'error conflict /spec/hosts/0',
    ]);
  });
});

describe('ports', () => {
  test('numbers and names must differ', () => {
    expect(entry({ ports: [...ports, { number: 443, name: 'b' }] })).toEqual([
      'error duplicate /spec/ports/1/number',
    ]);
    expect(entry({ ports: [...ports, { number: 80, name: 'https' }] })).toEqual([
      'error duplicate /spec/ports/1/name',
    ]);
  });
  test('protocol is one that Istio knows; TCP is told to have no effect', () => {
    expect(entry({ ports: [{ number: 1, name: 'a', protocol: 'http' }] })).toEqual([]);
    expect(entry({ ports: [{ number: 1, name: 'a', protocol: 'SPDY' }] })).toEqual([
      'error invalid_value /spec/ports/0/protocol',
    ]);
    expect(entry({ ports: [{ number: 1, name: 'a', protocol: 'TCP' }] })).toEqual([
      'warning not_honoured /spec/ports/0/protocol',
    ]);
  });
});

describe('resolution', () => {
  const endpoints = [{ address: '10.0.0.1' }];
  test('STATIC needs endpoints that are addresses', () => {
    expect(entry({ resolution: 'STATIC' })).toEqual(['error missing_field /spec/endpoints']);
    expect(entry({ resolution: 'STATIC', endpoints })).toEqual([]);
    expect(entry({ resolution: 'STATIC', endpoints: [{ address: 'a.example.com' }] })).toEqual([
      'error invalid_value /spec/endpoints/0/address',
    ]);
  });
  test('NONE takes no endpoints, DNS_ROUND_ROBIN at most one', () => {
    expect(entry({ endpoints })).toEqual(['error conflict /spec/endpoints']);
    expect(
      entry({ resolution: 'DNS_ROUND_ROBIN', endpoints: [...endpoints, ...endpoints] }),
    ).toEqual(['error conflict /spec/endpoints']);
  });
  test('DYNAMIC_DNS is refused with a reason', () => {
    expect(entry({ resolution: 'DYNAMIC_DNS' })).toEqual(['error not_supported /spec/resolution']);
  });
});

describe('endpoints', () => {
  const endpoint = (value: object): string[] =>
    entry({ ports, resolution: 'STATIC', endpoints: [value] });
  test.each(['unix:///tmp/x', '0.0.0.0', '::', '127.1', '0xa9fea9fe', 'a b'])(
    'address must not be %s',
    (address) =>
      expect(endpoint({ address })).toEqual(['error invalid_value /spec/endpoints/0/address']),
  );
  test('need an address', () => {
    expect(endpoint({})).toEqual(['error missing_field /spec/endpoints/0/address']);
  });
  test('ports name ports of the entry', () => {
    expect(endpoint({ address: '::1', ports: { https: 8443 } })).toEqual([]);
    expect(endpoint({ address: '::1', ports: { http: 80 } })).toEqual([
      'error invalid_value /spec/endpoints/0/ports/http',
    ]);
  });
  test('network is told to have no effect', () => {
    expect(endpoint({ address: '::1', network: 'n1' })).toEqual([
      'warning not_honoured /spec/endpoints/0/network',
    ]);
  });
});

test('workloadSelector is refused, addresses are told to have no effect', () => {
  expect(entry({ workloadSelector: { labels: {} } })).toEqual([
    'error not_supported /spec/workloadSelector',
  ]);
  expect(entry({ addresses: ['10.0.0.0/8'] })).toEqual(['warning not_honoured /spec/addresses']);
});
