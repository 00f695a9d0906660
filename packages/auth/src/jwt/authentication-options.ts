import type { ConnectionOptions } from 'node:tls';
import { type Clock, type Logger, MeshError, silentLogger, systemClock } from '@inmesh/core';

/** What holds for every issuer. */
export interface TokenOptions {
  /**
   * Hosts, by name, whose keys may be in a private network or on this machine, and come over plain
   * http. Link-local and metadata addresses never are.
   * @default []
   */
  readonly privateHosts?: readonly string[];
  /**
   * How to speak TLS to the hosts of keys, asked for every connection: for an issuer that no public
   * root vouches for.
   * @default against the system's roots
   */
  readonly keyTls?: () => ConnectionOptions | undefined;
  /** Longer tokens are refused unread. @default 8192 */
  readonly maxTokenBytes?: number;
  /** Verified tokens remembered at once, per rule. @default 10_000 */
  readonly cachedTokens?: number;
  /** Keys are fetched again when they are older: a key that was taken back works this long at most. @default 300_000, as Envoy's */
  readonly keyMaxAgeMs?: number;
  /** How long the last good keys serve while the issuer does not answer; then 503. @default 3_600_000 */
  readonly keyStaleLimitMs?: number;
  /** Between two fetches for keys that tokens name and the set lacks. @default 30_000 */
  readonly keyCooldownMs?: number;
  /** Whether the request's context keeps a verified token, so that calls made for it can carry it on. @default false */
  readonly keepTokens?: boolean;
  /** @default systemClock */
  readonly clock?: Clock;
  /** Hears of refused tokens (never the token itself) and of failing fetches. @default silentLogger */
  readonly logger?: Logger;
}

export interface ResolvedTokenOptions extends Omit<Required<TokenOptions>, 'privateHosts'> {
  readonly privateHosts: ReadonlySet<string>;
}

/** Throws `invalid_argument` with the option's name and value. */
export function resolveTokenOptions(options: TokenOptions): ResolvedTokenOptions {
  const resolved: ResolvedTokenOptions = {
    privateHosts: new Set(options.privateHosts?.map((host) => host.toLowerCase())),
    keyTls: options.keyTls ?? (() => undefined),
    maxTokenBytes: options.maxTokenBytes ?? 8_192,
    cachedTokens: options.cachedTokens ?? 10_000,
    keyMaxAgeMs: options.keyMaxAgeMs ?? 300_000,
    keyStaleLimitMs: options.keyStaleLimitMs ?? 3_600_000,
    keyCooldownMs: options.keyCooldownMs ?? 30_000,
    keepTokens: options.keepTokens ?? false,
    clock: options.clock ?? systemClock,
    logger: options.logger ?? silentLogger,
  };
  const { keyMaxAgeMs, keyStaleLimitMs } = resolved;
  for (const name of ['maxTokenBytes', 'cachedTokens', 'keyMaxAgeMs', 'keyCooldownMs'] as const) {
    check(
      Number.isSafeInteger(resolved[name]) && resolved[name] > 0,
      name,
      'be a whole number above 0',
      resolved[name],
    );
  }
  check(
    keyStaleLimitMs >= keyMaxAgeMs,
    'keyStaleLimitMs',
    `be at least keyMaxAgeMs (${keyMaxAgeMs})`,
    keyStaleLimitMs,
  );
  return Object.freeze(resolved);
}

function check(ok: boolean, option: string, rule: string, value: unknown): void {
  if (ok) return;
  throw new MeshError('invalid_argument', `${option} must ${rule}, got ${JSON.stringify(value)}`);
}
