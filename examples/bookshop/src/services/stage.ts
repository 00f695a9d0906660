/**
 * What the demo does to its services from outside: make one slow or faulty, and read how it fares.
 * A real service needs nothing of this file.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Mesh } from 'inmesh';

/** From the demo to a service. */
export type Direction =
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'fail'; readonly on: boolean };

/** From a service to the demo. */
export type Report =
  | { readonly kind: 'ready'; readonly url: string; readonly endpoint: string }
  | {
      readonly kind: 'traffic';
      readonly rows: readonly TrafficRow[];
      readonly calls: number;
      readonly failures: readonly string[];
    };

/** What one caller saw of one endpoint since its last report. */
export interface TrafficRow {
  readonly service: string;
  readonly version: string;
  readonly endpoint: string;
  readonly state: string;
  readonly calls: number;
  readonly errors: number;
  /** Milliseconds of each call, at most a few hundred. */
  readonly latencies: readonly number[];
  /** When the last attempt was sent, in milliseconds since the epoch; 0 is never. */
  readonly lastSentAt: number;
}

let slowMs = 0;
let failing = false;

process.on('message', (direction: Direction) => {
  if (direction.kind === 'slow') slowMs = direction.ms;
  else failing = direction.on;
});
// The demo is gone: so is the shop.
process.on('disconnect', () => process.exit(0));

/** Express and Fastify answer with the status that an error carries. */
class MadeToFail extends Error {
  readonly statusCode = 503;
}

/** Call it first in a handler: waits when the endpoint was made slow, and throws when it was made to fail. */
export async function onStage(): Promise<void> {
  if (slowMs > 0) await wait(slowMs);
  if (failing) throw new MadeToFail('made to fail');
}

export function report(message: Report): void {
  if (process.connected !== true) return;
  // The demo may be gone before `disconnect` says so; without a callback the EPIPE would be thrown.
  process.send?.(message, undefined, undefined, () => {});
}

/** Tells the demo that the service serves, and where. */
export function tellReady(server: Awaited<ReturnType<Mesh['listen']>>): void {
  report({ kind: 'ready', url: server.url, endpoint: server.endpointId });
}
