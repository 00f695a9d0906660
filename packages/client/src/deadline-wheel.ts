import type { Clock, Timer } from '@inmesh/core';
import { isBlockedLoop } from './blocked-loop.ts';

/** Steps of the wheel: a deadline is met at most this late, and never early. */
const tickMs = 8;
/** One turn is 2 s; what lies further ahead is passed over until its turn comes. */
const slots = 256;

/**
 * Something with a deadline. Links itself into the wheel, so that setting and clearing allocate
 * nothing: a timer of Node's costs 300 ns a call, and almost none ever fires.
 */
export abstract class WheelTimer {
  /** Tick at which it is due; -1 while it is not set. */
  dueTick: number = -1;
  next: WheelTimer | undefined = undefined;
  previous: WheelTimer | undefined = undefined;

  /** The time set has come. The timer is cleared already. */
  abstract onDue(): void;
}

export interface DeadlineWheel {
  /** Sets `timer` to the monotonic time `at`, or moves it there. `Infinity` clears it. */
  set(timer: WheelTimer, at: number): void;
  /** Idempotent. */
  clear(timer: WheelTimer): void;
  /** While timers run: whether they come late because our own event loop stood still. Nobody else is to blame then. */
  readonly late: boolean;
  /** Forgets every timer without running it. */
  close(): void;
}

/**
 * One timer of the clock for all deadlines, armed for the first slot that holds any. It does not
 * keep the process alive: the sockets of the calls that wait do.
 */
export function createDeadlineWheel(clock: Clock): DeadlineWheel {
  const heads: (WheelTimer | undefined)[] = new Array(slots).fill(undefined);
  let count = 0;
  let armed: Timer | undefined;
  let armedTick = Infinity;
  let doneTick = Math.floor(clock.now() / tickMs);
  let waited = false;
  let late = false;

  const unlink = (timer: WheelTimer): void => {
    const { next, previous } = timer;
    if (previous === undefined) heads[timer.dueTick % slots] = next;
    else previous.next = next;
    if (next !== undefined) next.previous = previous;
    timer.next = undefined;
    timer.previous = undefined;
    timer.dueTick = -1;
    count -= 1;
  };
  const arm = (tick: number): void => {
    armed?.cancel();
    armedTick = tick;
    armed = clock.setTimer(turn, Math.max(0, tick * tickMs - clock.now()));
  };
  const runSlot = (slot: number, until: number): void => {
    // From the head again after each: what a timer does may change the list in any way.
    for (let timer = heads[slot]; timer !== undefined; ) {
      if (timer.dueTick <= until) {
        unlink(timer);
        timer.onDue();
        timer = heads[slot];
      } else {
        timer = timer.next;
      }
    }
  };
  const armNext = (): void => {
    for (let tick = doneTick + 1; tick <= doneTick + slots; tick += 1) {
      if (heads[tick % slots] === undefined) continue;
      arm(tick);
      break;
    }
  };
  const turn = (): void => {
    const now = clock.now();
    late = waited || isBlockedLoop(now - armedTick * tickMs);
    if (late && !waited) {
      // The answers may be there and unread: what waits in the event loop goes first, once.
      waited = true;
      armed = clock.setTimer(turn, 1);
      return;
    }
    waited = false;
    armed = undefined;
    armedTick = Infinity;
    const until = Math.floor(now / tickMs);
    const from = Math.max(doneTick + 1, until - slots + 1);
    doneTick = Math.max(doneTick, until);
    for (let tick = from; tick <= until; tick += 1) runSlot(tick % slots, until);
    late = false;
    if (count > 0 && armed === undefined) armNext();
  };
  return {
    get late() {
      return late;
    },
    set(timer, at) {
      if (timer.dueTick >= 0) unlink(timer);
      if (at === Infinity) return;
      const tick = Math.max(Math.ceil(at / tickMs), Math.floor(clock.now() / tickMs) + 1);
      const slot = tick % slots;
      const head = heads[slot];
      timer.dueTick = tick;
      timer.next = head;
      if (head !== undefined) head.previous = timer;
      heads[slot] = timer;
      count += 1;
      if (tick < armedTick) arm(tick);
    },
    clear(timer) {
      if (timer.dueTick >= 0) unlink(timer);
    },
    close() {
      armed?.cancel();
      armed = undefined;
      armedTick = Infinity;
      for (let slot = 0; slot < slots; slot += 1) {
        for (let timer = heads[slot]; timer !== undefined; timer = heads[slot]) unlink(timer);
      }
    },
  };
}
