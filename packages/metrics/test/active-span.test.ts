import type { Call, RequestContext, Sink } from '@inmesh/core';
import { activeSpanParent } from '@inmesh/metrics/opentelemetry';
import { afterEach, expect, test } from '@jest/globals';
import { type ContextManager, context, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';
const inSpan = trace.setSpanContext(ROOT_CONTEXT, {
  traceId,
  spanId,
  traceFlags: TraceFlags.SAMPLED,
});

/** As the SDK's, but with one context for all. */
function enter(active: typeof ROOT_CONTEXT): void {
  const manager: ContextManager = {
    active: () => active,
    with: (_context, run, thisArg, ...args) => Reflect.apply(run, thisArg, args),
    bind: (_context, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  context.setGlobalContextManager(manager);
}

afterEach(() => context.disable());

function contextSent(served: RequestContext | undefined): RequestContext | undefined {
  let sent: RequestContext | undefined;
  const send = activeSpanParent((call) => {
    sent = call.context;
  });
  send({ context: served } as Call, {} as Sink);
  return sent;
}

const served = (): RequestContext => ({
  trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: false, state: '' },
  deadline: 500,
  identity: undefined,
  baggage: 'a=1',
  passOn: [],
});

test('a call is a child of the active span, and keeps the rest of its request', () => {
  enter(inSpan);
  const request = served();
  const sent = contextSent(request);
  expect(sent).toMatchObject({
    trace: { traceId, spanId, sampled: true },
    deadline: 500,
    baggage: 'a=1',
  });
  if (sent !== undefined) sent.retriesSpent = true;
  expect(request.retriesSpent).toBe(true);
  expect(contextSent(undefined)?.trace).toMatchObject({ traceId, spanId });
});

test('without an active span the call is as it was', () => {
  enter(ROOT_CONTEXT);
  const request = served();
  expect(contextSent(request)).toBe(request);
  expect(contextSent(undefined)).toBeUndefined();
});
