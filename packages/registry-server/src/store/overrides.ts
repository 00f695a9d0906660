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
  set(id: string, status: EndpointStatus, byOperator?: boolean): Promise<void>;
  /** Whether an operator has set it, and not the service of the endpoint by Eureka's door. */
  isOperators(id: string): boolean;
  /** Also when there is none. */
  remove(id: string): Promise<void>;
  close(): void;
}

/** Applies what the store holds, then follows it. */
export async function createOverrides(options: OverridesOptions): Promise<Overrides> {
  const { store, endpoints, clock, logger } = options;
  /** By id, whether an operator has set it. */
  const known = new Map<string, boolean>();
  const unfollow = await followPrefix({
    store,
    prefix,
    clock,
    logger,
    apply(id, entry) {
      const override = entry === undefined ? undefined : parseOverride(id, entry.value, logger);
      if (override === undefined) known.delete(id);
      else known.set(id, override.byOperator);
      endpoints.setOverride(id, override?.status);
    },
  });

  return {
    async set(id, status, byOperator = true) {
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
      const value = JSON.stringify(byOperator ? { status } : { status, byOperator });
      await store.commit([{ kind: 'put', key: prefix + id, value }]);
      logger.info({ endpoint: id, status }, 'status override set');
    },
    async remove(id) {
      await store.commit([{ kind: 'delete', key: prefix + id }]);
      logger.info({ endpoint: id }, 'status override taken back');
    },
    isOperators: (id) => known.get(id) ?? false,
    close: unfollow,
  };
}

interface Override {
  readonly status: EndpointStatus;
  readonly byOperator: boolean;
}

function parseOverride(id: string, value: string, logger: Logger): Override | undefined {
  try {
    const { status, byOperator = true } = JSON.parse(value) as Partial<Override>;
    if (status !== undefined && statuses.has(status)) return { status, byOperator };
  } catch {
    // Said below, with what is known.
  }
  logger.error({ endpoint: id }, 'a stored status override cannot be read and is left out');
  return undefined;
}
