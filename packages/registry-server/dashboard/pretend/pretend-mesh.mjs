// Processes that are none: they open sessions at a real registry, register endpoints, and report calls
// that nobody made. For the dashboard's screenshots, its tests in a browser, and its bench.

import { latencyBucket } from '@inmesh/core';
import { seeded } from './large.mjs';

/** Requests under way at once while the mesh is set up. */
const lanes = 32;

/**
 * @param {string} url The registry's.
 * @param {{ services: any[], edges: any[], versions: any, refusals: any }} plan
 * @param {() => number} now Monotonic milliseconds: the registry's clock, where a test moves it.
 */
export async function pretendMesh(url, plan, now = () => performance.now()) {
  const random = seeded(11);
  const processes = plan.services.flatMap(
    ({ service, versions, tls = 'permissive', breakers = [] }, at) =>
      Object.entries(versions).map(([version, endpoints], i) => ({
        service,
        version,
        endpoints,
        tls,
        breakers,
        at: 3 * at + i,
      })),
  );
  await inLanes(processes, async (process) => {
    const client = `${process.service}/${4_000 + process.at}`;
    const body = { client, service: process.service };
    process.session = (await send(url, 'POST', '/v1/sessions', body)).session;
    for (let i = 0; i < process.endpoints; i += 1) await register(url, process, i);
  });

  return {
    /** Renews every session and reports what happened since its last report: a minute, at the first. */
    async report() {
      await inLanes(processes, async (process) => {
        await send(url, 'PUT', `/v1/sessions/${process.session}`);
        const second = Math.floor(now() / 1_000);
        const seconds = Math.min(60, second - (process.told ?? second - 60));
        if (seconds === 0) return;
        process.told = second;
        const report = reportOf(process, plan, second, seconds, random);
        await send(url, 'POST', `/v1/sessions/${process.session}/reports`, report);
      });
    },
    /** Says goodbye for all of them. */
    async close() {
      await inLanes(processes, ({ session }) => send(url, 'DELETE', `/v1/sessions/${session}`));
    },
  };
}

async function register(url, { service, version, session, tls, at }, i) {
  const [name, namespace] = service.split('.');
  const id = `${name}-${version}-${'0123456789abcdef'[(at * 7 + i) % 16]}${at}${i}`;
  await send(url, 'PUT', `/v1/sessions/${session}/registrations/${id}`, {
    service: name,
    namespace,
    address: `10.${1 + (at >> 8)}.${at & 255}.${10 + i}`,
    ports: [{ name: 'http', port: 8080 }],
    labels: { version, app: name },
    metadata: { commit: (0x9f3c2a71 + at * 7919).toString(16).slice(0, 8) },
    locality: { region: 'eu-central', zone: `eu-central-1${'abc'[i % 3]}` },
    serviceAccount: name,
    tls,
  });
}

function reportOf(process, plan, second, seconds, random) {
  const { service, version } = process;
  const share = plan.versions[service]?.[version]?.share ?? 1 / sizeOf(plan, service);
  const edges = plan.edges
    .filter(({ from }) => from === service)
    .flatMap((edge) =>
      versionsOf(plan, edge.to).map(([peerVersion, change]) =>
        edgeReport(edge, {
          peerVersion,
          share: share * change.share,
          change,
          second,
          seconds,
          random,
        }),
      ),
    );
  const refusal = random() < 0.06 ? plan.refusals[service] : undefined;
  return {
    service,
    version,
    second,
    edges,
    state: {
      breakers: process.breakers,
      ejections: [],
      limits: [...new Set(edges.map(({ peer }) => peer))].slice(0, 3).map((callee) => ({
        service: callee,
        subset: '',
        inFlight: Math.floor(random() * 9),
        pending: 0,
        maxRequests: 1_024,
        adaptiveLimit: null,
      })),
      certificate:
        process.tls === 'none'
          ? null
          : {
              spiffeId: `spiffe://cluster.local/ns/${service.split('.')[1]}/sa/${service.split('.')[0]}`,
              expiresInMs: 3_600_000 * (2 + ((process.at * 5) % 21)),
              heldForMs: 3_600_000 * (22 - ((process.at * 5) % 21)),
            },
    },
    refusals: refusal === undefined ? [] : [{ ...refusal, agoMs: 400 }],
  };
}

function edgeReport(edge, { peerVersion, share, change, second, seconds, random }) {
  let calls = 0;
  const list = [];
  for (let ago = seconds - 1; ago >= 0; ago -= 1) {
    const wave = 1 + 0.18 * Math.sin((second - ago) / 23) + 0.1 * (random() - 0.5);
    const exact = edge.rate * share * wave;
    const count = Math.floor(exact) + (random() < exact % 1 ? 1 : 0);
    if (count === 0) continue;
    const exactErrors = count * Math.min(1, edge.errors + (change.errors ?? 0));
    const errors = Math.floor(exactErrors) + (random() < exactErrors % 1 ? 1 : 0);
    list.push({
      ago,
      calls: count,
      errors,
      latencies: latencies(count, edge.ms * (change.slower ?? 1), random),
    });
    calls += count;
  }
  return {
    seenBy: 'source',
    peer: edge.to,
    peerVersion,
    mutualTls: Math.round(calls * edge.mtls),
    seconds: list,
  };
}

/** Buckets and counts of `count` calls: most near `ms`, a few far above. */
function latencies(count, ms, random) {
  const buckets = new Map();
  const drawn = Math.min(count, 12);
  for (let i = 0; i < drawn; i += 1) {
    const spread = -Math.log(1 - random() * 0.995);
    const bucket = latencyBucket(ms * (0.55 + 0.6 * spread));
    const weight = Math.floor(count / drawn) + (i < count % drawn ? 1 : 0);
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + weight);
  }
  return [...buckets].sort(([a], [b]) => a - b).flat();
}

function versionsOf(plan, service) {
  const said = plan.versions[service];
  if (said !== undefined) return Object.entries(said);
  const found = plan.services.find((one) => one.service === service);
  if (found === undefined) return [['', { share: 1 }]];
  const names = Object.keys(found.versions);
  return names.map((name) => [name, { share: 1 / names.length }]);
}

function sizeOf(plan, service) {
  return versionsOf(plan, service).length;
}

async function send(url, method, path, body) {
  const init = { method, signal: AbortSignal.timeout(20_000) };
  if (body !== undefined)
    Object.assign(init, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const response = await fetch(url + path, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

async function inLanes(items, work) {
  const rest = items.values();
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (const item of rest) await work(item);
    }),
  );
}
