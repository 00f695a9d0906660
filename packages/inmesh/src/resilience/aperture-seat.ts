import type { AperturePosition } from '@inmesh/client';
import type { EndpointSource, ServiceName, Unsubscribe } from '@inmesh/core';

/** Where this process stands among the endpoints of its own service, which call as it does. */
export interface PeerSeat {
  readonly seat: () => AperturePosition | number;
  close(): void;
}

/**
 * By the order of the registered endpoints. While this process serves nothing, or the registry has
 * not told of it yet, it is a place drawn at the start: even on the average only.
 *
 * @param ownIds Of what this process has registered.
 */
export function seatAmongPeers(
  source: EndpointSource,
  service: ServiceName,
  ownIds: () => readonly string[],
): PeerSeat {
  const place = Math.random();
  let peers: readonly string[] = [];
  const unfollow: Unsubscribe = source.follow(service, ({ endpoints }) => {
    peers = endpoints
      .filter(({ status }) => status === 'up')
      .map(({ id }) => id)
      .sort();
  });
  return {
    seat() {
      const own = ownIds();
      const index = peers.findIndex((id) => own.includes(id));
      return index < 0 ? place : { index, count: peers.length };
    },
    close: unfollow,
  };
}
