import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RegistryServerOptions } from '@inmesh/registry-server';
import { beforeEach, describe, expect, test } from '@jest/globals';
import jwt from 'jsonwebtoken';
import { onEnd } from './registry-fixture.ts';
import { type Answer, idOf, startSecureRegistry } from './secure-fixture.ts';

type Kubernetes = NonNullable<NonNullable<RegistryServerOptions['security']>['kubernetes']>;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inmesh-proofs-'));
  onEnd(() => rm(folder, { recursive: true }));
});

async function prove(kubernetes: Kubernetes, token: string): Promise<Answer> {
  const registry = await startSecureRegistry({ security: { kubernetes } });
  return await registry.enroll({ kind: 'kubernetes', token }, idOf('orders'));
}

describe("a Kubernetes service account's token, reviewed by the API server", () => {
  interface Asked {
    readonly path: string | undefined;
    readonly authorization: string | undefined;
    // biome-ignore lint/suspicious/noExplicitAny: the test looks into it freely
    readonly body: any;
  }

  /** An API server that answers every review with `status`, and remembers it. */
  async function apiServer(
    status: unknown,
    code = 201,
  ): Promise<{ review: { server: string; tokenFile: string }; asked: Asked[] }> {
    const asked: Asked[] = [];
    const server = createServer(async (request, response) => {
      const { url: path, headers } = request;
      const body = JSON.parse(await textOf(request));
      asked.push({ path, authorization: headers.authorization, body });
      response.writeHead(code, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ kind: 'TokenReview', status }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onEnd(() => {
      server.closeAllConnections();
      server.close();
    });
    const tokenFile = join(folder, 'own-token');
    await writeFile(tokenFile, 'our-own\n');
    const { port } = server.address() as AddressInfo;
    return { review: { server: `http://127.0.0.1:${port}`, tokenFile }, asked };
  }

  const good = {
    authenticated: true,
    audiences: ['inmesh'],
    user: { username: 'system:serviceaccount:default:orders' },
  };

  test('is worth a certificate for that account', async () => {
    const { review, asked } = await apiServer(good);
    const { status, json } = await prove({ review }, 'a.b.c');
    expect([status, json.spiffeId]).toEqual([200, idOf('orders')]);
    expect(asked).toMatchObject([
      {
        path: '/apis/authentication.k8s.io/v1/tokenreviews',
        authorization: 'Bearer our-own',
        body: { kind: 'TokenReview', spec: { token: 'a.b.c', audiences: ['inmesh'] } },
      },
    ]);
  });

  test.each([
    ['is not authenticated', { authenticated: false, error: 'expired' }, 401],
    ['is made for nobody in particular', { ...good, audiences: undefined }, 401],
    ['is made for the API server', { ...good, audiences: ['kubernetes'] }, 401],
    ['is of a user', { ...good, user: { username: 'alice' } }, 401],
    [
      'is of a name that is none',
      { ...good, user: { username: 'system:serviceaccount:a/b:c' } },
      401,
    ],
    [
      'is of another account than the request names',
      { ...good, user: { username: 'system:serviceaccount:default:admin' } },
      403,
    ],
    ['gets no verdict', undefined, 401],
  ])('that %s is refused', async (_what, verdict, expected) => {
    const { review } = await apiServer(verdict);
    expect((await prove({ review }, 'a.b.c')).status).toBe(expected);
  });

  test('that cannot be reviewed is refused for now', async () => {
    const { review } = await apiServer({}, 500);
    const { status, json } = await prove({ review }, 'a.b.c');
    expect([status, json.code]).toEqual([503, 'registry_unavailable']);
  });
});

describe("a Kubernetes service account's token, verified by the cluster's keys", () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const issuer = 'https://kubernetes.default.svc';
  const jwks = {
    keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'RS256' }],
  };
  const sign = (claims: object, key = privateKey): string =>
    jwt.sign(
      { iss: issuer, aud: ['inmesh'], sub: 'system:serviceaccount:default:orders', ...claims },
      key,
      {
        algorithm: 'RS256',
        keyid: 'k1',
        expiresIn: 600,
      },
    );

  test('is worth a certificate for that account', async () => {
    const { status, json } = await prove({ keys: { issuer, jwks } }, sign({}));
    expect([status, json.spiffeId]).toEqual([200, idOf('orders')]);
  });

  test.each([
    ['another audience', { aud: ['vault'] }],
    ['another issuer', { iss: 'https://evil.example' }],
    ['no service account', { sub: 'alice' }],
  ])('with %s is refused', async (_what, claims) => {
    expect((await prove({ keys: { issuer, jwks } }, sign(claims))).status).toBe(401);
  });

  test('signed by somebody else is refused', async () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const token = sign({}, other.privateKey);
    expect((await prove({ keys: { issuer, jwks } }, token)).status).toBe(401);
  });
});

test('a registry that takes no Kubernetes tokens says so', async () => {
  const registry = await startSecureRegistry();
  const { status, json } = await registry.enroll(
    { kind: 'kubernetes', token: 'x' },
    idOf('orders'),
  );
  expect([status, json.detail]).toEqual([401, expect.stringContaining('security.kubernetes')]);
});

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}
