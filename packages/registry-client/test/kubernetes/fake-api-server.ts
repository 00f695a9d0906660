import {
  createServer as createPlain,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecure } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onEnd } from '../eureka/on-end.ts';

interface Endpoint {
  readonly address: string;
  readonly pod?: string;
  readonly conditions?: object | null;
  readonly zone?: string;
}

/** A slice as the API server writes it. */
export function slice(
  name: string,
  endpoints: readonly Endpoint[],
  more: object = {},
): Record<string, unknown> {
  return {
    metadata: { name, resourceVersion: '1', labels: { 'kubernetes.io/service-name': 'orders' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: endpoints.map(({ address, pod, conditions, zone }) => ({
      addresses: [address],
      conditions: conditions === undefined ? { ready: true } : conditions,
      ...(zone === undefined ? {} : { zone }),
      ...(pod === undefined ? {} : { targetRef: { kind: 'Pod', name: pod, uid: `uid-${pod}` } }),
    })),
    ...more,
  };
}

export function pod(name: string, labels: object, serviceAccountName = 'default'): object {
  return { metadata: { name, uid: `uid-${name}`, labels }, spec: { serviceAccountName } };
}

/** An open watch, to be written to as the test says. */
export interface OpenWatch {
  readonly url: URL;
  readonly response: ServerResponse;
  send(type: string, object: object): void;
}

export interface FakeApiServer {
  readonly url: string;
  /** Paths with their queries, in the order they came. */
  readonly requests: string[];
  readonly tokens: (string | undefined)[];
  readonly watches: OpenWatch[];
  /** By path; a function gets the URL. Everything else is 404. */
  answers: Record<string, { status?: number; json?: unknown } | ((url: URL) => object)>;
  /** Answers to watches instead of an open stream. */
  refuseWatches: { status: number; json: object } | undefined;
  stop(): Promise<void>;
}

export const slicesPath = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
export const servicePath = '/api/v1/namespaces/default/services/orders';
export const podsPath = '/api/v1/namespaces/default/pods';

/** An API server with the service `orders`, whose slices are `items`. */
export function startApiServer(...items: object[]): Promise<FakeApiServer> {
  return serve('http', createPlain, items);
}

/** As every real one: over TLS, with a certificate of the cluster's own CA. */
export function startSecureApiServer(
  credential: { readonly cert: string; readonly key: string },
  ...items: object[]
): Promise<FakeApiServer> {
  return serve('https', (listener) => createSecure(credential, listener), items);
}

async function serve(
  scheme: string,
  create: (listener: RequestListener) => Server,
  items: object[],
): Promise<FakeApiServer> {
  const requests: string[] = [];
  const tokens: (string | undefined)[] = [];
  const watches: OpenWatch[] = [];
  const json = (response: ServerResponse, status: number, value: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(String(request.url), 'http://api');
    requests.push(url.pathname + decodeURIComponent(url.search));
    tokens.push(request.headers.authorization);
    if (url.searchParams.has('watch')) {
      if (fake.refuseWatches !== undefined) {
        json(response, fake.refuseWatches.status, fake.refuseWatches.json);
        return;
      }
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
      watches.push({
        url,
        response,
        send: (type, object) => response.write(`${JSON.stringify({ type, object })}\n`),
      });
      return;
    }
    const answer = fake.answers[url.pathname];
    if (answer === undefined) json(response, 404, { message: `${url.pathname} not found` });
    else if (typeof answer === 'function') json(response, 200, answer(url));
    else json(response, answer.status ?? 200, answer.json);
  };
  const server = create(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  onEnd(stop);
  const fake: FakeApiServer = {
    url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    tokens,
    watches,
    answers: {
      '/version': { json: { major: '1' } },
      [slicesPath]: { json: { metadata: { resourceVersion: '10' }, items } },
      [servicePath]: {
        json: { spec: { selector: { app: 'orders' }, ports: [{ name: 'http', port: 80 }] } },
      },
      [podsPath]: { json: { items: [] } },
    },
    refuseWatches: undefined,
    stop,
  };
  return fake;
}
