/**
 * Every way a mesh operation can fail, for programs. The text of an error may change between
 * releases, its code may not. `docs/reference/errors.md` lists what each means and what to do.
 */
export type MeshErrorCode =
  // the caller's mistake
  | 'invalid_argument'
  | 'invalid_resource'
  | 'body_consumed'
  // where the call should go
  | 'unknown_service'
  | 'unknown_port'
  | 'no_endpoints'
  | 'no_route'
  | 'outbound_refused'
  // the call was not sent, to protect someone
  | 'circuit_open'
  | 'overloaded'
  | 'rate_limited'
  | 'fault_injected'
  // the call was sent and failed
  | 'deadline_exceeded'
  | 'attempt_timeout'
  | 'connect_failed'
  | 'connection_closed'
  | 'protocol_error'
  | 'response_too_large'
  | 'aborted'
  // the registry
  | 'registry_unavailable'
  | 'session_unknown'
  | 'not_found'
  | 'conflict'
  | 'revision_compacted'
  | 'store_unavailable'
  // security
  | 'unauthenticated'
  | 'forbidden'
  // life cycle
  | 'start_timeout'
  | 'closed'
  | 'internal';

export interface MeshErrorOptions {
  /** What made it fail, kept as it was. */
  readonly cause?: unknown;
  /** The service that was called, canonical (`reviews.default`). */
  readonly service?: string;
  /** The endpoint of the last attempt, by id. */
  readonly endpoint?: string;
  /** How many attempts were sent. */
  readonly attempts?: number;
  /** Where in the input the mistake is, as a JSON pointer (`/spec/http/0/timeout`). */
  readonly path?: string;
  /**
   * Whether the request may have reached the upstream: `false` means that sending it again is
   * safe whatever its method.
   * @default true
   */
  readonly maybeProcessed?: boolean;
  /** Who refused asks not to be asked again before. */
  readonly retryAfterMs?: number;
}

/** The one error class of Inmesh. Tell failures apart by `code`, not by text or class. */
export class MeshError extends Error {
  override readonly name = 'MeshError';
  readonly code: MeshErrorCode;
  readonly service: string | undefined;
  readonly endpoint: string | undefined;
  readonly attempts: number | undefined;
  readonly path: string | undefined;
  readonly maybeProcessed: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(code: MeshErrorCode, message: string, options: MeshErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.service = options.service;
    this.endpoint = options.endpoint;
    this.attempts = options.attempts;
    this.path = options.path;
    this.maybeProcessed = options.maybeProcessed ?? true;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Whether `error` is a `MeshError`, of one of `codes` when any are given. Works across copies of this package. */
export function isMeshError(error: unknown, ...codes: MeshErrorCode[]): error is MeshError {
  if (!(error instanceof Error) || error.name !== 'MeshError') return false;
  return codes.length === 0 || codes.includes((error as MeshError).code);
}
