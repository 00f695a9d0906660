import type { Call, HeaderPairs, ResponseHead } from '@inmesh/core';
import { headerValue, joinedHeader } from '@inmesh/core';
import type { CallFallback } from './call-fallback.ts';

/** A whole answer, kept for later. */
export interface KeptResponse {
  readonly status: number;
  readonly headers: HeaderPairs;
  readonly body: Buffer;
}

/** What the default key holds, so what an answer may vary by. */
const keyHeaders = ['accept', 'accept-encoding', 'accept-language'];

/** What the answer to `call` is kept under, or was; `undefined`: it is not. */
export function keyOf(
  fallback: CallFallback & { kind: 'last-good' },
  call: Call,
): string | undefined {
  return call.method === 'GET' ? (fallback.key ?? responseKey)(call) : undefined;
}

/** Nobody else may have what was asked for with credentials. */
function responseKey(call: Call): string | undefined {
  const { headers, authority, path, context } = call;
  if (headerValue(headers, 'authorization') !== undefined) return undefined;
  if (headerValue(headers, 'cookie') !== undefined) return undefined;
  const accepts = keyHeaders.map((name) => joinedHeader(headers, name) ?? '');
  return [authority, path, context?.identity?.principal ?? '', ...accepts].join('\n');
}

/** Whether the answer may be given to somebody else who asks for the same. One with an `age` was somebody's cache already. */
export function isKeepable(head: ResponseHead): boolean {
  const { status, headers } = head;
  if (status < 200 || status > 299 || status === 206) return false;
  if (headerValue(headers, 'set-cookie') !== undefined) return false;
  if (/no-store|private/i.test(joinedHeader(headers, 'cache-control') ?? '')) return false;
  if (headerValue(headers, 'age') !== undefined) return false;
  const vary = joinedHeader(headers, 'vary');
  return (
    vary === undefined ||
    vary.split(',').every((name) => keyHeaders.includes(name.trim().toLowerCase()))
  );
}
