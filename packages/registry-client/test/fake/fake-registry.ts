import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type {
  ConfigResource,
  ConfigSnapshot,
  Endpoint,
  Registration,
  ServiceName,
  Subscriptions,
} from '@inmesh/core';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

/** What a script answers instead of the registry: an answer, silence, or a cut connection. */
export type Scripted = { readonly status: number; readonly body?: unknown } | 'hang' | 'cut';

interface FakeSession {
  readonly client: string;
  readonly registrations: Map<string, Registration>;
  subscriptions: Set<ServiceName>;
  /** What the client said that it knows; `undefined` when it does not follow the configuration. */
  config: Subscriptions['config'];
  stream: ServerResponse | undefined;
}

/** A registry on a real port that follows the wire, and misbehaves on request. */
export class FakeRegistry {
  epoch = 'e1';
  revision = 0;
  settling = false;
  /** Whether a stream with Last-Event-ID goes on where it was. */
  resumes = true;
  /** Whether subscriptions are answered by snapshots, as they should. */
  snapshots = true;
  /** What followers of the configuration are told. */
  config: ConfigSnapshot = { revision: '0', resources: [] };
  keepAliveMs = 5_000;
  ttlMs = 15_000;
  readonly requests: SeenRequest[] = [];
  readonly sessions = new Map<string, FakeSession>();
  readonly services = new Map<
    ServiceName,
    { revision: number; endpoints: Map<string, Endpoint> }
  >();
  script: ((request: SeenRequest) => Scripted | undefined) | undefined;
  #server: Server | undefined;
  #port = 0;
  #opened = 0;

