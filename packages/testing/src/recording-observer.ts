import type { EndedAttempt, EndedCall, EndedRequest, MeshEvent, Observer } from '@inmesh/core';

/** Keeps a copy of everything that it is told. */
export interface RecordingObserver extends Required<Observer> {
  readonly calls: readonly EndedCall[];
  readonly attempts: readonly EndedAttempt[];
  readonly requests: readonly EndedRequest[];
  readonly events: readonly MeshEvent[];
  /**
   * Resolves as soon as `predicate` holds: a server records a request after its caller has the
   * answer. Rejects with what was recorded after `timeoutMs`.
   * @param timeoutMs @default 5_000
   */
  until(predicate: (recorded: RecordingObserver) => boolean, timeoutMs?: number): Promise<void>;
  /** Forgets everything. */
  clear(): void;
}

export function recordingObserver(): RecordingObserver {
  const calls: EndedCall[] = [];
  const attempts: EndedAttempt[] = [];
  const requests: EndedRequest[] = [];
  const events: MeshEvent[] = [];
  const waiting = new Set<() => void>();
  const keep = <T extends object>(list: T[], entry: T): void => {
    // Observers get objects that are valid only during the call.
    list.push({ ...entry });
    for (const check of [...waiting]) check();
  };
  const observer: RecordingObserver = {
    calls,
    attempts,
    requests,
    events,
    callEnded: (call) => keep(calls, call),
    attemptEnded: (attempt) => keep(attempts, attempt),
    requestEnded: (request) => keep(requests, request),
    event: (event) => keep(events, event),
    until(predicate, timeoutMs = 5000) {
      return new Promise((resolve, reject) => {
        const check = (): void => {
          if (!predicate(observer)) return;
          waiting.delete(check);
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(() => {
          waiting.delete(check);
          const counts = `${calls.length} calls, ${attempts.length} attempts, ${requests.length} requests, ${events.length} events`;
          reject(new Error(`not recorded within ${timeoutMs} ms; there are ${counts}`));
        }, timeoutMs);
        waiting.add(check);
        check();
      });
    },
    clear() {
      for (const list of [calls, attempts, requests, events]) list.length = 0;
    },
  };
  return observer;
}
