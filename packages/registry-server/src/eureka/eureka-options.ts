import { isLabel, MeshError, maxTimerDelayMs } from '@inmesh/core';

export interface EurekaOptions {
  /** The namespace that Eureka's clients see and register in: Eureka has none. @default 'default' */
  readonly namespace?: string;
  /**
   * After a start, lists are refused for so long (403: clients keep what they have), until everybody
   * had the time to renew. A peer that answers ends it. @default 35_000, or 0 where the server's own `settleMs` is 0
   */
  readonly settleMs?: number;
  /** Addresses of other Eureka servers, such as `http://eureka-1:8761/eureka`, told of what registers here. @default [] */
  readonly peers?: readonly string[];
}

/** Where a peer is. Credentials in the address are sent as Basic authentication, as Eureka's clients do. */
export interface PeerAddress {
  /** For people: without credentials. */
  readonly name: string;
  readonly origin: string;
  /** Without a slash at its end. */
  readonly path: string;
  readonly authorization: string | undefined;
}

export interface ResolvedEurekaOptions {
  readonly namespace: string;
  readonly settleMs: number;
  readonly peers: readonly PeerAddress[];
}

/** Eureka's clients renew each 30 s, with a little on top. */
const defaultSettleMs = 35_000;

/** Throws `invalid_argument`. */
export function resolveEurekaOptions(
  options: boolean | EurekaOptions,
  serverSettleMs: number,
): ResolvedEurekaOptions | undefined {
  if (options === false) return undefined;
  const given = options === true ? {} : options;
  const { namespace = 'default', peers = [] } = given;
  const { settleMs = serverSettleMs === 0 ? 0 : defaultSettleMs } = given;
  if (!isLabel(namespace)) {
    throw invalid(`namespace must be a label, got ${JSON.stringify(namespace)}`);
  }
  if (!Number.isInteger(settleMs) || settleMs < 0 || settleMs > maxTimerDelayMs) {
    throw invalid(`settleMs must be a whole number within 0..${maxTimerDelayMs}, got ${settleMs}`);
  }
  return Object.freeze({ namespace, settleMs, peers: Object.freeze(peers.map(resolvePeer)) });
}

function resolvePeer(address: string): PeerAddress {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    // Not repeated: it may hold a password.
    throw invalid(
      'peers must be http:// or https:// addresses, such as http://eureka-1:8761/eureka',
    );
  }
  const { origin, host, username, password } = url;
  const path = url.pathname.replace(/\/+$/, '');
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return {
    name: `${url.protocol}//${host}${path}`,
    origin,
    path,
    authorization:
      credentials === ':' ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`,
  };
}

function invalid(message: string): MeshError {
  return new MeshError('invalid_argument', `registry: eureka.${message}`);
}
