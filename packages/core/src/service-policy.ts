import type { ServiceName } from './service-name.ts';

/** What a call gets that failed for good, as a resource says it. A value, so that the wire and options share it. */
export type FallbackPolicy =
  /** Always the same answer. */
  | {
      readonly kind: 'value';
      readonly response: {
        readonly status: number;
        readonly headers: Readonly<Record<string, string>>;
        readonly body: string;
      };
    }
  /** What another service says to the same request. */
  | { readonly kind: 'service'; readonly service: ServiceName; readonly timeoutMs: number }
  /** The last good answer to the same GET of the same end user. */
  | {
      readonly kind: 'last-good';
      readonly key: undefined;
      readonly maxAgeMs: number;
      readonly maxEntries: number;
      readonly maxBodyBytes: number;
    };

/** How much one inbound request shares of one service's answers. */
export interface RequestCachePolicy {
  /** Larger answers are not shared. @default 65_536 */
  readonly maxBodyBytes: number;
  /** Answers at most; what comes beyond is asked for each time. @default 100 */
  readonly maxEntries: number;
}

/**
 * What resources say about whole calls to one service, whichever destination they take. What is
 * absent comes from the client's options; `null` switches it off. One object for as long as the
 * resource stays the same, so that what is kept by it stays too.
 */
export interface ServicePolicy {
  readonly fallbacks?: readonly FallbackPolicy[] | null;
  readonly requestCache?: RequestCachePolicy | null;
}
