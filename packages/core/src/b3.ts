import { newSpanId, newTraceId, type TraceContext } from './trace-context.ts';

/** What B3's headers say. The decision may come without ids, and ids without a decision. */
export interface B3Trace {
  readonly traceId: string | undefined;
  /** `undefined` together with `traceId`. */
  readonly spanId: string | undefined;
  /** `undefined` leaves the decision to who receives it. */
  readonly sampled: boolean | undefined;
}

const single = /^([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?$/i;
const traceIdForm = /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/i;
const spanIdForm = /^[0-9a-f]{16}$/i;
const allZero = /^0+$/;

/** The header `b3`: `trace-span-sampled-parent`, or the decision alone (`0`). `undefined` for anything else. */
export function parseB3(header: string | undefined): B3Trace | undefined {
  if (header === undefined) return undefined;
  if (/^[01d]$/.test(header)) return trace(undefined, undefined, header !== '0');
  const match = single.exec(header);
  if (match === null) return undefined;
  const [, traceId, spanId, decision] = match;
  return trace(traceId, spanId, decision === undefined ? undefined : decision !== '0');
}

/** The headers `x-b3-traceid`, `-spanid`, `-sampled` and `-flags`. `undefined` where they say nothing. */
export function parseB3Multi(header: (name: string) => string | undefined): B3Trace | undefined {
  const traceId = header('x-b3-traceid');
  const spanId = header('x-b3-spanid');
  const sampled = readSampled(header('x-b3-sampled'), header('x-b3-flags'));
  const complete =
    traceId !== undefined &&
    spanId !== undefined &&
    traceIdForm.test(traceId) &&
    spanIdForm.test(spanId);
  if (complete) return trace(traceId, spanId, sampled);
  return sampled === undefined ? undefined : trace(undefined, undefined, sampled);
}

function readSampled(sampled: string | undefined, flags: string | undefined): boolean | undefined {
  if (flags === '1') return true; // debug: asks for more than sampling
  if (sampled === '1' || sampled === 'true') return true;
  return sampled === '0' || sampled === 'false' ? false : undefined;
}

/** B3 allows short trace ids; everybody else pads them. */
function trace(
  traceId: string | undefined,
  spanId: string | undefined,
  sampled: boolean | undefined,
): B3Trace | undefined {
  if (traceId === undefined || spanId === undefined) {
    return { traceId: undefined, spanId: undefined, sampled };
  }
  if (allZero.test(traceId) || allZero.test(spanId)) return undefined;
  const padded = traceId.toLowerCase().padStart(32, '0');
  return { traceId: padded, spanId: spanId.toLowerCase(), sampled };
}

/** Goes on with what B3 said; `decide` where it leaves the decision open. */
export function continueB3(b3: B3Trace, decide: () => boolean): TraceContext {
  const sampled = b3.sampled ?? decide();
  return {
    traceId: b3.traceId ?? newTraceId(),
    spanId: b3.spanId ?? newSpanId(),
    sampled,
    state: '',
  };
}
