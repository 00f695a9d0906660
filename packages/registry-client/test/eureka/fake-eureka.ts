import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { instanceHash } from '@inmesh/core/eureka';
import { onEnd } from './on-end.ts';

/** One instance in Eureka's JSON. */
export function instance(app: string, id: string, more: object = {}): Record<string, unknown> {
  return {
    instanceId: id,
    app,
    hostName: id,
    ipAddr: '10.0.0.1',
    status: 'UP',
    port: { $: 8080, '@enabled': 'true' },
    dataCenterInfo: {
      '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo',
      name: 'MyOwn',
    },
    lastDirtyTimestamp: '1700000000000',
    ...more,
  };
}

/** Eureka's answer with these instances; a hash of them unless another is given. */
export function applications(
  instances: readonly Record<string, unknown>[],
  hash = hashOf(instances),
): object {
  const apps = new Map<string, Record<string, unknown>[]>();
  for (const each of instances) {
    apps.set(String(each.app), [...(apps.get(String(each.app)) ?? []), each]);
  }
  const application = [...apps].map(([name, list]) => ({ name, instance: list }));
  return { applications: { versions__delta: '1', apps__hashcode: hash, application } };
}

function hashOf(instances: readonly Record<string, unknown>[]): string {
  const counts = new Map<string, number>();
  for (const { status } of instances) {
    counts.set(String(status), (counts.get(String(status)) ?? 0) + 1);
  }
  return instanceHash(counts);
}

interface Answer {
  readonly status?: number;
  readonly json?: unknown;
}

export interface FakeEureka {
  /** With Eureka's path. */
  readonly url: string;
  /** `GET /apps/`, in the order they came. */
  readonly requests: string[];
  readonly bodies: unknown[];
  readonly authorizations: (string | undefined)[];
  /** What is answered, by `GET /apps/`; 204 to everything else. */
  answers: Record<string, Answer>;
  /** Ends it, connections too. */
  stop(): Promise<void>;
}

/** A Eureka that answers what a test says. */
export async function startFakeEureka(answers: Record<string, Answer> = {}): Promise<FakeEureka> {
  const requests: string[] = [];
  const bodies: unknown[] = [];
  const authorizations: (string | undefined)[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const path = String(request.url).slice('/eureka'.length).split('?')[0];
    const line = `${request.method} ${path}`;
    requests.push(line);
    authorizations.push(request.headers.authorization);
    if (text !== '') bodies.push(JSON.parse(text));
    const { status, json } = fake.answers[line] ?? { status: 204 };
    response.writeHead(status ?? 200, { 'content-type': 'application/json' });
    response.end(json === undefined ? undefined : JSON.stringify(json));
  };
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const fake: FakeEureka = {
    url: `http://127.0.0.1:${port}/eureka`,
    requests,
    bodies,
    authorizations,
    answers,
    stop,
  };
  onEnd(stop);
  return fake;
}
