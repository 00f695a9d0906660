import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Clock } from '@inmesh/core';

const compress = promisify(gzip);

/** Building takes at most this share of the time, however fast things change: the rest are renewals. */
const buildShare = 0.2;

/** But nothing waits for longer than that to be built: a change is to be seen within a second, by the largest fleet too. */
const maxHoldMs = 300;

/** Deltas also change with time alone: what is old leaves them. */
const maxAgeMs = 30_000;

export interface CachedAnswer {
  readonly body: Buffer;
  readonly gzipped: boolean;
}

interface Entry {
  readonly version: number;
  readonly builtAt: number;
  /** Not rebuilt before it, changed or not. */
  notBefore: number;
  readonly answer: Promise<CachedAnswer>;
}

/**
 * The answers that all clients ask for, encoded and compressed once per change. With ten thousand
 * instances that is ten megabytes; with few it costs so little that every change shows at once.
 */
export class AnswerCache {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param key One of few: what is cached stays.
   * @param version Of what the answer is made of.
   */
  get(key: string, version: number, gzipped: boolean, build: () => string): Promise<CachedAnswer> {
    const now = this.#clock.now();
    const cached = this.#entries.get(key);
    if (cached !== undefined) {
      const current = cached.version === version && now - cached.builtAt < maxAgeMs;
      if (current || now < cached.notBefore) return cached.answer;
    }
    const entry: Entry = {
      version,
      builtAt: now,
      // Nobody builds it a second time while it is being built.
      notBefore: Number.POSITIVE_INFINITY,
      answer: encode(build(), gzipped),
    };
    this.#entries.set(key, entry);
    entry.answer.then(
      () => {
        const doneAt = this.#clock.now();
        const restMs = (doneAt - now) * (1 / buildShare - 1);
        entry.notBefore = doneAt + Math.min(restMs, maxHoldMs);
      },
      () => this.#entries.delete(key),
    );
    return entry.answer;
  }
}

async function encode(text: string, gzipped: boolean): Promise<CachedAnswer> {
  const body = Buffer.from(text);
  return { body: gzipped ? await compress(body) : body, gzipped };
}
