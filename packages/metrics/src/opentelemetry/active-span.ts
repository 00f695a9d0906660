import type { Interceptor, RequestContext, TraceContext } from '@inmesh/core';
import { context, isSpanContextValid, TraceFlags, trace } from '@opentelemetry/api';

/**
 * Calls become children of the application's own active span, where there is one:
 * `createMesh({ interceptors: [activeSpanParent] })`. Needs the SDK's context manager.
 */
export const activeSpanParent: Interceptor = (next) => (call, sink) => {
  const active = trace.getSpanContext(context.active());
  if (active === undefined || !isSpanContextValid(active)) return next(call, sink);
  const { traceId, spanId, traceFlags, traceState } = active;
  const sampled = (traceFlags & TraceFlags.SAMPLED) !== 0;
  const state = traceState?.serialize() ?? '';
  const own = { traceId, spanId, sampled, state };
  next({ ...call, context: inTrace(call.context, own) }, sink);
};

/** What the request being served says, but for the trace. What calls tell it still reaches it. */
function inTrace(served: RequestContext | undefined, trace: TraceContext): RequestContext {
  if (served === undefined) {
    return { trace, deadline: Infinity, identity: undefined, baggage: '', passOn: [] };
  }
  return {
    ...served,
    trace,
    get retriesSpent() {
      return served.retriesSpent ?? false;
    },
    set retriesSpent(spent) {
      served.retriesSpent = spent;
    },
  };
}
