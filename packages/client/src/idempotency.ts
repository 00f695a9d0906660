import { type CallOptions, type HeaderPairs, headerValue } from '@inmesh/core';

/** RFC 9110, 9.2.2. */
const idempotentMethods: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PUT',
  'DELETE',
]);

/**
 * Whether sending the request twice does no more than sending it once. The caller's own word comes
 * first, both ways; then the method; then a key by which the callee knows the second one.
 */
export function isIdempotent(call: {
  readonly method: string;
  readonly headers: HeaderPairs;
  readonly options: CallOptions;
}): boolean {
  const { idempotent } = call.options;
  if (idempotent !== undefined) return idempotent;
  if (idempotentMethods.has(call.method)) return true;
  return (headerValue(call.headers, 'idempotency-key') ?? '') !== '';
}
