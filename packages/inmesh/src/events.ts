import type { Logger, MeshEvent, Observer } from '@inmesh/core';
import { EventEmitter } from 'eventemitter3';

/** `mesh.events.on('endpoint-ejected', ({ endpoint, forMs }) => …)`: one event per kind of `MeshEvent`. */
export type MeshEvents = {
  [Kind in MeshEvent['kind']]: (event: Extract<MeshEvent, { kind: Kind }>) => void;
};

export type MeshEmitter = EventEmitter<MeshEvents>;

/** Feeds an emitter from what client and registry client tell their observers. */
export function createEvents(logger: Logger): { events: MeshEmitter; observer: Observer } {
  const events: MeshEmitter = new EventEmitter<MeshEvents>();
  const failed = (event: MeshEvent, error: unknown): void =>
    logger.error({ err: error, event: event.kind }, 'a listener of a mesh event threw');
  return {
    events,
    observer: {
      event(event) {
        // `emit` would stop at the first listener that throws: the others have a right to hear it too.
        for (const listener of events.listeners(event.kind)) {
          events.off(event.kind, listener, undefined, true); // only those that `once` added
          try {
            const result = (listener as (event: MeshEvent) => unknown)(event);
            // An async listener that rejects would end the process.
            if (isPromise(result)) result.then(undefined, (error) => failed(event, error));
          } catch (error) {
            failed(event, error);
          }
        }
      },
    },
  };
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}
