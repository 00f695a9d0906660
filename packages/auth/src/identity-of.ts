import type { RequestIdentity } from '@inmesh/core';
import { meshOf } from '@inmesh/inbound';

/**
 * Who sent a request of plain `http`, Express or Fastify: the verified token's claims, the calling
 * workload. `undefined` when nobody was proven, and for a request that no authentication saw.
 */
export function identityOf(request: object): RequestIdentity | undefined {
  return meshOf(request)?.context.identity;
}
