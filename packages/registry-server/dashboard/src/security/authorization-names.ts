import type { AuthorizationRow } from '@inmesh/core';
import { splitService } from '../ui/format.ts';

/** One version of a service that is called. */
export interface Callee {
  readonly key: string;
  readonly name: string;
  readonly namespace: string;
  readonly version: string;
}

/** The callees of a table, each once; a version is named only where the service has several. */
export function calleesOf(rows: readonly AuthorizationRow[]): readonly Callee[] {
  const byKey = new Map(rows.map((row) => [calleeKey(row), row]));
  const versions = new Map<string, number>();
  for (const { service } of byKey.values()) versions.set(service, (versions.get(service) ?? 0) + 1);
  return [...byKey].map(([key, { service, version }]) => ({
    key,
    ...splitService(service),
    version: (versions.get(service) ?? 0) > 1 ? version : '',
  }));
}

export function calleeKey({ service, version }: AuthorizationRow): string {
  return `${service} ${version}`;
}

/** A SPIFFE ID as its account and namespace: `spiffe://cluster.local/ns/shop/sa/cart` is cart in shop. */
export function callerName(caller: string): { readonly name: string; readonly namespace: string } {
  if (caller === '') return { name: 'without proof', namespace: '' };
  const [, namespace, name] = /\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(caller) ?? [];
  return name === undefined || namespace === undefined
    ? { name: caller, namespace: '' }
    : { name, namespace };
}
