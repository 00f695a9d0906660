import type { Registration, WatchEvent } from '@inmesh/core';
import { silentLogger } from '@inmesh/core';
import { createFakeClock, type FakeClock } from '@inmesh/testing';
import { ConfigState } from '../src/config/config-state.ts';
import { declareEndpoint } from '../src/state/declare-endpoint.ts';
import { RegistryState } from '../src/state/registry-state.ts';
import type { Session } from '../src/state/session.ts';
import { WatchHub } from '../src/watch/watch-hub.ts';
import type { WatchStream } from '../src/watch/watch-stream.ts';
import { reviews } from './registry-fixture.ts';

/** A stream whose reader reads when the test says so. */
export class HeldStream implements WatchStream {
  readonly chunks: Buffer[] = [];
  writableLength = 0;
  ended = false;
  destroyed = false;
  /** Whether what is written stays in the queue. */
  held = false;
  readonly #listeners = new Map<string, (() => void)[]>();

  write(chunk: Buffer): boolean {
    if (this.ended || this.destroyed) throw new Error('written after its end');
    this.chunks.push(chunk);
    if (this.held) this.writableLength += chunk.length;
    return !this.held;
  }

  end(chunk?: Buffer): void {
    if (chunk !== undefined) this.write(chunk);
    this.ended = true;
    this.emit('close');
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }

  cork(): void {}
  uncork(): void {}

  on(event: string, listener: () => void): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  emit(event: string): void {
    for (const listener of this.#listeners.get(event) ?? []) listener();
  }

  /** The reader catches up. */
  release(): void {
    this.held = false;
    this.writableLength = 0;
    this.emit('drain');
  }

  /** The events so far, with their ids. */
  events(): { id: string | undefined; event: WatchEvent }[] {
    const frames = Buffer.concat(this.chunks).toString().split('\n\n');
    return frames.flatMap((frame) => {
      const fields = new Map(
        frame
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      const kind = fields.get('event');
      if (kind === undefined) return [];
      const event = { kind, ...JSON.parse(fields.get('data') ?? '') } as WatchEvent;
      return [{ id: fields.get('id'), event }];
    });
  }
}

export interface HubFixture {
  readonly clock: FakeClock;
  readonly state: RegistryState;
  readonly config: ConfigState;
  readonly hub: WatchHub;
  readonly drops: () => number;
  register(session: Session, id: string, registration?: Partial<Registration>): void;
}

export function createHubFixture(
  options: {
    mergeMs?: number;
    maxQueueBytes?: number;
    sessions?: number;
    isSettling?: () => boolean;
    isVisible?: (session: Session, service: string) => boolean;
  } = {},
): HubFixture {
  const clock = createFakeClock(1_000);
  const limits = {
    sessions: options.sessions ?? 1_000,
    sessionsPerIdentity: 10,
    registrationsPerSession: 10_000,
    endpointsPerService: 100_000,
  };
  const state = new RegistryState({ limits, removalHoldMs: 0, clock, logger: silentLogger });
  let drops = 0;
  const config = new ConfigState();
  const hub = new WatchHub({
    state,
    config,
    mergeMs: options.mergeMs ?? 5,
    keepAliveMs: 5_000,
    maxQueueBytes: options.maxQueueBytes ?? 1_000,
    isSettling: options.isSettling ?? (() => false),
    isVisible: options.isVisible ?? (() => true),
    trust: () => undefined,
    taps: () => [],
    clock,
    onDrop: () => {
      drops += 1;
    },
  });
  state.observers.add(hub);
  return {
    clock,
    state,
    config,
    hub,
    drops: () => drops,
    register(session, id, registration = {}) {
      state.register(session, declareEndpoint(id, { ...reviews, ...registration }), undefined);
    },
  };
}
