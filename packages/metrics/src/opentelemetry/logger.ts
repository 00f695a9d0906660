import type { LogMethod, Logger as MeshLogger } from '@inmesh/core';
import { type Context, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api';
import type { LogAttributes, Logger } from '@opentelemetry/api-logs';

/** Severity numbers of OpenTelemetry's data model. */
const severities = { debug: 5, info: 9, warn: 13, error: 17 } as const;

/**
 * OpenTelemetry's logs as a logger for `accessLog` and `createMesh`: fields become attributes, the
 * text the body, and a line with a `traceId` belongs to that trace.
 */
export function openTelemetryLogger(logger: Logger): MeshLogger {
  const method =
    (level: keyof typeof severities): LogMethod =>
    (fields, message) =>
      logger.emit({
        severityNumber: severities[level],
        severityText: level.toUpperCase(),
        body: message,
        attributes: attributesOf(fields),
        context: contextOf(fields),
      });
  return {
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
  };
}

function attributesOf(fields: Readonly<Record<string, unknown>>): LogAttributes {
  const attributes: LogAttributes = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || name === 'traceId' || name === 'spanId') continue;
    attributes[name] = isPlain(value) ? value : shown(value);
  }
  return attributes;
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** What has a form of its own is shown by it; a field must never make a log line fail. */
function shown(value: unknown): string {
  if (value instanceof Error) return value.message;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

function contextOf({ traceId, spanId }: Readonly<Record<string, unknown>>): Context {
  if (typeof traceId !== 'string' || typeof spanId !== 'string') return ROOT_CONTEXT;
  if (traceId === '' || spanId === '') return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED });
}
