import type { WorkloadSelector } from './common.ts';
import type { ResourceOf } from './resource.ts';

/** Who may do what: CUSTOM, then DENY, then ALLOW. */
export type AuthorizationPolicy = ResourceOf<'AuthorizationPolicy', AuthorizationPolicySpec>;

export interface AuthorizationPolicySpec {
  readonly selector?: WorkloadSelector;
  /** No rules never match: ALLOW without rules allows nothing. `[{}]` matches everything. */
  readonly rules?: readonly AuthorizationRule[];
  /** @default 'ALLOW' */
  readonly action?: 'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM';
  /** Only with CUSTOM. */
  readonly provider?: { readonly name: string };
}

/** Any `from`, any `to` and all `when`. */
export interface AuthorizationRule {
  readonly from?: readonly { readonly source: AuthorizationSource }[];
  readonly to?: readonly { readonly operation: AuthorizationOperation }[];
  readonly when?: readonly AuthorizationCondition[];
}

/** Fields are ANDed, values ORed, `not…` negated. Values: exact, `abc*`, `*abc`, `*` (present). */
export interface AuthorizationSource {
  readonly principals?: readonly string[];
  readonly notPrincipals?: readonly string[];
  /** `issuer/subject` of the validated JWT. */
  readonly requestPrincipals?: readonly string[];
  readonly notRequestPrincipals?: readonly string[];
  readonly namespaces?: readonly string[];
  readonly notNamespaces?: readonly string[];
  /** `namespace/account`, or `account` of the policy's namespace; exact. */
  readonly serviceAccounts?: readonly string[];
  readonly notServiceAccounts?: readonly string[];
  readonly trustDomains?: readonly string[];
  readonly notTrustDomains?: readonly string[];
  /** Of the connection: addresses or CIDRs. */
  readonly ipBlocks?: readonly string[];
  readonly notIpBlocks?: readonly string[];
  /** Of the client behind trusted proxies. */
  readonly remoteIpBlocks?: readonly string[];
  readonly notRemoteIpBlocks?: readonly string[];
}

export interface AuthorizationOperation {
  /** Case-insensitive; with the port when the request carries one. */
  readonly hosts?: readonly string[];
  readonly notHosts?: readonly string[];
  readonly ports?: readonly string[];
  readonly notPorts?: readonly string[];
  readonly methods?: readonly string[];
  readonly notMethods?: readonly string[];
  /** Also `{*}` for one segment and `{**}` for the rest. */
  readonly paths?: readonly string[];
  readonly notPaths?: readonly string[];
}

/** At least one of the two lists. */
export interface AuthorizationCondition {
  /** `request.headers[x]`, `source.ip`, `request.auth.claims[a][b]`, … */
  readonly key: string;
  readonly values?: readonly string[];
  readonly notValues?: readonly string[];
}
