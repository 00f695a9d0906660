/**
 * Our Eureka door against a real Spring Cloud Eureka server, in the same run, with the same 10,000
 * instances registered at both by the same requests.
 *
 * - list: `GET /eureka/apps/` as Eureka's Java clients ask for it (JSON, gzip), answers a second.
 * - change: from registering one more instance to the first delta that tells of it. Both servers with
 *   their defaults, which for Spring's is a cache that is renewed each 30 s.
 *
 * Servers are processes of their own. Needs a JDK and Maven; the first run fetches Spring.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { buildSpring, startSpring } from '@inmesh/interop';
import { Pool } from 'undici';
import { type BenchOptions, type BenchResult, compare, median } from './harness.ts';

const apps = 1_000;
const instancesPerApp = 10;
const setupLanes = 16;
const lanes = 16;
const listMs = 2_000;
/** A change takes up to half a minute at the baseline. */
const changeRounds = 3;

interface Side {
  readonly pool: Pool;
  close(): Promise<void>;
}

/** `only`: `list` or `change`. */
export async function run({ rounds = 9, only }: BenchOptions): Promise<BenchResult[]> {
  buildSpring();
  const sides = await Promise.all([startOurs(), startSprings()]);
  const [ours, springs] = sides;
  try {
    for (const side of sides) await registerAll(side);
    return [
      ...(only === undefined || only === 'list' ? await listBench(ours, springs, rounds) : []),
      ...(only === undefined || only === 'change' ? await changeBench(ours, springs) : []),
    ];
  } finally {
    await Promise.all(sides.map((side) => side.close()));
  }
}

async function listBench(ours: Side, springs: Side, rounds: number): Promise<BenchResult[]> {
  const bytes = [await listBytes(ours), await listBytes(springs)];
  console.error(`answers of ${bytes[0]} and ${bytes[1]} bytes`);
  // The JVM compiles what runs often.
  await listsPerSecond(springs);
  await listsPerSecond(ours);
  const { ratio, low, high, subject } = await compare(
    { subject: () => listsPerSecond(ours), baseline: () => listsPerSecond(springs) },
    rounds,
  );
  return [
    {
      bench: 'eureka',
      subject: 'GET /apps, 10,000 instances, gzip',
      baseline: 'Spring Cloud Eureka',
      concurrency: lanes,
      metric: 'requests/s (more is better)',
      ratio,
      low,
      high,
      value: subject,
      unit: 'requests/s',
    },
  ];
}

async function changeBench(ours: Side, springs: Side): Promise<BenchResult[]> {
  let round = 0;
  const side = (which: Side) => async (): Promise<number> => {
    round += 1;
    const id = `change-${round}`;
    const began = performance.now();
    await register(which, 'CHANGES', id);
    while (!(await ask(which, '/eureka/apps/delta')).includes(id)) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return performance.now() - began;
  };
  const result = await compare({ subject: side(ours), baseline: side(springs) }, changeRounds);
  const { ratio, low, high } = result;
  return [
    {
      bench: 'eureka',
      subject: 'a new instance in the delta',
      baseline: `Spring Cloud Eureka (${(median([result.baseline]) / 1_000).toFixed(1)} s)`,
      concurrency: 1,
      metric: 'latency',
      ratio,
      low,
      high,
      value: result.subject,
      unit: 'ms',
    },
  ];
}

async function registerAll(side: Side): Promise<void> {
  const ids = Array.from({ length: apps * instancesPerApp }, (_, i) => i);
  await Promise.all(
    Array.from({ length: setupLanes }, async () => {
      for (let i = ids.pop(); i !== undefined; i = ids.pop()) {
        const app = `SERVICE-${i % apps}`;
        await register(side, app, `host-${i}:${app.toLowerCase()}:8080`, i);
      }
    }),
  );
}

async function register({ pool }: Side, app: string, instanceId: string, i = 0): Promise<void> {
  const host = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
  const instance = {
    instanceId,
    app,
    hostName: host,
    ipAddr: host,
    status: 'UP',
    overriddenStatus: 'UNKNOWN',
    port: { $: 8080, '@enabled': 'true' },
    securePort: { $: 443, '@enabled': 'false' },
    countryId: 1,
    dataCenterInfo: {
      '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo',
      name: 'MyOwn',
    },
    leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 3_600 },
    metadata: { 'management.port': '8080', version: 'v1' },
    homePageUrl: `http://${host}:8080/`,
    statusPageUrl: `http://${host}:8080/actuator/info`,
    healthCheckUrl: `http://${host}:8080/actuator/health`,
    vipAddress: app.toLowerCase(),
    secureVipAddress: app.toLowerCase(),
    isCoordinatingDiscoveryServer: 'false',
    lastUpdatedTimestamp: String(Date.now()),
    lastDirtyTimestamp: String(Date.now()),
  };
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path: `/eureka/apps/${app}`,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ instance }),
  });
  await body.dump();
  if (statusCode !== 204) throw new Error(`register: ${statusCode}`);
}

async function ask({ pool }: Side, path: string): Promise<string> {
  const { body } = await pool.request({
    method: 'GET',
    path,
    headers: { accept: 'application/json' },
  });
  return body.text();
}

/** One list, as clients ask for it; gives what came over the wire. */
async function listBytes({ pool }: Side): Promise<number> {
  const { statusCode, headers, body } = await pool.request({
    method: 'GET',
    path: '/eureka/apps/',
    headers: { accept: 'application/json', 'accept-encoding': 'gzip' },
  });
  if (statusCode !== 200 || headers['content-encoding'] !== 'gzip') {
    throw new Error(`list: ${statusCode}, ${headers['content-encoding']}`);
  }
  let bytes = 0;
  for await (const chunk of body) bytes += (chunk as Buffer).length;
  return bytes;
}

async function listsPerSecond(side: Side): Promise<number> {
  const began = performance.now();
  const deadline = began + listMs;
  let answered = 0;
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (performance.now() < deadline) {
        await listBytes(side);
        answered += 1;
      }
    }),
  );
  return (answered / (performance.now() - began)) * 1_000;
}

async function startOurs(): Promise<Side> {
  // Beside this file once it is compiled.
  const child = fork(new URL('./registry-target.js', import.meta.url), ['eureka']);
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  const pool = new Pool(url, { connections: lanes });
  return {
    pool,
    async close() {
      await pool.destroy();
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

async function startSprings(): Promise<Side> {
  const settings = {
    'spring.application.name': 'eureka',
    'eureka.client.register-with-eureka': false,
    'eureka.client.fetch-registry': false,
    'logging.level.root': 'error',
    'logging.level.dev.inmesh': 'info',
  };
  const server = await startSpring('spring-eureka', settings, ['-Xmx2g']);
  const pool = new Pool(server.url, { connections: lanes });
  return {
    pool,
    async close() {
      await pool.destroy();
      await server.stop();
    },
  };
}
