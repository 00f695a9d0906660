import type { AttemptHook, Client, MeshFetch } from '@inmesh/client';
import type { Call, Interceptor, ServiceName } from '@inmesh/core';
import type { CompiledRouterSource, ServiceEntrySource } from './service-entry-source.ts';

/** What makes the hosts of ServiceEntries destinations of the mesh. */
export interface OutsideHosts {
  /** The outermost: gives a call to such a host its service, so that routes and policies hold for it. */
  readonly interceptor: Interceptor;
  /** Whether a service is a ServiceEntry's outside the mesh. */
  isOutside(service: ServiceName): boolean;
  /** Takes the mesh's own words off what leaves the mesh. */
  readonly attemptHook: AttemptHook;
  /** Sends such hosts through the mesh too. */
  wrapFetch(meshFetch: MeshFetch, wrapFetch: Client['wrapFetch']): Client['wrapFetch'];
}

export function outsideHosts(
  router: CompiledRouterSource,
  source: ServiceEntrySource,
): OutsideHosts {
  /** The service that a ServiceEntry makes of a host outside the mesh. */
  const serviceOf = (host: string): ServiceName | undefined =>
    router.current.serviceEntries.length > 0 && router.current.serviceEntry(host) !== undefined
      ? host
      : undefined;

  const isOutside = (service: ServiceName): boolean => {
    const { current } = router;
    return (
      current.serviceEntries.length > 0 &&
      current.serviceEntry(service)?.location === 'MESH_EXTERNAL'
    );
  };

  return {
    isOutside,
    interceptor: (next) => (call, sink) => {
      const service = call.service === '' ? serviceOf(hostOf(call.authority)) : undefined;
      if (service === undefined) {
        next(call, sink);
        return;
      }
      const port = call.port ?? (call.scheme === 'https' ? 443 : 80);
      source.expectPort(service, port);
      next(toOutside(call, service, port), sink);
    },
    attemptHook({ endpoint }, headers) {
      if (!isOutside(endpoint.service)) return;
      for (let i = headers.length - 2; i >= 0; i -= 2) {
        if (headers[i]?.startsWith('inmesh-')) headers.splice(i, 2);
      }
    },
    wrapFetch: (meshFetch, wrapFetch) => (original) => {
      const wrapped = wrapFetch(original);
      return (input, init) => {
        const url =
          typeof input === 'string' ? input : input instanceof URL ? input.href : input.url;
        return isHttp(url) && serviceOf(new URL(url).hostname.toLowerCase()) !== undefined
          ? meshFetch(input, init as Parameters<MeshFetch>[1])
          : wrapped(input, init);
      };
    },
  };
}

/** Baggage, keys and token of the user whom this process serves are the mesh's, and no business of a stranger's. */
function toOutside(call: Call, service: ServiceName, port: number): Call {
  const { context } = call;
  return {
    ...call,
    service,
    port,
    context:
      context === undefined
        ? undefined
        : { ...context, baggage: '', passOn: [], userToken: undefined },
  };
}

function isHttp(url: string): boolean {
  return /^https?:/i.test(url) && URL.canParse(url);
}

function hostOf(authority: string): string {
  const colon = authority.lastIndexOf(':');
  const host = colon > authority.lastIndexOf(']') ? authority.slice(0, colon) : authority;
  return host.endsWith('.') ? host.slice(0, -1) : host;
}
