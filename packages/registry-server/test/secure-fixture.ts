import type { IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type ConnectionOptions, connect } from 'node:tls';
import {
  type CertificateIssued,
  type CertificateProof,
  type NewToken,
  registryIdentity,
  type SessionOpened,
  type TokenCreated,
} from '@inmesh/core';
import { createCsr, createIdentity, generateKey, type IdentitySource } from '@inmesh/identity';
import {
  createRegistryServer,
  type RegistryServer,
  type RegistryServerOptions,
} from '@inmesh/registry-server';
import { onEnd } from './registry-fixture.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it freely
  readonly json: any;
}

/** What a request shows of its sender. */
export interface Shown {
  readonly token?: string;
  readonly identity?: IdentitySource;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SecureFixture {
  readonly server: RegistryServer;
  readonly url: string;
  /** An operator's token. */
  readonly operator: string;
  send(method: string, path: string, shown?: Shown, body?: unknown): Promise<Answer>;
  token(token: Partial<NewToken> & Pick<NewToken, 'kind'>): Promise<TokenCreated>;
  /** A request for `spiffeId` (nobody in particular when left out), with a new key. */
  enroll(proof: CertificateProof | undefined, spiffeId?: string, shown?: Shown): Promise<Answer>;
  /** A workload of namespace `default`, from its join token to its certificate. */
  workload(serviceAccount: string): Promise<IdentitySource>;
  openSession(identity: IdentitySource): Promise<string>;
  bundle(): Promise<string>;
}

export const idOf = (serviceAccount: string): string =>
  `spiffe://cluster.local/ns/default/sa/${serviceAccount}`;

/** A registry with its doors shut, on a free port, closed after the test. */
export async function startSecureRegistry(
  options: RegistryServerOptions = {},
): Promise<SecureFixture> {
  const server = createRegistryServer({
    port: 0,
    security: {},
    ...options,
    limits: { strangerRequestsPerSecond: 1_000, ...options.limits },
  });
  onEnd(() => server.close());
  const { url } = await server.listen();
  const { token: operator } = await server.createToken({ kind: 'operator', name: 'alice' });
  const send: SecureFixture['send'] = (method, path, shown = {}, body) =>
    sendTo(url + path, method, shown, body);
  const token: SecureFixture['token'] = async (wanted) =>
    await server.createToken({ name: 'test', ...wanted });
  const enroll: SecureFixture['enroll'] = (proof, spiffeId, shown) =>
    send('POST', '/v1/certificates', shown, {
      csr: createCsr(generateKey(), spiffeId ?? idOf('anybody')),
      ...(proof === undefined ? {} : { proof }),
    });
  return {
    server,
    url,
    operator,
    send,
    token,
    enroll,
    async workload(serviceAccount) {
      const spiffeId = idOf(serviceAccount);
      const join = await token({ kind: 'join', serviceAccount });
      const identity = createIdentity({
        spiffeId,
        enroller: {
          async enroll(csr) {
            const proof: CertificateProof = { kind: 'join-token', token: join.token };
            const { json } = await send('POST', '/v1/certificates', {}, { csr, proof });
            return json as CertificateIssued;
          },
        },
      });
      onEnd(() => identity.close());
      await identity.ready();
      return identity;
    },
    async openSession(identity) {
      const { json } = await send('POST', '/v1/sessions', { identity }, { client: 'test' });
      return (json as SessionOpened).session;
    },
    bundle: async () => (await send('GET', '/v1/trust-bundle')).json.bundle,
  };
}

/** Writes `text` in one piece on a connection of its own, and gives all that comes until the server closes it. */
export function exchangeRaw(url: string, identity: IdentitySource, text: string): Promise<string> {
  const { hostname: host, port } = new URL(url);
  const tls = identity.connectOptions([registryIdentity('cluster.local')]);
  return new Promise((resolve, reject) => {
    let read = '';
    const socket = connect({ ...tls, host, port: Number(port) }, () => socket.write(text));
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      read += chunk;
    });
    socket.on('error', reject);
    socket.on('end', () => resolve(read));
  });
}

function sendTo(url: string, method: string, shown: Shown, body: unknown): Promise<Answer> {
  const { token, identity, headers = {} } = shown;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const tls = identity?.connectOptions([registryIdentity('cluster.local')]);
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(url, {
      method,
      agent: false,
      // Whom the client trusts is the registry client's tests' business.
      ...((tls ?? { rejectUnauthorized: false }) as ConnectionOptions),
      headers: {
        ...(text === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
    });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      let read = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        read += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        const isJson = read !== '' && /json/.test(response.headers['content-type'] ?? '');
        const json = isJson ? JSON.parse(read) : null;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, json });
      });
    });
    outgoing.end(text);
  });
}
