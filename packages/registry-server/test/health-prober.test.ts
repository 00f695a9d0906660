import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { type Clock, systemClock } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import { sendProbe } from '../src/probe/probe-request.ts';
import { ProbeVerdict, probePlan } from '../src/probe/probe-verdict.ts';
import { onEnd, startRegistry } from './registry-fixture.ts';

async function startTarget(listener: RequestListener): Promise<{ server: Server; port: number }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

function probe(port: number, timeoutMs = 5_000, address = '127.0.0.1', clock = systemClock) {
  return sendProbe({ address, port, path: '/healthz', timeoutMs }, clock).result;
}

test.each([
  [200, 'healthy'],
  [204, 'healthy'],
  [302, 'healthy'],
  [404, 'unhealthy'],
  [503, 'unhealthy'],
])('an answer of %i is %s', async (status, verdict) => {
  const { port } = await startTarget((_request, response) => {
    response.writeHead(status).end();
  });
  expect(await probe(port)).toBe(verdict);
});

test('a redirect is not followed, wherever it points (hostile case 46)', async () => {
  const asked: string[] = [];
  const elsewhere = await startTarget((_request, response) => {
    asked.push('elsewhere');
    response.end();
  });
  const { port } = await startTarget((request, response) => {
    asked.push(request.url ?? '');
    response
      .writeHead(302, { location: `http://127.0.0.1:${elsewhere.port}/latest/meta-data` })
      .end();
  });
  await probe(port);
  expect(asked).toEqual(['/healthz']);
});

test('the address is checked again before the connection (hostile case 45)', async () => {
  expect(await probe(80, 5_000, '169.254.169.254')).toBe('unhealthy');
});

test('a refused connection, a cut one, and an answer that is no HTTP are unhealthy', async () => {
  const { server, port } = await startTarget((request) => request.socket.destroy());
  expect(await probe(port)).toBe('unhealthy');
  server.close();
  server.closeAllConnections();
  expect(await probe(port)).toBe('unhealthy');
  const noise = createTcpServer((socket) => socket.on('error', () => {}).end('noise\r\n\r\n'));
  await new Promise<void>((resolve) => noise.listen(0, '127.0.0.1', resolve));
  onEnd(() => noise.close());
  expect(await probe((noise.address() as AddressInfo).port)).toBe('unhealthy');
});

test('a target that does not answer in time is unhealthy, and its connection is closed', async () => {
  let closed: () => void = () => {};
  const cut = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const { port } = await startTarget((request) => request.socket.on('close', closed));
  expect(await probe(port, 50)).toBe('unhealthy');
  await cut;
});

test('a body without end does not hold a probe', async () => {
  const { port } = await startTarget((_request, response) => {
    const drip = setInterval(() => response.write('x'), 5);
    response.on('close', () => clearInterval(drip));
  });
  expect(await probe(port)).toBe('healthy');
});

test('a time-out that our own stall caused says nothing of the target (hostile case 61)', async () => {
  const { port } = await startTarget(() => {});
  let late = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + late };
  const { result } = sendProbe({ address: '127.0.0.1', port, path: '/', timeoutMs: 20 }, clock);
  late = 10_000;
  expect(await result).toBe('unclear');
});

test('a verdict changes after so many contrary results in a row', () => {
  const plan = probePlan({ path: '/', healthyAfter: 2, unhealthyAfter: 3 });
  const verdict = new ProbeVerdict(plan, true);
  const results = [
    'unhealthy',
    'unhealthy',
    'healthy',
    'unhealthy',
    'unclear',
    'unhealthy',
    'unhealthy',
    'healthy',
    'healthy',
  ] as const;
  expect(results.map((result) => verdict.record(result))).toEqual([
    true,
    true,
    true,
    true,
    true,
    true,
    false,
    false,
    true,
  ]);
});

test('what is not said of a probe has the usual defaults', () => {
  expect(probePlan({ path: '/x' })).toEqual({
    path: '/x',
    intervalMs: 10_000,
    timeoutMs: 1_000,
    healthyAfter: 1,
    unhealthyAfter: 3,
  });
});

test('an endpoint that fails its probes is shown as down, and as up when it answers again', async () => {
  let status = 503;
  const { port } = await startTarget((request, response) => {
    response.writeHead(request.url === '/live' ? status : 500).end();
  });
  const registry = await startRegistry({ settleMs: 0 });
  const session = await registry.openSession();
  await registry.subscribe(session, 'reviews.default');
  const stream = await registry.watch(session);
  await stream.nextOf('snapshot');
  const ports = [
    { name: 'http', port: 1 },
    { name: 'admin', port },
  ];
  const plan = { path: '/live', port: 'admin', intervalMs: 1_000, unhealthyAfter: 1 };
  await registry.register(session, 'r1', { ports, probe: plan });
  expect((await stream.nextOf('delta')).upserts[0]?.status).toBe('up');
  expect((await stream.nextOf('delta')).upserts[0]?.status).toBe('down');
  status = 200;
  expect((await stream.nextOf('delta')).upserts[0]?.status).toBe('up');
}, 15_000);
