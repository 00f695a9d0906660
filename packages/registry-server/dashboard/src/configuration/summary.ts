import type { ConfigResource } from '@inmesh/core';

/** What a resource is about, in a line; '' when that cannot be said shortly. */
export function summaryOf({ kind, spec }: ConfigResource): string {
  const said = (spec ?? {}) as Readonly<Record<string, unknown>>;
  switch (kind) {
    case 'VirtualService':
      return `${texts(said.hosts)}: ${plural(said.http, 'route')}`;
    case 'DestinationRule': {
      const subsets = list(said.subsets).map((subset) => text((subset as { name?: unknown }).name));
      return [text(said.host), subsets.join(', ')].filter(Boolean).join(': ');
    }
    case 'ResiliencePolicy':
      return text(said.host);
    case 'ServiceEntry':
      return texts(said.hosts);
    case 'PeerAuthentication':
      return text((said.mtls as { mode?: unknown } | undefined)?.mode);
    case 'AuthorizationPolicy':
      return `${text(said.action) || 'ALLOW'}: ${plural(said.rules, 'rule')}`;
    case 'RequestAuthentication':
      return texts(list(said.jwtRules).map((rule) => (rule as { issuer?: unknown }).issuer));
    default:
      return '';
  }
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function texts(value: unknown): string {
  return list(value).map(text).join(', ');
}

function plural(value: unknown, word: string): string {
  const { length } = list(value);
  return `${length} ${word}${length === 1 ? '' : 's'}`;
}
