import {
  type Clock,
  type CredentialSource,
  type Logger,
  MeshError,
  type ServiceTokenIssued,
  type Timer,
} from '@inmesh/core';

export interface ServiceTokensOptions {
  /** Asks the registry for a token. */
  readonly ask: (audience: string) => Promise<unknown>;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Held {
  token: string | undefined;
  /** Monotonic milliseconds. */
  expiresAt: number;
  /** Whether it was asked for since it was fetched: what nobody uses is not renewed. */
  used: boolean;
  timer: Timer | undefined;
}

/** Audiences at once: more are nobody's real callees. */
const maxAudiences = 1_000;
const retryMs = 1_000;

/**
 * Service tokens at hand, so that none has to be waited for: the first question for an audience gets
 * none and has one fetched, and from then on it is replaced in time, for as long as it is used.
 */
export class ServiceTokens implements Pick<CredentialSource, 'token'> {
  readonly #options: ServiceTokensOptions;
  readonly #held = new Map<string, Held>();
  #closed = false;

  constructor(options: ServiceTokensOptions) {
    this.#options = options;
  }

  token(audience: string): string | undefined {
    const held = this.#held.get(audience) ?? this.#begin(audience);
    if (held === undefined) return undefined;
    held.used = true;
    return this.#options.clock.now() < held.expiresAt ? held.token : undefined;
  }

  close(): void {
    this.#closed = true;
    for (const { timer } of this.#held.values()) timer?.cancel();
    this.#held.clear();
  }

  #begin(audience: string): Held | undefined {
    if (this.#closed || this.#held.size >= maxAudiences) return undefined;
    const held: Held = {
      token: undefined,
      expiresAt: 0,
      used: true,
      timer: undefined,
    };
    this.#held.set(audience, held);
    void this.#fetch(audience, held);
    return held;
  }

  async #fetch(audience: string, held: Held): Promise<void> {
    const { ask, clock, logger } = this.#options;
    // From before it was asked for: its life has begun by the time that it is here.
    const askedAt = clock.now();
    let waitMs = retryMs;
    held.used = false;
    try {
      const { token, expiresInMs } = readIssued(await ask(audience));
      held.token = token;
      held.expiresAt = askedAt + expiresInMs;
      waitMs = Math.max(retryMs, (expiresInMs * 2) / 3);
    } catch (error) {
      held.used = true;
      logger.warn({ err: error, audience }, 'no service token');
    }
    if (this.#closed) return;
    held.timer = clock.setTimer(() => {
      if (held.used) void this.#fetch(audience, held);
      else this.#held.delete(audience);
    }, waitMs);
  }
}

function readIssued(answer: unknown): ServiceTokenIssued {
  const { token, expiresInMs } = (answer ?? {}) as Partial<ServiceTokenIssued>;
  if (typeof token === 'string' && /^[\w.-]{1,8192}$/.test(token) && Number(expiresInMs) > 0) {
    return { token, expiresInMs: Number(expiresInMs) };
  }
  throw new MeshError('protocol_error', 'the registry answered with no usable service token');
}
