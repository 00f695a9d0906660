import type { MeshEvent, RequestContext } from '@inmesh/core';
import { createFakeClock, type FakeClock } from '@inmesh/testing';
import { afterEach, beforeEach, jest } from '@jest/globals';
import { type Commands, createCommands } from '../../src/command.ts';

export interface CommandBench extends Commands {
  readonly clock: FakeClock;
  readonly events: MeshEvent[];
  /** Time for our deadlines and for opossum's own timer alike. */
  pass(ms: number): Promise<void>;
}

/** Commands on a fake clock; `setTimeout`, which opossum uses itself, is faked too. Made anew for each test. */
export function commandBench(): () => CommandBench {
  let bench: CommandBench;
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick'] });
    const clock = createFakeClock();
    const events: MeshEvent[] = [];
    const commands = createCommands({
      clock,
      observers: [{ event: (event) => events.push(event) }],
    });
    bench = {
      ...commands,
      clock,
      events,
      async pass(ms) {
        await clock.advanceAsync(ms);
        await jest.advanceTimersByTimeAsync(ms);
      },
    };
  });
  afterEach(() => {
    bench.close();
    jest.useRealTimers();
  });
  return () => bench;
}

/** A promise with its two ends in the hand. */
export interface Held<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function held<T>(): Held<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

export function requestContext(over: Partial<RequestContext> = {}): RequestContext {
  return {
    trace: undefined,
    deadline: Infinity,
    identity: undefined,
    baggage: '',
    passOn: [],
    ...over,
  };
}
