import type { HeaderPairs, ResponseHead } from '@inmesh/core';

/** Headers by lower-case name, repeats as arrays: undici has made them already. */
export type ParsedHeaders = Readonly<Record<string, string | string[] | undefined>>;

/**
 * The head of an upstream's response. undici hands over both a parsed object and the raw bytes; the
 * pairs are decoded from the bytes only when somebody asks, since most callers read a header or two.
 */
export class UpstreamHead implements ResponseHead {
  readonly status: number;
  readonly statusText: string;
  readonly parsed: ParsedHeaders;
  readonly #raw: readonly (Buffer | string)[];
  #pairs: HeaderPairs | undefined = undefined;

  constructor(
    status: number,
    statusText: string,
    parsed: ParsedHeaders,
    raw: readonly (Buffer | string)[],
  ) {
    this.status = status;
    this.statusText = statusText;
    this.parsed = parsed;
    this.#raw = raw;
  }

  get headers(): HeaderPairs {
    this.#pairs ??= decodePairs(this.#raw);
    return this.#pairs;
  }
}

/** Raw names and values in turn, as text; names lower-case. Bytes are latin-1, as HTTP says. */
export function decodePairs(raw: readonly (Buffer | string)[]): string[] {
  const pairs = new Array<string>(raw.length);
  for (let i = 0; i < raw.length; i += 1) {
    const part = raw[i] as Buffer | string;
    const text = typeof part === 'string' ? part : part.toString('latin1');
    pairs[i] = i % 2 === 0 ? text.toLowerCase() : text;
  }
  return pairs;
}

/** Pairs by name, repeats as arrays. Without a prototype: a header may be called `__proto__`. */
export function parsePairs(pairs: HeaderPairs): ParsedHeaders {
  const parsed: Record<string, string | string[]> = Object.create(null);
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i] as string;
    const value = pairs[i + 1] as string;
    const known = parsed[name];
    if (known === undefined) parsed[name] = value;
    else if (typeof known === 'string') parsed[name] = [known, value];
    else known.push(value);
  }
  return parsed;
}
