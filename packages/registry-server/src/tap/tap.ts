import type {
  Clock,
  ServiceName,
  ShownCall,
  TapEvent,
  TapOrder,
  TappedCalls,
  Timer,
} from '@inmesh/core';
import type { Session } from '../state/session.ts';
import { encodeEvent, keepAliveFrame } from '../watch/frame.ts';
import type { WatchStream } from '../watch/watch-stream.ts';

export interface TapOptions {
  /** Names it to processes. */
  readonly name: string;
  readonly service: ServiceName;
  readonly filter: Omit<TapOrder, 'tap' | 'perSecond' | 'endsInMs'>;
  /** Of all processes together. */
  readonly perSecond: number;
  readonly forMs: number;
  readonly clock: Clock;
  /** Called once, when it has ended. */
  readonly onEnd: () => void;
}

/** A process more, and the registry would hear more than a person can read. */
const maxProcesses = 50;
/** Nobody opens it within: whoever asked for it is gone. */
const openWithinMs = 10_000;
const keepAliveMs = 5_000;
/** What may wait for a slow reader; what comes beyond is counted. */
const maxQueueBytes = 262_144;

/** One person's look at the calls of one service. It ends by itself, whoever forgets it. */
export class Tap {
  readonly service: ServiceName;
  readonly name: string;
  readonly #options: TapOptions;
  readonly #processes = new Set<Session>();
  readonly #endsAt: number;
  #stream: WatchStream | undefined;
  #timer: Timer;
  #keepAliveTimer: Timer | undefined;
  #skipped = 0;
  #windowEndsAt = 0;
  #inWindow = 0;
  #over = false;

  constructor(options: TapOptions) {
    const { clock, forMs, name, service } = options;
    this.service = service;
    this.name = name;
    this.#options = options;
    this.#endsAt = clock.now() + forMs;
    this.#timer = clock.setTimer(() => this.end('time'), Math.min(openWithinMs, forMs));
  }

  get processes(): ReadonlySet<Session> {
    return this.#processes;
  }

  get isOpen(): boolean {
    return this.#stream !== undefined;
  }

  /** `false` when it asks enough processes already, or others'. */
  admit(session: Session): boolean {
    if (session.service !== this.service || this.#processes.size >= maxProcesses) return false;
    this.#processes.add(session);
    return true;
  }

  forget(session: Session): void {
    this.#processes.delete(session);
  }

  /** What one of its processes is to tell: its share, so that all together tell what can be shown. */
  order(): TapOrder {
    const { name, filter, perSecond, clock } = this.#options;
    return {
      tap: name,
      ...filter,
      perSecond: Math.ceil(perSecond / Math.max(1, this.#processes.size)),
      endsInMs: Math.max(0, Math.round(this.#endsAt - clock.now())),
    };
  }

  open(stream: WatchStream): void {
    const { clock } = this.#options;
    this.#stream = stream;
    stream.on('error', () => stream.destroy());
    // A terminal that is closed, killed or cut off ends it for everybody.
    stream.on('close', () => this.#finish());
    this.#timer.cancel();
    this.#timer = clock.setTimer(() => this.end('time'), this.#endsAt - clock.now());
    this.#keepAlive(stream);
  }

  take(session: Session, told: TappedCalls): void {
    const shown = told.calls.slice(0, this.#room());
    this.#inWindow += shown.length;
    this.#skipped += told.skipped + told.calls.length - shown.length;
    const stream = this.#stream;
    if (stream === undefined || stream.writableLength > maxQueueBytes) {
      this.#skipped += shown.length;
      return;
    }
    const calls: ShownCall[] = shown.map((call) => ({ ...call, process: session.client }));
    stream.write(encodeEvent<TapEvent>({ kind: 'calls', calls, skipped: this.#skipped }));
    this.#skipped = 0;
  }

  /** Idempotent. */
  end(reason: 'time' | 'closing'): void {
    if (this.#finish()) this.#stream?.end(encodeEvent<TapEvent>({ kind: 'ended', reason }));
  }

  /** `false` when it was over already. */
  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#timer.cancel();
    this.#keepAliveTimer?.cancel();
    this.#options.onEnd();
    return true;
  }

  #room(): number {
    const { clock, perSecond } = this.#options;
    const now = clock.now();
    if (now >= this.#windowEndsAt) {
      this.#windowEndsAt = now + 1_000;
      this.#inWindow = 0;
    }
    return perSecond - this.#inWindow;
  }

  #keepAlive(stream: WatchStream): void {
    stream.write(keepAliveFrame);
    this.#keepAliveTimer = this.#options.clock.setTimer(() => this.#keepAlive(stream), keepAliveMs);
  }
}
