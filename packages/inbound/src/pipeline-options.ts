import {
  type Clock,
  fixedTracePolicy,
  type Logger,
  MeshError,
  meshHeaders,
  type Observer,
  type Random,
  type RunInSpan,
  silentLogger,
  systemClock,
  type TraceFormat,
  type TracePolicySource,
} from '@inmesh/core';
import type { InboundRequest } from './inbound-request.ts';
import type { InboundStep } from './inbound-step.ts';
import type { PathNormalization } from './normalize-path.ts';
import { type PeerSource, peerHeader } from './peer-source.ts';

export interface PipelineOptions {
  /** Steps that shed load: they come first. @default [] */
  readonly limits?: readonly InboundStep[];
  /** @default 'base', as Istio's */
  readonly pathNormalization?: PathNormalization;
  /** Where the calling workload is read. @default peerHeader() */
  readonly peers?: PeerSource;
  /** Steps that find out who the end user is and fill `exchange.context.identity`. @default [] */
  readonly authentication?: readonly InboundStep[];
  /** Steps that decide whether the request may pass. @default [] */
  readonly authorization?: readonly InboundStep[];
  /** Told of every request that ended. @default [] */
  readonly observers?: readonly Observer[];
  /** GET and HEAD of exactly these paths pass every step and are not recorded. @default ['/healthz'] */
  readonly exemptPaths?: readonly string[];
  /** Headers, lower-case, that calls made for a request take along. @default x-request-id, and B3's six unless `tracing` deals with them */
  readonly passOnHeaders?: readonly string[];
  /** Gives further pairs, names lower-case, that calls made for a request take along: sticky keys. Must not throw. @default none */
  readonly passOn?: (request: InboundRequest) => readonly string[];
  /** A caller's time-out above it is cut to it. @default 3_600_000 */
  readonly maxTimeoutMs?: number;
  /** Share of the traces begun here that are sampled, 0..1; `tracing` says it too. @default 0 */
  readonly samplingRatio?: number;
  /** How traces are read, begun and reported. @default W3C's headers, no spans */
  readonly tracing?: TracePolicySource;
  /** Runs the handler, and all that the request's events start, where spans of the app's own belong below the request's. @default as it is */
  readonly runInSpan?: RunInSpan | undefined;
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default Math.random */
  readonly random?: Random;
  /** Hears of failing steps, handlers and observers. @default silentLogger */
  readonly logger?: Logger;
}

export type ResolvedPipelineOptions = Required<
  Omit<PipelineOptions, 'samplingRatio' | 'runInSpan'>
> &
  Pick<PipelineOptions, 'runInSpan'>;

const nothing: readonly string[] = Object.freeze([]);

const requestId = 'x-request-id';
/** Istio asks applications to forward these by hand. */
const b3Headers = [
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
];

// They belong to one connection or one hop, or the mesh writes them itself for every call.
const neverPassedOn = new Set<string>([
  'connection',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'traceparent',
  'tracestate',
  'baggage',
  ...Object.values(meshHeaders),
]);
const headerName = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;

/** Fills in the defaults. Throws `invalid_argument` with the option's name and value. */
export function resolvePipelineOptions(options: PipelineOptions): ResolvedPipelineOptions {
  const { samplingRatio = 0 } = options;
  check(samplingRatio >= 0 && samplingRatio <= 1, 'samplingRatio', 'be within 0..1', samplingRatio);
  const { tracing = fixedTracePolicy({ samplingRatio }) } = options;
  const resolved: ResolvedPipelineOptions = {
    limits: options.limits ?? [],
    pathNormalization: options.pathNormalization ?? 'base',
    peers: options.peers ?? peerHeader(),
    authentication: options.authentication ?? [],
    authorization: options.authorization ?? [],
    observers: options.observers ?? [],
    exemptPaths: options.exemptPaths ?? ['/healthz'],
    passOnHeaders:
      options.passOnHeaders ??
      (tracing.current.formats.some(isB3) ? [requestId] : [requestId, ...b3Headers]),
    passOn: options.passOn ?? (() => nothing),
    maxTimeoutMs: options.maxTimeoutMs ?? 3_600_000,
    tracing,
    runInSpan: options.runInSpan,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    logger: options.logger ?? silentLogger,
  };
  for (const path of resolved.exemptPaths) {
    check(/^\/[^?#]*$/.test(path), 'exemptPaths', "hold paths that start with '/'", path);
  }
  for (const name of resolved.passOnHeaders) {
    const may = headerName.test(name) && !neverPassedOn.has(name);
    check(may, 'passOnHeaders', 'hold lower-case names of end-to-end headers', name);
  }
  const { maxTimeoutMs } = resolved;
  check(maxTimeoutMs > 0, 'maxTimeoutMs', 'be above 0', maxTimeoutMs);
  return Object.freeze(resolved);
}

/** Written anew for every call where the mesh speaks it: the caller's would contradict it. */
function isB3(format: TraceFormat): boolean {
  return format !== 'w3c';
}

function check(ok: boolean, option: string, rule: string, value: unknown): void {
  if (ok) return;
  throw new MeshError('invalid_argument', `${option} must ${rule}, got ${JSON.stringify(value)}`);
}
