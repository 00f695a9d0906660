import { framingHeaders, type HeaderOperationsSpec } from '@inmesh/config';
import type { HeaderOperations, HeaderPairs } from '@inmesh/core';
import { invalidResource } from './invalid-resource.ts';

const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unsafe = /[\u0000-\u0008\u000a-\u001f\u007f]/;

/** Whether a name may be set from configuration or passed on from an inbound request. */
export function isSettableHeader(name: string): boolean {
  return token.test(name) && !framingHeaders.has(name) && name !== 'host';
}

export interface CompiledHeaders {
  readonly operations: HeaderOperations | undefined;
  /** From `set` of `host` or `:authority`: not a header operation but an authority rewrite. */
  readonly authority: string | undefined;
}

const none: CompiledHeaders = { operations: undefined, authority: undefined };

/** Lower-cases and checks one level's operations. Throws `invalid_resource`. */
export function compileHeaders(
  spec: HeaderOperationsSpec | undefined,
  path: string,
): CompiledHeaders {
  if (spec === undefined) return none;
  const set: string[] = [];
  let authority: string | undefined;
  for (const [key, value] of Object.entries(spec.set ?? {})) {
    const name = key.toLowerCase();
    checkHeaderValue(value, `${path}/set/${key}`);
    if (name === 'host' || name === ':authority') authority = value;
    else set.push(checkName(name, `${path}/set/${key}`), value);
  }
  const add: string[] = [];
  for (const [key, value] of Object.entries(spec.add ?? {})) {
    checkHeaderValue(value, `${path}/add/${key}`);
    add.push(checkName(key.toLowerCase(), `${path}/add/${key}`), value);
  }
  const remove = (spec.remove ?? []).map((key, i) =>
    checkName(String(key).toLowerCase(), `${path}/remove/${i}`),
  );
  const empty = set.length + add.length + remove.length === 0;
  return { operations: empty ? undefined : { remove, set, add }, authority };
}

/**
 * One set of operations that does what `first` and then `second` do: what the second removes or
 * sets overrules what the first set or added.
 */
export function composeHeaders(
  first: HeaderOperations | undefined,
  second: HeaderOperations | undefined,
): HeaderOperations | undefined {
  if (first === undefined) return second;
  if (second === undefined) return first;
  const overruled = new Set(second.remove);
  for (let i = 0; i < second.set.length; i += 2) overruled.add(second.set[i] as string);
  return {
    remove: [...new Set([...first.remove, ...second.remove])],
    set: [...pairsWithout(first.set, overruled), ...second.set],
    add: [...pairsWithout(first.add, overruled), ...second.add],
  };
}

/** What `headers` are after `operations`. */
export function applyHeaders(
  headers: HeaderPairs,
  operations: HeaderOperations | undefined,
): string[] {
  if (operations === undefined) return [...headers];
  const gone = new Set(operations.remove);
  for (let i = 0; i < operations.set.length; i += 2) gone.add(operations.set[i] as string);
  return [...pairsWithout(headers, gone), ...operations.set, ...operations.add];
}

function pairsWithout(pairs: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i] as string;
    if (!names.has(name)) kept.push(name, pairs[i + 1] as string);
  }
  return kept;
}

function checkName(name: string, path: string): string {
  if (isSettableHeader(name)) return name;
  throw invalidResource(
    path,
    `header ${JSON.stringify(name)} is no valid name, or frames the message and must be left alone`,
  );
}

/** Throws `invalid_resource` for what could end a header early. */
export function checkHeaderValue(value: unknown, path: string): void {
  if (typeof value === 'string' && !unsafe.test(value)) return;
  throw invalidResource(path, 'a header value must be text without control characters');
}
