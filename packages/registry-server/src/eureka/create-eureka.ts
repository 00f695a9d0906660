import { isMeshError, type Logger } from '@inmesh/core';
import { defaultLeaseInfo, readInstance } from '@inmesh/core/eureka';
import type { OwnNames } from '../access/own-name.ts';
import type { App } from '../http/app.ts';
import type { ResolvedOptions } from '../options.ts';
import { addressFault } from '../probe/address-policy.ts';
import type { RegistryState } from '../state/registry-state.ts';
import { SelfPreservation } from '../state/self-preservation.ts';
import { Settling } from '../state/settling.ts';
import type { Overrides } from '../store/overrides.ts';
import { EurekaDoor } from './eureka-door.ts';
import type { ResolvedEurekaOptions } from './eureka-options.ts';
import { eurekaRoutes } from './eureka-routes.ts';
import { InstanceIndex } from './instance-index.ts';
import { LeaseTable } from './lease-table.ts';
import { PeerReplicator } from './peer-replicator.ts';

/** The Eureka door of one registry server. */
export interface Eureka {
  /** Adds its routes, before the app listens. */
  routes(app: App): Promise<void>;
  /** From now on leases run, and peers are asked and told. */
  start(): void;
  /** Others may have taken over what is here: each instance is told by its next renewal. */
  sendAway(): void;
  close(): Promise<void>;
}

export interface CreateEurekaOptions {
  readonly options: ResolvedEurekaOptions;
  readonly server: ResolvedOptions;
  readonly state: RegistryState;
  readonly overrides: Overrides;
  readonly ownNames: OwnNames;
}

/** Joins the parts. It sees what changes from now on: make it before anybody registers. */
export function createEureka(parts: CreateEurekaOptions): Eureka {
  const { options, server, state, overrides, ownNames } = parts;
  const { clock, logger, limits, sessionTtlMs } = server;
  const { namespace, peers } = options;
  const index = new InstanceIndex(state.endpoints, namespace, clock);
  const leaseMs = defaultLeaseInfo.durationInSecs * 1_000;
  const leases = new LeaseTable({
    state,
    selfPreservation: new SelfPreservation(server.selfPreservation, leaseMs),
    sessionTtlMs,
    registrationsPerSession: limits.registrationsPerSession,
    clock,
    logger,
  });
  const door = new EurekaDoor({ state, index, leases, overrides, namespace, logger });
  const settling = new Settling(clock, options.settleMs);
  state.observers.add(index);
  const replicators = peers.map((peer) => {
    const isOurs = ({ endpointId }: { readonly endpointId: string }): boolean =>
      state.endpoints.find(endpointId)?.holder.name === 'held' &&
      leases.find(endpointId)?.replica !== true;
    return new PeerReplicator({ peer, index, isOurs, clock, logger });
  });
  return {
    routes: (app) =>
      eurekaRoutes(app, {
        door,
        index,
        replicators,
        ownNames,
        isSettled: () => !settling.active,
        bodyBytes: limits.bodyBytes,
        clock,
      }),
    start() {
      settling.start(() => logger.info({ instances: index.size }, 'eureka: settled'));
      leases.start();
      for (const replicator of replicators) replicator.start();
      void learnFromPeers(replicators, door, Math.round(clock.wallNow()), logger).then(
        (learned) => {
          if (learned > 0) settling.stop();
        },
      );
    },
    sendAway: () => leases.sendAway(),
    async close() {
      settling.stop();
      leases.stop();
      await Promise.all(replicators.map((replicator) => replicator.close()));
    },
  };
}

/** Takes over what the first peer that answers knows; gives how many instances that was. */
async function learnFromPeers(
  replicators: readonly PeerReplicator[],
  door: EurekaDoor,
  now: number,
  logger: Logger,
): Promise<number> {
  for (const { client } of replicators) {
    try {
      let learned = 0;
      for (const value of await client.fetchAll()) learned += learn(door, value, now, logger);
      logger.info({ instances: learned }, 'eureka: took over what a peer knows');
      return learned;
    } catch (error) {
      logger.warn({ err: error }, 'eureka: a peer could not be asked what it knows');
    }
  }
  return 0;
}

/** One that cannot be registered here must not stand in the way of the others. */
function learn(door: EurekaDoor, value: unknown, now: number, logger: Logger): 0 | 1 {
  try {
    door.register(readInstance(value, now, addressFault), true);
    return 1;
  } catch (error) {
    if (!isMeshError(error)) throw error;
    logger.warn({ err: error }, 'eureka: an instance of a peer is left out');
    return 0;
  }
}
