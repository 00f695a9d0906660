import type { RouteRequest } from '@inmesh/core';
import { invalidResource } from './invalid-resource.ts';

const prefix = '@request.auth.claims';
const brackets = /^(?:\[[^[\]]+\])+$/;

/** Whether a key of `headers` means a claim of the verified token. */
export function isClaimKey(key: string): boolean {
  return key.startsWith('@request.auth.');
}

/** `@request.auth.claims.realm.role` or `@request.auth.claims[realm][role]` as a list of names. */
export function parseClaimKey(key: string, path: string): readonly string[] {
  const rest = key.startsWith(prefix) ? key.slice(prefix.length) : '';
  if (rest.startsWith('.') && !rest.endsWith('.') && !rest.includes('..')) {
    return rest.slice(1).split('.');
  }
  if (brackets.test(rest)) return rest.slice(1, -1).split('][');
  throw invalidResource(
    path,
    `claim ${JSON.stringify(key)} must be ${prefix}.NAME or ${prefix}[NAME], nested as .A.B or [A][B]`,
  );
}

/**
 * The claim's values: one for text, several for a list of text, none for every other type and
 * where there is no verified token. Own properties only, so that `constructor` is no claim.
 */
export function claimValues(request: RouteRequest, names: readonly string[]): readonly string[] {
  let value: unknown = request.context?.identity?.claims;
  for (const name of names) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return [];
    value = (value as Record<string, unknown>)[name];
  }
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
