/** A registry server as a process of its own. Its environment says how; it says its URL to whoever started it. */
import { type Clock, type Logger, silentLogger, systemClock } from '@inmesh/core';
import { createEtcdStore, createRegistryServer, parseStoreKey } from '@inmesh/registry-server';

export interface RegistrySettings {
  readonly port: number;
  readonly sessionTtlMs: number;
  /** Without it: a store of its own. */
  readonly etcd?: string;
  readonly name?: string;
  readonly dataDir?: string;
  readonly serverLeaseMs?: number;
  /** Shuts its doors: the key of the keys in the store, in hexadecimal. */
  readonly storeKey?: string;
}

/** Makes the wall clock jump. */
export interface RegistryOrder {
  readonly wallOffsetMs: number;
}

export type RegistryReady =
  | { readonly url: string }
  | { readonly code: string | undefined; readonly message: string };

let wallOffsetMs = 0;
process.on('message', (order: RegistryOrder) => {
  wallOffsetMs = order.wallOffsetMs;
});
const clock: Clock = { ...systemClock, wallNow: () => Date.now() + wallOffsetMs };
const say =
  (level: string) =>
  (fields: object, message: string): void => {
    const plain = JSON.stringify(fields, (_key, value) =>
      value instanceof Error ? `${value}` : value,
    );
    console.error(process.pid, Math.round(performance.now()), level, message, plain);
  };
const logger: Logger =
  process.env.REGISTRY_LOG === undefined
    ? silentLogger
    : { debug: () => {}, info: say('info'), warn: say('warn'), error: say('error') };

const { etcd, sessionTtlMs, storeKey, ...rest } = JSON.parse(
  process.env.REGISTRY_SETTINGS ?? '{}',
) as RegistrySettings;
const store =
  etcd === undefined
    ? {}
    : { store: createEtcdStore({ address: etcd, requestTimeoutMs: 2_000, clock, logger }) };
const server = createRegistryServer({
  ...rest,
  ...store,
  ...(storeKey === undefined ? {} : { security: { storeKeys: [parseStoreKey(storeKey)] } }),
  sessionTtlMs,
  keepAliveMs: sessionTtlMs / 10,
  clock,
  logger,
});
process.once('SIGTERM', () => void server.close().then(() => process.exit(0)));
process.once('disconnect', () => process.exit(0));
const ready = await server.listen().catch((error: Error & { code?: string }) => ({
  code: error.code,
  message: error.message,
}));
process.send?.(ready satisfies RegistryReady);
