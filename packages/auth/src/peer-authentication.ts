import {
  compareByAge,
  type MutualTls,
  type PeerAuthentication,
  selectsWorkload,
} from '@inmesh/config';
import type { Workload } from '@inmesh/core';

/** What a port takes: mutual TLS only, that and plain text, or plain text only. */
export type PeerMode = 'strict' | 'permissive' | 'disable';

/** `PeerAuthentication` resources as they hold for one workload. Immutable. */
export interface PeerAuthenticationModes {
  /** @param port The port that the workload listens on. */
  mode(port: number): PeerMode;
}

export interface PeerAuthenticationScope {
  readonly workload: Pick<Workload, 'namespace' | 'labels'>;
  /** Resources of this namespace hold for the whole mesh. @default 'istio-system' */
  readonly rootNamespace?: string;
  /** @default 'permissive', as Istio's */
  readonly fallback?: PeerMode;
}

const modes: Readonly<Record<string, PeerMode>> = {
  STRICT: 'strict',
  PERMISSIVE: 'permissive',
  DISABLE: 'disable',
};

/**
 * The narrower scope wins: port, workload, namespace, mesh. UNSET asks the next wider one. Of several
 * in one scope the oldest counts. A selector in the root namespace selects nobody, as in Istio.
 */
export function peerAuthentication(
  resources: Iterable<PeerAuthentication>,
  { workload, rootNamespace = 'istio-system', fallback = 'permissive' }: PeerAuthenticationScope,
): PeerAuthenticationModes {
  const own: PeerAuthentication[] = [];
  const ofNamespace: PeerAuthentication[] = [];
  const ofMesh: PeerAuthentication[] = [];
  for (const resource of resources) {
    const { namespace } = resource.metadata;
    const selects = Object.keys(resource.spec.selector?.matchLabels ?? {}).length > 0;
    if (!selectsWorkload(resource, workload, rootNamespace)) continue;
    if (selects) {
      if (namespace !== rootNamespace) own.push(resource);
    } else if (namespace === rootNamespace) ofMesh.push(resource);
    else ofNamespace.push(resource);
  }
  const [narrow, ...wide] = [own, ofNamespace, ofMesh].map(oldest);
  const ports = narrow?.spec.portLevelMtls ?? {};
  const ofAll = [narrow, ...wide].map((resource) => modeOf(resource?.spec.mtls));
  const general = ofAll.find((mode) => mode !== undefined) ?? fallback;
  return { mode: (port) => modeOf(ports[String(port)]) ?? general };
}

function modeOf(mtls: MutualTls | undefined): PeerMode | undefined {
  return modes[mtls?.mode ?? 'UNSET'];
}

function oldest(resources: readonly PeerAuthentication[]): PeerAuthentication | undefined {
  return [...resources].sort(compareByAge)[0];
}
