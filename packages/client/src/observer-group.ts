import type { EndedAttempt, EndedCall, Logger, MeshEvent, Observer } from '@inmesh/core';

/** All observers as one. What an observer throws is counted and logged once, and disturbs nothing. */
export interface ObserverGroup {
  callEnded(call: EndedCall): void;
  attemptEnded(attempt: EndedAttempt): void;
  event(event: MeshEvent): void;
  /** How often an observer threw. */
  readonly failures: number;
}

export function createObserverGroup(observers: readonly Observer[], logger: Logger): ObserverGroup {
  const ofCalls = observers.filter((observer) => observer.callEnded !== undefined);
  const ofAttempts = observers.filter((observer) => observer.attemptEnded !== undefined);
  const ofEvents = observers.filter((observer) => observer.event !== undefined);
  const logged = new WeakSet<Observer>();
  let failures = 0;

  const failed = (observer: Observer, error: unknown): void => {
    failures += 1;
    if (logged.has(observer)) return;
    logged.add(observer);
    logger.error({ err: error }, 'an observer threw; later throws of it are only counted');
  };
  // One loop each and no shared helper: a closure per call would cost more than the loop.
  return {
    callEnded(call) {
      for (const observer of ofCalls) {
        try {
          observer.callEnded?.(call);
        } catch (error) {
          failed(observer, error);
        }
      }
    },
    attemptEnded(attempt) {
      for (const observer of ofAttempts) {
        try {
          observer.attemptEnded?.(attempt);
        } catch (error) {
          failed(observer, error);
        }
      }
    },
    event(event) {
      for (const observer of ofEvents) {
        try {
          observer.event?.(event);
        } catch (error) {
          failed(observer, error);
        }
      }
    },
    get failures() {
      return failures;
    },
  };
}
