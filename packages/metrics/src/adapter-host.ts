import {
  type Clock,
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
import type { MetricsAdapter } from './adapter.ts';
import { GuardedAdapter } from './guarded-adapter.ts';
import type { Recorder } from './recorder.ts';

export interface AdapterHostOptions {
  readonly recorder: Recorder;
  readonly adapters: readonly MetricsAdapter[];
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

/** Throws `invalid_argument` for a name that is no label or comes twice. */
export function createAdapterHost(options: AdapterHostOptions): AdapterHost {
  const { recorder, logger = silentLogger, deadlineMs = 5_000 } = options;
  const { clock }: { clock: Clock } = recorder;
  const adapters: GuardedAdapter[] = [];
  const names = new Set<string>();
  for (const adapter of options.adapters) {
    if (!isLabel(adapter.name) || names.has(adapter.name)) {
      const why = names.has(adapter.name) ? 'comes twice' : 'is not 1 to 63 of a-z, 0-9 and -';
      throw new MeshError(
        'invalid_argument',
        `metrics adapter ${JSON.stringify(adapter.name)} ${why}`,
      );
    }
    names.add(adapter.name);
    adapters.push(new GuardedAdapter(adapter, { recorder, clock, logger, deadlineMs }));
  }
  const removeGauge = recorder.addGauge({
    name: 'inmesh_adapter_failures_total',
    help: 'Times that an adapter threw, rejected or took too long.',
    type: 'counter',
    read(report) {
      for (const { name, failures } of adapters) report(failures, { adapter: name });
    },
  });
  for (const adapter of adapters) adapter.start();
  const listening = adapters.filter((adapter) => adapter.listens);
  let closing: Promise<void> | undefined;
  return {
    observer: {
      callEnded(call: EndedCall): void {
        for (const adapter of listening) adapter.tell('callEnded', call);
      },
      attemptEnded(attempt: EndedAttempt): void {
        for (const adapter of listening) adapter.tell('attemptEnded', attempt);
      },
      requestEnded(request: EndedRequest): void {
        for (const adapter of listening) adapter.tell('requestEnded', request);
      },
      event(event: MeshEvent): void {
        for (const adapter of listening) adapter.tell('event', event);
      },
    },
    close() {
      closing ??= Promise.all(adapters.map((adapter) => adapter.close())).then(removeGauge);
      return closing;
    },
  };
}
