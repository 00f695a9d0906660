import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createCsr, generateKey, parseSpiffeId, readCsr } from '@inmesh/identity';
import { afterEach, expect, test } from '@jest/globals';
import { createFixture, getPlain, orders } from './mutual-tls-fixture.ts';
import { createAuthority } from './test-authority.ts';
import { until } from './until.ts';

const fixture = createFixture();
afterEach(() => fixture.end());

function corpus<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`./corpus/${name}.json`, import.meta.url), 'utf8')) as T;
}

test.each(corpus<string[]>('spiffe-ids'))('%j is no SPIFFE ID', (text) => {
  expect(() => parseSpiffeId(text)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
});

test('a certificate request that ends early, wherever, is refused and never fails otherwise', () => {
  const der = Buffer.from(
    createCsr(generateKey(), orders).replaceAll(/-----.*-----/g, ''),
    'base64',
  );
  for (let length = 0; length < der.length; length += 1) {
    const body = der.subarray(0, length).toString('base64');
    const text = `-----BEGIN CERTIFICATE REQUEST-----\n${body}\n-----END CERTIFICATE REQUEST-----\n`;
    expect(() => readCsr(text)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  }
});

test('whatever a connection to a PERMISSIVE port begins with, the port serves on', async () => {
  const identity = await fixture.identity(await createAuthority(), orders);
  const timeouts = { handshakeTimeoutMs: 200, firstByteTimeoutMs: 200 };
  const { port, tls } = await fixture.serve(identity, { mode: () => 'permissive', ...timeouts });
  for (const bytes of Object.values(corpus<Record<string, string>>('first-bytes'))) {
    const socket = connect(port, '127.0.0.1').resume();
    socket.on('error', () => {});
    socket.end(Buffer.from(bytes, 'hex'));
    await once(socket, 'close');
  }
  await until(() => expect(tls.connections).toBe(0));
  await expect(getPlain(port)).resolves.toMatchObject({ status: 200 });
});
