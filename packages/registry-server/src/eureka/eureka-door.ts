import { type Logger, MeshError, serviceName } from '@inmesh/core';
import {
  type EurekaInstance,
  type EurekaStatus,
  endpointIdOf,
  overrideOf,
  registrationOf,
  serviceLabelOf,
  withMetadata,
} from '@inmesh/core/eureka';
import { declareEndpoint } from '../state/declare-endpoint.ts';
import type { RegistryState } from '../state/registry-state.ts';
import type { Overrides } from '../store/overrides.ts';
import type { IndexEntry, InstanceIndex } from './instance-index.ts';
import type { EurekaLease, LeaseTable } from './lease-table.ts';

export interface EurekaDoorOptions {
  readonly state: RegistryState;
  readonly index: InstanceIndex;
  readonly leases: LeaseTable;
  readonly overrides: Overrides;
  readonly namespace: string;
  readonly logger: Logger;
}

/** What a renewal says beside that the instance is alive. */
export interface Renewal {
  /** The client's last change. */
  readonly lastDirtyTimestamp?: number | undefined;
  /** Sent by a peer. */
  readonly replica?: boolean;
}

export type RenewalOutcome =
  | { readonly kind: 'renewed' }
  /** Unknown, or changed since it registered: it is to register again. */
  | { readonly kind: 'unknown' }
  /** A peer's copy is older than ours: here is ours. */
  | { readonly kind: 'newer'; readonly entry: IndexEntry };

/** Eureka's operations on the registry's state. */
export class EurekaDoor {
  readonly #options: EurekaDoorOptions;
  /** Overrides that came through this door end with their instance, as in Eureka; operators' stay. */
  readonly #overridden = new Set<string>();

  constructor(options: EurekaDoorOptions) {
    this.#options = options;
    options.index.onChange(({ action, endpointId }) => {
      if (action === 'DELETED') this.#forgetOverride(endpointId);
    });
  }

  /** The service that an app is: whom a caller must be to speak for it. Throws `invalid_argument`. */
  serviceOf(app: string): string {
    return serviceName(serviceLabelOf(app), this.#options.namespace);
  }

  /** Registers, or changes. What is older than what is known only renews. Throws `invalid_argument`, `conflict`, `overloaded`. */
  register(instance: EurekaInstance, replica = false): void {
    const { state, leases, namespace, index } = this.#options;
    const endpointId = endpointIdOf(instance);
    const known = index.findEndpoint(endpointId);
    const lease = leases.find(endpointId);
    // A peer that tells of our own endpoint tells us nothing new.
    if (replica && known !== undefined && lease === undefined) return;
    const { lastDirtyTimestamp = 0 } = known?.instance ?? {};
    if (lease !== undefined && lastDirtyTimestamp > instance.lastDirtyTimestamp) {
      leases.renew(lease);
      return;
    }
    const session = leases.sessionFor(endpointId);
    const declared = declareEndpoint(endpointId, registrationOf(instance, namespace));
    state.register(session, declared, undefined);
    const durationMs = instance.leaseInfo.durationInSecs * 1_000;
    leases.grant({ endpointId, session, durationMs, replica });
  }

  renew(app: string, instanceId: string, renewal: Renewal): RenewalOutcome {
    const found = this.#leaseOf(app, instanceId);
    if (found === undefined) return { kind: 'unknown' };
    const { lease, entry } = found;
    const ours = entry.instance.lastDirtyTimestamp;
    const theirs = renewal.lastDirtyTimestamp ?? ours;
    if (theirs > ours) return { kind: 'unknown' };
    this.#options.leases.renew(lease);
    if (ours > theirs && renewal.replica === true) {
      return { kind: 'newer', entry };
    }
    return { kind: 'renewed' };
  }

  /** `false` when there is no such instance of Eureka's: processes of ours end their own registrations. */
  cancel(app: string, instanceId: string): boolean {
    const found = this.#leaseOf(app, instanceId);
    if (found === undefined) return false;
    this.#options.leases.end(found.lease);
    return true;
  }

  /**
   * A word on any instance, ours too. `undefined` takes it back. Resolves with `false` when it is
   * unknown. Throws `forbidden` for who is no operator and would change an operator's word.
   */
  async override(
    app: string,
    instanceId: string,
    status: EurekaStatus | undefined,
    byOperator: boolean,
  ): Promise<boolean> {
    const { index, overrides, state } = this.#options;
    const entry = index.find(app, instanceId);
    if (entry === undefined) return false;
    const { endpointId } = entry;
    if (!byOperator && overrides.isOperators(endpointId)) {
      throw new MeshError(
        'forbidden',
        `eureka: an operator has set the status of ${instanceId}, and takes it back (DELETE /v1/endpoints/:id/override)`,
      );
    }
    if (status === undefined) {
      this.#overridden.delete(endpointId);
      await overrides.remove(endpointId);
    } else {
      await overrides.set(endpointId, overrideOf(status), byOperator);
      this.#overridden.add(endpointId);
    }
    const record = state.endpoints.find(endpointId);
    if (record !== undefined) index.overrideChanged(record);
    return true;
  }

  /** Adds to the metadata of one of Eureka's instances; `false` when there is no such. */
  addMetadata(app: string, instanceId: string, added: Readonly<Record<string, string>>): boolean {
    const found = this.#leaseOf(app, instanceId);
    if (found === undefined) return false;
    const { state } = this.#options;
    const { endpointId, session } = found.lease;
    const record = state.endpoints.find(endpointId);
    if (record !== undefined) {
      state.register(session, withMetadata(record.declared, added), undefined);
    }
    return true;
  }

  #leaseOf(app: string, instanceId: string): { lease: EurekaLease; entry: IndexEntry } | undefined {
    const entry = this.#options.index.find(app, instanceId);
    if (entry === undefined) return undefined;
    const lease = this.#options.leases.find(entry.endpointId);
    return lease === undefined ? undefined : { lease, entry };
  }

  #forgetOverride(endpointId: string): void {
    if (!this.#overridden.delete(endpointId)) return;
    const { overrides, logger } = this.#options;
    overrides.remove(endpointId).catch((error: unknown) => {
      logger.error(
        { err: error, endpoint: endpointId },
        'eureka: an override could not be removed',
      );
    });
  }
}
