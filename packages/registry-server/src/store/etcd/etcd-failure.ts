import { MeshError } from '@inmesh/core';

/** What a request that failed means for the next try. */
export type EtcdFailure =
  /** It did not reach anybody who would act on it: safe to send again. */
  | { readonly kind: 'unsent'; readonly reason: string }
  /** It may have been acted on, and the answer was lost. */
  | { readonly kind: 'unclear'; readonly reason: string }
  /** The token ran out: ask for another one and send it again. */
  | { readonly kind: 'token' }
  /** Sending it again will not help. */
  | { readonly kind: 'final'; readonly error: MeshError };

/** What the gateway says of a gRPC error. */
interface GatewayError {
  readonly code?: number;
  readonly message?: string;
}

const grpc = {
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  outOfRange: 11,
  unavailable: 14,
  unauthenticated: 16,
};

/** The request was never written. */
const unsentCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** The connection failed, or there was no answer in time. */
export function transportFailure(error: unknown): EtcdFailure {
  const { code = '', message } = error as { code?: string; message: string };
  return { kind: unsentCodes.has(code) ? 'unsent' : 'unclear', reason: message };
}

/** An answer other than 200. */
export function answerFailure(status: number, body: string): EtcdFailure {
  const { code, message = `status ${status}` } = parse(body);
  if (/no leader|not leader|too many requests/.test(message)) {
    return { kind: 'unsent', reason: message };
  }
  if (/invalid auth token|revision of auth store is old/.test(message)) return { kind: 'token' };
  if (code === grpc.unavailable || code === grpc.deadlineExceeded || code === undefined) {
    return { kind: 'unclear', reason: message };
  }
  return { kind: 'final', error: finalError(code, message) };
}

function finalError(code: number, message: string): MeshError {
  const said = `store: etcd says "${message}"`;
  if (code === grpc.outOfRange) return new MeshError('revision_compacted', said);
  if (code === grpc.notFound) return new MeshError('not_found', said);
  if (code === grpc.unauthenticated || /authentication failed|not enabled/.test(message)) {
    return new MeshError('unauthenticated', `${said}; check the user and password of etcd`);
  }
  if (code === grpc.permissionDenied || /user name is empty/.test(message)) {
    return new MeshError('forbidden', `${said}; the user needs a role that may read and write it`);
  }
  if (/database space exceeded/.test(message)) {
    return new MeshError(
      'store_unavailable',
      `${said}: nothing can be written; compact and defragment it, then disarm its alarm`,
    );
  }
  if (/too many operations|request is too large/.test(message)) {
    return new MeshError(
      'overloaded',
      `${said}; nothing was written. Unless told otherwise etcd takes 128 writes of 1.5 MiB together in one commit: commit less at once, or start it with larger --max-txn-ops and --max-request-bytes`,
    );
  }
  return new MeshError('internal', said);
}

function parse(body: string): GatewayError {
  try {
    return JSON.parse(body) as GatewayError;
  } catch {
    return {};
  }
}
