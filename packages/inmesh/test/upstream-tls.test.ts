import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import type { TLSSocket } from 'node:tls';
import type { ResourceInput } from '@inmesh/config';
import { createRoot, generateKey, type SigningAuthority, signSvid } from '@inmesh/identity';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Mesh } from 'inmesh';
import { join, onEnd } from './support/in-mesh.ts';

/** A service outside the mesh, with an authority of its own, that clients reach as a DestinationRule says. */
const host = 'pay.example.com';
type TlsSettings = NonNullable<
  NonNullable<Extract<ResourceInput, { kind: 'DestinationRule' }>['spec']['trafficPolicy']>['tls']
>;

const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
const serial = (): Buffer => Buffer.concat([Buffer.from([1]), randomBytes(15)]);
const rootOf = (name: string): SigningAuthority =>
  createRoot('outside.example', name, serial(), validity);

interface Pem {
  readonly cert: string;
  readonly key: string;
}

/** A certificate for `account`, and for the DNS names `hosts`. */
function issue(root: SigningAuthority, account: string, ...hosts: string[]): Pem {
  const { publicKey, privateKey } = generateKey();
  const spiffeId = `spiffe://outside.example/${account}`;
  const request = { ...validity, spiffeId, publicKey, serial: serial(), hosts };
  return {
    cert: signSvid(request, root),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

const own = rootOf('own');
const other = rootOf('other');
let folder: string;
const file = (name: string): string => joinPath(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(joinPath(tmpdir(), 'inmesh-upstream-tls-'));
  const stranger = issue(other, 'stranger');
  for (const [name, text] of Object.entries({
    'own.pem': own.certificate.toString(),
    'other.pem': other.certificate.toString(),
    'stranger.crt': stranger.cert,
    'stranger.key': stranger.key,
  })) {
    await writeFile(file(name), text, { mode: 0o600 });
  }
});
afterAll(() => rm(folder, { recursive: true }));

interface Outside {
  readonly port: number;
  /** Handshakes that were completed, and requests that came. */
  readonly requests: () => number;
}

/** Answers who called, and for which server name. */
async function serveOutside(options: ServerOptions = {}): Promise<Outside> {
  let requests = 0;
  const server = createServer({ ...issue(own, 'pay', host), ...options }, (request, response) => {
    requests += 1;
    const socket = request.socket as TLSSocket & { servername?: string };
    const caller = socket.getPeerCertificate().subjectaltname ?? 'nobody';
    response.end(JSON.stringify({ caller, servername: socket.servername }));
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onEnd(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, requests: () => requests };
}

async function callerOf({ port }: Outside, tls: TlsSettings): Promise<Mesh> {
  return await join({
    service: 'shop',
    endpoints: {},
    retry: { maxRetries: 0 },
    resources: [
      {
        kind: 'ServiceEntry',
        metadata: { name: 'pay' },
        spec: {
          hosts: [host],
          resolution: 'STATIC',
          ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
          endpoints: [{ address: '127.0.0.1', ports: { http: port } }],
        },
      },
      {
        kind: 'DestinationRule',
        metadata: { name: 'pay' },
        spec: { host, trafficPolicy: { tls } },
      },
    ],
  });
}

const call = async (outside: Outside, tls: TlsSettings): Promise<unknown> =>
  (await (await callerOf(outside, tls)).request(`http://${host}/`)).json();

describe('SIMPLE', () => {
  test('speaks TLS to who has a certificate of that authority and name, and shows none', async () => {
    const outside = await serveOutside({ requestCert: true, rejectUnauthorized: false });
    const tls: TlsSettings = { mode: 'SIMPLE', caCertificates: file('own.pem') };
    expect(await call(outside, tls)).toEqual({ caller: 'nobody', servername: host });
  });

  test('takes a name that the rule gives, a URI too, and asks for the SNI that it gives', async () => {
    const outside = await serveOutside(issue(own, 'pay', 'internal.test', '*.wild.test'));
    const tls: TlsSettings = { mode: 'SIMPLE', caCertificates: file('own.pem') };
    for (const name of ['internal.test', 'a.wild.test', 'spiffe://outside.example/pay']) {
      const named = { ...tls, subjectAltNames: ['nobody.test', name], sni: 'front.test' };
      expect(await call(outside, named)).toMatchObject({ servername: 'front.test' });
    }
  });

  const refusals: [string, () => TlsSettings, RegExp][] = [
    [
      'another authority',
      () => ({ mode: 'SIMPLE', caCertificates: file('other.pem') }),
      /self.signed|unable to/,
    ],
    ['the public roots', () => ({ mode: 'SIMPLE' }), /self.signed|unable to/],
    [
      'another name',
      () => ({ mode: 'SIMPLE', caCertificates: file('own.pem'), sni: 'other.test' }),
      /other\.test/,
    ],
    [
      'none of the names that the rule gives',
      () => ({
        mode: 'SIMPLE',
        caCertificates: file('own.pem'),
        subjectAltNames: ['spiffe://outside.example/pa', 'example.com'],
      }),
      /expected spiffe:\/\/outside\.example\/pa or example\.com/,
    ],
    [
      'a file that is not there',
      () => ({ mode: 'SIMPLE', caCertificates: file('none.pem') }),
      /none\.pem of a DestinationRule cannot be read/,
    ],
  ];
  test.each(refusals)('with %s no request is sent', async (_what, tls, reason) => {
    const outside = await serveOutside();
    const error = await call(outside, tls()).catch((thrown: unknown) => thrown);
    expect(reasonsOf(error)).toMatch(reason);
    expect(outside.requests()).toBe(0);
  });

  test('is never plain text, to a server that speaks nothing else either', async () => {
    const outside = await serveOutside();
    const mesh = await callerOf(outside, { mode: 'DISABLE' });
    await expect(mesh.request(`http://${host}/`)).rejects.toThrow();
    expect(outside.requests()).toBe(0);
  });
});

describe('MUTUAL', () => {
  const shown = (name: string): TlsSettings => ({
    mode: 'MUTUAL',
    caCertificates: file('own.pem'),
    clientCertificate: file(`${name}.crt`),
    privateKey: file(`${name}.key`),
  });

  test('shows the client certificate, and a renewed one at the next connection', async () => {
    const outside = await serveOutside({ requestCert: true, ca: [own.certificate.toString()] });
    for (const account of ['client', 'renewed']) {
      const { cert, key } = issue(own, account);
      await writeFile(file('client.crt'), cert);
      await writeFile(file('client.key'), key);
      expect(await call(outside, shown('client'))).toMatchObject({
        caller: `URI:spiffe://outside.example/${account}`,
      });
    }
  });

  test('with a certificate that the server does not trust no request is served', async () => {
    const outside = await serveOutside({ requestCert: true, ca: [own.certificate.toString()] });
    await expect(call(outside, shown('stranger'))).rejects.toThrow();
    expect(outside.requests()).toBe(0);
  });
});

function reasonsOf(error: unknown): string {
  const messages: string[] = [];
  // Node's own errors are of another realm than the test's.
  for (let at = error as Error | undefined; at !== undefined; at = at.cause as Error | undefined) {
    messages.push(at.message);
  }
  return messages.join(' ← ');
}
