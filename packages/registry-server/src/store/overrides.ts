import { type Clock, type EndpointStatus, type Logger, MeshError, type Store } from '@inmesh/core';
import type { EndpointTable } from '../state/endpoint-table.ts';
import { followPrefix } from './follow-prefix.ts';

const prefix = 'overrides/';
const statuses: ReadonlySet<string> = new Set<EndpointStatus>(['up', 'draining', 'down']);

/** More than operators set by hand; a script that goes wild must not fill the store. */
const maxOverrides = 10_000;

export interface OverridesOptions {
  readonly store: Store;
  readonly endpoints: EndpointTable;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Operators' status overrides: written to the store, and applied from its watch, so
 * that servers which share a store agree. They stay until taken back, also while their endpoint
 * is away.
 */
export interface Overrides {
  /** Resolves when durable. Throws `not_found` for an endpoint that is not registered, `overloaded` at the limit. */
  set(id: string, status: EndpointStatus): Promise<void>;
  /** Also when there is none. */
  remove(id: string): Promise<void>;
  close(): void;
}

/** Applies what the store holds, then follows it. */
export async function createOverrides(options: OverridesOptions): Promise<Overrides> {
  const { store, endpoints, clock, logger } = options;
  const known = new Set<string>();
  const unfollow = await followPrefix({
    store,
    prefix,
    clock,
    logger,
    apply(id, entry) {
      if (entry === undefined) known.delete(id);
      else known.add(id);
      endpoints.setOverride(
        id,
        entry === undefined ? undefined : parseStatus(id, entry.value, logger),
      );
    },
  });

  return {
    async set(id, status) {
      if (endpoints.find(id) === undefined) {
        throw new MeshError(
          'not_found',
          `registry: no endpoint ${JSON.stringify(id)} is registered`,
          { endpoint: id },
        );
      }
      if (!known.has(id) && known.size >= maxOverrides) {
        throw new MeshError(
          'overloaded',
          `registry: ${maxOverrides} status overrides are set; take some back`,
        );
      }
      await store.commit([{ kind: 'put', key: prefix + id, value: JSON.stringify({ status }) }]);
      logger.info({ endpoint: id, status }, 'status override set');
    },
    async remove(id) {
      await store.commit([{ kind: 'delete', key: prefix + id }]);
      logger.info({ endpoint: id }, 'status override taken back');
    },
    close: unfollow,
  };
}

function parseStatus(id: string, value: string, logger: Logger): EndpointStatus | undefined {
  try {
    const { status } = JSON.parse(value) as { status?: string };
    if (status !== undefined && statuses.has(status)) return status as EndpointStatus;
  } catch {
    // Said below, with what is known.
  }
  logger.error({ endpoint: id }, 'a stored status override cannot be read and is left out');
  return undefined;
}
