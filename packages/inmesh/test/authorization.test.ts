import { identityOf } from '@inmesh/auth';
import type { ResourceInput } from '@inmesh/config';
import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import express from 'express';
import Fastify from 'fastify';
import type { Mesh, MeshOptions } from 'inmesh';
import { authorize, meshExpress, requireRole } from 'inmesh/express';
import { meshFastify } from 'inmesh/fastify';
import { type LocalAuthority, localAuthority } from './support/authority.ts';
import { allTo, configured, join, post, quick, startRegistry } from './support/in-mesh.ts';
import { testIssuer } from './support/issuer.ts';

const login = testIssuer();
const guest = login.token({ sub: 'guest' });
const editor = login.token({ sub: 'ada', roles: ['editor'] });

let authority: LocalAuthority;
beforeAll(async () => {
  authority = localAuthority();
});
let url: string;
beforeEach(async () => {
  ({ url } = await startRegistry());
});

function certified(service: string, options: MeshOptions = {}): Promise<Mesh> {
  const identity = { enroller: authority.enroller() };
  return join({ service, serviceAccount: service, registry: url, identity, ...options });
}

async function apply(mesh: Mesh, ...resources: readonly ResourceInput[]): Promise<void> {
  const { revision } = await post(url, ...resources.map(secured));
  await configured(mesh, revision);
}

function secured(resource: ResourceInput): ResourceInput {
  const isSecurity = /Authentication|Authorization/.test(resource.kind);
  return isSecurity ? { ...resource, apiVersion: 'security.istio.io/v1' } : resource;
}

const users: ResourceInput = {
  kind: 'RequestAuthentication',
  metadata: { name: 'users' },
  spec: { jwtRules: [{ issuer: login.issuer, audiences: ['shop'], jwks: login.jwks }] },
};
const onlyReviews: ResourceInput = {
  kind: 'AuthorizationPolicy',
  metadata: { name: 'ratings' },
  spec: {
    selector: { matchLabels: { app: 'ratings' } },
    rules: [{ from: [{ source: { serviceAccounts: ['reviews'] } }] }],
  },
};

async function status(mesh: Mesh, target: string, token?: string): Promise<number> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return (await mesh.request(target, { headers })).status;
}

