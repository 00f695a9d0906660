import type { EndpointSource } from '@inmesh/core';

/** Fixed services over a changing source: what `fixed` knows is never asked of `below`. */
export function layeredSource(fixed: EndpointSource, below: EndpointSource): EndpointSource {
  const layerOf = (service: string): EndpointSource =>
    fixed.get(service)?.state === 'live' ? fixed : below;
  return {
    get: (service) => layerOf(service).get(service),
    follow: (service, listener) => layerOf(service).follow(service, listener),
    close: async () => {
      await Promise.all([fixed.close(), below.close()]);
    },
  };
}
