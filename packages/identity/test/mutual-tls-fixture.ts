import {
  createServer,
  request as plainRequest,
  type RequestListener,
  type Server,
} from 'node:http';
import { Agent, request as secureRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { MeshEvent } from '@inmesh/core';
import {
  createIdentity,
  type IdentityCommonOptions,
  type IdentitySource,
  type MutualTls,
  type MutualTlsOptions,
  serveMutualTls,
} from '@inmesh/identity';
import { type TestAuthority, testEnroller } from './test-authority.ts';

export const orders = 'spiffe://cluster.local/ns/prod/sa/orders';
export const reviews = 'spiffe://cluster.local/ns/prod/sa/reviews';
export const admin = 'spiffe://cluster.local/ns/prod/sa/admin';

export interface Served {
  readonly server: Server;
  readonly tls: MutualTls;
  readonly port: number;
  readonly events: MeshEvent[];
  /** Why peers were refused. */
  refusals(): string[];
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly connection: string | undefined;
}

/** Starts what a test needs and ends all of it. */
export function createFixture(): {
  identity(
    signer: TestAuthority | (() => TestAuthority),
    spiffeId: string,
    options?: IdentityCommonOptions & { lifeMs?: number; bundle?: () => string },
  ): Promise<IdentitySource>;
  serve(
    identity: IdentitySource,
    options?: Omit<MutualTlsOptions, 'identity'>,
    listener?: RequestListener,
  ): Promise<Served>;
  /** A keep-alive agent with one connection at most, unless said otherwise. */
  agent(options: ConnectionOptions, maxSockets?: number): Agent;
  end(): Promise<void>;
} {
  const ends: (() => unknown)[] = [];
  return {
    async identity(signer, spiffeId, { lifeMs = 3_600_000, bundle, ...options } = {}) {
      const signing = typeof signer === 'function' ? signer : () => signer;
      const life = { now: Date.now, lifeMs, ...(bundle === undefined ? {} : { bundle }) };
      const enroller = testEnroller(signing, spiffeId, life);
      const identity = createIdentity({ ...options, enroller, spiffeId });
      ends.push(() => identity.close());
      await identity.ready();
      return identity;
    },
    async serve(identity, options = {}, listener = tellPeer) {
      const events: MeshEvent[] = [];
      const server = createServer((request, response) => {
        Reflect.set(request, 'peer', tls.peerOf(request.socket)?.identity.spiffeId);
        listener(request, response);
      });
      const tls = serveMutualTls(server, {
        identity,
        onEvent: (event) => void events.push(event),
        ...options,
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      ends.push(async () => {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        tls.close();
        await closed;
      });
      const refusals = (): string[] =>
        events.flatMap((event) => (event.kind === 'peer-refused' ? [event.error.message] : []));
      return { server, tls, port: (server.address() as AddressInfo).port, events, refusals };
    },
    agent(options, maxSockets = 1) {
      const agent = new Agent({ keepAlive: true, maxSockets, maxCachedSessions: 0, ...options });
      ends.push(() => agent.destroy());
      return agent;
    },
    async end() {
      for (const end of ends.splice(0).reverse()) await end();
    },
  };
}

const tellPeer: RequestListener = (request, response) => {
  response.end(`peer ${Reflect.get(request, 'peer') ?? 'nobody'}`);
};

/** One request over TLS. `onSocket` sees the connection that it goes over. */
export function getSecure(
  port: number,
  options: ConnectionOptions | Agent | undefined,
  onSocket?: (socket: TLSSocket) => void,
): Promise<Answer> {
  const how = options instanceof Agent ? { agent: options } : { agent: false as const, ...options };
  return new Promise((resolve, reject) => {
    const request = secureRequest({ host: '127.0.0.1', port, ...how });
    if (onSocket !== undefined) request.on('socket', (socket) => onSocket(socket as TLSSocket));
    collect(request, resolve, reject);
  });
}

/** One request in plain text, over a connection of its own unless an agent is given. */
export function getPlain(port: number, agent: Agent | false = false): Promise<Answer> {
  return new Promise((resolve, reject) => {
    collect(plainRequest({ host: '127.0.0.1', port, agent: agent as never }), resolve, reject);
  });
}

function collect(
  request: ReturnType<typeof plainRequest>,
  resolve: (answer: Answer) => void,
  reject: (error: Error) => void,
): void {
  request.on('error', reject);
  request.on('response', (response) => {
    let body = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      body += chunk;
    });
    response.on('error', reject);
    response.on('end', () => {
      resolve({ status: response.statusCode ?? 0, body, connection: response.headers.connection });
    });
  });
  request.end();
}
