import type { DestinationState } from '@inmesh/client/policies';

/** A call that waits for one of its destination's `maxRequests` places. */
export interface PlaceWaiter {
  /** It gave up waiting. */
  readonly ended: boolean;
  placed(): void;
}

/**
 * The client's concurrency limit, as its own `place-queue.ts` keeps it: the counters are the
 * destination's, so that policies and inspection see the same.
 */
export class PlaceQueue {
  readonly #queues = new Map<DestinationState, PlaceWaiter[]>();

  enter(destination: DestinationState, waiter: PlaceWaiter): 'taken' | 'waiting' | 'full' {
    const { pool } = destination;
    if (destination.inFlight < destination.maxInFlight) {
      destination.inFlight += 1;
      return 'taken';
    }
    if (destination.pending >= pool.maxPending) return 'full';
    destination.pending += 1;
    const queue = this.#queues.get(destination);
    if (queue === undefined) this.#queues.set(destination, [waiter]);
    else queue.push(waiter);
    return 'waiting';
  }

  /** A waiter gave up; it is passed over when its turn comes. */
  leave(destination: DestinationState): void {
    destination.pending -= 1;
  }

  release(destination: DestinationState): void {
    destination.inFlight -= 1;
    const queue = this.#queues.get(destination);
    if (queue === undefined) return;
    while (destination.inFlight < destination.maxInFlight) {
      const next = queue.shift();
      if (next === undefined) return;
      if (next.ended) continue;
      destination.pending -= 1;
      destination.inFlight += 1;
      next.placed();
    }
  }
}
