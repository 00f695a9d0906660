/**
 * Live calls of a service, for whoever looks at them now.
 *
 *   POST   /v1/taps                       StartTap → 201 TapStarted (operators)
 *   GET    /v1/taps/:id/stream            SSE, see TapEvent (operators); the tap ends with its stream
 *   POST   /v1/sessions/:session/tapped   TappedCalls → 204; 404 `not_found`: that tap has ended
 *
 * Processes of the service hear of their taps by `taps` frames on their watch streams.
 */
/** Which calls are told; every part that is given must fit. */
export interface TapFilter {
  /** What the service was asked, or what it asked of others. @default both */
  readonly direction?: TapDirection;
  /** As it came. @default any */
  readonly method?: string;
  /** What paths begin with. @default any */
  readonly path?: string;
  /** Server errors, and calls without an answer, only. @default false */
  readonly failedOnly?: boolean;
  /** Share of the calls that is told, 0..1. @default 1 */
  readonly sampleRatio?: number;
}

export type TapDirection = 'inbound' | 'outbound';

export interface StartTap extends TapFilter {
  readonly service: string;
  /** @default 'default' */
  readonly namespace?: string;
  /** Calls a second that are told at most, 1..100. @default 20 */
  readonly perSecond?: number;
  /** How long it lasts at most, 1,000..600,000. @default 60_000 */
  readonly forMs?: number;
}

export interface TapStarted {
  /** Unguessable. The stream must be opened within ten seconds. */
  readonly id: string;
  /** How many of the service's processes are asked: those that are connected to this server, at most 50. */
  readonly processes: number;
  readonly endsInMs: number;
}

/** What a process is asked to tell. */
export interface TapOrder extends TapFilter {
  /** Names the tap between process and registry; no key to its stream. */
  readonly tap: string;
  /** This process' share of the rate. */
  readonly perSecond: number;
  /** The process ends it by itself then. */
  readonly endsInMs: number;
}

/** What a process tells of one tap: never a query, a body, or a header that it does not itself allow. */
export interface TappedCalls {
  readonly tap: string;
  /** At most 50. */
  readonly calls: readonly TappedCall[];
  /** Calls that fit as well, and were too many to be told. */
  readonly skipped: number;
}

export interface TappedCall {
  readonly direction: TapDirection;
  /** Since it ended. */
  readonly agoMs: number;
  /** The service that was called, or the one that called; '' did not say. */
  readonly peer: string;
  readonly peerVersion: string;
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  readonly route: string;
  /** 0 when there was no answer. */
  readonly status: number;
  /** See `ResponseFlag`. */
  readonly flag: string;
  readonly durationMs: number;
  /** Of a call made, 0 when it was refused before it was sent; of a request served 1. */
  readonly attempts: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly mutualTls: boolean;
  readonly traceId: string;
  /** The error code of a call that failed, or of a refusal; '' for none. */
  readonly code: string;
  /** The request's, as far as the process allows them. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A call as whoever looks gets it: with the process that told it. */
export interface ShownCall extends TappedCall {
  /** As its session says. */
  readonly process: string;
}

/** One frame of a tap's stream: the SSE `event:` is `kind`, the `data:` is the rest as JSON. */
export type TapEvent =
  | { readonly kind: 'calls'; readonly calls: readonly ShownCall[]; readonly skipped: number }
  /** The last one: its time is over, or the registry stops. */
  | { readonly kind: 'ended'; readonly reason: 'time' | 'closing' };
