import { MeshError } from '@inmesh/core';

/** Runs a few tasks at a time and lets a bounded number wait, in order. */
export interface BoundedQueue {
  /** Throws `overloaded` at once when too many wait already. */
  run<T>(task: () => Promise<T>): Promise<T>;
  readonly waiting: number;
}

/** @param what Names the queue in the error. */
export function createBoundedQueue(
  what: string,
  concurrency: number,
  maxWaiting: number,
): BoundedQueue {
  const waiting: (() => void)[] = [];
  let running = 0;
  return {
    async run(task) {
      if (running >= concurrency) {
        if (waiting.length >= maxWaiting) {
          const message = `${what}: ${maxWaiting} requests wait already; try again later`;
          throw new MeshError('overloaded', message, { maybeProcessed: false });
        }
        // The place is handed over by whoever ends: nobody can come in between.
        await new Promise<void>((resolve) => waiting.push(resolve));
      } else running += 1;
      try {
        return await task();
      } finally {
        const next = waiting.shift();
        if (next === undefined) running -= 1;
        else next();
      }
    },
    get waiting() {
      return waiting.length;
    },
  };
}
