import type { VirtualService } from '@inmesh/config';
import type { InboundTable } from './compiled-router.ts';
import type { CompiledCors } from './cors.ts';
import { requestHost } from './host-name.ts';
import { matches } from './match.ts';
import type { Tables } from './tables.ts';
import { type CompiledVirtualService, compileVirtualService } from './virtual-service.ts';

/**
 * The server's view of the same resources: whoever calls is not known when it is made, so matches
 * that select callers are left out. Only resources with a CORS policy are compiled, when first asked.
 */
export function createInboundTable(tables: Tables): InboundTable {
  const { scope, virtualServices, destinationsOf } = tables;
  const compiled = new Map<VirtualService, CompiledVirtualService>();
  return {
    cors(request): CompiledCors | undefined {
      const host = requestHost(request.service, request.authority, scope.hosts);
      const resource = virtualServices.hosts.get(host)?.resource;
      if (!resource?.spec.http?.some((route) => route.corsPolicy !== undefined)) return undefined;
      let virtualService = compiled.get(resource);
      if (virtualService === undefined) {
        virtualService = compileVirtualService(resource, {
          workload: undefined,
          scope: scope.hosts,
          servicesOf: destinationsOf,
        });
        compiled.set(resource, virtualService);
      }
      for (const route of virtualService.routes) {
        if (route.matches.some((match) => matches(match, request))) return route.cors;
      }
      return undefined;
    },
  };
}
