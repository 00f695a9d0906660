import {
  type FallbackSettings,
  parseDurationMs,
  type ResiliencePart,
  type ResiliencePolicy,
  type ResiliencePolicySpec,
} from '@inmesh/config';
import type { DestinationPolicy, FallbackPolicy, OutlierPolicy, ServicePolicy } from '@inmesh/core';
import { HostRules, type HostRulesScope } from './host-rules.ts';

/** What a ResiliencePolicy says of one host. */
export interface HostResilience {
  readonly resource: ResiliencePolicy;
  /** Goes over what the DestinationRule says. */
  readonly destination: DestinationPolicy;
  /** Goes into the ejection that holds for the host, whoever said it. */
  readonly probing: Pick<OutlierPolicy, 'probeIntervalMs' | 'probePath'> | undefined;
  readonly service: ServicePolicy;
}

export type ResiliencePolicies = HostRules<ResiliencePolicy, HostResilience>;

export function noResiliencePolicies(scope: HostRulesScope): ResiliencePolicies {
  return new HostRules({
    ...scope,
    check: compileResilience,
    // Two for one host are not mixed: the oldest holds.
    merge: ([first]) => compileResilience(first as ResiliencePolicy),
  });
}

function compileResilience(resource: ResiliencePolicy): HostResilience {
  const { spec, metadata } = resource;
  const { fallbacks, requestCache, probing } = spec;
  const off = (part: ResiliencePart): boolean => spec.off?.includes(part) === true;
  return {
    resource,
    destination: destinationOf(spec, off),
    probing: probing && {
      probeIntervalMs: parseDurationMs(probing.interval),
      probePath: probing.path ?? '/healthz',
    },
    service: {
      ...(off('fallbacks') ? { fallbacks: null } : {}),
      ...(fallbacks === undefined
        ? {}
        : { fallbacks: fallbacks.map((fallback) => fallbackOf(fallback, metadata.namespace)) }),
      ...(off('requestCache') ? { requestCache: null } : {}),
      ...(requestCache === undefined
        ? {}
        : {
            requestCache: {
              maxBodyBytes: requestCache.maxBodyBytes ?? 65_536,
              maxEntries: requestCache.maxEntries ?? 100,
            },
          }),
    },
  };
}

/** Every field is filled in, so that no caller's own option can contradict it. */
function destinationOf(
  spec: ResiliencePolicySpec,
  off: (part: ResiliencePart) => boolean,
): DestinationPolicy {
  const { breaker, hedge, limit, throttle, silence, aperture } = spec;
  return {
    ...switchedOff(off),
    ...(breaker && {
      breaker: {
        minCalls: breaker.minCalls ?? 20,
        failureRatio: (breaker.failurePercent ?? 50) / 100,
        windowMs: parseDurationMs(breaker.window ?? '10s'),
        sleepMs: parseDurationMs(breaker.sleep ?? '5s'),
        probes: breaker.probes ?? 1,
        successesToClose: breaker.successesToClose ?? 1,
      },
    }),
    ...(hedge && {
      hedge: {
        ...(hedge.delay === undefined
          ? { percentile: (hedge.percentile ?? 95) / 100 }
          : { delayMs: parseDurationMs(hedge.delay) }),
        maxRatio: (hedge.maxPercent ?? 5) / 100,
      },
    }),
    ...(limit && {
      limit: {
        minLimit: limit.minLimit ?? 4,
        maxLimit: limit.maxLimit ?? 1_000,
        initialLimit: limit.initialLimit ?? 20,
        tolerance: limit.tolerance ?? 1.5,
        windowMs: parseDurationMs(limit.window ?? '250ms'),
      },
    }),
    ...(throttle && {
      throttle: {
        factor: throttle.factor ?? 2,
        maxRatio: (throttle.maxPercent ?? 90) / 100,
        windowMs: parseDurationMs(throttle.window ?? '10s'),
      },
    }),
    ...(silence && {
      silence: {
        afterMs: parseDurationMs(silence.after ?? '500ms'),
        latencyFactor: silence.latencyFactor ?? 4,
        minWaiting: silence.minWaiting ?? 3,
      },
    }),
    ...(aperture && { aperture: { endpoints: aperture.endpoints ?? 20 } }),
  };
}

const destinationParts = ['breaker', 'hedge', 'limit', 'throttle', 'silence', 'aperture'] as const;

function switchedOff(off: (part: ResiliencePart) => boolean): DestinationPolicy {
  return Object.fromEntries(destinationParts.filter(off).map((part) => [part, null]));
}

function fallbackOf(
  { lastGood, service, response }: FallbackSettings,
  ownNamespace: string,
): FallbackPolicy {
  if (lastGood !== undefined) {
    return {
      kind: 'last-good',
      key: undefined,
      maxAgeMs: parseDurationMs(lastGood.maxAge ?? '5m'),
      maxEntries: lastGood.maxEntries ?? 100,
      maxBodyBytes: lastGood.maxBodyBytes ?? 65_536,
    };
  }
  if (service !== undefined) {
    // The check lets services of the mesh through only, so no scope of namespaces is needed.
    const [name, namespace = ownNamespace] = service.host.split('.');
    const timeoutMs = parseDurationMs(service.timeout ?? '1s');
    return { kind: 'service', service: `${name}.${namespace}`, timeoutMs };
  }
  const { status = 200, headers = {}, body = '' } = response ?? {};
  return { kind: 'value', response: { status, headers, body } };
}
