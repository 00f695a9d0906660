import type { Clock, EndedRequest, MeshErrorCode, Observer } from '@inmesh/core';
import type { Recorder } from '@inmesh/metrics';

/** A request, or a whole connection, that was refused for who sent it. */
export interface RecentRefusal {
  readonly agoMs: number;
  readonly kind: 'request' | 'connection';
  /** Who asked: a SPIFFE ID, else the service that it says it is, else an address; '' is not known. */
  readonly peer: string;
  /** The end user; '' without one. */
  readonly principal: string;
  /** '' of a connection. */
  readonly method: string;
  /** The route's pattern, never the path; '' of a connection. */
  readonly route: string;
  /** 0 of a connection. */
  readonly status: number;
  readonly code: MeshErrorCode;
  readonly reason: string;
  /** Resource and rule; '' where none decided. */
  readonly rule: string;
}

/** The last refusals and how many there were. */
export interface RefusalLog extends Required<Pick<Observer, 'requestEnded' | 'event'>> {
  /** The newest first. */
  recent(): readonly RecentRefusal[];
}

type Entry = Omit<RecentRefusal, 'agoMs'> & { readonly at: number };

/** Enough to see what goes on, and no store for whoever makes up refusals. */
const maxEntries = 100;
/** Combinations of code and rule that are counted apart. */
const maxCounters = 500;

/** Counts in `recorder`, by code and by the rule that decided. */
export function createRefusalLog(clock: Clock, recorder: Pick<Recorder, 'addGauge'>): RefusalLog {
  const entries: Entry[] = [];
  const counters = new Map<string, { readonly code: string; rule: string; count: number }>();
  recorder.addGauge({
    name: 'inmesh_refusals_total',
    help: 'Requests and connections refused for who sent them, by error code and deciding rule.',
    type: 'counter',
    read(report) {
      for (const { code, rule, count } of counters.values()) report(count, { code, rule });
    },
  });
  const add = (entry: Entry): void => {
    entries.push(entry);
    if (entries.length > maxEntries) entries.shift();
    const { code, rule } = entry;
    let counter = counters.get(`${code} ${rule}`);
    if (counter === undefined) {
      const named = counters.size < maxCounters ? rule : 'other';
      counter = counters.get(`${code} ${named}`) ?? { code, rule: named, count: 0 };
      counters.set(`${code} ${named}`, counter);
    }
    counter.count += 1;
  };
  return {
    requestEnded(request) {
      const { refusal, method, route, status, endedAt, principal = '' } = request;
      if (refusal === undefined || !isForWho(request)) return;
      const { code, reason, rule } = refusal;
      const peer = request.peer?.spiffeId ?? request.peerService;
      const what = { kind: 'request', peer, principal, method, route, status } as const;
      add({ ...what, code, reason, rule, at: endedAt });
    },
    event(event) {
      if (event.kind !== 'peer-refused') return;
      const { code, message } = event.error;
      const who = { kind: 'connection', peer: event.address ?? '', principal: '' } as const;
      const what = { method: '', route: '', status: 0 };
      add({ ...who, ...what, code, reason: message, rule: '', at: clock.now() });
    },
    recent() {
      const now = clock.now();
      return entries.map(({ at, ...entry }) => ({ agoMs: now - at, ...entry })).reverse();
    },
  };
}

/** A full server or a bad path refuses whoever comes. */
function isForWho({ refusal, flag }: EndedRequest): boolean {
  const code = refusal?.code;
  return code === 'unauthenticated' || code === 'forbidden' || flag === 'UAEX';
}
