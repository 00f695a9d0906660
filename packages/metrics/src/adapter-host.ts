import {
  type EndedAttempt,
  type EndedCall,
  type EndedRequest,
  isLabel,
  type Logger,
  MeshError,
  type MeshEvent,
  type Observer,
  silentLogger,
} from '@inmesh/core';
import type { TelemetryAdapter } from './adapter.ts';
import { GuardedAdapter } from './guarded-adapter.ts';
import type { Recorder } from './recorder.ts';
import {
  type SideTelemetry,
  type TelemetrySource,
  wholeTelemetry,
} from './telemetry/telemetry-policy.ts';

export interface AdapterHostOptions {
  readonly recorder: Recorder;
  readonly adapters: readonly TelemetryAdapter[];
  /** What `Telemetry` resources say. @default everything to everybody */
  readonly telemetry?: TelemetrySource;
  /** @default silentLogger */
  readonly logger?: Logger;
  /** How long one `flush` or `close` may take before the host goes on without it. @default 5_000 */
  readonly deadlineMs?: number;
}

/** Runs adapters so that none can hurt: an observer for client and inbound pipeline, beside the recorder. */
export interface AdapterHost {
  readonly observer: Required<Observer>;
  /** Flushes and closes every adapter, each within its deadline, and frees the timers. Never rejects. Idempotent. */
  close(): Promise<void>;
}

/** Throws `invalid_argument` for a name that is no label or comes twice for one signal. */
export function createAdapterHost(options: AdapterHostOptions): AdapterHost {
  const { recorder, telemetry = wholeTelemetry, logger = silentLogger } = options;
  const { deadlineMs = 5_000 } = options;
  checkNames(options.adapters);
  const adapters = options.adapters.map(
    (adapter) => new GuardedAdapter(adapter, { recorder, telemetry, logger, deadlineMs }),
  );
  const removeGauge = recorder.addGauge({
    name: 'inmesh_adapter_failures_total',
    help: 'Times that an adapter threw, rejected or took too long.',
    type: 'counter',
    read(report) {
      for (const { name, signal, failures } of adapters) {
        report(failures, { adapter: name, signal });
      }
    },
  });
  for (const adapter of adapters) adapter.start();
  let closing: Promise<void> | undefined;
  return {
    observer: observerOf(adapters, telemetry),
    close() {
      closing ??= Promise.all(adapters.map((adapter) => adapter.close())).then(removeGauge);
      return closing;
    },
  };
}

function observerOf(
  adapters: readonly GuardedAdapter[],
  telemetry: TelemetrySource,
): Required<Observer> {
  const [ofCalls, ofAttempts, ofRequests, ofEvents] = (
    ['callEnded', 'attemptEnded', 'requestEnded', 'event'] as const
  ).map((kind) => adapters.filter((adapter) => adapter.hears(kind))) as [
    GuardedAdapter[],
    GuardedAdapter[],
    GuardedAdapter[],
    GuardedAdapter[],
  ];
  return {
    callEnded(call: EndedCall): void {
      for (const adapter of ofCalls) {
        if (admits(telemetry.current.client, adapter, call)) adapter.tell('callEnded', call);
      }
    },
    attemptEnded(attempt: EndedAttempt): void {
      for (const adapter of ofAttempts) {
        if (admits(telemetry.current.client, adapter)) adapter.tell('attemptEnded', attempt);
      }
    },
    requestEnded(request: EndedRequest): void {
      for (const adapter of ofRequests) {
        if (admits(telemetry.current.server, adapter, request)) {
          adapter.tell('requestEnded', request);
        }
      }
    },
    event(event: MeshEvent): void {
      for (const adapter of ofEvents) adapter.tell('event', event);
    },
  };
}

/** Whether the resources let something that ended on `side` through to `adapter`. */
function admits(
  side: SideTelemetry,
  { name, signal }: GuardedAdapter,
  ended?: EndedCall | EndedRequest,
): boolean {
  switch (signal) {
    case '':
      return true;
    case 'logs':
      return side.logs.reaches(name) && (ended === undefined || side.logs.admits(ended));
    default:
      return side[signal].reaches(name);
  }
}

function checkNames(adapters: readonly TelemetryAdapter[]): void {
  const seen = new Set<string>();
  for (const { name, signal } of adapters) {
    const key = `${name}/${signal}`;
    if (!isLabel(name) || seen.has(key)) {
      const why = seen.has(key) ? 'comes twice' : 'is not 1 to 63 of a-z, 0-9 and -';
      throw new MeshError('invalid_argument', `adapter ${JSON.stringify(name)} ${why}`);
    }
    seen.add(key);
  }
}
