import type { AuthorizationPolicy } from '@inmesh/config';
import { type Logger, silentLogger } from '@inmesh/core';
import {
  type Exchange,
  type InboundRequest,
  type InboundStep,
  type Refusal,
  refuse,
  type StepResult,
} from '@inmesh/inbound';
import { setHeader } from '../jwt/edit-headers.ts';
import type { CompiledRule } from './compile-rule.ts';
import { ExchangeAttributes } from './exchange-attributes.ts';
import type { ExternalAuthorizer, ExternalVerdict } from './external-authorizer.ts';
import { trustedProxies } from './forwarded.ts';
import type { PolicyScope } from './policy-scope.ts';
import { compilePolicies, type PolicySet, type PolicyVerdict } from './policy-set.ts';
import type { RequestAttributes } from './request-attributes.ts';

export interface AuthorizerOptions extends PolicyScope {
  /** In force from the start. @default [] */
  readonly policies?: readonly AuthorizationPolicy[];
  /** Who decides for CUSTOM policies, by the name in their `provider`. @default {} */
  readonly providers?: Readonly<Record<string, ExternalAuthorizer>>;
  /** Addresses and CIDRs of proxies whose `x-forwarded-for` is believed, for `remote.ip`. @default [] */
  readonly trustedProxies?: readonly string[];
  /** Whether a refused caller is told policy and rule; the log always is. @default false */
  readonly tellCaller?: boolean;
  /** Hears of refusals, audits and dry runs. @default silentLogger */
  readonly logger?: Logger;
}

/** `AuthorizationPolicy` resources at work. */
export interface Authorizer {
  /** For `createPipeline({ authorization: [step] })`. */
  readonly step: InboundStep;
  /** Replaces all policies at once: each request is decided by one set. */
  update(policies: readonly AuthorizationPolicy[]): void;
  /** What DENY and ALLOW policies say; CUSTOM ones have to be asked. Pure. */
  decide(request: RequestAttributes): PolicyVerdict;
}

export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const { logger = silentLogger, tellCaller = false } = options;
  const providers = new Map(Object.entries(options.providers ?? {}));
  const proxies = trustedProxies(options.trustedProxies ?? []);
  let set: PolicySet = compilePolicies(options.policies ?? [], options);

  const refusal = (
    exchange: Exchange,
    attributes: RequestAttributes,
    by: string,
    rule: CompiledRule | undefined,
  ): Refusal => {
    logger.warn({ ...describe(exchange, attributes), ...named(rule), by }, 'a request was refused');
    const why = rule === undefined ? 'no policy allows it' : `rule ${rule.index} of ${rule.policy}`;
    return refuse(403, 'forbidden', tellCaller ? `access denied: ${why}` : 'access denied', {
      flag: 'RBAC',
      reason: why,
      rule: rule === undefined ? '' : `${rule.policy}#${rule.index}`,
    });
  };

  const decide = (
    current: PolicySet,
    exchange: Exchange,
    attributes: RequestAttributes,
  ): StepResult => {
    for (const rule of current.audited(attributes)) {
      logger.info({ ...describe(exchange, attributes), ...named(rule) }, 'a request is audited');
    }
    const rehearsed = current.rehearse(attributes);
    if (rehearsed?.allowed === false) {
      const { by, rule } = rehearsed;
      logger.info(
        { ...describe(exchange, attributes), ...named(rule), by },
        'a policy in dry run would refuse this request',
      );
    }
    const { allowed, by, rule } = current.decide(attributes);
    return allowed ? undefined : refusal(exchange, attributes, by, rule);
  };

  const askThenDecide = async (
    current: PolicySet,
    rules: readonly CompiledRule[],
    request: InboundRequest,
    exchange: Exchange,
    attributes: RequestAttributes,
  ): Promise<StepResult> => {
    const asked = new Set<string>();
    for (const rule of rules) {
      const name = current.policies.find(({ id }) => id === rule.policy)?.provider ?? '';
      if (asked.has(name)) continue;
      asked.add(name);
      const verdict = await ask(providers.get(name), request, exchange);
      if (verdict.allowed) {
        const { requestHeaders } = verdict;
        for (let i = 0; i < requestHeaders.length; i += 2) {
          setHeader(request, requestHeaders[i] as string, requestHeaders[i + 1] as string);
        }
        continue;
      }
      const { status, headers } = verdict;
      return {
        ...refusal(exchange, attributes, `provider ${name}`, rule),
        status,
        headers,
        flag: 'UAEX',
      };
    }
    return decide(current, exchange, attributes);
  };

  const ask = async (
    provider: ExternalAuthorizer | undefined,
    request: InboundRequest,
    exchange: Exchange,
  ): Promise<ExternalVerdict> => {
    try {
      if (provider !== undefined) return await provider.check(request, exchange);
      logger.error(
        {},
        'a CUSTOM policy names a provider that is not configured: its requests are refused',
      );
    } catch (error) {
      logger.error({ err: error }, 'a provider of CUSTOM policies failed: the request is refused');
    }
    return { allowed: false, status: 403, headers: [] };
  };

  return {
    step: {
      name: 'authorization',
      run(request, exchange) {
        const current = set;
        const attributes = new ExchangeAttributes(exchange, proxies);
        const custom = current.custom(attributes);
        return custom.length === 0
          ? decide(current, exchange, attributes)
          : askThenDecide(current, custom, request, exchange, attributes);
      },
      close() {
        for (const provider of providers.values()) provider.close?.();
      },
    },
    update(policies) {
      set = compilePolicies(policies, options);
    },
    decide: (request) => set.decide(request),
  };
}

/** Who wanted what, for the log. */
function describe(exchange: Exchange, attributes: RequestAttributes): Record<string, unknown> {
  return {
    method: exchange.method,
    path: exchange.path,
    peer: attributes.peer?.spiffeId,
    principal: exchange.context.identity?.principal,
  };
}

function named(rule: CompiledRule | undefined): Record<string, unknown> {
  return { policy: rule?.policy, rule: rule?.index };
}
