import { setTimeout as wait } from 'node:timers/promises';
import { createMesh, type Mesh } from 'inmesh';
import { inmesh } from './inmesh-command.ts';
import type { Shop } from './shop.ts';

type Claim = (text: string, ok: boolean, figure: string) => void;

/** Fast steps for a demo: a visitor makes up to a hundred calls a second. */
const plan = ['--steps', '20,50,100', '--step', '5s', '--min-calls', '50', '--wait'];
/** Of the version that is not to pass: many times what the others take. */
const slowMs = 250;

/** Two progressive rollouts of recommendations: to a version that is as good, and to one that is slower. */
export async function playRollout(shop: Shop, claim: Claim): Promise<void> {
  const registry = shop.registry.url;
  const [v1, v2] = await Promise.all([
    shop.start('recommendations-a'),
    shop.start('recommendations-v2'),
  ]);
  const slow = await shop.start('recommendations-v3');
  slow.direct({ kind: 'slow', ms: slowMs });
  await inmesh(registry, 'split', 'recommendations', 'v1=100', 'v2=0');
  const visitor = await createMesh({ service: 'visitor', registry, snapshotFile: false });
  const visit = steadily(visitor);
  try {
    const good = await rollOut(registry, 'v1', 'v2');
    const { completed, status, lastVerdict } = good;
    claim(
      'a version that is no worse gets all traffic, step by step',
      completed && status.includes('v2, 100 %'),
      lastVerdict,
    );
    await inmesh(registry, 'split', 'recommendations', 'v2=100', 'v3=0');
    const bad = await rollOut(registry, 'v2', 'v3');
    claim(
      'a slower version is rolled back',
      !bad.completed && bad.status.includes('v3, 0 %') && bad.status.includes('rolled-back'),
      bad.lastVerdict,
    );
  } finally {
    await visit.stop();
    await visitor.close();
    await Promise.all([v1, v2, slow].map((child) => shop.stop(child)));
    for (const kind of ['vs', 'dr']) await inmesh(registry, 'delete', kind, 'recommendations');
  }
}

/** Calls until it is stopped. What an overloaded machine sheds is not what is shown here. */
function steadily(visitor: Mesh): { stop(): Promise<void> } {
  const calls: Promise<unknown>[] = [];
  let stopped = false;
  const run = async (): Promise<void> => {
    while (!stopped) {
      calls.push(visitor.request('http://recommendations/').catch(() => {}));
      await wait(10);
    }
  };
  const running = run();
  return {
    async stop() {
      stopped = true;
      await running;
      await Promise.all(calls);
    },
  };
}

interface Outcome {
  readonly completed: boolean;
  /** As `inmesh rollout status` shows it. */
  readonly status: string;
  readonly lastVerdict: string;
}

/** Rolls out and waits for the end, as a person or a pipeline would. */
async function rollOut(registry: string, from: string, to: string): Promise<Outcome> {
  // The command's exit code says whether it completed.
  const completed = await inmesh(registry, 'rollout', 'recommendations', from, to, ...plan).then(
    () => true,
    () => false,
  );
  const status = await inmesh(registry, 'rollout', 'status', 'recommendations');
  return { completed, status, lastVerdict: status.trim().split('\n').at(-1) ?? '' };
}
