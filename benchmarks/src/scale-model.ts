/**
 * What a fleet costs the registry, from what one of each thing costs: arithmetic, and a simulation of
 * the moment that arithmetic says too little about: everybody coming back at once.
 */

/** Measured on one machine; CPU in milliseconds, memory in bytes. */
export interface UnitCosts {
  readonly renewalMs: number;
  readonly registrationMs: number;
  readonly sessionMs: number;
  /** Of one change, for each watcher that is told. */
  readonly toldMs: number;
  readonly endpointBytes: number;
  /** A session with its open stream. */
  readonly attachedBytes: number;
  readonly emptyBytes: number;
  /** One endpoint in a list that is sent. */
  readonly wireBytes: number;
}

/** How a fleet is: one process an endpoint. */
export interface Fleet {
  readonly endpoints: number;
  readonly servers: number;
}

/** What is assumed of every fleet; change it here for another. */
const assumptions = {
  renewEveryMs: 5_000,
  /** Of the endpoints a second: deployments, scaling, and what falls over. */
  changedRatio: 0.001,
  followedServices: 10,
  endpointsPerService: 20,
} as const;

export interface Demand {
  /** Of each server. */
  readonly cores: number;
  readonly memoryBytes: number;
  readonly streams: number;
  /** Changes a second, of all servers together: what a shared store has to take. */
  readonly storeWrites: number;
  /** Bytes a second that each server sends. */
  readonly sentBytes: number;
}

/** Steady demand on each of the servers. */
export function demandOf({ endpoints, servers }: Fleet, costs: UnitCosts): Demand {
  const { renewEveryMs, changedRatio, followedServices, endpointsPerService } = assumptions;
  const attached = endpoints / servers;
  const changes = endpoints * changedRatio;
  const services = endpoints / endpointsPerService;
  // Followers of one service are spread over the servers.
  const toldPerChange = (endpoints * followedServices) / services / servers;
  const perSecondMs =
    (attached / renewEveryMs) * 1_000 * costs.renewalMs +
    // Every server takes every change over, whoever was told of it first.
    changes * (costs.registrationMs + toldPerChange * costs.toldMs);
  return {
    cores: perSecondMs / 1_000,
    memoryBytes:
      costs.emptyBytes + endpoints * costs.endpointBytes + attached * costs.attachedBytes,
    streams: attached,
    storeWrites: servers === 1 ? 0 : changes,
    sentBytes: changes * toldPerChange * costs.wireBytes,
  };
}

/** What one server has; the defaults of its limits, and a machine of two cores. */
const room = { cores: 1, memoryBytes: 4 * 2 ** 30, streams: 20_000, storeWrites: 2_000 };

/** What is over first, and how far; `undefined` when everything fits. */
export function breaksFirst(demand: Demand): string | undefined {
  const shares = [
    ['streams (limits.watchers)', demand.streams / room.streams],
    ['CPU', demand.cores / room.cores],
    ['memory', demand.memoryBytes / room.memoryBytes],
    ["the store's writes", demand.storeWrites / room.storeWrites],
  ] as const;
  const [name, share] = [...shares].sort((a, b) => b[1] - a[1])[0] as (typeof shares)[number];
  return share > 1 ? `${name}, ${share.toFixed(1)} times` : undefined;
}

const maxSimulated = 20_000;

/**
 * Seconds until everybody is back after one server restarted. Clients wait uniformly within a ceiling
 * that doubles from 1 s to 5 s (as ours do), give a request up after 5 s, and try again; the server
 * serves one after the other, first come, first served, and throws away what was given up.
 */
export function simulateRestart(
  { endpoints, servers }: Fleet,
  costs: UnitCosts,
  random: () => number,
): number {
  const all = Math.round(endpoints / servers);
  // Beyond so many, each stands for several: what matters is how long the server is busy.
  const clients = Math.min(all, maxSimulated);
  // A session, its registration, and a snapshot of each service that it follows.
  const oneMs =
    costs.sessionMs + costs.registrationMs + assumptions.followedServices * costs.toldMs;
  const serviceMs = (oneMs * all) / clients;
  // By arrival: a bucket for each millisecond, so that a million clients need no heap.
  const buckets: number[][] = [];
  const arrive = (atMs: number, attempt: number): void => {
    const bucket = Math.floor(atMs);
    const list = buckets[bucket];
    if (list === undefined) buckets[bucket] = [attempt];
    else list.push(attempt);
  };
  for (let i = 0; i < clients; i += 1) arrive(random() * 1_000, 1);
  let freeAt = 0;
  let lastMs = 0;
  for (let at = 0; at < buckets.length; at += 1) {
    for (const attempt of buckets[at] ?? []) {
      if (freeAt - at > 5_000) {
        arrive(at + 5_000 + random() * Math.min(5_000, 1_000 * 2 ** attempt), attempt + 1);
        continue;
      }
      freeAt = Math.max(freeAt, at) + serviceMs;
      lastMs = freeAt;
    }
  }
  return lastMs / 1_000;
}
