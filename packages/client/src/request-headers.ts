import type {
  Call,
  HeaderOperations,
  HeaderPairs,
  Priority,
  TraceFormat,
  Workload,
} from '@inmesh/core';
import { formatTraceparent, meshHeaders } from '@inmesh/core';

/** The span that an attempt is, for its callee to be a child of. */
interface OutgoingTrace {
  readonly formats: readonly TraceFormat[];
  readonly traceId: string;
  readonly spanId: string;
  /** '' for none. */
  readonly parentSpanId: string;
  readonly sampled: boolean;
}

/** What the mesh says of one attempt, beside what the caller said himself. */
export interface MeshHeaderValues {
  readonly trace: OutgoingTrace;
  /** From 1. */
  readonly attempt: number;
  /** How long the caller still waits; `Infinity` is not sent. */
  readonly remainingMs: number;
  /** Where there is no mutual TLS to say it. */
  readonly peer: string | undefined;
  readonly priority: Priority;
}

/** `service;version;account`, once per client. */
export function peerHeader(workload: Workload): string {
  return `${workload.service};${workload.version};${workload.serviceAccount}`;
}

/**
 * The headers of one attempt in the order sent: the host, the caller's, then ours. A header that
 * the caller set himself is never overridden.
 */
export function requestHeaders(
  call: Call,
  authority: string,
  operations: HeaderOperations | undefined,
  values: MeshHeaderValues,
): string[] {
  const from = operations === undefined ? call.headers : applyOperations(call.headers, operations);
  const headers: string[] = ['host', authority];
  let traced = false;
  let zipkinTraced = false;
  let baggaged = false;
  let timed = false;
  let peered = false;
  let prioritized = false;
  for (let i = 0; i < from.length; i += 2) {
    const name = from[i] as string;
    switch (name) {
      case 'host':
        // Only operations bring one: a route that rewrites the host this way.
        headers[1] = from[i + 1] as string;
        continue;
      case 'traceparent':
        traced = true;
        break;
      case 'b3':
      case 'x-b3-traceid':
        zipkinTraced = true;
        break;
      case 'baggage':
        baggaged = true;
        break;
      case meshHeaders.timeoutMs:
        timed = true;
        break;
      case meshHeaders.peer:
        peered = true;
        break;
      case meshHeaders.priority:
        prioritized = true;
        break;
      case meshHeaders.attempt:
        continue;
    }
    headers.push(name, from[i + 1] as string);
  }
  const context = call.context;
  for (const format of values.trace.formats) {
    const own = format === 'w3c' ? traced : zipkinTraced;
    if (!own) addTrace(headers, format, values.trace, context?.trace?.state ?? '');
  }
  if (!timed && values.remainingMs !== Infinity) {
    headers.push(meshHeaders.timeoutMs, `${Math.max(1, Math.floor(values.remainingMs))}`);
  }
  if (values.attempt > 1) headers.push(meshHeaders.attempt, `${values.attempt}`);
  if (!peered && values.peer !== undefined) headers.push(meshHeaders.peer, values.peer);
  if (!prioritized && values.priority !== 'default') {
    headers.push(meshHeaders.priority, values.priority);
  }
  if (context !== undefined) {
    if (!baggaged && context.baggage !== '') headers.push('baggage', context.baggage);
    if (context.passOn.length > 0) passOn(headers, context.passOn);
  }
  return headers;
}

function addTrace(
  headers: string[],
  format: TraceFormat,
  { traceId, spanId, parentSpanId, sampled }: OutgoingTrace,
  state: string,
): void {
  switch (format) {
    case 'w3c':
      headers.push('traceparent', formatTraceparent(traceId, spanId, sampled));
      if (state !== '') headers.push('tracestate', state);
      break;
    case 'b3': {
      const parent = parentSpanId === '' ? '' : `-${parentSpanId}`;
      headers.push('b3', `${traceId}-${spanId}-${sampled ? '1' : '0'}${parent}`);
      break;
    }
    case 'b3-multi':
      headers.push('x-b3-traceid', traceId, 'x-b3-spanid', spanId);
      if (parentSpanId !== '') headers.push('x-b3-parentspanid', parentSpanId);
      headers.push('x-b3-sampled', sampled ? '1' : '0');
      break;
  }
}

/** Remove, then set, then add, as Istio does. */
export function applyOperations(pairs: HeaderPairs, operations: HeaderOperations): string[] {
  const { remove, set, add } = operations;
  const changed: string[] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i] as string;
    if (!remove.includes(name) && !hasName(set, name)) changed.push(name, pairs[i + 1] as string);
  }
  changed.push(...set, ...add);
  return changed;
}

function passOn(headers: string[], pairs: HeaderPairs): void {
  const own = headers.length;
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i] as string;
    let said = false;
    for (let j = 0; j < own && !said; j += 2) said = headers[j] === name;
    if (!said) headers.push(name, pairs[i + 1] as string);
  }
}

function hasName(pairs: HeaderPairs, name: string): boolean {
  for (let i = 0; i < pairs.length; i += 2) {
    if (pairs[i] === name) return true;
  }
  return false;
}
