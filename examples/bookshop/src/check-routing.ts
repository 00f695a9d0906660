import { setTimeout as wait } from 'node:timers/promises';
import { createMesh, type Mesh } from 'inmesh';
import { inmesh, resourceFile } from './inmesh-command.ts';
import type { Ledger } from './ledger.ts';
import type { Shop } from './shop.ts';

type Claim = (text: string, ok: boolean, figure: string) => void;

/** Plays the bookshop's resources: a canary, routing by content, faults, a mirror. */
export async function checkRouting(shop: Shop, ledger: Ledger, claim: Claim): Promise<void> {
  const registry = shop.registry.url;
  const visitor = await createMesh({ service: 'visitor', registry, snapshotFile: false });
  try {
    await inmesh(registry, 'apply', '-f', resourceFile('canary'));
    await checkCanary(visitor, claim);
    await inmesh(registry, 'apply', '-f', resourceFile('content'));
    await checkContent(visitor, registry, claim);
    await inmesh(registry, 'apply', '-f', resourceFile('fault'));
    await checkFaults(visitor, claim);
    await shop.start('details-v2');
    await inmesh(registry, 'apply', '-f', resourceFile('mirror'));
    await checkMirror(ledger, claim);
  } finally {
    await visitor.close();
  }
}

async function checkCanary(visitor: Mesh, claim: Claim): Promise<void> {
  const calls = 2_000;
  await until(async () => (await versions(visitor, 50)).get('v3') === undefined, 5_000);
  const seen = await versions(visitor, calls);
  const share = (100 * (seen.get('v2') ?? 0)) / calls;
  // The binomial 99.9 % interval of 10 % over 2,000 calls.
  claim(
    'v2 gets a tenth of the traffic',
    Math.abs(share - 10) < 2.21 && !seen.has('v3'),
    `${share.toFixed(1)} %`,
  );
  const users = await Promise.all(
    Array.from({ length: 20 }, (_, user) => versions(visitor, 10, { 'end-user': `user-${user}` })),
  );
  const loyal = users.filter((versionsOfUser) => versionsOfUser.size === 1).length;
  claim('a user keeps the version', loyal === users.length, `${loyal} of ${users.length} users`);
}

async function checkContent(visitor: Mesh, registry: string, claim: Claim): Promise<void> {
  const cases: readonly [string, Record<string, string>, string][] = [
    ['jason', { 'end-user': 'jason' }, 'v2'],
    ['an iPhone', { 'user-agent': 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0)' }, 'v3'],
    ['an Android', { 'user-agent': 'Mozilla/5.0 (Linux; Android 17)' }, 'v1'],
  ];
  await until(async () => (await versions(visitor, 20, cases[0]?.[1])).get('v2') === 20, 5_000);
  for (const [who, headers, version] of cases) {
    const seen = await versions(visitor, 50, headers);
    claim(
      `${who} gets ${version}`,
      seen.get(version) === 50,
      `${seen.get(version) ?? 0} of 50 calls`,
    );
  }
  const reason = await inmesh(
    registry,
    'explain',
    '--to',
    'reviews',
    '--path',
    '/reviews/1',
    '--header',
    'end-user: jason',
  );
  const decided = reason.split('\n').find((line) => line.includes('matched')) ?? reason;
  claim('inmesh explain names the route', decided.includes('jason'), decided.trim());
}

async function checkFaults(visitor: Mesh, claim: Claim): Promise<void> {
  const ask = async (rehearse: string): Promise<{ status: number; ms: number }> => {
    const startedAt = performance.now();
    const { status } = await visitor.request('http://ratings/ratings/1', { headers: { rehearse } });
    return { status, ms: performance.now() - startedAt };
  };
  await until(async () => (await ask('abort')).status === 503, 5_000);
  const aborted = await Promise.all(Array.from({ length: 20 }, () => ask('abort')));
  claim(
    'a fault aborts who asks for it',
    aborted.every(({ status }) => status === 503),
    '20 of 20 calls answered 503',
  );
  const delayed = await Promise.all(Array.from({ length: 100 }, () => ask('delay')));
  const late = delayed.filter(({ ms }) => ms >= 295).length;
  // The binomial 99.9 % interval of one half over 100 calls.
  claim(
    'a fault delays half of those who ask for it',
    late >= 34 && late <= 66,
    `${late} of 100 calls`,
  );
}

async function checkMirror(ledger: Ledger, claim: Claim): Promise<void> {
  const details = (version: string): number =>
    ledger
      .rows(2_000)
      .filter((row) => row.service === 'details.default' && row.version === version)
      .reduce((calls, row) => calls + row.calls, 0);
  await until(async () => details('v2') > 0, 5_000);
  await wait(2_500);
  const [first, copy] = [details('v1'), details('v2')];
  claim(
    'details v2 gets a copy of what v1 gets',
    copy > 0.8 * first && copy < 1.2 * first,
    `${copy} copies of ${first} calls in 2 s`,
  );
}

/** How many of `calls` were answered by which version of reviews. */
async function versions(
  visitor: Mesh,
  calls: number,
  headers: Record<string, string> = {},
): Promise<Map<string, number>> {
  const seen = new Map<string, number>();
  for (let done = 0; done < calls; done += 20) {
    await Promise.all(
      Array.from({ length: Math.min(20, calls - done) }, async () => {
        const { body } = await visitor.request('http://reviews/reviews/1', { headers });
        const { version } = JSON.parse(body.toString()) as { version: string };
        seen.set(version, (seen.get(version) ?? 0) + 1);
      }),
    );
  }
  return seen;
}

async function until(condition: () => Promise<boolean>, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition()) && performance.now() < deadline) await wait(50);
}
