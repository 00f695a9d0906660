import { newSpanId, newTraceId } from '@inmesh/core';

/** An `IdGenerator` of OpenTelemetry's SDK that gives the mesh's spans the ids that went over the wire. */
export interface SpanIds {
  generateTraceId(): string;
  generateSpanId(): string;
  /** Runs `start`; the span that it starts gets these ids. */
  use<T>(traceId: string, spanId: string, start: () => T): T;
}

/**
 * One for a provider and `openTelemetry`: `new BasicTracerProvider({ idGenerator: ids })`. Spans are
 * made when they have ended, since an open one would cost every call; by then their ids are on the
 * wire already. Spans of the application's own get new ones.
 */
export function spanIds(): SpanIds {
  let reserved: { readonly traceId: string; readonly spanId: string } | undefined;
  return {
    generateTraceId: () => reserved?.traceId ?? newTraceId(),
    generateSpanId: () => reserved?.spanId ?? newSpanId(),
    use(traceId, spanId, start) {
      reserved = { traceId, spanId };
      try {
        return start();
      } finally {
        reserved = undefined;
      }
    },
  };
}
