import { MeshError } from '@inmesh/core';
import { type Exchange, type InboundStep, type Refusal, refuse } from '@inmesh/inbound';
import type { Authorizer } from './authorizer.ts';
import { compileRule, ruleMatches } from './compile-rule.ts';
import { ExchangeAttributes } from './exchange-attributes.ts';
import { trustedProxies } from './forwarded.ts';
import { memberRules, type Role, type WhoRule } from './role.ts';

export interface GuardOptions {
  /** Of short service accounts. @default 'default' */
  readonly namespace?: string;
  /** @default 'cluster.local' */
  readonly trustDomain?: string;
  /** As in `AuthorizerOptions`. @default [] */
  readonly trustedProxies?: readonly string[];
}

export interface RequireRoleOptions extends GuardOptions {
  /** Where the role's members are written. @default whoever has the role's name in the claim `roles` */
  readonly roles?: readonly Role[];
}

/** What `authorize` asks of a route's callers: rules of which one must match, or the app's policies. */
export type Requirement = WhoRule | readonly WhoRule[] | Authorizer;

export function guardFor(requirement: Requirement, options: GuardOptions = {}): InboundStep {
  if ('decide' in requirement) return policyGuard(requirement, options);
  return ruleGuard([requirement].flat(), options);
}

/**
 * A guard of one route: the caller must satisfy one of the rules. It runs on the route that was
 * chosen, so no spelling of a path gets around it. Throws `invalid_argument` for a rule that can
 * never match.
 */
function ruleGuard(rules: readonly WhoRule[], options: GuardOptions = {}): InboundStep {
  const { namespace = 'default', trustDomain = 'cluster.local' } = options;
  const proxies = trustedProxies(options.trustedProxies ?? []);
  const scope = { workload: { namespace, labels: {}, trustDomain } };
  const context = {
    policy: 'guard',
    namespace,
    direction: 'narrow',
    scope,
    known: new Map(),
  } as const;
  const compiled = rules.map((rule, index) => compileRule(rule, index, context));
  const unusable = compiled.find((rule) => rule.unusable !== undefined);
  if (compiled.length === 0 || unusable !== undefined) {
    throw new MeshError(
      'invalid_argument',
      `a guard needs rules that can match: ${unusable === undefined ? 'there is none' : `${unusable.index}: ${unusable.unusable}`}`,
    );
  }
  return {
    name: 'guard',
    run(_request, exchange) {
      const attributes = new ExchangeAttributes(exchange, proxies);
      return compiled.some((rule) => ruleMatches(rule, attributes)) ? undefined : refused(exchange);
    },
  };
}

/** A guard of one route: the caller must have the role. Throws `invalid_argument` for an unknown role. */
export function roleGuard(name: string, options: RequireRoleOptions = {}): InboundStep {
  const { roles } = options;
  const role = roles === undefined ? { name } : roles.find((candidate) => candidate.name === name);
  if (role === undefined) {
    const known = roles?.map((candidate) => candidate.name).join(', ');
    throw new MeshError('invalid_argument', `role ${JSON.stringify(name)} is not one of ${known}`);
  }
  return ruleGuard(memberRules(role), options);
}

/**
 * A guard of one route: the policies decide once more, this time about the route's own pattern
 * (`/users/:id`, which `/users/{*}` matches) instead of the path that came.
 */
function policyGuard(authorizer: Authorizer, options: GuardOptions = {}): InboundStep {
  const proxies = trustedProxies(options.trustedProxies ?? []);
  return {
    name: 'guard',
    run(_request, exchange) {
      const route = exchange.readRoute?.(exchange) ?? exchange.route;
      if (!route.startsWith('/')) {
        return refuse(
          500,
          'internal',
          'this guard must stand on a route with a pattern of its own',
        );
      }
      const attributes = new RouteAttributes(exchange, proxies, route);
      return authorizer.decide(attributes).allowed ? undefined : refused(exchange);
    },
  };
}

class RouteAttributes extends ExchangeAttributes {
  readonly #route: string;

  constructor(exchange: Exchange, proxies: ReturnType<typeof trustedProxies>, route: string) {
    super(exchange, proxies);
    this.#route = route;
  }

  override get path(): string {
    return this.#route;
  }
}

/** 401 asks for a token; who has shown one, or a certificate, only learns that it is not enough. */
function refused({ context }: Exchange): Refusal {
  const { identity } = context;
  return identity === undefined
    ? refuse(401, 'unauthenticated', 'this route needs an identity', {
        headers: ['www-authenticate', 'Bearer'],
        flag: 'RBAC',
      })
    : refuse(403, 'forbidden', 'access denied', { flag: 'RBAC' });
}
