import { expect, test } from '@jest/globals';
import { startRegistry } from './registry-fixture.ts';

test('a reader that falls behind costs the server a bounded queue, and ends with the truth (hostile case 55)', async () => {
  const registry = await startRegistry({ settleMs: 0, limits: { watchQueueBytes: 65_536 } });
  const provider = await registry.openSession();
  const watcher = await registry.openSession();
  await registry.subscribe(watcher, 'reviews.default');
  const stream = await registry.watch(watcher);
  await stream.nextOf('snapshot');
  stream.response.pause();
  // 65 KB a change, and changes that come together are told as one: on until the buffers of the
  // kernel and the queue are full, whatever they hold and however fast this machine is.
  const metadata = Object.fromEntries(
    Array.from({ length: 64 }, (_, i) => [`k${i}`, 'x'.repeat(1_000)]),
  );
  const dropped = async (): Promise<boolean> => {
    const { text } = await registry.send('/metrics');
    return /inmesh_registry_watch_queue_drops_total [1-9]/.test(text);
  };
  let changes = 0;
  for (; !(await dropped()) && changes < 5_000; changes += 1) {
    await registry.register(provider, 'r1', { metadata, weight: 1 + (changes % 1_000) });
  }
  expect(await dropped()).toBe(true);
  await registry.register(provider, 'r1', { metadata: {}, weight: 7, labels: { last: 'yes' } });
  stream.response.resume();
  for (let last: string | undefined; last !== 'yes'; ) {
    const event = await stream.next();
    if (event.kind === 'snapshot') last = event.endpoints[0]?.labels.last;
    if (event.kind === 'delta') last = event.upserts[0]?.labels.last;
  }
}, 30_000);
