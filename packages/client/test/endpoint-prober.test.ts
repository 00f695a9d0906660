import { eventually, type Upstream } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { clientOf, upstream } from './client-fixture.ts';

const outlier = { probeIntervalMs: 20, probePath: '/alive', consecutive5xx: 2 };

/** One of two endpoints answers nothing but errors until it is ejected; probes of it meet `probed`. */
async function ejected(probed: Upstream['fault']) {
  const probes: string[] = [];
  const failing = await upstream({
    fault: ({ url = '' }) => {
      if (url === '/') return { kind: 'status', status: 500 };
      probes.push(url);
      return typeof probed === 'function' ? undefined : probed;
    },
  });
  const client = clientOf([failing, await upstream()], {
    outlier,
    breaker: null,
    balancer: { kind: 'round-robin' },
  });
  const isEjected = () => client.inspect().services[0]?.endpoints[0]?.ejected === true;
  for (let i = 0; i < 4; i += 1) await client.request('http://reviews/');
  expect(isEjected()).toBe(true);
  return { client, failing, probes, isEjected };
}

test('an ejected endpoint that answers a probe comes back before its time', async () => {
  const { probes, isEjected } = await ejected(undefined);
  await eventually(() => !isEjected());
  expect(probes).toEqual(['/alive']);
});

test('one that answers it with an error stays out, and is asked again', async () => {
  const { probes, isEjected } = await ejected({ kind: 'status', status: 503 });
  await eventually(() => probes.length >= 3);
  expect(isEjected()).toBe(true);
});

test('nobody is asked unless that is said', async () => {
  const failing = await upstream({ fault: { kind: 'status', status: 500 } });
  const client = clientOf([failing, await upstream()], {
    outlier: { consecutive5xx: 1, baseEjectionMs: 60_000 },
    breaker: null,
    balancer: { kind: 'round-robin' },
  });
  for (let i = 0; i < 4; i += 1) await client.request('http://reviews/');
  const asked = failing.requests;
  await client.request('http://reviews/');
  expect(failing.requests).toBe(asked);
});

test('a closed client asks nobody any more', async () => {
  const { client, probes } = await ejected({ kind: 'silent' });
  await eventually(() => probes.length >= 1);
  await client.close();
  const asked = probes.length;
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(probes.length).toBe(asked);
});
