import {
  type Clock,
  type EndedCall,
  type EndedRequest,
  isMeshError,
  type Observer,
  type Random,
  systemClock,
  type TapOrder,
  type TappedCalls,
  type Timer,
} from '@inmesh/core';
import { ActiveTap } from './active-tap.ts';
import { checkTapHeaders, tappedCall, tappedRequest } from './tapped-call.ts';

export interface CallTapOptions {
  /** Brings calls to whoever looks: `RegistryClient.showCalls`. Each is tried once. */
  readonly send: (told: TappedCalls) => Promise<void>;
  /** Request headers that may be shown. @default accept, content-type, user-agent, x-request-id */
  readonly headers?: readonly string[];
  /** What of a path is shown; its query never is. @default the path as it is */
  readonly redactPath?: (path: string) => string;
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default Math.random */
  readonly random?: Random;
}

/** Shows calls while somebody looks at them; while nobody does, it costs a call one comparison. */
export interface CallTap {
  readonly observer: Pick<Required<Observer>, 'callEnded' | 'requestEnded'>;
  /** From now on these are all the taps there are. */
  use(orders: readonly TapOrder[]): void;
  close(): void;
}

/** Calls are shown together, so often. */
const flushEveryMs = 250;

/** Throws `invalid_argument` for a header that is a credential. */
export function createCallTap(options: CallTapOptions): CallTap {
  const { send, clock = systemClock, random = Math.random } = options;
  const shown = {
    headers: checkTapHeaders(options.headers),
    redactPath: options.redactPath ?? ((path: string) => path),
  };
  let taps: readonly ActiveTap[] = [];
  let flushTimer: Timer | undefined;
  let endTimer: Timer | undefined;

  const remove = (gone: (tap: ActiveTap) => boolean): void => {
    taps = taps.filter((tap) => !gone(tap));
  };
  const flush = async (tap: ActiveTap): Promise<void> => {
    const told = tap.take(clock.now());
    if (told === undefined) return;
    try {
      await send(told);
    } catch (error) {
      // What was not told is lost: nobody looks at what was.
      if (isMeshError(error, 'not_found', 'forbidden')) remove((other) => other === tap);
    } finally {
      tap.told();
    }
  };
  const schedule = (): void => {
    if (flushTimer !== undefined || taps.length === 0) return;
    flushTimer = clock.setTimer(() => {
      flushTimer = undefined;
      for (const tap of taps) void flush(tap);
      if (taps.some(({ waits }) => waits)) schedule();
    }, flushEveryMs);
  };
  const scheduleEnd = (): void => {
    endTimer?.cancel();
    endTimer = undefined;
    if (taps.length === 0) return;
    const next = Math.min(...taps.map(({ endsAt }) => endsAt));
    endTimer = clock.setTimer(() => {
      const now = clock.now();
      for (const tap of taps) if (tap.endsAt <= now) void flush(tap);
      remove(({ endsAt }) => endsAt <= now);
      scheduleEnd();
    }, next - clock.now());
  };

  return {
    observer: {
      callEnded(call: EndedCall): void {
        if (taps.length === 0) return;
        for (const tap of taps) {
          if (tap.wants('outbound', call, random)) tap.add(tappedCall(call, shown), call.endedAt);
        }
        schedule();
      },
      requestEnded(request: EndedRequest): void {
        if (taps.length === 0) return;
        for (const tap of taps) {
          if (tap.wants('inbound', request, random)) {
            tap.add(tappedRequest(request, shown), request.endedAt);
          }
        }
        schedule();
      },
    },
    use(orders) {
      const now = clock.now();
      // One that goes on keeps its place in the second that is under way.
      taps = orders.map((order) => {
        const known = taps.find(({ name }) => name === order.tap);
        known?.renew(order, now);
        return known ?? new ActiveTap(order, now);
      });
      scheduleEnd();
    },
    close() {
      taps = [];
      flushTimer?.cancel();
      endTimer?.cancel();
    },
  };
}
