import { MeshError } from '@inmesh/core';

/** What `registry` names. Only our own registry has the configuration and certificates, too. */
type RegistryKind = 'inmesh' | 'eureka' | 'kubernetes' | 'dns';

export interface RegistryAddresses {
  readonly kind: RegistryKind;
  /** Without what says the kind, unless it is part of the address (`dns:`); empty for the cluster that this process runs in. */
  readonly addresses: readonly string[];
}

/**
 * Reads `http://registry:8761`, `eureka+http://eureka:8761/eureka`, `kubernetes:` (the cluster that
 * this process runs in), `kubernetes+http://127.0.0.1:8001` and `dns:{service}.internal:8080`, one or
 * several of one kind.
 * Throws `invalid_argument`.
 */
export function registryAddresses(registry: string | readonly string[] = []): RegistryAddresses {
  const all = (typeof registry === 'string' ? [registry] : registry).map(read);
  const kind = all[0]?.kind ?? 'inmesh';
  if (all.some((each) => each.kind !== kind)) {
    throw new MeshError(
      'invalid_argument',
      'registry names servers of several kinds: a process has its endpoints from one',
    );
  }
  if (kind === 'kubernetes' && all.length > 1) {
    throw new MeshError('invalid_argument', 'registry names several clusters: name one');
  }
  if (kind === 'dns' && all.length > 1) {
    throw new MeshError('invalid_argument', 'registry names several patterns in DNS: name one');
  }
  return { kind, addresses: all.flatMap(({ address }) => (address === '' ? [] : [address])) };
}

/** The servers of a registry of ours, for `what`, which no other kind has. Throws `invalid_argument`. */
export function meshRegistryServers(
  registry: string | readonly string[] | undefined,
  what: string,
): readonly string[] {
  const { kind, addresses } = registryAddresses(registry);
  if (kind === 'inmesh') return addresses;
  throw new MeshError(
    'invalid_argument',
    `${what} come from a registry of Inmesh's, and registry names one of the kind ${kind}`,
  );
}

function read(text: string): { kind: RegistryKind; address: string } {
  if (text.startsWith('eureka+')) return { kind: 'eureka', address: text.slice('eureka+'.length) };
  if (text === 'kubernetes:') return { kind: 'kubernetes', address: '' };
  if (text.startsWith('kubernetes+')) {
    return { kind: 'kubernetes', address: text.slice('kubernetes+'.length) };
  }
  if (text.startsWith('dns:')) return { kind: 'dns', address: text };
  return { kind: 'inmesh', address: text };
}