describe('AuthorizationPolicy', () => {
  test('a policy by service account lets one service in and refuses the others, who learn nothing', async () => {
    const ratings = await certified('ratings', { labels: { app: 'ratings' } });
    await ratings.listen((_request, response) => response.end('5'), quick);
    const [reviews, orders] = await Promise.all([certified('reviews'), certified('orders')]);
    await apply(ratings, onlyReviews);
    expect(await status(reviews, 'http://ratings/7')).toBe(200);
    const refused = await orders.request('http://ratings/7');
    expect(refused.status).toBe(403);
    expect(refused.body.toString()).not.toContain('AuthorizationPolicy');
    expect(ratings.inspect().refusals).toEqual([
      expect.objectContaining({
        kind: 'request',
        peer: 'spiffe://cluster.local/ns/default/sa/orders',
        code: 'forbidden',
        reason: 'no policy allows it',
      }),
    ]);
  });

  test('policy and rule that refuse are in the metrics, and in the answer where the operator says so', async () => {
    const ratings = await certified('ratings', { tellRefusals: true });
    await ratings.listen((_request, response) => response.end('5'), quick);
    const orders = await certified('orders');
    await apply(ratings, {
      kind: 'AuthorizationPolicy',
      metadata: { name: 'no-deletes' },
      spec: { action: 'DENY', rules: [{ to: [{ operation: { methods: ['DELETE'] } }] }] },
    });
    const refused = await orders.request('http://ratings/7', { method: 'DELETE' });
    expect(refused.body.toString()).toContain('rule 0 of AuthorizationPolicy/default/no-deletes');
    expect(ratings.inspect().refusals[0]).toMatchObject({
      rule: 'AuthorizationPolicy/default/no-deletes#0',
      method: 'DELETE',
    });
    const counters = [...ratings.metrics.gauges()].find(
      ({ gauge }) => gauge.name === 'inmesh_refusals_total',
    );
    expect(counters?.samples).toEqual([
      {
        value: 1,
        labels: [
          ['code', 'forbidden'],
          ['rule', 'AuthorizationPolicy/default/no-deletes#0'],
        ],
      },
    ]);
  });

  test('roles in code are policies of the service', async () => {
    const roles = [{ name: 'editor', grants: [{ services: ['ratings'], methods: ['PUT'] }] }];
    const ratings = await certified('ratings', { roles });
    await ratings.listen((_request, response) => response.end('5'), quick);
    const orders = await certified('orders');
    await apply(ratings, users);
    const put = async (token: string): Promise<number> => {
      const headers = { authorization: `Bearer ${token}` };
      return (await orders.request('http://ratings/7', { method: 'PUT', headers })).status;
    };
    expect(await put(editor)).toBe(200);
    expect(await put(guest)).toBe(403);
  });

  test('while the registry has not said what the policies are nothing is served', async () => {
    const lonely = await join({
      service: 'ratings',
      registry: 'http://127.0.0.1:9',
      startTimeoutMs: 50,
      startDegraded: true,
    });
    let served = 0;
    const { url: own } = await lonely.listen((_request, response) => {
      served += 1;
      response.end();
    }, quick);
    const answer = await fetch(own);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'registry_unavailable' });
    expect(served).toBe(0);
  });

  test('a first configuration that cannot be used serves nobody', async () => {
    const other = await join({ service: 'other', registry: url });
    const rejected: ResourceInput = {
      kind: 'RequestAuthentication',
      metadata: { name: 'loose' },
      spec: {
        jwtRules: [
          { issuer: login.issuer, audiences: ['shop'], jwksUri: 'http://127.0.0.1:9/keys' },
        ],
      },
    };
    await post(url, secured(rejected));
    const ratings = await join({ service: 'ratings', registry: url });
    await ratings.listen((_request, response) => response.end('5'), quick);
    expect(await status(other, 'http://ratings/7')).toBe(503);
    expect(ratings.inspect().config.rejected).toBeDefined();
  });

  test('a configuration that does not compile changes nothing of what is in force', async () => {
    const ratings = await certified('ratings', { labels: { app: 'ratings' } });
    await ratings.listen((_request, response) => response.end('5'), quick);
    const orders = await certified('orders');
    await apply(ratings, onlyReviews);
    const rejected = new Promise((resolve) => ratings.events.on('config-rejected', resolve));
    // Keys at a private address, of which only the process can say whether it may go there.
    await post(
      url,
      secured({
        kind: 'RequestAuthentication',
        metadata: { name: 'loose' },
        spec: {
          jwtRules: [
            { issuer: login.issuer, audiences: ['shop'], jwksUri: 'http://127.0.0.1:9/keys' },
          ],
        },
      }),
    );
    await rejected;
    expect(await status(orders, 'http://ratings/7')).toBe(403);
    expect(ratings.inspect().config.rejected).toBeDefined();
  });
});

