import type { ResourceKind } from '../resources/index.ts';
import { authorizationPolicySpec } from './authorization-policy.ts';
import { destinationRuleSpec } from './destination-rule.ts';
import type { ObjectType } from './field-type.ts';
import { peerAuthenticationSpec } from './peer-authentication.ts';
import { requestAuthenticationSpec } from './request-authentication.ts';
import { resiliencePolicySpec } from './resilience-policy.ts';
import { serviceEntrySpec } from './service-entry.ts';
import { telemetrySpec } from './telemetry.ts';
import { virtualServiceSpec } from './virtual-service.ts';

/** One kind of resource: where it is served, and what its spec may hold. */
export interface KindSchema {
  readonly kind: ResourceKind;
  readonly group: string;
  /** Newest first; all mean the same. */
  readonly versions: readonly string[];
  readonly spec: ObjectType;
  /** Said as a warning with every resource of the kind, while nothing in this version goes by it. */
  readonly notEnforced: string | undefined;
}

const networking = { group: 'networking.istio.io', versions: ['v1', 'v1beta1', 'v1alpha3'] };
const security = { group: 'security.istio.io', versions: ['v1', 'v1beta1'] };
const ours = { group: 'inmesh.dev', versions: ['v1'] };
const telemetry = { group: 'telemetry.istio.io', versions: ['v1', 'v1alpha1'] };

const notYetSecurity = 'is checked but not enforced by this version: it protects nothing yet';

const schemas: readonly KindSchema[] = [
  { kind: 'VirtualService', ...networking, spec: virtualServiceSpec, notEnforced: undefined },
  { kind: 'DestinationRule', ...networking, spec: destinationRuleSpec, notEnforced: undefined },
  { kind: 'ResiliencePolicy', ...ours, spec: resiliencePolicySpec, notEnforced: undefined },
  { kind: 'ServiceEntry', ...networking, spec: serviceEntrySpec, notEnforced: undefined },
  { kind: 'Telemetry', ...telemetry, spec: telemetrySpec, notEnforced: undefined },
  {
    kind: 'PeerAuthentication',
    ...security,
    spec: peerAuthenticationSpec,
    notEnforced: notYetSecurity,
  },
  {
    kind: 'RequestAuthentication',
    ...security,
    spec: requestAuthenticationSpec,
    notEnforced: notYetSecurity,
  },
  {
    kind: 'AuthorizationPolicy',
    ...security,
    spec: authorizationPolicySpec,
    notEnforced: notYetSecurity,
  },
];

/** Every kind that Inmesh knows, in the order in which sets list them. */
export const kinds: ReadonlyMap<string, KindSchema> = new Map(
  schemas.map((schema) => [schema.kind, schema]),
);

/** Their names, in that order. */
export const kindNames: readonly ResourceKind[] = schemas.map((schema) => schema.kind);

/** Istio's other kinds, with what to do instead. */
export const refusedKinds: ReadonlyMap<string, string> = new Map([
  ['Gateway', 'gateways are not part of this mesh; keep it in another file'],
  ['Sidecar', 'there are no sidecars; what a client follows is found by its calls'],
  ['EnvoyFilter', 'there is no Envoy'],
  ['WasmPlugin', 'there is no Envoy; write an interceptor or an inbound step'],
  ['ProxyConfig', 'there is no proxy'],
  ['WorkloadEntry', 'list the endpoint in a ServiceEntry, or let the workload register'],
  ['WorkloadGroup', 'workloads register themselves'],
]);