  /** Starts, or starts again on the same port. */
  async start(): Promise<this> {
    const server = createServer((request, response) => void this.#serve(request, response));
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    return this;
  }

  /** Stops as if killed: every connection is cut. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  /** Comes up again with nothing, as a server without a store does. */
  async restart(epoch: string, settling: boolean): Promise<void> {
    await this.stop();
    this.epoch = epoch;
    this.revision = 0;
    this.settling = settling;
    this.sessions.clear();
    this.services.clear();
    await this.start();
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get streams(): readonly ServerResponse[] {
    return [...this.sessions.values()].flatMap(({ stream }) =>
      stream === undefined ? [] : [stream],
    );
  }

  get connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#server === undefined) resolve(0);
      else this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
  }

  seen(method: string, path: RegExp): readonly SeenRequest[] {
    return this.requests.filter((each) => each.method === method && path.test(each.path));
  }

  forgetSessions(): void {
    this.sessions.clear();
  }

  /** Sets what a service has, and tells nobody. */
  put(service: ServiceName, endpoints: readonly Endpoint[]): void {
    this.revision += 1;
    const byId = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));
    this.services.set(service, { revision: this.revision, endpoints: byId });
  }

  /** Changes a service and tells its watchers by a delta. */
  change(
    service: ServiceName,
    upserts: readonly Endpoint[],
    removes: readonly string[] = [],
  ): void {
    const record = this.services.get(service) ?? { revision: 0, endpoints: new Map() };
    const from = `${this.epoch}:${record.revision}`;
    this.revision += 1;
    record.revision = this.revision;
    for (const endpoint of upserts) record.endpoints.set(endpoint.id, endpoint);
    for (const id of removes) record.endpoints.delete(id);
    this.services.set(service, record);
    const revision = `${this.epoch}:${record.revision}`;
    this.send('delta', { service, from, revision, upserts, removes }, revision);
  }

  /** Changes the configuration and tells everybody by a delta. */
  changeConfig(revision: string, upserts: readonly ConfigResource[], removes: string[] = []): void {
    const from = this.config.revision;
    const keyOf = ({ kind, metadata }: ConfigResource): string =>
      `${kind}/${metadata.namespace}/${metadata.name}`;
    const resources = new Map(this.config.resources.map((each) => [keyOf(each), each]));
    for (const key of removes) resources.delete(key);
    for (const resource of upserts) resources.set(keyOf(resource), resource);
    this.config = { revision, resources: [...resources.values()] };
    this.send('config-delta', { from, revision, upserts, removes });
  }

  sendSnapshot(service: ServiceName, to: readonly ServerResponse[] = this.streams): void {
    const record = this.services.get(service);
    const revision = `${this.epoch}:${record?.revision ?? 0}`;
    const endpoints = [...(record?.endpoints.values() ?? [])];
    this.send(
      'snapshot',
      { service, revision, known: record !== undefined, endpoints },
      revision,
      to,
    );
  }

  /** Any frame, to every stream unless said. */
  send(
    kind: string,
    data: unknown,
    id?: string,
    to: readonly ServerResponse[] = this.streams,
  ): void {
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    for (const stream of to) {
      stream.write(`event: ${kind}\n${id === undefined ? '' : `id: ${id}\n`}data: ${text}\n\n`);
    }
  }

  settle(): void {
    for (const { stream, subscriptions } of this.sessions.values()) {
      for (const service of stream === undefined ? [] : subscriptions) {
        this.sendSnapshot(service, [stream as ServerResponse]);
      }
    }
    this.settling = false;
    this.send('settled', {});
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
    } catch {
      return; // cut by the client
    }
    const text = Buffer.concat(chunks).toString();
    const request: SeenRequest = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: text === '' ? undefined : JSON.parse(text),
    };
    this.requests.push(request);
    const scripted = this.script?.(request);
    if (scripted === 'hang') return;
    if (scripted === 'cut') response.destroy();
    else if (scripted !== undefined) answer(response, scripted.status, scripted.body);
    else this.#answer(request, response);
  }

  #answer(request: SeenRequest, response: ServerResponse): void {
    const [, , , token = '', resource = '', id = ''] = request.path.split('/');
    if (request.method === 'POST') {
      this.#opened += 1;
      const session = `s${this.#opened}`;
      const { client } = request.body as { client: string };
      this.sessions.set(session, {
        client,
        registrations: new Map(),
        subscriptions: new Set(),
        config: undefined,
        stream: undefined,
      });
      const { ttlMs, epoch } = this;
      answer(response, 201, { session, ttlMs, renewEveryMs: ttlMs / 3, epoch });
      return;
    }
    const session = this.sessions.get(token);
    if (session === undefined) {
      const problem = {
        type: 'about:blank',
        title: 'gone',
        status: 404,
        detail: 'no such session',
      };
      answer(response, 404, { ...problem, code: 'session_unknown' });
    } else if (resource === 'registrations') {
      const key = decodeURIComponent(id);
      if (request.method === 'DELETE') {
        session.registrations.delete(key);
        answer(response, 204);
      } else {
        session.registrations.set(key, request.body as Registration);
        answer(response, 200, { revision: `${this.epoch}:${this.revision}` });
      }
    } else if (resource === 'subscriptions') {
      this.#subscribe(session, request.body as Subscriptions);
      answer(response, 204);
    } else if (resource === 'watch') {
      this.#watch(session, request, response);
    } else {
      if (request.method === 'DELETE') this.sessions.delete(token);
      answer(response, 204);
    }
  }

  #subscribe(session: FakeSession, { services, config }: Subscriptions): void {
    const before = session.subscriptions;
    session.subscriptions = new Set(services);
    session.config = config;
    if (session.stream === undefined || !this.snapshots) return;
    if (config?.revision === null)
      this.send('config-snapshot', this.config, undefined, [session.stream]);
    for (const service of services) {
      if (!before.has(service)) this.sendSnapshot(service, [session.stream]);
    }
  }

  #watch(session: FakeSession, request: SeenRequest, response: ServerResponse): void {
    session.stream = response;
    response.on('close', () => {
      if (session.stream === response) session.stream = undefined;
    });
    response.on('error', () => {});
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const resumed = this.resumes && request.headers['last-event-id'] !== undefined;
    const { epoch, settling, keepAliveMs } = this;
    this.send('hello', { epoch, settling, resumed, keepAliveMs }, undefined, [response]);
    const known = session.config?.revision;
    if (this.snapshots && known !== undefined && known !== this.config.revision) {
      this.send('config-snapshot', this.config, undefined, [response]);
    }
    if (resumed || !this.snapshots) return;
    for (const service of session.subscriptions) this.sendSnapshot(service, [response]);
  }
}

function answer(response: ServerResponse, status: number, body?: unknown): void {
  if (body === undefined) response.writeHead(status).end();
  else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
