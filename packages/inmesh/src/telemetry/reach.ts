import type { ProviderRef } from '@inmesh/config';

/** Istio's built-in name for Envoy's access log, which is ours here. */
const aliases: ReadonlyMap<string, string> = new Map([['envoy', 'access-log']]);

/** Whom the last section that names providers names; everybody where none does. */
export function reachOf(
  sections: readonly { readonly providers?: readonly ProviderRef[] | undefined }[],
): (adapter: string) => boolean {
  const named = sections.findLast(({ providers = [] }) => providers.length > 0)?.providers;
  if (named === undefined) return () => true;
  const adapters = new Set(named.map(({ name }) => aliases.get(name) ?? name));
  return (adapter) => adapters.has(adapter);
}
