import type { AuthorizationPolicy } from './authorization-policy.ts';
import type { DestinationRule } from './destination-rule.ts';
import type { PeerAuthentication } from './peer-authentication.ts';
import type { RequestAuthentication } from './request-authentication.ts';
import type { ResiliencePolicy } from './resilience-policy.ts';
import type { ServiceEntry } from './service-entry.ts';
import type { Telemetry } from './telemetry.ts';
import type { VirtualService } from './virtual-service.ts';

/** Who a resource is. Kubernetes' own further fields (uid, managedFields, …) are accepted and left out. */
export interface ResourceMetadata {
  /** A DNS subdomain, unique among its kind and namespace. */
  readonly name: string;
  /** Always filled in after parsing. */
  readonly namespace: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Those of `inmesh.dev/` are in `annotations.ts`. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** RFC 3339. Of several rules for one host the oldest wins; without it, the first by name. */
  readonly creationTimestamp?: string;
}

/** The envelope that every kind shares. `spec` has exactly Istio's JSON field names. */
export interface ResourceOf<Kind extends string, Spec> {
  /** As it was written; every version that Istio serves means the same. */
  readonly apiVersion: string;
  readonly kind: Kind;
  readonly metadata: ResourceMetadata;
  readonly spec: Spec;
}

/** Any resource, told apart by `kind`. Valid and frozen once it came out of this package. */
export type Resource =
  | VirtualService
  | DestinationRule
  | ResiliencePolicy
  | ServiceEntry
  | Telemetry
  | PeerAuthentication
  | RequestAuthentication
  | AuthorizationPolicy;

export type ResourceKind = Resource['kind'];

/** The resource type of one kind. */
export type ResourceOfKind<K extends ResourceKind> = Extract<Resource, { kind: K }>;

/** A resource as people write it in code: version and namespace may be left out. */
export type ResourceInput = {
  [K in ResourceKind]: {
    /** @default the newest version of the kind */
    readonly apiVersion?: string;
    readonly kind: K;
    readonly metadata: Omit<ResourceMetadata, 'namespace'> & {
      /** @default 'default' */
      readonly namespace?: string;
    };
    readonly spec: ResourceOfKind<K>['spec'];
  };
}[ResourceKind];

/** Names one resource: `VirtualService/default/reviews`. Unique in a set. */
export type ResourceId = string;

export function resourceId(resource: {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
}): ResourceId {
  return `${resource.kind}/${resource.metadata.namespace}/${resource.metadata.name}`;
}
