import type { Clock, EndedAttempt, EndedCall, EndedRequest } from '@inmesh/core';
import {
  type Attributes,
  type Context,
  type HrTime,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { TelemetryAdapter } from '../adapter.ts';
import { isFailure } from '../edge.ts';
import { labelText } from '../label-text.ts';
import { type TelemetrySource, wholeTelemetry } from '../telemetry/telemetry-policy.ts';
import { activeSpanParent, runInRequestSpan } from './active-span.ts';
import {
  attemptAttributes,
  commonAttributes,
  errorType,
  knownMethod,
  requestAttributes,
  serverAttributes,
} from './attributes.ts';
import type { SpanIds } from './span-ids.ts';

interface EndedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly traceId: string;
  readonly spanId: string;
  /** '' for the first of a trace. */
  readonly parentSpanId: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Attributes;
  readonly failed: boolean;
}

/** Spans of sampled traces, made when they have ended, with the times and ids that they had. */
export function openTelemetrySpans(
  name: string,
  tracer: Tracer,
  ids: SpanIds | undefined,
  clock: Clock,
): TelemetryAdapter {
  let telemetry: TelemetrySource = wholeTelemetry;
  const record = (span: EndedSpan): void => recordSpan(tracer, ids, clock, span);
  return {
    name,
    signal: 'traces',
    interceptor: activeSpanParent,
    runInSpan: runInRequestSpan,
    start(source) {
      telemetry = source;
    },
    observer: {
      callEnded(call) {
        if (call.sampled) record(callSpan(call, telemetry.current.client.traces.tags(call)));
      },
      attemptEnded(attempt) {
        // Where attempts have no spans of their own, the call's id must not come twice.
        const { call, spanId } = attempt;
        if (call.sampled && spanId !== call.spanId) record(attemptSpan(attempt));
      },
      requestEnded(request) {
        if (!request.sampled) return;
        record(requestSpan(request, telemetry.current.server.traces.tags(request)));
      },
    },
  };
}

/** The whole call, with all its waits. The attempts below it are the clients of what they called. */
function callSpan(call: EndedCall, tags: Readonly<Record<string, string>>): EndedSpan {
  const { traceId, spanId, parentSpanId, startedAt, endedAt } = call;
  return {
    name: `${spanMethod(call.method)} ${labelText(call.service)}`,
    kind: SpanKind.INTERNAL,
    ...{ traceId, spanId, parentSpanId, startedAt, endedAt },
    attributes: {
      ...tags,
      ...commonAttributes(call.method, call.status),
      ...serverAttributes(call, call.service),
      'inmesh.route': labelText(call.route),
      'inmesh.subset': labelText(call.subset),
      'inmesh.attempts': call.attempts,
      'inmesh.flag': call.flag,
      ...errorType(call.status, 400, call.error),
    },
    failed: isFailure(call.status, call.flag) || call.status >= 400,
  };
}

function attemptSpan(attempt: EndedAttempt): EndedSpan {
  const { call, endpoint, number, spanId, startedAt, endedAt } = attempt;
  const { traceId } = call;
  const resent = number === 1 ? {} : { 'http.request.resend_count': number - 1 };
  return {
    name: spanMethod(attempt.method),
    kind: SpanKind.CLIENT,
    ...{ traceId, spanId, parentSpanId: call.spanId, startedAt, endedAt },
    attributes: {
      ...attemptAttributes(attempt),
      'url.full': `${call.scheme}://${labelText(call.authority)}${shownPath(call.path)}`,
      'network.peer.address': labelText(endpoint.address),
      'network.peer.port': endpoint.ports[0]?.port ?? 0,
      'inmesh.endpoint': labelText(endpoint.id),
      'inmesh.version': labelText(endpoint.labels.version ?? ''),
      'inmesh.flag': attempt.flag,
      ...resent,
    },
    failed: isFailure(attempt.status, attempt.flag) || attempt.status >= 400,
  };
}

function requestSpan(request: EndedRequest, tags: Readonly<Record<string, string>>): EndedSpan {
  const { traceId, spanId, parentSpanId, startedAt, endedAt, route } = request;
  const method = spanMethod(request.method);
  return {
    name: route === 'unknown' ? method : `${method} ${labelText(route)}`,
    kind: SpanKind.SERVER,
    ...{ traceId, spanId, parentSpanId, startedAt, endedAt },
    attributes: {
      ...tags,
      ...requestAttributes(request),
      'url.path': shownPath(request.path),
      'inmesh.peer': labelText(request.peerService),
      'inmesh.flag': request.flag,
    },
    failed: isFailure(request.status, request.flag),
  };
}

function spanMethod(method: string): string {
  const known = knownMethod(method);
  return known === '_OTHER' ? 'HTTP' : known;
}

/** Never the query: tokens and names of users stand there. */
function shownPath(path: string): string {
  const query = path.indexOf('?');
  return labelText(query < 0 ? path : path.slice(0, query));
}

function recordSpan(
  tracer: Tracer,
  ids: SpanIds | undefined,
  clock: Clock,
  ended: EndedSpan,
): void {
  const wallOffset = clock.wallNow() - clock.now();
  const { traceId, spanId, parentSpanId, kind, attributes } = ended;
  const start = (): ReturnType<Tracer['startSpan']> =>
    tracer.startSpan(
      ended.name,
      { kind, startTime: hrTime(ended.startedAt + wallOffset), attributes },
      // Where the SDK makes ids of its own, a parent is the only way to tell it the trace.
      parentContext(traceId, ids === undefined ? parentSpanId || spanId : parentSpanId),
    );
  const span = ids === undefined ? start() : ids.use(traceId, spanId, start);
  if (ended.failed) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(hrTime(ended.endedAt + wallOffset));
}

function parentContext(traceId: string, spanId: string): Context {
  if (traceId === '' || spanId === '') return ROOT_CONTEXT;
  const parent = { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
  return trace.setSpanContext(ROOT_CONTEXT, parent);
}

/** Epoch milliseconds as the pair that SDKs take without guessing what a number means. */
function hrTime(epochMs: number): HrTime {
  const whole = Math.floor(epochMs / 1_000);
  return [whole, Math.round((epochMs - whole * 1_000) * 1e6)];
}
