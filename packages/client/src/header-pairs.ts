import { type HeaderPairs, MeshError } from '@inmesh/core';

/** How callers may write headers. `undefined` values are left out. */
export type HeadersInput =
  | Readonly<Record<string, string | number | readonly string[] | undefined>>
  | HeaderPairs
  | Iterable<readonly [string, string]>;

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** CR, LF and NUL split or cut a message; above latin-1 nothing can be sent at all. */
const unsendable = /[^\t\x20-\x7e\x80-\xff]/;

/** Framing belongs to the transport: a caller's word on it would let one message end inside another. */
const framing: ReadonlySet<string> = new Set([
  'transfer-encoding',
  'keep-alive',
  'upgrade',
  'expect',
  'proxy-connection',
]);

/** Names seen before, by how they were written: lower-casing and checking once is enough. */
const names = new Map<string, string>();
const maxNames = 1_024;

/**
 * Appends headers to flat pairs, names lower-case. Throws `invalid_argument` for what would be
 * refused, or misread, on the wire.
 * @param authority What a `host` header may say; it is left out, since the URL says it.
 */
export function addHeaders(
  pairs: string[],
  input: HeadersInput | undefined,
  authority: string,
): void {
  if (input === undefined) return;
  if (Array.isArray(input)) {
    if (typeof input[0] === 'string') addFlat(pairs, input as HeaderPairs, authority);
    else for (const [name, value] of input) addHeader(pairs, name, value, authority);
    return;
  }
  if (Symbol.iterator in input) {
    for (const [name, value] of input as Iterable<readonly [string, string]>) {
      addHeader(pairs, name, value, authority);
    }
    return;
  }
  const record = input as Readonly<Record<string, string | number | readonly string[] | undefined>>;
  for (const name of Object.keys(record)) {
    const value = record[name];
    if (typeof value === 'string') addHeader(pairs, name, value, authority);
    else if (Array.isArray(value)) for (const one of value) addHeader(pairs, name, one, authority);
    else if (value !== undefined && value !== null) addHeader(pairs, name, `${value}`, authority);
  }
}

function addFlat(pairs: string[], input: HeaderPairs, authority: string): void {
  if (input.length % 2 !== 0) {
    throw invalid(`flat headers need a value for each name, got ${input.length} strings`);
  }
  for (let i = 0; i < input.length; i += 2) {
    addHeader(pairs, input[i] as string, input[i + 1] as string, authority);
  }
}

/** One header; see `addHeaders`. */
export function addHeader(pairs: string[], name: string, value: string, authority: string): void {
  const lower = names.get(name) ?? readName(name);
  if (typeof value !== 'string' || unsendable.test(value)) {
    throw invalid(`header ${lower} has a value with CR, LF, NUL or characters above latin-1`);
  }
  if (lower === 'host') {
    if (value.toLowerCase() === authority) return;
    throw invalid(`header host is the URL's host, ${authority}: got ${JSON.stringify(value)}`);
  }
  if (lower === 'content-length') checkLength(pairs, value);
  pairs.push(lower, value);
}

function readName(name: string): string {
  if (typeof name !== 'string' || !token.test(name)) {
    throw invalid(`header name ${JSON.stringify(name)} is no token`);
  }
  const lower = name.toLowerCase();
  if (framing.has(lower)) {
    throw invalid(`header ${lower} belongs to the connection; leave it to the client`);
  }
  if (names.size >= maxNames) names.clear();
  names.set(name, lower);
  return lower;
}

function checkLength(pairs: string[], value: string): void {
  if (!/^\d+$/.test(value)) {
    throw invalid(`header content-length must be digits, got ${JSON.stringify(value)}`);
  }
  for (let i = 0; i < pairs.length; i += 2) {
    if (pairs[i] === 'content-length') throw invalid('header content-length was given twice');
  }
}

function invalid(message: string): MeshError {
  return new MeshError('invalid_argument', message);
}
