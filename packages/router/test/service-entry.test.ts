import { expect, test } from '@jest/globals';
import { compiled, serviceEntry } from './fixtures.ts';

const ports = [{ number: 443, name: 'https', protocol: 'HTTPS', targetPort: 8443 }];

test('resolution STATIC: addresses, ports by name, labels, locality, weight, account', () => {
  const router = compiled([
    serviceEntry({
      resolution: 'STATIC',
      location: 'MESH_INTERNAL',
      ports,
      endpoints: [
        {
          address: '10.0.0.1',
          ports: { https: 9443 },
          labels: { version: 'v1' },
          locality: 'eu/a',
          weight: 2,
          serviceAccount: 'api',
        },
        { address: '10.0.0.2' },
      ],
    }),
  ]);
  const entry = router.serviceEntry('api.example.com');
  expect(entry).toMatchObject({ resolution: 'STATIC', location: 'MESH_INTERNAL', ports: [443] });
  expect(entry?.endpoints).toEqual([
    {
      address: '10.0.0.1',
      ports: [{ name: 'https', port: 9443, servicePort: 443 }],
      labels: { version: 'v1' },
      locality: { region: 'eu', zone: 'a', subzone: '' },
      weight: 2,
      serviceAccount: 'api',
    },
    {
      address: '10.0.0.2',
      ports: [{ name: 'https', port: 8443, servicePort: 443 }],
      labels: {},
      locality: { region: '', zone: '', subzone: '' },
      weight: 1,
      serviceAccount: 'default',
    },
  ]);
});

test('resolution DNS without endpoints: the hosts themselves are looked up', () => {
  const router = compiled([
    serviceEntry({ resolution: 'DNS', hosts: ['a.example.com', 'b.example.com'], ports }),
  ]);
  const addresses = router.serviceEntries[0]?.endpoints.map(({ address }) => address);
  expect(addresses).toEqual(['a.example.com', 'b.example.com']);
});

test('resolution NONE: no endpoints; wildcard hosts are found', () => {
  const router = compiled([serviceEntry({ hosts: ['*.example.com'], ports })]);
  expect(router.serviceEntry('x.example.com')).toMatchObject({ resolution: 'NONE', endpoints: [] });
  expect(router.serviceEntry('example.com')).toBeUndefined();
});

test('exportTo: an entry of another namespace that keeps it to itself is not seen', () => {
  const hidden = serviceEntry({ exportTo: ['.'] }, { namespace: 'egress' });
  expect(compiled([hidden]).serviceEntries).toHaveLength(0);
});

test('of two entries for one host the oldest is found', () => {
  const entry = (name: string, time: string) =>
    serviceEntry({ ports }, { name, creationTimestamp: time });
  const router = compiled([entry('a', '2026-02-01T00:00:00Z'), entry('b', '2026-01-01T00:00:00Z')]);
  expect(router.serviceEntry('api.example.com')?.resource).toBe('ServiceEntry/default/b');
});
