import type { Call, HeaderPairs, ResponseHead, Sink } from '@inmesh/core';
import { joinedHeader } from '@inmesh/core';

/** They name the call, not what is asked for: instrumentation writes new ones each time. */
const traceHeaders: ReadonlySet<string> = new Set([
  'traceparent',
  'tracestate',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
]);

/** RFC 9110's safe methods that have a body worth sharing. */
const sharedMethods: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const safeMethods: ReadonlySet<string> = new Set([...sharedMethods, 'OPTIONS', 'TRACE']);

/** Whether the call may change what later answers say. */
export function mayWrite({ method }: Call): boolean {
  return !safeMethods.has(method);
}

/**
 * Under what the answer to `call` is shared within its request; `undefined`: it is not. It holds all
 * that answers may differ by: every header, since any may be one that the upstream looks at, what
 * chooses the endpoint, and who the end user is. Patience is part of it too: so nobody waits longer,
 * or gives up sooner, than he said.
 */
export function answerKey(call: Call, sink: Sink): string | undefined {
  const { method, scheme, authority, path, headers, options, body, upgrade, context } = call;
  if (!sharedMethods.has(method) || body !== null || upgrade !== undefined) return undefined;
  if (options.deadlineCoversBody === false || asksForFresh(headers)) return undefined;
  const { timeoutMs, maxRetries, idempotent, hashKey, priority } = options;
  return JSON.stringify([
    method,
    scheme,
    authority,
    path,
    context?.identity?.principal ?? '',
    headers.filter((_, i) => !traceHeaders.has(headers[i - (i % 2)] as string)),
    [timeoutMs, maxRetries, idempotent, hashKey, priority, ownDeadline(call)],
    // Who can take back what came of a cut body, and who cannot.
    sink.rewind !== undefined,
  ]);
}

/** One that somebody set besides: what `timeoutMs` and the request say is the same for all who share. */
function ownDeadline({ deadline, startedAt, options, context }: Call): number | undefined {
  const { timeoutMs = 0 } = options;
  const said = timeoutMs === 0 ? Infinity : startedAt + timeoutMs;
  return deadline < Math.min(said, context?.deadline ?? Infinity) ? deadline : undefined;
}

/** The caller's own word that an answer from before is of no use. */
function asksForFresh(headers: HeaderPairs): boolean {
  const control = joinedHeader(headers, 'cache-control') ?? joinedHeader(headers, 'pragma');
  return control !== undefined && /no-cache|no-store|max-age=0(?!\d)/i.test(control);
}

/** Whether several callers of one request may have the same answer: no stream, and nothing forbids it. */
export function isShareable({ headers }: ResponseHead, maxBodyBytes: number): boolean {
  if (/no-store/i.test(joinedHeader(headers, 'cache-control') ?? '')) return false;
  if (joinedHeader(headers, 'vary')?.includes('*') === true) return false;
  if (/^text\/event-stream/i.test(joinedHeader(headers, 'content-type') ?? '')) return false;
  return !(Number(joinedHeader(headers, 'content-length') ?? 0) > maxBodyBytes);
}

/** Whether who asks later gets it too; the others only share it while it is under way. */
export function isKeepable(status: number): boolean {
  return status < 500 && status !== 429;
}
