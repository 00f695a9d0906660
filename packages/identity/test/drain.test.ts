import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { attach, createDrain, createPipeline } from '@inmesh/inbound';
import { createFakeClock, type FakeClock } from '@inmesh/testing';
import { afterEach, beforeAll, expect, test } from '@jest/globals';
import { createFixture, getPlain, getSecure, orders, reviews } from './mutual-tls-fixture.ts';
import { createAuthority, type TestAuthority } from './test-authority.ts';
import { until } from './until.ts';

let authority: TestAuthority;
beforeAll(async () => {
  authority = await createAuthority();
});
const fixture = createFixture();
afterEach(() => fixture.end());

test('a drain finishes what TLS and plain connections have in flight, and waits for nobody silent', async () => {
  const client = await fixture.identity(authority, orders);
  const server = await fixture.identity(authority, reviews);
  const finish: (() => void)[] = [];
  const { port, server: http } = await fixture.serve(
    server,
    { mode: () => 'permissive' },
    (request, response) => {
      if (request.url === '/') finish.push(() => response.end('done'));
    },
  );
  const drain = createDrain(http, { quietMs: 50 });
  const detach = attach(http, createPipeline());
  const silent = connectTcp(port, '127.0.0.1').resume();
  await once(silent, 'connect');
  const agent = fixture.agent(client.connectOptions([reviews]) ?? {});
  const answers = [getSecure(port, agent), getPlain(port)];
  await until(() => expect(finish).toHaveLength(2));
  expect(drain.inFlight).toBe(2);
  expect(drain.connections).toBe(2);
  const closed = drain.close(10_000);
  for (const end of finish) end();
  for (const answer of await Promise.all(answers)) {
    expect(answer).toMatchObject({ status: 200, body: 'done', connection: 'close' });
  }
  await expect(closed).resolves.toEqual({ cutRequests: 0, cutConnections: 0 });
  detach();
});

/** A clock that begins now and moves when told: nothing but the request itself meets the time. */
function clockOfToday(): FakeClock {
  const clock = createFakeClock();
  clock.jumpWall(Date.now() - clock.wallNow());
  return clock;
}

test('a closing server keeps connections that were handed over, however long their response takes', async () => {
  const client = await fixture.identity(authority, orders);
  const server = await fixture.identity(authority, reviews);
  const clock = clockOfToday();
  const finish: (() => void)[] = [];
  const options = { mode: (): 'permissive' => 'permissive', clock };
  const { port, server: http } = await fixture.serve(server, options, (_request, response) => {
    finish.push(() => response.end('done'));
  });
  const answers = [getSecure(port, client.connectOptions([reviews])), getPlain(port)];
  await until(() => expect(finish).toHaveLength(2));
  const closed = new Promise((resolve) => http.close(resolve));
  clock.advance(10_000);
  for (const end of finish) end();
  for (const answer of await Promise.all(answers)) expect(answer.body).toBe('done');
  await closed;
});

test('case 39: a request that comes on an open connection after the peer has expired is not handled', async () => {
  const client = await fixture.identity(authority, orders);
  const server = await fixture.identity(authority, reviews);
  const clock = clockOfToday();
  let handled = 0;
  const { port, refusals } = await fixture.serve(server, { clock }, (_request, response) => {
    handled += 1;
    response.end();
  });
  const agent = fixture.agent(client.connectOptions([reviews]) ?? {});
  await getSecure(port, agent);
  clock.jumpWall(3_700_000);
  await expect(getSecure(port, agent)).rejects.toThrow();
  expect(handled).toBe(1);
  expect(refusals()).toEqual([expect.stringMatching(/has lost access: it expired at/)]);
});

test('the pipeline sees the request of an expired peer neither before nor behind the guard', async () => {
  const server = await fixture.identity(authority, reviews);
  const client = await fixture.identity(authority, orders);
  let handled = 0;
  const { port, server: http } = await fixture.serve(server, {}, (_request, response) => {
    handled += 1;
    response.end();
  });
  attach(http, createPipeline());
  const agent = fixture.agent(client.connectOptions([reviews]) ?? {});
  await getSecure(port, agent);
  server.revoked.replace([client.tls()?.svid.serial ?? '']);
  await expect(getSecure(port, agent)).rejects.toThrow();
  expect(handled).toBe(1);
});
