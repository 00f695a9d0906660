import type { QuotaAsk, QuotaGrant } from '@inmesh/core';
import { MeshError } from '@inmesh/core';

/** Reads the answer to an ask; one that does not fit it is no answer. Throws `protocol_error`. */
export function readQuotaGrant(ask: QuotaAsk, answer: unknown): QuotaGrant {
  const { keys } = (answer ?? {}) as { keys?: unknown };
  const fits =
    Array.isArray(keys) &&
    keys.length === ask.keys.length &&
    keys.every((one) => isAmount(one?.tokens) && isAmount(one?.waitMs));
  if (fits) return { keys };
  throw new MeshError('protocol_error', 'registry: the tokens it granted make no sense');
}

function isAmount(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value < Infinity;
}
