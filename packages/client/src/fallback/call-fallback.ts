import type { Call, NameScope, ServiceName } from '@inmesh/core';
import { defaultNameScope, MeshError, parseMeshHost } from '@inmesh/core';
import type { HeadersInput } from '../header-pairs.ts';
import type { LastGoodLimits } from '../last-good-store.ts';
import { duration, whole } from '../policy-checks.ts';

/** An answer made in this process. */
export interface FallbackResponse {
  /** @default 200 */
  readonly status?: number;
  /** @default none */
  readonly headers?: HeadersInput;
  /** Text goes out as UTF-8. @default empty */
  readonly body?: string | Uint8Array;
}

/** How a call failed for good. */
export interface CallFailure {
  /** 0 when there was no answer. */
  readonly status: number;
  /** `undefined` when there was a bad one. */
  readonly error: MeshError | undefined;
}

/** What a call gets when it failed for good, retries and all. A value, made by the functions below. */
export type CallFallback =
  | { readonly kind: 'value'; readonly response: FallbackResponse }
  | {
      readonly kind: 'function';
      readonly respond: (
        call: Call,
        failure: CallFailure,
      ) => FallbackResponse | Promise<FallbackResponse>;
      readonly timeoutMs: number;
    }
  | { readonly kind: 'service'; readonly service: ServiceName; readonly timeoutMs: number }
  | ({
      readonly kind: 'last-good';
      readonly maxBodyBytes: number;
      readonly key: ((call: Call) => string | undefined) | undefined;
    } & LastGoodLimits);

/** Always the same answer. */
export function respondWith(response: FallbackResponse): CallFallback {
  return { kind: 'value', response };
}

/** What `respond` says. @param timeoutMs How long it may take, within the inbound deadline; 1,000 unless said */
export function respondBy(
  respond: (call: Call, failure: CallFailure) => FallbackResponse | Promise<FallbackResponse>,
  timeoutMs: number = 1_000,
): CallFallback {
  duration('respondBy.timeoutMs', timeoutMs, 1);
  return { kind: 'function', respond, timeoutMs };
}

/**
 * The same request to another service, when its body can be sent again. The other service is
 * balanced, retried and limited by its own policies.
 * @param service `reviews-archive`, `reviews.backup`
 * @param options.timeoutMs For the second call, within the inbound deadline. @default 1_000
 */
export function callService(
  service: string,
  options: { readonly timeoutMs?: number; readonly names?: NameScope } = {},
): CallFallback {
  const { timeoutMs = 1_000, names = defaultNameScope } = options;
  duration('callService.timeoutMs', timeoutMs, 1);
  const dot = service.indexOf('.');
  const host = dot < 0 || service.endsWith(names.domain) ? service : `${service}.svc`;
  const name = parseMeshHost(host, names);
  if (name === undefined)
    throw new MeshError('invalid_argument', `${service} is no name of a mesh service`);
  return { kind: 'service', service: name, timeoutMs };
}

export interface LastGoodResponseOptions {
  /**
   * Under what an answer is kept, and so who may get it later; `undefined` keeps nothing. It must hold
   * all that the answer depends on: with a user's own data, the user.
   * @default URL, `accept` headers and the end user of the inbound request; nothing for calls with `authorization` or `cookie`
   */
  readonly key?: (call: Call) => string | undefined;
  /** @default 300_000 */
  readonly maxAgeMs?: number;
  /** @default 100 */
  readonly maxEntries?: number;
  /** Larger answers are not kept. @default 65_536 */
  readonly maxBodyBytes?: number;
}

/**
 * The last good answer to the same GET, with its `age`. Answers with `set-cookie`, or that their
 * `cache-control` or `vary` do not allow others to have, are not kept.
 */
export function lastGoodResponse(options: LastGoodResponseOptions = {}): CallFallback {
  const { key, maxAgeMs = 300_000, maxEntries = 100, maxBodyBytes = 65_536 } = options;
  duration('lastGoodResponse.maxAgeMs', maxAgeMs, 1);
  whole('lastGoodResponse.maxEntries', maxEntries, 1);
  whole('lastGoodResponse.maxBodyBytes', maxBodyBytes, 0);
  return { kind: 'last-good', key, maxAgeMs, maxEntries, maxBodyBytes };
}
