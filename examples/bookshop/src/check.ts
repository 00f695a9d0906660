import { setTimeout as wait } from 'node:timers/promises';
import { checkResilience } from './check-resilience.ts';
import { playRollout } from './check-rollout.ts';
import { checkRouting } from './check-routing.ts';
import { checkSecurity } from './check-security.ts';
import { checkSlow } from './check-slow.ts';
import { checkTelemetry } from './check-telemetry.ts';
import type { Child } from './child.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { openShop, type Shop } from './shop.ts';

const registryAwayMs = 20_000;
/** The longest that traffic may go on to an endpoint that was killed. */
const leaveWithinMs = 1_000;

/** Plays the demo without a person, prints each figure, and tells whether everything it promises held. */
export async function playCheck(): Promise<boolean> {
  const ledger = createLedger();
  let held = true;
  const claim = (text: string, ok: boolean, figure: string): void => {
    held &&= ok;
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${text}: ${figure}`);
  };
  console.log('Opening the bookshop: a registry, six services and their customers …');
  const shop = await openShop((report) => ledger.add(report));
  const mark = (): (() => { calls: number; failures: readonly string[] }) => {
    const {
      calls,
      failures: { length },
    } = ledger;
    return () => ({ calls: ledger.calls - calls, failures: ledger.failures.slice(length) });
  };
  const nothingFailed = (phase: string, since: ReturnType<typeof mark>): void => {
    const { calls, failures } = since();
    claim(
      `${phase}, no call failed`,
      failures.length === 0 && calls > 0,
      `${failures.length} of ${calls} calls`,
    );
    for (const failure of new Set(failures)) console.log(`         ${failure}`);
  };
  try {
    const warm = mark();
    await until(() => ledger.calls > 500, 20_000);
    await wait(2_000);
    nothingFailed('in quiet', warm);
    const versions = new Set(
      ledger
        .rows(2_000)
        .filter(isReviews)
        .map(({ version }) => version),
    );
    claim('all three versions of reviews serve', versions.size === 3, [...versions].join(', '));

    await checkKill(shop, ledger, claim, nothingFailed, mark);
    await checkStart(shop, ledger, claim, nothingFailed, mark);
    const slow = mark();
    await checkSlow(shop, ledger, claim);
    nothingFailed('while an endpoint was slow', slow);

    const away = mark();
    console.log(`… the registry is stopped for ${registryAwayMs / 1000} s`);
    await shop.registry.stop();
    await wait(registryAwayMs);
    nothingFailed('while the registry is away', away);
    const back = mark();
    await shop.registry.start();
    const late = await shop.start('reviews-v2');
    claim('the registry is back and takes registrations', true, late.name);
    const servedAt = performance.now();
    await until(() => serves(ledger, late), 10_000);
    claim(
      'what registered after it came back is called',
      serves(ledger, late),
      `${(performance.now() - servedAt).toFixed(0)} ms after it served`,
    );
    await wait(2_000);
    nothingFailed('after the registry came back', back);

    const drain = mark();
    await shop.stop(late);
    await wait(1_500);
    nothingFailed('while an endpoint drained (SIGTERM)', drain);
    const routing = mark();
    await checkRouting(shop, ledger, claim);
    nothingFailed('while resources changed the routes', routing);
    await checkResilience(shop, claim);
    await playRollout(shop, claim);
    await checkTelemetry(shop, claim);
    await checkSecurity(claim);
    nothingFailed('from first to last', () => ({ calls: ledger.calls, failures: ledger.failures }));
  } finally {
    await shop.close();
  }
  console.log(held ? 'everything held' : 'something did not hold');
  return held;
}

type Claim = (text: string, ok: boolean, figure: string) => void;
type Mark = () => () => { calls: number; failures: readonly string[] };
type NothingFailed = (phase: string, since: ReturnType<Mark>) => void;

async function checkKill(
  shop: Shop,
  ledger: Ledger,
  claim: Claim,
  nothingFailed: NothingFailed,
  mark: Mark,
): Promise<void> {
  const victim = [...shop.children.values()].find(({ name }) =>
    name.startsWith('reviews-v1'),
  ) as Child;
  const killed = mark();
  const at = Date.now();
  await shop.kill(victim);
  await wait(5_000);
  // The kill itself takes a moment, so an attempt before it may count as after: that only makes the figure worse.
  const leftAfter = Math.max(0, ledger.lastSentAt(victim.endpoint) - at);
  claim(
    'traffic left the killed endpoint within a second',
    leftAfter < leaveWithinMs,
    `${leftAfter.toFixed(0)} ms`,
  );
  nothingFailed('while an endpoint was killed (kill -9)', killed);
}

async function checkStart(
  shop: Shop,
  ledger: Ledger,
  claim: Claim,
  nothingFailed: NothingFailed,
  mark: Mark,
): Promise<void> {
  const started = mark();
  const newcomer = await shop.start('reviews-v1');
  const at = performance.now();
  await until(() => serves(ledger, newcomer), 10_000);
  const after = performance.now() - at;
  claim(
    'a new endpoint is called',
    serves(ledger, newcomer),
    `${after.toFixed(0)} ms after it served`,
  );
  await wait(4_000);
  const taken = share(ledger, newcomer);
  claim(
    'the new endpoint took its share',
    taken > 15,
    `${taken.toFixed(0)} % of reviews (a third is even)`,
  );
  nothingFailed('while an endpoint was added', started);
}

const isReviews = ({ service }: { service: string }): boolean => service.startsWith('reviews.');

function serves(ledger: Ledger, child: Child): boolean {
  return ledger.lastSentAt(child.endpoint) > 0;
}

/** Percent of the attempts to reviews over the last 2 s. */
function share(ledger: Ledger, child: Child): number {
  const rows = ledger.rows(2_000).filter(isReviews);
  const all = rows.reduce((total, row) => total + row.calls, 0);
  const own = rows
    .filter(({ endpoint }) => endpoint === child.endpoint)
    .reduce((total, row) => total + row.calls, 0);
  return all === 0 ? 0 : (100 * own) / all;
}

async function until(condition: () => boolean, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition() && performance.now() < deadline) await wait(50);
}
