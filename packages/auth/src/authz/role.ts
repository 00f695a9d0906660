import {
  type AuthorizationOperation,
  type AuthorizationPolicy,
  type AuthorizationRule,
  defineResource,
} from '@inmesh/config';
import { checkLabel, MeshError, splitServiceName, type Workload } from '@inmesh/core';

/** What a group of callers may do: shorter to write than the policies that it becomes. */
export interface Role {
  /** A label: `editor`. */
  readonly name: string;
  /** What its members may do. */
  readonly grants: readonly RoleGrant[];
  /** Who is one. @default whoever has its name in the claim `roles` */
  readonly members?: readonly RoleMember[];
}

/** What is left out is not restricted. */
export interface RoleGrant {
  /** `name`, or `name.namespace`; a short name is of the namespace `default`. */
  readonly services?: readonly string[];
  readonly methods?: readonly string[];
  /** As in policies: `/articles/*`, `/articles/{*}/comments`. */
  readonly paths?: readonly string[];
}

export type RoleMember =
  /** `namespace/account`, or `account` of the protected service's namespace. */
  | { readonly serviceAccounts: readonly string[] }
  /** A claim of the end user's token, nested by dots (`realm_access.roles`), and any of its values. */
  | { readonly claim: string; readonly values: readonly string[] };

/** The part of a rule that says who, without what. */
export type WhoRule = Pick<AuthorizationRule, 'from' | 'when'>;

/** Rules of which one must match for the caller to have the role. */
export function memberRules({ name, members }: Pick<Role, 'name' | 'members'>): readonly WhoRule[] {
  checkLabel(name, 'role');
  return (members ?? [{ claim: 'roles', values: [name] }]).map((member) => {
    if ('serviceAccounts' in member) {
      return { from: [{ source: { serviceAccounts: member.serviceAccounts } }] };
    }
    const key = `request.auth.claims[${member.claim.split('.').join('][')}]`;
    return { when: [{ key, values: member.values }] };
  });
}

/**
 * The ALLOW policies that the roles mean for one workload: `role-editor` for each role that grants
 * something there. Like every ALLOW policy they refuse all the rest. Throws `invalid_resource`.
 */
export function rolePolicies(
  roles: readonly Role[],
  workload: Pick<Workload, 'service' | 'namespace'>,
): readonly AuthorizationPolicy[] {
  return roles.flatMap((role) => {
    const grants = role.grants.filter((grant) => grantsOn(grant, workload.service));
    if (grants.length === 0) return [];
    const rules = memberRules(role).flatMap((who) =>
      grants.map((grant) => ({ ...who, ...operationsOf(grant) })),
    );
    if (rules.length === 0) {
      throw new MeshError('invalid_resource', `role ${role.name} has no members: leave it out`);
    }
    const metadata = { name: `role-${role.name}`, namespace: workload.namespace };
    return [defineResource({ kind: 'AuthorizationPolicy', metadata, spec: { rules } })];
  });
}

function grantsOn({ services }: RoleGrant, service: string): boolean {
  if (services === undefined) return true;
  return services.some((text) => {
    const { name, namespace } = splitServiceName(text);
    return `${name}.${namespace}` === service;
  });
}

function operationsOf({ methods, paths }: RoleGrant): Pick<AuthorizationRule, 'to'> {
  if (methods === undefined && paths === undefined) return {};
  const operation: AuthorizationOperation = {
    ...(methods === undefined ? {} : { methods }),
    ...(paths === undefined ? {} : { paths }),
  };
  return { to: [{ operation }] };
}
