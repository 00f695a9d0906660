import type { AuthorizationPolicy } from '@inmesh/config';
import type { Identity, Workload } from '@inmesh/core';
import type { PolicyScope } from './policy-scope.ts';
import { compilePolicies, type PolicyVerdict } from './policy-set.ts';
import { describedRequest } from './request-attributes.ts';

/** What the table is asked for: every caller, at every service, with every request. */
export interface WhoMayCallQuestion {
  readonly services: readonly Pick<Workload, 'service' | 'namespace' | 'labels' | 'trustDomain'>[];
  readonly callers: readonly Caller[];
  readonly requests: readonly { readonly method: string; readonly path: string }[];
}

export interface Caller {
  /** For the table: `orders`, `an editor`, `nobody`. */
  readonly name: string;
  readonly peer?: Identity;
  readonly claims?: Readonly<Record<string, unknown>>;
}

export interface WhoMayCallRow {
  readonly caller: string;
  readonly service: string;
  readonly method: string;
  readonly path: string;
  readonly allowed: boolean;
  readonly by: PolicyVerdict['by'];
  /** Of the policy that decided, if one did. */
  readonly policy: string | undefined;
  readonly rule: number | undefined;
  /** Whether a provider has its say as well, which may refuse what is allowed here. */
  readonly asksProvider: boolean;
}

/** Who may call whom by these policies. Pure; roles go in as `rolePolicies`. */
export function whoMayCall(
  policies: readonly AuthorizationPolicy[],
  { services, callers, requests }: WhoMayCallQuestion,
  names: Pick<PolicyScope, 'rootNamespace' | 'trustDomainAliases'> = {},
): readonly WhoMayCallRow[] {
  return services.flatMap((workload) => {
    const set = compilePolicies(policies, { ...names, workload });
    return callers.flatMap(({ name, peer, claims }) =>
      requests.map(({ method, path }) => {
        const attributes = describedRequest({
          method,
          path,
          ...(peer === undefined ? {} : { peer }),
          ...(claims === undefined ? {} : { claims }),
        });
        const { allowed, by, rule } = set.decide(attributes);
        return {
          caller: name,
          service: workload.service,
          method,
          path,
          allowed,
          by,
          policy: rule?.policy,
          rule: rule?.index,
          asksProvider: set.custom(attributes).length > 0,
        };
      }),
    );
  });
}