describe('end users', () => {
  test('good, bad and missing tokens, and what a handler of each framework sees of the user', async () => {
    const ratings = await certified('ratings');
    const app = express();
    app.use(meshExpress(ratings));
    app.get('/who', (request, response) => void response.send(request.identity?.principal ?? '-'));
    app.put('/edit', requireRole('editor'), (_request, response) => void response.send('saved'));
    app.get('/users/:id', authorize(ratings.authorizer), (_request, response) => {
      response.send('a user');
    });
    await ratings.listen(app, quick);
    const shop = await certified('shop');
    const fastify = Fastify();
    await fastify.register(meshFastify(shop));
    fastify.get('/who', async ({ identity }) => identity?.principal ?? '-');
    await shop.listen(fastify, quick);
    const orders = await certified('orders');
    await apply(orders, users);
    await Promise.all([ratings, shop].map((mesh) => configured(mesh, revisionOf(orders))));

    for (const service of ['ratings', 'shop']) {
      const who = async (token?: string): Promise<string> => {
        const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
        return (await orders.request(`http://${service}/who`, { headers })).body.toString();
      };
      expect(await who(editor)).toBe('https://login.test/ada');
      expect(await who()).toBe('-');
      expect(await status(orders, `http://${service}/who`, `${editor}x`)).toBe(401);
      const stranger = testIssuer('https://login.test').token({ sub: 'ada' });
      expect(await status(orders, `http://${service}/who`, stranger)).toBe(401);
      const elsewhere = login.token({ sub: 'ada', aud: 'bank' });
      expect(await status(orders, `http://${service}/who`, elsewhere)).toBe(403);
    }
    const edit = async (token?: string): Promise<number> => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      return (await orders.request('http://ratings/edit', { method: 'PUT', headers })).status;
    };
    expect([await edit(editor), await edit(guest)]).toEqual([200, 403]);
    expect(await status(orders, 'http://ratings/users/7')).toBe(200);
  });

  test('a claim of the verified token decides the route at the second hop, and at the third where the token goes along', async () => {
    const versions = await Promise.all(
      ['v1', 'v2'].map(async (version) => {
        const ratings = await certified('ratings', { version });
        await ratings.listen(
          (request, response) =>
            response.end(`${version} ${identityOf(request)?.principal ?? 'nobody'}`),
          quick,
        );
        return ratings;
      }),
    );
    const reviews = await certified('reviews', { passOnTokens: true });
    await reviews.listen(async (_request, response) => {
      response.end((await reviews.request('http://ratings/')).body);
    }, quick);
    const orders = await certified('orders');
    const [route, rule] = allTo('ratings', 'v1');
    const [, second] = allTo('ratings', 'v2');
    await apply(
      reviews,
      users,
      {
        kind: 'VirtualService',
        metadata: { name: 'ratings' },
        spec: {
          hosts: ['ratings'],
          http: [
            {
              match: [{ headers: { '@request.auth.claims.roles': { exact: 'editor' } } }],
              route: [{ destination: { host: 'ratings', subset: 'v2' } }],
            },
            ...((route.spec as { http: readonly object[] }).http as never[]),
          ],
        },
      },
      {
        ...rule,
        spec: {
          host: 'ratings',
          subsets: [rule, second].flatMap(({ spec }) => (spec as { subsets: never[] }).subsets),
        },
      } as ResourceInput,
    );
    await Promise.all([...versions, orders].map((mesh) => configured(mesh, revisionOf(reviews))));
    const asked = async (token: string): Promise<string> => {
      const headers = { authorization: `Bearer ${token}` };
      return (await orders.request('http://reviews/', { headers })).body.toString();
    };
    expect(await asked(guest)).toBe('v1 https://login.test/guest');
    expect(await asked(editor)).toBe('v2 https://login.test/ada');
  });

  test('a token goes no further unless that was asked for', async () => {
    const ratings = await certified('ratings');
    await ratings.listen(
      (request, response) => response.end(request.headers.authorization ?? 'none'),
      quick,
    );
    const reviews = await certified('reviews');
    await reviews.listen(async (_request, response) => {
      response.end((await reviews.request('http://ratings/')).body);
    }, quick);
    const orders = await certified('orders');
    await apply(reviews, users);
    const headers = { authorization: `Bearer ${editor}` };
    expect((await orders.request('http://reviews/', { headers })).body.toString()).toBe('none');
  });
});

function revisionOf(mesh: Mesh): string {
  return mesh.inspect().config.revision ?? '';
}

test('case 36: forwarded and identity headers of strangers are taken away', async () => {
  const ratings = await join({
    service: 'ratings',
    registry: url,
    identityHeaders: ['x-user'],
  });
  const { url: own } = await ratings.listen(
    (request, response) => response.end(JSON.stringify(request.headers)),
    quick,
  );
  const sent = { 'x-forwarded-for': '10.0.0.1', 'x-user': 'admin', 'x-other': '1' };
  const seen = await (await fetch(own, { headers: sent })).json();
  expect(seen).toMatchObject({ 'x-other': '1' });
  expect(seen).not.toHaveProperty('x-user');
  expect(seen).not.toHaveProperty('x-forwarded-for');
});

test('Fastify on localhost is reached through the mesh only, on ::1 neither', async () => {
  const ratings = await join({ service: 'ratings', registry: url });
  const fastify = Fastify();
  fastify.get('/', async () => 'served');
  const { port } = await ratings.listen(fastify, { ...quick, host: 'localhost' });
  await apply(ratings, {
    kind: 'AuthorizationPolicy',
    metadata: { name: 'nobody' },
    spec: {},
  });
  const answers = await Promise.all(
    ['127.0.0.1', '[::1]'].map((host) =>
      fetch(`http://${host}:${port}/`).then(
        (answer) => answer.status,
        () => 'refused',
      ),
    ),
  );
  expect(answers).toEqual([403, 'refused']);
});
