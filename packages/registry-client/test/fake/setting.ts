import type { EndpointList, Logger, LogMethod, MeshEvent, ServiceName } from '@inmesh/core';
import { createFakeClock, type FakeClock, seededRandom } from '@inmesh/testing';
import { afterEach } from '@jest/globals';
import {
  createRegistryClient,
  type RegistryClient,
  type RegistryClientOptions,
} from '../../src/index.ts';
import { FakeRegistry } from './fake-registry.ts';

const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

/** A registry that is stopped after the test. */
export async function fakeRegistry(): Promise<FakeRegistry> {
  const registry = await new FakeRegistry().start();
  open.push({ close: () => registry.stop() });
  return registry;
}

interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Setting {
  readonly client: RegistryClient;
  readonly clock: FakeClock;
  readonly events: MeshEvent[];
  readonly log: LogLine[];
}

/** A client on a fake clock that is closed after the test. */
export function setUp(
  options: Partial<RegistryClientOptions> & { servers: string | string[] },
): Setting {
  const clock = createFakeClock(1_000);
  const events: MeshEvent[] = [];
  const log: LogLine[] = [];
  const at =
    (level: string): LogMethod =>
    (fields, message) =>
      void log.push({ level, message, fields });
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
  const client = createRegistryClient({
    clock,
    random: seededRandom(1),
    logger,
    observer: { event: (event) => void events.push(event) },
    ...options,
  });
  // After the registry in the list, so before it in time; a dead registry must not hold it.
  open.push({ close: () => moving(clock, client.close(), 100) });
  return { client, clock, events, log };
}

/** Every list that is told of `service`, the last one last. */
export function follow(client: RegistryClient, service: ServiceName): EndpointList[] {
  const lists: EndpointList[] = [];
  client.follow(service, (list) => void lists.push(list));
  return lists;
}

export function ids(list: EndpointList | undefined): readonly string[] | undefined {
  return list?.endpoints.map(({ id, status }) => (status === 'up' ? id : `${id} (${status})`));
}

/** Waits for I/O, not for time: the fake clock stands still. */
export async function until(holds: () => boolean, what = 'it', withinMs = 10_000): Promise<void> {
  const giveUpAt = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > giveUpAt) throw new Error(`${what} did not come: ${holds}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Turns the loop often enough for a request over loopback to be answered. */
export async function io(): Promise<void> {
  for (let turn = 0; turn < 25; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Moves time in small steps until `holds`; it must not run past what is only on its way. */
export async function moveUntil(
  clock: FakeClock,
  holds: () => boolean,
  stepMs = 50,
): Promise<void> {
  const giveUpAt = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > giveUpAt) throw new Error(`it did not come in moving time: ${holds}`);
    clock.advance(stepMs);
    await io();
  }
}

/** Moves time while `work` goes on. */
export async function moving<T>(clock: FakeClock, work: Promise<T>, stepMs = 50): Promise<T> {
  let done = false;
  const settled = work.finally(() => {
    done = true;
  });
  settled.catch(() => {});
  await moveUntil(clock, () => done, stepMs);
  return await settled;
}
