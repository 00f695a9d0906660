import { continueB3, parseB3, parseB3Multi } from './b3.ts';
import type { Random } from './clock.ts';
import { newSpanId, newTraceId, parseTraceparent, type TraceContext } from './trace-context.ts';

/** Headers that carry a trace: W3C's `traceparent`, Zipkin's `b3`, or Zipkin's `x-b3-…`. */
export type TraceFormat = 'w3c' | 'b3' | 'b3-multi';

export const traceFormats: readonly TraceFormat[] = Object.freeze(['w3c', 'b3', 'b3-multi']);

/** How traces begin, go along and are reported, on one side of a process. */
export interface TracePolicy {
  /** Share of the traces begun here that are sampled, 0..1; a trace that came keeps its flag. */
  readonly samplingRatio: number;
  /** A trace that comes is read from the first of them that is there; one that goes is written in all. `[]` passes none on. */
  readonly formats: readonly TraceFormat[];
  /**
   * Somebody exports spans of what is sampled. So each attempt and each request served gets a span
   * of its own. Where nobody does, another span would only tear the trace apart.
   */
  readonly spans: boolean;
}

/** Runs `body` where spans that the application makes by itself belong below the span of `trace`. */
export type RunInSpan = <T>(trace: TraceContext, body: () => T) => T;

/** Asked for each call or request, so that configuration may change it live. */
export interface TracePolicySource {
  readonly current: TracePolicy;
}

/** A policy that stays. */
export function fixedTracePolicy(policy: Partial<TracePolicy> = {}): TracePolicySource {
  const { samplingRatio = 0, formats = ['w3c'], spans = false } = policy;
  return Object.freeze({ current: Object.freeze({ samplingRatio, formats, spans }) });
}

/**
 * The trace that a request belongs to: what its headers say in one of the formats, or a new one.
 * Headers that are not valid count as absent, as W3C says. Where nobody exports a span of this
 * request, its caller's stays the parent of the calls made for it.
 */
export function receiveTrace(
  header: (name: string) => string | undefined,
  policy: TracePolicy,
  random: Random,
): TraceContext {
  const decide = (): boolean => policy.samplingRatio > 0 && random() < policy.samplingRatio;
  for (const format of policy.formats) {
    if (format === 'w3c') {
      const parent = header('traceparent');
      const trace =
        parent === undefined ? undefined : parseTraceparent(parent, header('tracestate'));
      if (trace !== undefined) return withOwnSpan(trace, policy);
    } else {
      const b3 = format === 'b3' ? parseB3(header('b3')) : parseB3Multi(header);
      if (b3 === undefined) continue;
      const trace = continueB3(b3, decide);
      return b3.spanId === undefined ? trace : withOwnSpan(trace, policy);
    }
  }
  return { traceId: newTraceId(), spanId: newSpanId(), sampled: decide(), state: '' };
}

function withOwnSpan(trace: TraceContext, policy: TracePolicy): TraceContext {
  if (!trace.sampled || !policy.spans) return trace;
  return { ...trace, spanId: newSpanId(), parentSpanId: trace.spanId };
}
