import { isIP } from 'node:net';
import {
  type Endpoint,
  type EndpointPort,
  type EndpointStatus,
  isLabel,
  serviceName,
  unknownLocality,
} from '@inmesh/core';

/** The parts of `discovery.k8s.io/v1` that are read. Everything may be missing or null. */
export interface EndpointSlice {
  readonly metadata: { readonly name: string };
  readonly addressType?: string;
  readonly ports?: readonly SlicePort[] | null;
  readonly endpoints?: readonly SliceEndpoint[] | null;
}

interface SlicePort {
  readonly name?: string | null;
  readonly port?: number | null;
  readonly protocol?: string | null;
}

interface SliceEndpoint {
  readonly addresses?: readonly string[];
  readonly conditions?: {
    readonly ready?: boolean | null;
    readonly serving?: boolean | null;
    readonly terminating?: boolean | null;
  } | null;
  readonly zone?: string | null;
  readonly targetRef?: {
    readonly kind?: string;
    readonly name?: string;
    readonly uid?: string;
  } | null;
}

/** What a pod says beyond its endpoint. */
export interface PodFacts {
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
}

/** A service, as far as its endpoints need it. */
export interface ServiceFacts {
  readonly namespace: string;
  readonly name: string;
  /** The port that callers write, by the port's name. */
  readonly servicePorts: ReadonlyMap<string, number>;
  /** By UID. */
  readonly pods: ReadonlyMap<string, PodFacts>;
}

type Draft = Omit<Endpoint, 'ports' | 'status'> & {
  readonly ports: Map<number, EndpointPort>;
  readonly status: EndpointStatus | 'last-resort';
};

const noFacts: PodFacts = { labels: {}, serviceAccount: 'default' };

/** The pods that slices point to. */
export function podsOf(slices: Iterable<EndpointSlice>): Set<string> {
  const uids = new Set<string>();
  for (const { endpoints } of slices) {
    for (const { targetRef } of endpoints ?? []) {
      if (targetRef?.kind === 'Pod' && targetRef.uid !== undefined) uids.add(targetRef.uid);
    }
  }
  return uids;
}

/**
 * The endpoints of a service over all its slices, each once: while Kubernetes moves one between two
 * slices it is in both, and a dual-stack pod is in one of each family (the IPv4 one counts).
 */
export function endpointsOf(slices: Iterable<EndpointSlice>, service: ServiceFacts): Endpoint[] {
  const drafts = new Map<string, Draft>();
  const byFamily = [...slices].sort(
    (a, b) => compare(a.addressType, b.addressType) || compare(a.metadata.name, b.metadata.name),
  );
  for (const slice of byFamily) {
    if (slice.addressType === 'FQDN') continue;
    const ports = portsOf(slice, service);
    if (ports.length === 0) continue;
    for (const each of slice.endpoints ?? []) {
      const draft = draftOf(each, service);
      if (draft === undefined) continue;
      const known = drafts.get(draft.id);
      if (known !== undefined && known.address !== draft.address) continue;
      const target = known ?? draft;
      for (const port of ports) if (!target.ports.has(port.port)) target.ports.set(port.port, port);
      drafts.set(draft.id, target);
    }
  }
  const all = [...drafts.values()].sort((a, b) => compare(a.id, b.id));
  // As kube-proxy does: rather one that shuts down and still serves than nobody.
  const anyReady = all.some(({ status }) => status === 'up');
  return all.map(({ ports, status, ...endpoint }) => ({
    ...endpoint,
    ports: [...ports.values()],
    status: status === 'last-resort' ? (anyReady ? 'draining' : 'up') : status,
  }));
}

function draftOf(each: SliceEndpoint, service: ServiceFacts): Draft | undefined {
  const [address] = each.addresses ?? [];
  if (address === undefined || isIP(address) === 0) return undefined;
  const { name, uid } = each.targetRef ?? {};
  const { labels, serviceAccount } = service.pods.get(uid ?? '') ?? noFacts;
  const canonical = serviceName(service.name, service.namespace);
  return {
    // A pod may serve several services; ids are unique over all of them.
    id: `${canonical}/${name ?? address}`,
    service: canonical,
    address,
    ports: new Map(),
    status: statusOf(each.conditions ?? {}),
    labels,
    metadata: {},
    locality: { ...unknownLocality, zone: each.zone ?? '' },
    weight: 1,
    serviceAccount,
    tls: 'none',
  };
}

/** What is not said counts as ready; `ready` is never true of one that terminates. */
function statusOf({
  ready,
  serving,
  terminating,
}: NonNullable<SliceEndpoint['conditions']>): Draft['status'] {
  if (ready ?? true) return 'up';
  return serving === true && terminating === true ? 'last-resort' : 'down';
}

/** Only TCP carries HTTP. A slice without ports means all of them, which says nothing. */
function portsOf({ ports }: EndpointSlice, { servicePorts }: ServiceFacts): EndpointPort[] {
  return (ports ?? []).flatMap(({ name, port, protocol }) => {
    if (typeof port !== 'number' || (protocol ?? 'TCP') !== 'TCP') return [];
    const servicePort = servicePorts.get(name ?? '');
    return {
      name: name !== undefined && name !== null && isLabel(name) ? name : `port-${port}`,
      port,
      ...(servicePort === undefined || servicePort === port ? {} : { servicePort }),
    };
  });
}

function compare(a = '', b = ''): number {
  return a < b ? -1 : Number(a > b);
}
