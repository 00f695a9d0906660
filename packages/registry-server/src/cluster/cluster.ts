import type { Clock, ClusterStatus, Logger, StoreChange } from '@inmesh/core';
import type { EndpointRecord } from '../state/endpoint-record.ts';
import type { RegistryState } from '../state/registry-state.ts';
import type { Session } from '../state/session.ts';
import type { SharedStore } from '../store/shared-store.ts';
import { StoreMirror } from '../store/store-mirror.ts';
import { Adoption } from './adoption.ts';
import {
  type BucketEntry,
  clusterPrefix,
  parseClusterKey,
  parseEntry,
  type ServerEntry,
} from './cluster-entries.ts';
import { Election } from './election.ts';
import { EndpointDirectory } from './endpoint-directory.ts';
import { EndpointReader } from './endpoint-reader.ts';
import { EndpointWriter } from './endpoint-writer.ts';
import { HealthBoard } from './health-board.ts';
import { alwaysLeading, type Leadership } from './leadership.ts';
import { Membership } from './membership.ts';
import { Outage } from './outage.ts';

/** What a server does with the others that share its store; alone it is `createStandalone`. */
export interface Cluster {
  readonly leadership: Leadership;
  /** Whether this server may know less than its clients do, because the store is or was away. */
  readonly impaired: boolean;
  /** Whether this server may end what is silent. */
  readonly mayExpire: boolean;
  /** Takes over what the store holds, and becomes one of the servers; gives how many there are. */
  start(): Promise<number>;
  /** A session was silent for too long: its endpoints go. */
  expire(session: Session): void;
  /** What a probe found. */
  reportHealth(record: EndpointRecord, healthy: boolean): void;
  status(): ClusterStatus | undefined;
  /** Leaves at once what it has to the others. Idempotent. */
  close(): Promise<void>;
}

/** A server alone: everything is its own, and it decides at once. */
export function createStandalone(state: RegistryState): Cluster {
  return {
    leadership: alwaysLeading,
    impaired: false,
    mayExpire: true,
    start: async () => 1,
    expire: (session) => state.expireSession(session),
    reportHealth: (record, healthy) => state.endpoints.setHealthy(record, healthy),
    status: () => undefined,
    close: async () => {},
  };
}

export interface ClusterOptions {
  readonly name: string;
  readonly leaseMs: number;
  readonly sessionTtlMs: number;
  readonly store: SharedStore;
  readonly state: RegistryState;
  /** Others may have taken over: clients are better off elsewhere. */
  readonly onLapsed: () => void;
  /** The store was away, and everybody has had the time to say what happened meanwhile. */
  readonly onRecovered: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Several servers over one store, none of which has a truth of its own. Each keeps the leases of
 * its sessions in memory and tells the store what changes, never that all is well; only its own one
 * lease lives there. What a server leaves that is gone is taken over in parts by the others, by
 * compare-and-swap, and ends after one session's time unless its clients came back to any of them.
 */
export function createCluster(options: ClusterOptions): Cluster {
  const { name, leaseMs, sessionTtlMs, store, state, clock, logger } = options;
  const directory = new EndpointDirectory(() => adoption.update());
  const mirror = new StoreMirror({
    store,
    prefix: clusterPrefix,
    onChange: (change) => heard(change),
    onListed: () => {
      adoption.update();
      election.update();
    },
    clock,
    logger,
  });
  const membership = new Membership({
    name,
    leaseMs,
    store,
    mirror,
    clock,
    logger,
    onJoined: () => joined(),
    onRegained: () => recover(),
    onLapsed: () => {
      outage.begin();
      election.update();
      if (membership.owner === undefined) reader.disown();
      options.onLapsed();
    },
  });
  const adoption = new Adoption({
    membership,
    mirror,
    directory,
    stepMs: leaseMs / 5,
    onAdopted: (bucket) => reader.adopted(bucket),
    clock,
    logger,
  });
  const election = new Election({ membership, mirror, clock, logger });
  const common = { state, directory, membership, adoption, mirror, clock, logger };
  const writer = new EndpointWriter(common);
  const reader = new EndpointReader({ ...common, writer });
  const { endpoints } = state;
  const board = new HealthBoard({ endpoints, election, mirror, clock, logger });
  const outage = new Outage(clock, sessionTtlMs / 2, () => {
    logger.info({}, 'the store was away and is back: nothing is missing any more');
    options.onRecovered();
  });

  const heard = (change: StoreChange): void => {
    const key = parseClusterKey(change.kind === 'put' ? change.entry.key : change.key);
    const value = change.kind === 'put' ? change.entry.value : undefined;
    switch (key?.kind) {
      case 'server': {
        if (value === undefined) membership.entryLost(key.name);
        const server = value === undefined ? undefined : parseEntry<ServerEntry>(value);
        adoption.serverChanged(key.name, server?.owner);
        return;
      }
      case 'bucket': {
        const bucket = value === undefined ? undefined : parseEntry<BucketEntry>(value);
        adoption.bucketChanged(key.name, bucket?.owner);
        return;
      }
      case 'endpoint':
        reader.heard(key.name, change);
        return;
      case 'health':
        board.heard(key.name, value === undefined);
        return;
      case 'leader':
        election.heard(
          value === undefined ? undefined : (parseEntry<ServerEntry>(value)?.owner ?? ''),
        );
        return;
    }
  };
  const joined = (): void => {
    const { owner } = membership;
    adoption.serverChanged(name, owner);
    for (const bucket of membership.buckets()) adoption.bucketChanged(bucket, owner);
    for (const { id, holder } of endpoints.all()) {
      if (holder.name === 'held' && !holder.session.orphan) writer.reassert(id);
    }
    recover();
  };
  const recover = (): void => {
    if (!store.available || !membership.holds) return;
    outage.end();
    writer.wake();
    board.wake();
    election.update();
    adoption.update();
  };

  return {
    leadership: election,
    get impaired() {
      return outage.active;
    },
    get mayExpire() {
      return membership.holds && !outage.active;
    },
    async start() {
      store.onAvailability((available) => {
        if (available) {
          logger.info({}, 'the store is back');
          recover();
        } else {
          logger.error({}, 'the store is away: reads and renewals go on, changes wait');
          outage.begin();
        }
      });
      state.observers.add(writer);
      state.observers.add(board);
      await mirror.start();
      await membership.start();
      return adoption.servers;
    },
    expire(session) {
      const ids = [...session.registrations.keys()];
      state.abandonSession(session);
      for (const id of ids) writer.reassert(id);
    },
    reportHealth: (record, healthy) => board.report(record, healthy),
    status: () => ({
      server: name,
      store: store.available ? 'available' : 'away',
      member: membership.holds,
      servers: adoption.servers,
      leading: election.leading,
      waiting: writer.waiting,
    }),
    async close() {
      outage.stop();
      adoption.close();
      writer.close();
      board.close();
      election.close();
      await membership.close();
      mirror.close();
    },
  };
}
