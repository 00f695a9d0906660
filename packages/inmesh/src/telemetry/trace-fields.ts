import { currentContext, type Logger, type LogMethod, parseBaggage } from '@inmesh/core';

/** What a log line says of the trace that it belongs to. */
export interface TraceFields {
  readonly traceId?: string;
  readonly spanId?: string;
}

const none: TraceFields = Object.freeze({});

/** Of the request that the running code serves; `{}` outside of any. `pino({ mixin: traceFields })`. */
export function traceFields(): TraceFields {
  const trace = currentContext()?.trace;
  return trace === undefined ? none : { traceId: trace.traceId, spanId: trace.spanId };
}

/** `logger` with the trace in every line, for those that have no mixin. */
export function tracedLogger(logger: Logger): Logger {
  const method =
    (level: keyof Logger): LogMethod =>
    (fields, message) =>
      logger[level]({ ...traceFields(), ...fields }, message);
  return {
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
  };
}

/** The W3C baggage that the request being served came with, and its calls take along. Never proof of anything. */
export function currentBaggage(): ReadonlyMap<string, string> {
  return parseBaggage(currentContext()?.baggage ?? '');
}
