import { type ResourceId, resourceId } from '@inmesh/config';
import type { Destination, DestinationPolicy, ServicePolicy } from '@inmesh/core';
import type { HostRule } from './destination-rules.ts';
import type { HostName } from './host-name.ts';
import type { HostResilience } from './resilience-policies.ts';
import { destinationPolicy, mergeTrafficPolicies } from './traffic-policy.ts';

/**
 * No endpoint carries it: a subset that no DestinationRule defines has nobody, as in Istio, where
 * empty labels would mean everybody.
 */
const undefinedSubset = 'inmesh.dev/undefined-subset';

/**
 * The destinations of one service under one configuration. One object per subset and port, made
 * when first asked for, so that the client may keep breakers and limits by it.
 */
export class ServiceDestinations {
  readonly host: HostName;
  readonly rule: HostRule | undefined;
  readonly #resilience: HostResilience | undefined;
  readonly #subjectAltNames: readonly string[] | undefined;
  readonly #known = new Map<string, Destination>();

  /** @param subjectAltNames Those of the host's ServiceEntry, for a TLS policy that names none. */
  constructor(
    host: HostName,
    rule: HostRule | undefined,
    resilience: HostResilience | undefined,
    subjectAltNames: readonly string[] | undefined,
  ) {
    this.host = host;
    this.rule = rule;
    this.#resilience = resilience;
    this.#subjectAltNames = subjectAltNames;
  }

  /**
   * @param port The port of the URL or of the route; `undefined` is the endpoint's first.
   * @param policyPort The same, or the scheme's own: port-level settings go by it.
   */
  get(subset: string, port: number | undefined, policyPort: number): Destination {
    const key = `${subset}:${port ?? ''}:${policyPort}`;
    let destination = this.#known.get(key);
    if (destination === undefined) {
      destination = Object.freeze({
        service: this.host.key,
        subset,
        labels: this.labels(subset),
        port,
        policy: this.#policy(subset, policyPort),
      });
      this.#known.set(key, destination);
    }
    return destination;
  }

  /** What holds for calls to the service as such, whichever subset they take. */
  get servicePolicy(): ServicePolicy | undefined {
    return this.#resilience?.service;
  }

  /** Whose policy it is, as ids: the DestinationRules, then the ResiliencePolicy. */
  get policyResources(): readonly ResourceId[] {
    const resilience = this.#resilience;
    const rules = (this.rule?.rules ?? []).map(resourceId);
    return resilience === undefined ? rules : [...rules, resourceId(resilience.resource)];
  }

  defines(subset: string): boolean {
    return subset === '' || this.rule?.subsets.has(subset) === true;
  }

  labels(subset: string): Readonly<Record<string, string>> {
    if (subset === '') return {};
    const defined = this.rule?.subsets.get(subset);
    return defined === undefined ? { [undefinedSubset]: subset } : (defined.labels ?? {});
  }

  #policy(subset: string, port: number): DestinationPolicy {
    const own = this.rule?.subsets.get(subset)?.trafficPolicy;
    const merged = mergeTrafficPolicies(this.rule?.trafficPolicy, own, port);
    const policy = this.#withResilience(destinationPolicy(merged));
    const names = this.#subjectAltNames;
    if (names === undefined || policy.tls === undefined || policy.tls.subjectAltNames)
      return policy;
    return { ...policy, tls: { ...policy.tls, subjectAltNames: names } };
  }

  #withResilience(policy: DestinationPolicy): DestinationPolicy {
    if (this.#resilience === undefined) return policy;
    const { destination, probing } = this.#resilience;
    if (probing === undefined) return { ...policy, ...destination };
    return { ...policy, ...destination, outlier: { ...policy.outlier, ...probing } };
  }
}
