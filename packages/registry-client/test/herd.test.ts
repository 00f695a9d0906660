import { createRegistryServer, type RegistryServer } from '@inmesh/registry-server';
import { eventually } from '@inmesh/testing';
import { afterEach, expect, test } from '@jest/globals';
import { createRegistryClient, type RegistryClient } from '../src/index.ts';

/** All of them and the server share one process: on a busy machine that takes its time. */
const patienceMs = 60_000;
const until = (holds: () => boolean): Promise<void> => eventually(holds, patienceMs);

/** `HERD=1000` plays a larger one, which wants the machine to itself; what is said below holds for any. */
const size = Number(process.env.HERD ?? 200);
/** They are to come back all at once, not to come so. */
const startedAtOnce = 50;
const endpoints = 10;
/** The default: how long the return takes. */
const reconnectMaxMs = 5_000;
const service = 'orders.default';
const clients: RegistryClient[] = [];
let server: RegistryServer | undefined;

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await server?.close();
});

async function serve(port: number): Promise<string> {
  server = createRegistryServer({ port });
  return (await server.listen()).url;
}

test(
  '56: a herd of clients is back within seconds of the registry’s return, spread out, and loses nothing',
  async () => {
    const url = await serve(0);
    const foundAt: number[] = [];
    for (let i = 0; i < size; i += 1) {
      const client = createRegistryClient({
        servers: url,
        startTimeoutMs: patienceMs,
        observer: {
          event({ kind }) {
            if (kind === 'registry-found') foundAt.push(performance.now());
          },
        },
      });
      clients.push(client);
      client.follow(service, () => {});
    }
    for (let i = 0; i < size; i += startedAtOnce) {
      const some = clients.slice(i, i + startedAtOnce);
      await Promise.all(some.map((client) => client.start()));
    }
    for (const [i, client] of clients.slice(0, endpoints).entries()) {
      const ports = [{ name: 'http', port: 9_000 + i }];
      await client.register({ service: 'orders', address: '127.0.0.1', ports });
    }
    // By their state, not by counted events: on a busy machine one may be lost and found twice.
    const all = (kind: string): boolean => clients.every(({ state }) => state.kind === kind);
    const known = (): boolean =>
      clients.every((client) => {
        const list = client.get(service)?.endpoints ?? [];
        return list.filter(({ status }) => status === 'up').length === endpoints;
      });
    await until(known);

    await server?.close();
    await until(() => all('lost'));
    expect(known()).toBe(true);
    foundAt.length = 0;
    const backAt = performance.now();
    await serve(Number(new URL(url).port));
    await until(() => all('connected'));
    expect(known()).toBe(true);
    await until(() => server?.status().registrations === endpoints);
    await until(() => server?.status().watchers === size);

    const bySlot = new Map<number, number>();
    for (const at of foundAt) {
      const slot = Math.floor((at - backAt) / (reconnectMaxMs / 20));
      bySlot.set(slot, (bySlot.get(slot) ?? 0) + 1);
    }
    // Full jitter over all of it: a herd would be all of them in one slot.
    expect(Math.max(...bySlot.values())).toBeLessThan(size / 2);
    expect(bySlot.size).toBeGreaterThan(4);
  },
  4 * patienceMs,
);
