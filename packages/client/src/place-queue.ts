import type { DestinationState } from './destination-state.ts';
import { Fifo, type FifoPlace } from './fifo.ts';

/** A call that waits for one of its destination's `maxRequests` places. */
interface PlaceWaiter {
  /** The place is taken on the waiter's behalf. */
  placed(): void;
}

export type WaitingPlace = FifoPlace<PlaceWaiter>;

/**
 * The concurrency limit of a destination and the bounded queue before it. It stands before undici,
 * whose own queue has no bound and gives nothing back.
 */
export interface PlaceQueue {
  /** Takes a place (`taken`), waits for one, or finds the queue full (`full`). */
  enter(destination: DestinationState, waiter: PlaceWaiter): 'taken' | 'full' | WaitingPlace;
  /** Stops waiting. */
  leave(destination: DestinationState, place: WaitingPlace): void;
  /** Gives a place back; the longest waiting takes it, now. */
  release(destination: DestinationState): void;
}

export function createPlaceQueue(): PlaceQueue {
  const queues = new WeakMap<DestinationState, Fifo<PlaceWaiter>>();
  /** Waiters that fail at once release at once: handing on in a loop keeps that from recursing. */
  const handingOn = new WeakSet<DestinationState>();

  const handOn = (destination: DestinationState): void => {
    if (handingOn.has(destination)) return;
    handingOn.add(destination);
    while (destination.pending > 0 && destination.inFlight < destination.maxInFlight) {
      const next = queues.get(destination)?.shift();
      if (next === undefined) break;
      destination.pending -= 1;
      destination.inFlight += 1;
      next.placed();
    }
    handingOn.delete(destination);
  };
  return {
    enter(destination, waiter) {
      const { pool } = destination;
      if (destination.inFlight < destination.maxInFlight) {
        destination.inFlight += 1;
        return 'taken';
      }
      if (destination.pending >= pool.maxPending) return 'full';
      let queue = queues.get(destination);
      if (queue === undefined) {
        queue = new Fifo();
        queues.set(destination, queue);
      }
      destination.pending += 1;
      return queue.push(waiter);
    },
    leave(destination, place) {
      if (!place.queued) return;
      destination.pending -= 1;
      queues.get(destination)?.remove(place);
    },
    release(destination) {
      destination.inFlight -= 1;
      if (destination.pending > 0) handOn(destination);
    },
  };
}
