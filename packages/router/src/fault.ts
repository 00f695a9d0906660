import {
  annotations,
  type HttpRoute,
  type Percent,
  parseDurationMs,
  routeAnnotation,
  type VirtualService,
} from '@inmesh/config';
import type { Fault } from '@inmesh/core';
import { invalidResource } from './invalid-resource.ts';

/** What a gRPC status is over plain HTTP, by Envoy's table. */
const httpOfGrpc: Readonly<Record<string, number>> = {
  OK: 200,
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  UNAUTHENTICATED: 401,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
};

/** The route's fault; parts that never act are left out. Throws `invalid_resource`. */
export function compileFault(
  resource: VirtualService,
  route: HttpRoute,
  path: string,
): Fault | undefined {
  if (route.fault === undefined) return undefined;
  const { delay, abort } = route.fault;
  const scope = faultScope(resource, route.name);
  const delayRatio = ratioOf(delay?.percentage, `${path}/delay`);
  const abortRatio = ratioOf(abort?.percentage, `${path}/abort`);
  if (delayRatio === 0 && abortRatio === 0) return undefined;
  return {
    ...(delay === undefined || delayRatio === 0
      ? {}
      : { delay: { ratio: delayRatio, delayMs: parseDurationMs(delay.fixedDelay) } }),
    ...(abort === undefined || abortRatio === 0
      ? {}
      : { abort: { ratio: abortRatio, status: abortStatus(abort, `${path}/abort`) } }),
    scope,
  };
}

/** A percentage as a share; absent is 0, as Istio has it for faults. */
export function ratioOf(percent: Percent | undefined, path: string): number {
  const value = percent?.value ?? 0;
  if (!(value >= 0 && value <= 100)) {
    throw invalidResource(path, `percentage must be within 0..100, got ${value}`);
  }
  return value / 100;
}

function faultScope(resource: VirtualService, route: string | undefined): Fault['scope'] {
  const scope = routeAnnotation(resource.metadata, annotations.faultScope, route) ?? 'call';
  if (scope === 'call' || scope === 'attempt') return scope;
  throw invalidResource(
    '/metadata/annotations',
    `${annotations.faultScope} must be call or attempt, got ${JSON.stringify(scope)}`,
  );
}

function abortStatus(
  abort: { readonly httpStatus?: number; readonly grpcStatus?: string },
  path: string,
): number {
  const status = abort.httpStatus ?? httpOfGrpc[abort.grpcStatus ?? ''];
  if (status !== undefined && Number.isInteger(status) && status >= 200 && status < 600) {
    return status;
  }
  throw invalidResource(
    path,
    `give httpStatus within 200..599 or a known grpcStatus, got ${abort.httpStatus ?? abort.grpcStatus}`,
  );
}
