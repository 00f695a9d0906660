import type { Endpoint } from '@inmesh/core';
import type { EndpointState } from '../endpoint-state.ts';
import type { ConnectSecurity } from './connect-security.ts';
import { ConnectionPool, type ConnectionPoolOptions } from './connection-pool.ts';

/** The pools of one endpoint, one per port and way of protection: nearly always a single one. */
interface EndpointPools {
  readonly pools: ConnectionPool[];
}

export interface Connections {
  /** The pool for one port of an endpoint, made at its first use. */
  pool(state: EndpointState, port: number, security: ConnectSecurity): ConnectionPool;
  /** The endpoint is gone: its idle connections close, those in flight finish first. */
  drain(state: EndpointState): void;
  /** Open connections to an endpoint. */
  count(state: EndpointState): number;
  /** Cuts everything. Idempotent. */
  destroy(): void;
}

/** All connections of a client, kept with the state of the endpoints that they lead to. */
export function createConnections(
  options: Omit<ConnectionPoolOptions, 'target' | 'onClosed'>,
): Connections {
  const all = new Set<ConnectionPool>();

  const add = (
    pools: ConnectionPool[],
    endpoint: Endpoint,
    port: number,
    security: ConnectSecurity,
  ): ConnectionPool => {
    // The address may have changed under the same id: the old one takes nothing new.
    for (let i = pools.length - 1; i >= 0; i -= 1) {
      const pool = pools[i] as ConnectionPool;
      if (pool.target.address === endpoint.address) continue;
      pools.splice(i, 1);
      pool.drain();
    }
    const target = { address: endpoint.address, port, security };
    const pool = new ConnectionPool({
      ...options,
      target,
      onClosed: (closed) => all.delete(closed),
    });
    pools.push(pool);
    all.add(pool);
    return pool;
  };
  return {
    pool(state, port, security) {
      const { endpoint } = state;
      let known = state.connections as EndpointPools | undefined;
      if (known === undefined) {
        known = { pools: [] };
        state.connections = known;
      }
      for (const pool of known.pools) {
        const { target } = pool;
        if (
          target.port === port &&
          target.address === endpoint.address &&
          target.security.key === security.key
        ) {
          return pool;
        }
      }
      return add(known.pools, endpoint, port, security);
    },
    drain(state) {
      for (const pool of (state.connections as EndpointPools | undefined)?.pools ?? [])
        pool.drain();
      state.connections = undefined;
    },
    count(state) {
      let count = 0;
      for (const pool of (state.connections as EndpointPools | undefined)?.pools ?? []) {
        count += pool.size;
      }
      return count;
    },
    destroy() {
      for (const pool of [...all]) pool.destroy();
    },
  };
}
