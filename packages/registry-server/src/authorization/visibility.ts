import { compilePolicies, mayEverCall, type PolicySet } from '@inmesh/auth';
import type { AuthorizationPolicy } from '@inmesh/config';
import { type ServiceName, splitServiceName } from '@inmesh/core';
import type { OwnNames } from '../access/own-name.ts';
import type { Principal } from '../access/principal.ts';
import type { ConfigCommit, ConfigState } from '../config/config-state.ts';
import type { RegistryState } from '../state/registry-state.ts';
import type { ServiceRecord } from '../state/service-record.ts';
import type { StateObserver } from '../state/state-observer.ts';
import { calleesOf } from './callees.ts';

/** Whether one may know of a service. */
export type Sees = (principal: Principal, service: ServiceName) => boolean;

export interface VisibilityOptions {
  readonly state: RegistryState;
  readonly config: ConfigState;
  readonly trustDomain: string;
  readonly ownNames: OwnNames;
  /** What is seen may be another now: of one service, or of all. Must not throw. */
  readonly onChange: (service: ServiceName | undefined) => void;
}

/** What the policies say about the versions of a service. */
interface Decision {
  /** The labels that it was made for. */
  readonly of: string;
  readonly sets: readonly PolicySet[];
}

const maxDecisions = 10_000;
const policyPrefix = 'AuthorizationPolicy/';
const isPolicy = ({ kind }: { readonly kind: string }): boolean => kind === 'AuthorizationPolicy';

/**
 * A workload sees its own services and those that the AuthorizationPolicies leave it some request
 * to. What is decided for each version of a service is kept until its labels or the policies change.
 */
export class Visibility implements StateObserver {
  readonly #options: VisibilityOptions;
  /** By service, or by namespace where labels do not count. */
  readonly #decisions = new Map<string, Decision>();
  #policies: readonly AuthorizationPolicy[] = [];
  /** Whether labels of endpoints count: else a change of endpoints changes nothing here. */
  #selects = false;

  constructor(options: VisibilityOptions) {
    this.#options = options;
    options.config.onCommit((commit) => this.#committed(commit));
    this.#read();
  }

  readonly sees: Sees = (principal, service) =>
    principal.kind !== 'service' ||
    this.#options.ownNames.owns(principal, service) ||
    this.#setsOf(service).some((set) => mayEverCall(set, principal.identity));

  serviceChanged({ service }: ServiceRecord): void {
    if (!this.#selects) return;
    const before = this.#decisions.get(service)?.sets;
    if (this.#setsOf(service) !== before) this.#options.onChange(service);
  }

  #setsOf(service: ServiceName): readonly PolicySet[] {
    const { state, trustDomain } = this.#options;
    const { namespace } = splitServiceName(service);
    const record = this.#selects ? state.services.find(service) : undefined;
    const callees = record === undefined ? [] : calleesOf(record, trustDomain);
    // One without endpoints is judged as if it had no labels.
    const workloads = callees.length > 0 ? callees : [{ namespace, labels: {}, trustDomain }];
    const of = JSON.stringify(workloads.map(({ labels }) => labels));
    const key = this.#selects ? service : namespace;
    const kept = this.#decisions.get(key);
    if (kept?.of === of) return kept.sets;
    const sets = workloads.map((workload) => compilePolicies(this.#policies, { workload }));
    // Names that lead nowhere are asked for, too.
    if (this.#decisions.size >= maxDecisions) this.#decisions.clear();
    this.#decisions.set(key, { of, sets });
    return sets;
  }

  #committed({ upserts, removes }: ConfigCommit): void {
    const touched = [...upserts.keys(), ...removes].some((key) => key.startsWith(policyPrefix));
    if (!touched) return;
    this.#read();
    this.#options.onChange(undefined);
  }

  #read(): void {
    const all = [...this.#options.config.resources.values()].filter(isPolicy);
    this.#policies = all as unknown as AuthorizationPolicy[];
    this.#selects = this.#policies.some(({ spec }) => spec.selector !== undefined);
    this.#decisions.clear();
  }
}
