import { createServer } from 'node:http';
import {
  buildSpring,
  freePort,
  quickClient,
  type SpringProcess,
  startSpring,
} from '@inmesh/interop';
import { createRegistryServer, type RegistryServerOptions } from '@inmesh/registry-server';
import { eventually } from '@inmesh/testing';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { createMesh, type Mesh, type MeshOptions } from 'inmesh';

/** A JVM on a busy machine takes its time. */
const patienceMs = 60_000;

const open: (() => Promise<unknown>)[] = [];
let springEureka: SpringProcess;
/** Beside `springEureka`, and its peer. */
let peer: Awaited<ReturnType<typeof startRegistry>>;

async function startRegistry(
  options: RegistryServerOptions = {},
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createRegistryServer({ port: 0, settleMs: 0, removalHoldMs: 0, ...options });
  const { url } = await server.listen();
  return { url, close: () => server.close() };
}

async function join(options: MeshOptions): Promise<Mesh> {
  const mesh = await createMesh({ snapshotFile: false, ...options });
  open.push(() => mesh.close());
  return mesh;
}

/** A Node service that says hello. */
async function startGreeter(options: MeshOptions): Promise<Mesh> {
  const mesh = await join(options);
  await mesh.listen(
    createServer((_request, response) => response.end(`hello from Node's ${options.service}`)),
    { drainOn: [], propagationMs: 0 },
  );
  return mesh;
}

/** Asks until it is answered so: Spring hears of changes when it asks. */
const answers = (mesh: Mesh, url: string, expected: string): Promise<void> =>
  eventually(async () => {
    try {
      return (await mesh.request(url)).body.toString() === expected;
    } catch {
      return false;
    }
  }, patienceMs);

beforeAll(async () => {
  buildSpring();
  const port = await freePort();
  springEureka = await startSpring('spring-eureka', {
    'spring.application.name': 'eureka',
    // Peers are told apart by their host names, of which this machine has one.
    'eureka.instance.hostname': 'spring-eureka',
    'eureka.instance.prefer-ip-address': false,
    'eureka.client.register-with-eureka': false,
    'eureka.client.fetch-registry': false,
    'eureka.client.service-url.defaultZone': `http://127.0.0.1:${port}/eureka`,
    'eureka.server.response-cache-update-interval-ms': 500,
    'eureka.server.peer-node-read-timeout-ms': 2_000,
    'eureka.server.peer-node-connect-timeout-ms': 2_000,
  });
  peer = await startRegistry({ port, eureka: { peers: [`${springEureka.url}/eureka`] } });
}, 600_000);

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

afterAll(async () => {
  await springEureka?.stop();
  await peer?.close();
});

test('a Spring service that registers with our registry is found, finds a Node service, and both call each other', async () => {
  const registry = await startRegistry({ eureka: true });
  open.push(registry.close);
  const spring = await startSpring('spring-service', {
    'spring.application.name': 'spring',
    ...quickClient(`${registry.url}/eureka`),
  });
  open.push(spring.stop);
  const greeter = await startGreeter({ service: 'greeter', registry: registry.url });
  await answers(greeter, 'http://spring/hello', 'hello from Spring');
  await answers(greeter, 'http://spring/call/greeter', "hello from Node's greeter");

  await spring.stop();
  await eventually(async () => {
    const response = await fetch(`${registry.url}/v1/services/default/spring`);
    const { endpoints } = (await response.json()) as { endpoints: unknown[] };
    return endpoints.length === 0;
  }, patienceMs);
});

test('a Node service joins a real Spring Eureka, finds a Spring service there, and both call each other', async () => {
  const spring = await startSpring('spring-service', {
    'spring.application.name': 'spring',
    ...quickClient(`${springEureka.url}/eureka`),
  });
  open.push(spring.stop);
  const joined = await startGreeter({
    service: 'joined',
    registry: `eureka+${springEureka.url}/eureka`,
  });
  expect(joined.inspect().registry).toMatchObject({ kind: 'connected' });
  expect(await (await fetch(`${springEureka.url}/eureka/apps/JOINED`)).text()).toContain(
    '<name>JOINED</name>',
  );
  await answers(joined, 'http://spring/call/joined', "hello from Node's joined");

  // The same Spring service, through replication to our registry; and ours, through replication to Spring's.
  const replicated = await startGreeter({ service: 'replicated', registry: peer.url });
  await answers(replicated, 'http://spring/hello', 'hello from Spring');
  await answers(replicated, 'http://spring/call/replicated', "hello from Node's replicated");

  await replicated.close();
  await eventually(
    async () => (await fetch(`${springEureka.url}/eureka/apps/REPLICATED`)).status === 404,
    patienceMs,
  );
});
