/**
 * Live calls of a service, for a person who watches.
 *
 *   GET    /v1/taps?service=&path=&method=&failed=&perSecond=   SSE: `event: calls`, TappedCalls (operators)
 *   POST   /v1/sessions/:session/taps                           SendTappedCalls → 204
 *
 * While somebody reads, the processes of the service get a `taps` frame on their watch streams and
 * send what matches. They send nothing otherwise, and stop when their stream ends.
 */
import type { ResponseFlag } from './observer.ts';
import type { ServiceName } from './service-name.ts';

/** What is wanted. */
export interface TapRequest {
  readonly service: ServiceName;
  /** A path, or the beginning of one that ends in `*`. @default any */
  readonly path?: string;
  /** @default any */
  readonly method?: string;
  /** Only server errors and calls without an answer. @default false */
  readonly failed?: boolean;
  /** Of all processes together, 1..200; what is beyond is counted and not sent. @default 20 */
  readonly perSecond?: number;
}

/** A tap as the processes of the service are told of it. */
export interface OpenTap extends Required<Pick<TapRequest, 'failed' | 'perSecond'>> {
  readonly id: string;
  readonly path: string | null;
  readonly method: string | null;
}

/** One call that ended. No query, no header, no body; what looks like a secret or an id in the path is `*`. */
export interface TappedCall {
  readonly direction: 'outbound' | 'inbound';
  readonly source: { readonly service: string; readonly version: string };
  readonly destination: { readonly service: string; readonly version: string };
  /** '' where nobody was reached. */
  readonly endpoint: string;
  readonly method: string;
  readonly path: string;
  readonly route: string;
  /** 0 when there was no answer. */
  readonly status: number;
  readonly flag: ResponseFlag;
  readonly durationMs: number;
  readonly attempts: number;
  readonly mutualTls: boolean;
  readonly traceId: string;
}

export interface SendTappedCalls {
  readonly taps: readonly {
    readonly id: string;
    /** At most 50. */
    readonly calls: readonly TappedCall[];
    /** Calls that matched and were not sent. */
    readonly skipped: number;
  }[];
}

/** What the reader of a tap gets. */
export interface TappedCalls {
  readonly calls: readonly TappedCall[];
  readonly skipped: number;
}
