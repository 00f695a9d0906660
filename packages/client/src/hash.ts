import type { CallOptions, HashKey, RouteRequest } from '@inmesh/core';

/** The hash of what `key` names in the request, or `undefined` when the request has none. */
export function hashKey(
  _key: HashKey,
  _request: RouteRequest,
  _options: CallOptions,
): number | undefined {
  return undefined;
}
