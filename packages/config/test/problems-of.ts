import { type ResourceKind, validate } from '@inmesh/config';

const groups: Readonly<Record<ResourceKind, string>> = {
  VirtualService: 'networking.istio.io/v1',
  DestinationRule: 'networking.istio.io/v1',
  ResiliencePolicy: 'inmesh.dev/v1',
  ServiceEntry: 'networking.istio.io/v1',
  Telemetry: 'telemetry.istio.io/v1',
  PeerAuthentication: 'security.istio.io/v1',
  RequestAuthentication: 'security.istio.io/v1',
  AuthorizationPolicy: 'security.istio.io/v1',
};

/** A resource around `spec`, unchecked. */
export function resourceWith(
  kind: ResourceKind,
  spec: unknown,
  annotations?: Record<string, string>,
): object {
  const metadata = { name: 'reviews', ...(annotations === undefined ? {} : { annotations }) };
  return { apiVersion: groups[kind], kind, metadata, spec };
}

/** `error invalid_value /spec/…`, one line a problem, without the notice that a kind is not enforced. */
export function problemsOf(
  kind: ResourceKind,
  spec: unknown,
  annotations?: Record<string, string>,
): string[] {
  return validate(resourceWith(kind, spec, annotations))
    .problems.filter(({ path }) => path !== '')
    .map(({ severity, code, path }) => `${severity} ${code} ${path}`);
}

/** The problems of a VirtualService with one route, paths from that route on. */
export function routeProblems(route: object): string[] {
  const base = 'redirect' in route || 'directResponse' in route ? {} : { route: [to('reviews')] };
  const http = [{ ...base, ...route }];
  return problemsOf('VirtualService', { hosts: ['reviews'], http }).map((line) =>
    line.replace('/spec/http/0', ''),
  );
}

export function to(host: string, subset?: string, weight?: number): object {
  const destination = subset === undefined ? { host } : { host, subset };
  return weight === undefined ? { destination } : { destination, weight };
}

/** The problems of a DestinationRule with one traffic policy, paths from that policy on. */
export function policyProblems(trafficPolicy: object): string[] {
  return problemsOf('DestinationRule', { host: 'reviews', trafficPolicy }).map((line) =>
    line.replace('/spec/trafficPolicy', ''),
  );
}
