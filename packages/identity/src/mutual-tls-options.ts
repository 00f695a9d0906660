import type { Socket } from 'node:net';
import {
  type Clock,
  type Logger,
  MeshError,
  type MeshEvent,
  type Random,
  silentLogger,
  systemClock,
} from '@inmesh/core';
import type { IdentitySource } from './identity-source.ts';

/**
 * What a port takes, as PeerAuthentication says: mutual TLS only, that and plain HTTP told apart by
 * the first byte, or plain HTTP only.
 */
export type MutualTlsMode = 'strict' | 'permissive' | 'disable';

export interface MutualTlsOptions {
  readonly identity: IdentitySource;
  /** Asked for every new connection; call `modeChanged` when it has changed. @default strict */
  readonly mode?: () => MutualTlsMode;
  /**
   * Whether TLS is also for clients without a certificate, who then have no peer: for a server whose
   * clients prove themselves in other ways, too. One that is shown has to be good all the same.
   * @default 'required'
   */
  readonly clientCertificate?: 'required' | 'optional';
  /** Whether an accepted connection is taken at all; asked before its handshake. One that is not is closed. @default all are */
  readonly admit?: (socket: Socket) => boolean;
  /**
   * How long a connection may be silent under `permissive`. Pools open connections ahead of need, so
   * this is as long as the server's own wait for a first request.
   * @default 65_000
   */
  readonly firstByteTimeoutMs?: number;
  /** @default 10_000 */
  readonly handshakeTimeoutMs?: number;
  /** A connection older than it closes after a response, by chance up to a fifth sooner. @default 3_600_000 */
  readonly maxAgeMs?: number;
  /** How long a response may go on once its peer has lost access. @default 10_000 */
  readonly graceMs?: number;
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default Math.random */
  readonly random?: Random;
  /** @default silentLogger */
  readonly logger?: Logger;
  /** `peer-refused`. */
  readonly onEvent?: (event: MeshEvent) => void;
}

/** Fills in the defaults. Throws `invalid_argument`. */
export function resolveMutualTlsOptions(options: MutualTlsOptions): Required<MutualTlsOptions> {
  return Object.freeze({
    identity: options.identity,
    mode: options.mode ?? (() => 'strict'),
    clientCertificate: options.clientCertificate ?? 'required',
    admit: options.admit ?? (() => true),
    firstByteTimeoutMs: duration('firstByteTimeoutMs', options.firstByteTimeoutMs ?? 65_000),
    handshakeTimeoutMs: duration('handshakeTimeoutMs', options.handshakeTimeoutMs ?? 10_000),
    maxAgeMs: duration('maxAgeMs', options.maxAgeMs ?? 3_600_000),
    graceMs: duration('graceMs', options.graceMs ?? 10_000),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    logger: options.logger ?? silentLogger,
    onEvent: options.onEvent ?? (() => {}),
  });
}

/** A week: beyond it a bound is none. */
const longestMs = 7 * 24 * 3_600_000;

function duration(name: string, value: number): number {
  if (value >= 1 && value <= longestMs) return value;
  throw new MeshError('invalid_argument', `${name} must be within 1..${longestMs}, got ${value}`);
}
