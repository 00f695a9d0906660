import { X509Certificate } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createAuthority, type TestAuthority } from '../../identity/test/test-authority.ts';
import { onEnd } from './registry-fixture.ts';
import { idOf, startSecureRegistry } from './secure-fixture.ts';

let root: TestAuthority;
let below: TestAuthority;
beforeAll(async () => {
  root = await createAuthority();
  below = await root.intermediate();
});

let intermediate: { certificate: string; key: string; bundle: string };
beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'inmesh-intermediate-'));
  onEnd(() => rm(folder, { recursive: true }));
  intermediate = {
    certificate: join(folder, 'ca.crt'),
    key: join(folder, 'ca.key'),
    bundle: join(folder, 'root.crt'),
  };
  await writeFile(intermediate.certificate, below.pem);
  await writeFile(intermediate.key, await below.key(), { mode: 0o600 });
  await writeFile(intermediate.bundle, root.pem);
});

test("an operator's authority signs, below a root that the registry never holds", async () => {
  const registry = await startSecureRegistry({ security: { intermediate } });
  const { token } = await registry.token({ kind: 'join', serviceAccount: 'orders' });
  const { json } = await registry.enroll({ kind: 'join-token', token }, idOf('orders'));
  const [leaf, above] = json.chain.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g);
  expect(new X509Certificate(leaf).verify(new X509Certificate(above).publicKey)).toBe(true);
  expect(new X509Certificate(above).raw).toEqual(new X509Certificate(below.pem).raw);
  expect(json.bundle).toBe(root.pem);
  // Whom a join token pins is the root: it outlives the intermediate.
  const fingerprint = new X509Certificate(root.pem).fingerprint256.replaceAll(':', '');
  expect(token.split('.')[3]).toBe(fingerprint.toLowerCase());
  // Mutual TLS works over the chain, in both directions.
  const identity = await registry.workload('web');
  expect((await registry.send('GET', '/v1/services', { identity })).status).toBe(200);
});

test('its root is not replaced by the registry', async () => {
  const registry = await startSecureRegistry({ security: { intermediate } });
  const shown = { token: registry.operator };
  const { status, json } = await registry.send('POST', '/v1/trust-bundle/rotation', shown);
  expect([status, json.detail]).toEqual([409, expect.stringContaining(intermediate.bundle)]);
});

const faults: [string, () => Promise<unknown>, RegExp][] = [
  ['a key that others can read', () => chmod(intermediate.key, 0o644), /can be read by others/],
  [
    "another authority's key",
    async () => writeFile(intermediate.key, await root.key()),
    /is not the key of/,
  ],
  ['no key', () => writeFile(intermediate.key, 'nonsense'), /is no unencrypted PEM key/],
  [
    'another root',
    async () => writeFile(intermediate.bundle, (await createAuthority('other')).pem),
    /does not lead to a root/,
  ],
  [
    'a certificate of a workload',
    async () => writeFile(intermediate.certificate, (await root.issue(idOf('orders'))).chain),
    /is no authority/,
  ],
];
test.each(faults)('with %s the registry does not start', async (_what, break_, message) => {
  await break_();
  await expect(startSecureRegistry({ security: { intermediate } })).rejects.toThrow(message);
});
