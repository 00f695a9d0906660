import type { Destination, Endpoint, EndpointList, MeshEvent } from '@inmesh/core';
import { type StaticEndpoint, staticEndpoint } from '@inmesh/core';
import { createFakeClock, type FakeClock, seededRandom } from '@inmesh/testing';
import { type Cluster, createCluster } from '../src/cluster.ts';
import type { EndpointState } from '../src/endpoint-state.ts';
import { type PolicyOptions, resolvePolicy } from '../src/policy-defaults.ts';

export const service = 'reviews.default';

/** `count` endpoints that differ by port, all made as `make` says. */
export function endpoints(
  count: number,
  make: (index: number) => Partial<StaticEndpoint> = () => ({}),
): Endpoint[] {
  return Array.from({ length: count }, (_, index) =>
    staticEndpoint(service, {
      address: `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`,
      port: 8080,
      ...make(index),
    }),
  );
}

export function listOf(all: readonly Endpoint[]): EndpointList {
  return { service, endpoints: all, revision: 'test', state: 'live', asOf: 0 };
}

export function destination(over: Partial<Destination> = {}): Destination {
  return { service, subset: '', labels: {}, port: undefined, policy: {}, ...over };
}

export interface PolicyBench {
  readonly cluster: Cluster;
  readonly clock: FakeClock;
  readonly events: MeshEvent[];
  readonly removed: EndpointState[];
  /** The events' kinds with the endpoint's id, in order, without additions and removals. */
  health(): string[];
}

/** A cluster on a fake clock with seeded chance. */
export function policyBench(
  all: readonly Endpoint[],
  options: PolicyOptions = {},
  self: {
    region?: string;
    zone?: string;
    labels?: Record<string, string>;
    seed?: number;
  } = {},
): PolicyBench {
  const clock = createFakeClock(1_000_000);
  const events: MeshEvent[] = [];
  const removed: EndpointState[] = [];
  const cluster = createCluster(service, {
    policy: resolvePolicy(options),
    clock,
    random: seededRandom(self.seed ?? 7),
    locality: { region: self.region ?? '', zone: self.zone ?? '', subzone: '' },
    labels: self.labels ?? {},
    onEvent: (event) => events.push(event),
    onRemoved: (state) => removed.push(state),
  });
  cluster.update(listOf(all));
  return {
    cluster,
    clock,
    events,
    removed,
    health: () =>
      events.flatMap((event) =>
        event.kind === 'endpoint-ejected' || event.kind === 'endpoint-restored'
          ? [`${event.kind} ${event.endpoint.id}`]
          : [],
      ),
  };
}

/** How often each endpoint was picked in `picks` picks that end at once. */
export function shares(
  { cluster, clock }: PolicyBench,
  picks: number,
  to: Destination = destination(),
  hash?: (pick: number) => number,
): Map<string, number> {
  const target = cluster.destination(to);
  const counts = new Map<string, number>();
  for (let pick = 0; pick < picks; pick += 1) {
    const state = target.pick(clock.now(), hash?.(pick), undefined);
    if (state === undefined) throw new Error('nobody was picked');
    counts.set(state.endpoint.id, (counts.get(state.endpoint.id) ?? 0) + 1);
  }
  return counts;
}

/** One attempt that ends at once. */
export function attempt(
  state: EndpointState,
  result: Parameters<EndpointState['end']>[0],
  now: number,
  latencyMs = 5,
): void {
  state.begin();
  state.end(result, latencyMs, now);
}
