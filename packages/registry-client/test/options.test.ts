import { expect, test } from '@jest/globals';
import { createRegistryClient, type RegistryClientOptions } from '../src/index.ts';
import { resolveOptions } from '../src/options.ts';

const servers = 'http://127.0.0.1:8761';

test.each<[string, RegistryClientOptions]>([
  ['servers must be 1 to 16 addresses, got 0', { servers: [] }],
  [
    'servers must be http:// or https:// addresses, got "registry:8761"',
    { servers: 'registry:8761' },
  ],
  ['got "file:///etc/passwd"', { servers: 'file:///etc/passwd' }],
  ['no query', { servers: `${servers}/?token=1` }],
  ['client must be 1 to 200 characters', { servers, client: '' }],
  ['requestTimeoutMs must be within 1..86400000, got 0', { servers, requestTimeoutMs: 0 }],
  [
    'requestTimeoutMs must be within 1..86400000, got 2147483648',
    { servers, requestTimeoutMs: 2 ** 31 },
  ],
  ['flapHoldMs must be within 0..86400000, got NaN', { servers, flapHoldMs: Number.NaN }],
  [
    'reconnectMaxMs must be at least reconnectInitialMs (1000), got 10',
    { servers, reconnectMaxMs: 10 },
  ],
])('%s', (message, options) => {
  expect(() => createRegistryClient(options)).toThrow(message);
});

test('credentials in an address are refused, and not repeated in the message', () => {
  expect(() => createRegistryClient({ servers: 'http://me:secret@127.0.0.1:1' })).toThrow(
    expect.objectContaining({
      code: 'invalid_argument',
      message: expect.not.stringContaining('secret'),
    }),
  );
});

test('an address may have a path before the registry’s own', () => {
  const resolved = resolveOptions({ servers: ['https://mesh.example/registry/', servers] });
  expect(resolved.servers).toEqual([
    { origin: 'https://mesh.example', prefix: '/registry' },
    { origin: servers, prefix: '' },
  ]);
  expect(Object.isFrozen(resolved)).toBe(true);
});
