import { parseDurationMs } from '../duration.ts';
import {
  annotations,
  type HttpMatchRequest,
  type HttpRoute,
  routeAnnotation,
  type VirtualService,
} from '../resources/index.ts';
import { parseRetryOn } from '../schema/http-retry.ts';
import type { Analysis } from './analysis.ts';

/** Methods that may be sent twice without harm (RFC 9110, 9.2.2). */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** Failures after which the upstream has certainly not processed the request. */
const beforeProcessing = new Set(['connect-failure', 'refused-stream', 'reset-before-request']);

/** Retries that repeat orders, retries that never happen, and time-outs that cut tries off. */
export function findRetriesAndTimeouts({ set, tell }: Analysis): void {
  for (const resource of set.list('VirtualService')) {
    resource.spec.http?.forEach((route, index) => {
      const at = ['spec', 'http', index];
      const unsafe = unsafeRetry(resource, route);
      if (unsafe !== undefined) {
        tell('warning', 'unsafe_retry', resource, [...at, 'retries'], unsafe);
      }
      const short = shortTimeout(route);
      if (short !== undefined) {
        tell('warning', 'short_timeout', resource, [...at, 'timeout'], short);
      }
    });
  }
}

function unsafeRetry(resource: VirtualService, route: HttpRoute): string | undefined {
  const { retries, match } = route;
  if (retries === undefined || retries.attempts === 0) return undefined;
  const { conditions, statusCodes } = parseRetryOn(retries.retryOn ?? '');
  const late = [...conditions.filter((on) => !beforeProcessing.has(on)), ...statusCodes];
  if (late.length === 0) return undefined;
  const key = annotations.retryNonIdempotent;
  const allowed = routeAnnotation(resource.metadata, key, route.name) === 'true';
  if (allowed && (match ?? [{}]).some(takesUnsafe)) {
    return `${key} repeats requests that may have been processed (on ${late.join(', ')}), and this route takes POST`;
  }
  if (!allowed && match !== undefined && match.every(takesOnlyUnsafe)) {
    return `this route takes only methods that are not idempotent: they are not retried on ${late.join(', ')} unless ${key} is 'true'`;
  }
  return undefined;
}

function takesUnsafe({ method }: HttpMatchRequest): boolean {
  return method?.exact === undefined || !idempotent.has(method.exact);
}

function takesOnlyUnsafe({ method }: HttpMatchRequest): boolean {
  return method?.exact !== undefined && !idempotent.has(method.exact);
}

function shortTimeout({ timeout, retries }: HttpRoute): string | undefined {
  if (timeout === undefined || retries?.perTryTimeout === undefined) return undefined;
  const total = parseDurationMs(timeout);
  const perTry = parseDurationMs(retries.perTryTimeout);
  const tries = 1 + (retries.attempts ?? 0);
  if (total >= perTry * tries) return undefined;
  const fitting = Math.floor(total / perTry);
  return fitting === 0
    ? `${timeout} is shorter than a single try of ${retries.perTryTimeout}`
    : `${timeout} leaves time for ${fitting} of ${tries} tries of ${retries.perTryTimeout}`;
}
