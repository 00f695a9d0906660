import { setTimeout as wait } from 'node:timers/promises';
import { createMesh, type Mesh, type MeshOptions, respondWith } from 'inmesh';
import type { Child } from './child.ts';
import type { Shop } from './shop.ts';

type Claim = (text: string, ok: boolean, figure: string) => void;

/** How one call of a scene ended. */
interface Answer {
  readonly status: number;
  readonly body: string;
  readonly ms: number;
  readonly headers: Headers;
}

/** One after the other. Those that leave killed endpoints behind, which are listed until they expire, come last. */
export async function checkResilience(shop: Shop, claim: Claim): Promise<void> {
  await playShedding(shop, claim);
  await playZoneLoss(shop, claim);
  await playFallback(shop, claim);
}

/** One zone of recommendations is killed under steady calls, and comes back. */
export async function playZoneLoss(shop: Shop, claim: Claim): Promise<void> {
  const near = await Promise.all([
    shop.start('recommendations-a'),
    shop.start('recommendations-a'),
  ]);
  const far = await shop.start('recommendations-b');
  const back: Child[] = [];
  await withVisitor(shop, { preferNear: true }, async (visitor) => {
    const before = await steadily(visitor, 1_000);
    claim('calls stay in their zone', share(before, 'a') === 100, `${share(before, 'a')} %`);
    const during = steadily(visitor, 3_000);
    await wait(500);
    await Promise.all(near.map((child) => shop.kill(child)));
    const lost = await during;
    claim(
      'a zone is lost (kill -9), and no call fails',
      failed(lost) === 0 && lost.at(-1)?.body.includes('"b"') === true,
      `${failed(lost)} of ${lost.length} calls`,
    );
    back.push(await shop.start('recommendations-a'));
    const after = await steadily(visitor, 3_000);
    // One of three is back in it, so the other zone still bears a part.
    const returned = share(after.slice(-100), 'a');
    claim(
      'the zone comes back, no call fails, and traffic returns to it',
      failed(after) === 0 && returned >= 20,
      `${failed(after)} of ${after.length} calls failed, ${returned} % of the last hundred in it`,
    );
  });
  await end(shop, [far, ...back]);
}

/** Five times as many calls at once as an endpoint takes on, half of them critical. */
export async function playShedding(shop: Shop, claim: Claim): Promise<void> {
  const only = await shop.start('recommendations-a');
  only.direct({ kind: 'slow', ms: 300 });
  await withVisitor(shop, { retry: { maxRetries: 0 } }, async (visitor) => {
    const calls = (priority: 'critical' | 'batch') =>
      Promise.all(Array.from({ length: 20 }, () => ask(visitor, { priority })));
    const [critical, batch] = await Promise.all([calls('critical'), calls('batch')]);
    const served = (answers: readonly Answer[]) => answers.filter(({ status }) => status === 200);
    const shed = [...critical, ...batch].filter(({ status }) => status === 503);
    claim(
      'an endpoint at its limit sheds the rest, and says when to come back',
      shed.length > 10 && shed.every(({ headers }) => headers.get('retry-after') === '1'),
      `${shed.length} of 40 calls`,
    );
    claim(
      'what is critical is served, batch work is shed first',
      served(critical).length > served(batch).length,
      `${served(critical).length} critical, ${served(batch).length} batch`,
    );
    const { ejected } = visitor.inspect().services[0]?.endpoints[0] ?? {};
    const { breaker } = visitor.inspect().services[0]?.destinations[0] ?? {};
    claim(
      'shedding ejects nobody and opens no breaker',
      ejected === false && breaker === 'closed',
      `${breaker}`,
    );
  });
  await end(shop, [only]);
}

/** The last endpoint of recommendations goes: its callers go on with less. */
export async function playFallback(shop: Shop, claim: Claim): Promise<void> {
  const only = await shop.start('recommendations-a');
  const fallbacks = { recommendations: respondWith({ body: '{"books":[]}' }) };
  await withVisitor(shop, { fallbacks }, async (visitor) => {
    const before = await steadily(visitor, 500);
    await shop.kill(only);
    const after = await steadily(visitor, 1_000);
    const answered = after.filter(({ headers }) => headers.get('inmesh-fallback') === 'value');
    claim(
      'without any endpoint the fallback answers',
      failed([...before, ...after]) === 0 && answered.length === after.length,
      `${answered.length} of ${after.length} calls`,
    );
  });
}

async function withVisitor(
  shop: Shop,
  options: MeshOptions,
  play: (visitor: Mesh) => Promise<void>,
): Promise<void> {
  const visitor = await createMesh({
    service: 'visitor',
    registry: shop.registry.url,
    locality: { region: 'shop', zone: 'a' },
    snapshotFile: false,
    ...options,
  });
  try {
    await visitor.ready('recommendations');
    await play(visitor);
  } finally {
    await visitor.close();
  }
}

/** A hundred calls a second for so long. */
async function steadily(visitor: Mesh, forMs: number): Promise<Answer[]> {
  const calls: Promise<Answer>[] = [];
  const end = performance.now() + forMs;
  while (performance.now() < end) {
    calls.push(ask(visitor));
    await wait(10);
  }
  return Promise.all(calls);
}

/** A call that fails counts as status 0. */
async function ask(visitor: Mesh, mesh: { priority?: 'critical' | 'batch' } = {}): Promise<Answer> {
  const startedAt = performance.now();
  const url = 'http://recommendations/';
  const answer = await visitor.fetch(url, { mesh }).catch(() => undefined);
  const body = (await answer?.text().catch(() => '')) ?? '';
  const ms = performance.now() - startedAt;
  return { status: answer?.status ?? 0, body, ms, headers: answer?.headers ?? new Headers() };
}

function failed(answers: readonly Answer[]): number {
  return answers.filter(({ status }) => status !== 200).length;
}

/** Percent of the answers that came from `zone`. */
function share(answers: readonly Answer[], zone: string): number {
  const own = answers.filter(({ body }) => body.includes(`"zone":"${zone}"`));
  return Math.round((100 * own.length) / answers.length);
}

async function end(shop: Shop, children: readonly Child[]): Promise<void> {
  await Promise.all(children.map((child) => shop.stop(child)));
}
