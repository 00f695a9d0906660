import type { Interceptor, RequestContext, RunInSpan, TraceContext } from '@inmesh/core';
import {
  context,
  createTraceState,
  isSpanContextValid,
  ROOT_CONTEXT,
  TraceFlags,
  trace,
} from '@opentelemetry/api';

/**
 * Calls become children of the application's own active span, where there is one. `openTelemetry`
 * brings it along; a client that is used alone takes it as an interceptor. Needs the SDK's context
 * manager.
 */
export const activeSpanParent: Interceptor = (next) => (call, sink) => {
  const active = trace.getSpanContext(context.active());
  if (active === undefined || !isSpanContextValid(active)) return next(call, sink);
  // The request's own span is what the call goes by already.
  if (active.spanId === call.context?.trace?.spanId) return next(call, sink);
  const { traceId, spanId, traceFlags, traceState } = active;
  const sampled = (traceFlags & TraceFlags.SAMPLED) !== 0;
  const state = traceState?.serialize() ?? '';
  const own = { traceId, spanId, sampled, state };
  next({ ...call, context: inTrace(call.context, own) }, sink);
};

/** The handler's own spans become children of the request's. Needs the SDK's context manager, too. */
export const runInRequestSpan: RunInSpan = ({ traceId, spanId, sampled, state }, body) => {
  const span = {
    traceId,
    spanId,
    traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    ...(state === '' ? {} : { traceState: createTraceState(state) }),
  };
  // Not below what is active: on a connection that is used again, that may be another request's.
  return context.with(trace.setSpanContext(ROOT_CONTEXT, span), body);
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
