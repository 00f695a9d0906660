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
  // 16 MB of changes: more than the kernel's buffers of both ends hold.
  const metadata = Object.fromEntries(
    Array.from({ length: 64 }, (_, i) => [`k${i}`, 'x'.repeat(1_000)]),
  );
  for (let i = 1; i <= 250; i += 1)
    await registry.register(provider, 'r1', { metadata, weight: i });
  const { text } = await registry.send('/metrics');
  expect(text).toMatch(/inmesh_registry_watch_queue_drops_total [1-9]/);
  stream.response.resume();
  for (let weight = 0; weight !== 250; ) {
    const event = await stream.next();
    if (event.kind === 'snapshot') weight = event.endpoints[0]?.weight ?? 0;
    if (event.kind === 'delta') weight = event.upserts[0]?.weight ?? 0;
  }
}, 30_000);
