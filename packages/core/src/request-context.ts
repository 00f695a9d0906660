import { AsyncLocalStorage } from 'node:async_hooks';
import type { RequestIdentity } from './identity.ts';
import type { Priority } from './priority.ts';
import type { TraceContext } from './trace-context.ts';

/**
 * What one inbound request passes on to the calls made while it is served. One object a request,
 * entered around the server's request event.
 */
export interface RequestContext {
  readonly trace: TraceContext | undefined;
  /** When the caller stops waiting, in monotonic milliseconds (`clock.now()`); `Infinity` when it did not say. */
  readonly deadline: number;
  /** Filled by the authentication steps of the inbound pipeline; nothing else writes it. */
  identity: RequestIdentity | undefined;
  /** W3C baggage as it came, at most 8,192 bytes; '' when there was none. */
  readonly baggage: string;
  /** The end user's verified token as it came, where it is to be passed on to other services of the mesh. */
  userToken?: string | undefined;
  /** Headers that travel on to every call of this request (a sticky key, B3), as flat pairs. */
  readonly passOn: readonly string[];
  /** Which try of its caller this request is (`inmesh-attempt`), from 1: above 1 our own calls do not retry. @default 1 */
  readonly attempt?: number;
  /** What its caller says it matters; calls made for it matter as much. @default 'default' */
  readonly priority?: Priority;
  /**
   * Set by a call made for this request which failed after this process had retried it as far as it
   * may, or was told not to. A 5xx answer then says `inmesh-retry: no`, so that no layer above
   * retries what this one has. @default false
   */
  retriesSpent?: boolean;
}

const storage = new AsyncLocalStorage<RequestContext>();

/**
 * The context of the inbound request that the running code serves, if any.
 *
 * Read it when a call starts and pass it on by hand: inside undici's callbacks on a reused socket
 * the storage holds the context of whoever opened the connection, which is another user's.
 */
export function currentContext(): RequestContext | undefined {
  return storage.getStore();
}

/** Runs `body`, and everything asynchronous that it starts, inside `context`; `undefined` leaves any. */
export function runInContext<T>(context: RequestContext | undefined, body: () => T): T {
  return context === undefined ? storage.exit(body) : storage.run(context, body);
}
