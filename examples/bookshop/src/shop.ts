import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Child, startChild } from './child.ts';
import { type RegistryProcess, startRegistry } from './registry-process.ts';
import type { Report } from './services/stage.ts';

/** What can be started: a script and the version that it runs as. */
const cast = {
  'details-v1': { script: 'details', version: 'v1' },
  'details-v2': { script: 'details', version: 'v2' },
  'ratings-v1': { script: 'ratings', version: 'v1' },
  'reviews-v1': { script: 'reviews', version: 'v1' },
  'reviews-v2': { script: 'reviews', version: 'v2' },
  'reviews-v3': { script: 'reviews', version: 'v3' },
  'productpage-v1': { script: 'product-page', version: 'v1' },
  'recommendations-a': { script: 'recommendations', version: 'v1', locality: 'shop/a' },
  'recommendations-v2': { script: 'recommendations', version: 'v2' },
  'recommendations-v3': { script: 'recommendations', version: 'v3' },
  'recommendations-b': { script: 'recommendations', version: 'v1', locality: 'shop/b' },
} as const satisfies Record<string, { script: string; version: string; locality?: string }>;

export type Role = keyof typeof cast;

/** Who is there when the shop opens. */
const openingCast: readonly Role[] = [
  'details-v1',
  'ratings-v1',
  'reviews-v1',
  'reviews-v2',
  'reviews-v3',
  'productpage-v1',
];

export type TrafficReport = Extract<Report, { kind: 'traffic' }>;

/** The whole bookshop: a registry, the services, and customers, each a process. */
export interface Shop {
  readonly registry: RegistryProcess;
  readonly children: ReadonlyMap<string, Child>;
  start(role: Role): Promise<Child>;
  /** `kill -9`: no goodbye to anybody. */
  kill(child: Child): Promise<void>;
  /** SIGTERM: drains. */
  stop(child: Child): Promise<void>;
  close(): Promise<void>;
}

/** Opens the shop: the opening cast, then the customers. `onTraffic` gets their reports. */
export async function openShop(onTraffic: (report: TrafficReport) => void): Promise<Shop> {
  const folder = await mkdtemp(join(tmpdir(), 'inmesh-bookshop-'));
  const registry = await startRegistry(join(folder, 'registry'));
  const children = new Map<string, Child>();
  let number = 0;

  const launch = async (
    script: string,
    name: string,
    version: string,
    ready: boolean,
    locality = '',
  ): Promise<Child> => {
    const environment = {
      INMESH_REGISTRY: registry.url,
      INMESH_VERSION: version,
      INMESH_LOCALITY: locality,
      INMESH_SNAPSHOT_FILE: join(folder, `${name}.json`),
    };
    const onReport = (report: Report): void => {
      if (report.kind === 'traffic') onTraffic(report);
    };
    const child = await startChild(script, name, environment, onReport, ready);
    children.set(name, child);
    child.process.once('exit', () => children.delete(name));
    return child;
  };
  const end = async (child: Child, signal: NodeJS.Signals): Promise<void> => {
    const { process: running } = child;
    if (running.exitCode !== null || running.signalCode !== null) return;
    running.kill(signal);
    await once(running, 'exit');
  };

  const shop: Shop = {
    registry,
    children,
    start(role) {
      number += 1;
      const { script, version, locality }: { script: string; version: string; locality?: string } =
        cast[role];
      return launch(script, `${role}#${number}`, version, true, locality);
    },
    kill: (child) => end(child, 'SIGKILL'),
    stop: (child) => end(child, 'SIGTERM'),
    async close() {
      const customers = children.get('traffic');
      if (customers !== undefined) await end(customers, 'SIGKILL');
      await Promise.all([...children.values()].map((child) => end(child, 'SIGKILL')));
      await registry.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await Promise.all(openingCast.map((role) => shop.start(role)));
    await launch('traffic', 'traffic', '', false);
  } catch (error) {
    await shop.close();
    throw error;
  }
  return shop;
}
