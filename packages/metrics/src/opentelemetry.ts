/**
 * `@inmesh/metrics/opentelemetry`: metrics, spans and logs through the application's own
 * OpenTelemetry SDK, by the HTTP semantic conventions. Apart from the main entry because
 * `@opentelemetry/api` is an optional peer.
 */

export { activeSpanParent } from './opentelemetry/active-span.ts';
export { openTelemetryLogger } from './opentelemetry/logger.ts';
export { type OpenTelemetryOptions, openTelemetry } from './opentelemetry/open-telemetry.ts';
export { type SpanIds, spanIds } from './opentelemetry/span-ids.ts';
