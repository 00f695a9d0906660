import type { EndpointSource } from '@inmesh/core';

/**
 * A source that lets go of nothing once the mesh is closing. The client unfollows all its services
 * then, while the last report still goes out to the registry; the lists must outlive that, for they
 * are what the next start goes by.
 */
export function keptSource(source: EndpointSource, isClosing: () => boolean): EndpointSource {
  return {
    get: (service) => source.get(service),
    follow(service, listener) {
      const unfollow = source.follow(service, listener);
      return () => {
        if (!isClosing()) unfollow();
      };
    },
    close: () => source.close(),
  };
}
