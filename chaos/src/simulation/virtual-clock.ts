import { type Clock, maxTimerDelayMs, type Timer } from '@inmesh/core';

/** 2026-01-01: the wall clock only has to differ from the monotonic one. */
const wallStart = Date.UTC(2026, 0, 1);

/**
 * Time that moves from event to event. Unlike the testing package's fake clock it keeps its timers
 * in a heap: a simulation has thousands waiting at any moment.
 */
export interface VirtualClock extends Clock {
  /** Runs every timer that falls due up to `until`, in order of time and then of setting. */
  run(until: number): void;
  /** Makes the wall clock jump; monotonic time does not notice. */
  jumpWall(ms: number): void;
}

class Entry implements Timer {
  readonly at: number;
  readonly order: number;
  callback: (() => void) | undefined;

  constructor(at: number, order: number, callback: () => void) {
    this.at = at;
    this.order = order;
    this.callback = callback;
  }

  /** It stays in the heap until its time comes: taking it out of the middle would cost more. */
  cancel(): void {
    this.callback = undefined;
  }
}

export function createVirtualClock(): VirtualClock {
  const heap: Entry[] = [];
  let now = 0;
  let order = 0;
  let wallOffset = wallStart;

  return {
    now: () => now,
    wallNow: () => now + wallOffset,
    setTimer(callback, delayMs) {
      order += 1;
      const delay = Math.min(Math.max(0, delayMs), maxTimerDelayMs);
      const entry = new Entry(now + delay, order, callback);
      heap.push(entry);
      siftUp(heap, heap.length - 1);
      return entry;
    },
    run(until) {
      for (let next = heap[0]; next !== undefined && next.at <= until; next = heap[0]) {
        removeFirst(heap);
        const { callback } = next;
        if (callback === undefined) continue;
        now = next.at;
        callback();
      }
      now = until;
    },
    jumpWall: (ms) => {
      wallOffset += ms;
    },
  };
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function siftUp(heap: Entry[], from: number): void {
  const entry = heap[from] as Entry;
  let at = from;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isBefore(entry, heap[parent] as Entry)) break;
    heap[at] = heap[parent] as Entry;
    at = parent;
  }
  heap[at] = entry;
}

function removeFirst(heap: Entry[]): void {
  const entry = heap.pop() as Entry;
  const size = heap.length;
  if (size === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= size) break;
    if (child + 1 < size && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child += 1;
    if (!isBefore(heap[child] as Entry, entry)) break;
    heap[at] = heap[child] as Entry;
    at = child;
  }
  heap[at] = entry;
}
