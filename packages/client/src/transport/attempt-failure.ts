import { isMeshError, type MeshErrorCode, type ResponseFlag } from '@inmesh/core';
import type { AttemptResult } from '../endpoint-state.ts';
import type { AttemptFailure } from '../retry-decision.ts';

/** How one try failed without an answer, in every vocabulary that somebody downstream speaks. */
export interface FailureKind {
  readonly code: MeshErrorCode;
  readonly kind: Exclude<AttemptFailure['kind'], 'status'>;
  readonly flag: ResponseFlag;
  readonly result: AttemptResult;
  readonly maybeProcessed: boolean;
  readonly what: string;
}

export const connectFailed: FailureKind = {
  code: 'connect_failed',
  kind: 'connect-failed',
  flag: 'UF',
  result: 'local-failure',
  maybeProcessed: false,
  what: 'could not connect',
};

const nobodyListens: FailureKind = {
  ...connectFailed,
  kind: 'refused',
  result: 'refused',
  what: 'nobody listens there',
};

/** Why there is no connection. */
export function connectFailure(cause: Error): FailureKind {
  if (isMeshError(cause, 'unauthenticated')) {
    // Who it is, or how it may be spoken to, is not as it must be.
    return { ...connectFailed, code: cause.code, what: cause.message };
  }
  const refused = (cause as { code?: unknown }).code === 'ECONNREFUSED';
  return refused ? nobodyListens : connectFailed;
}

export const attemptTimedOut: FailureKind = {
  code: 'attempt_timeout',
  kind: 'timeout',
  flag: 'UT',
  result: 'local-failure',
  maybeProcessed: true,
  what: 'no answer within the time for one attempt',
};

/** The same, and our own event loop stood still meanwhile: the answer may have been there. */
export const attemptTimedOutLate: FailureKind = { ...attemptTimedOut, result: 'neutral' };

const closed: FailureKind = {
  code: 'connection_closed',
  kind: 'reset',
  flag: 'UC',
  result: 'local-failure',
  maybeProcessed: true,
  what: 'the connection closed before the answer was complete',
};

const malformed: FailureKind = {
  ...closed,
  code: 'protocol_error',
  flag: 'UR',
  what: 'the answer is no valid HTTP/1.1',
};

const refusedByUs: FailureKind = {
  code: 'invalid_argument',
  kind: 'reset',
  flag: '-',
  result: 'neutral',
  maybeProcessed: false,
  what: 'the request cannot be sent',
};

const brokenBody: FailureKind = {
  code: 'aborted',
  kind: 'reset',
  flag: 'DC',
  result: 'neutral',
  maybeProcessed: true,
  what: "the request's body stream failed",
};

/**
 * What undici's error says. `streaming`: the request's body is the caller's stream, whose errors
 * arrive here unchanged and say nothing of the upstream.
 */
export function classifyFailure(error: Error, streaming: boolean): FailureKind {
  const code = (error as { code?: unknown }).code;
  if (typeof code !== 'string') return streaming ? brokenBody : closed;
  switch (code) {
    case 'UND_ERR_SOCKET':
    case 'UND_ERR_INFO':
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ETIMEDOUT':
      return closed;
    case 'UND_ERR_INVALID_ARG':
    case 'UND_ERR_NOT_SUPPORTED':
    case 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH':
      return refusedByUs;
    case 'UND_ERR_HEADERS_OVERFLOW':
      return malformed;
    default:
      // A cut body ends undici's parser in one of these two; any other parser error is the upstream's.
      if (code === 'HPE_INVALID_EOF_STATE' || code === 'HPE_CLOSED_CONNECTION') return closed;
      if (code.startsWith('HPE_')) return malformed;
      return streaming ? brokenBody : closed;
  }
}
