import type { ConfigRevision } from './registry-protocol.ts';
import type { ServiceName } from './service-name.ts';

/**
 * What the registry says of who may call whom, by the AuthorizationPolicies that it holds:
 *
 *   GET    /v1/authorization?method=&path=&to=                       AuthorizationTable
 *   GET    /v1/authorization/explanation?from=&to=&method=&path=…    AuthorizationAnswer
 */
export interface AuthorizationTable {
  readonly revision: ConfigRevision;
  /** What every row is about. */
  readonly method: string;
  readonly path: string;
  /** Every caller at every version of every service. */
  readonly rows: readonly AuthorizationRow[];
  /** Whether there were more than the registry works out at once: ask service by service, with `to`. */
  readonly truncated: boolean;
}

/** `no-policy`: nobody restricts the callee. `no-rule`: it has ALLOW policies and none matches. */
export type AuthorizationReason = 'deny' | 'allow' | 'no-policy' | 'no-rule';

export interface AuthorizationRow {
  /** A SPIFFE ID; '' is a caller without proof. */
  readonly caller: string;
  readonly service: ServiceName;
  /** '' where it has none. */
  readonly version: string;
  readonly allowed: boolean;
  readonly by: AuthorizationReason;
  /** The resource and the rule of it that decided; '' where none did. */
  readonly rule: string;
  /** Whether a provider of CUSTOM policies may refuse all the same. */
  readonly asksProvider: boolean;
}

/** One question in full. */
export interface AuthorizationAnswer {
  readonly revision: ConfigRevision;
  /** `null` while a provider has to be asked. */
  readonly allowed: boolean | null;
  readonly by: AuthorizationReason;
  readonly rule: string;
  /** For people: every policy and rule, and what kept it from matching. */
  readonly text: string;
}
