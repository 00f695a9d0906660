import type { Resource, Telemetry } from '@inmesh/config';
import type { TraceFormat, TracePolicy, TracePolicySource } from '@inmesh/core';
import type { TelemetryAdapter, TelemetryPolicy, TelemetrySource } from '@inmesh/metrics';
import { type CompiledTelemetry, compileTelemetry } from './compile-telemetry.ts';
import { type LevelOptions, telemetryLevels } from './telemetry-levels.ts';

export interface LiveTelemetryOptions extends LevelOptions {
  readonly adapters: readonly TelemetryAdapter[];
  /** The mesh's. */
  readonly domain: string;
  /** Where no resource says. */
  readonly samplingRatio: number;
  readonly formats: readonly TraceFormat[];
}

/** What `Telemetry` resources say at the moment, for everybody who goes by it. */
export interface LiveTelemetry extends TelemetrySource {
  readonly client: TracePolicySource;
  readonly server: TracePolicySource;
  /** Goes by these from now on. */
  use(resources: Iterable<Resource>): void;
}

export function createLiveTelemetry(options: LiveTelemetryOptions): LiveTelemetry {
  let levels: readonly Telemetry[] = [];
  let compiled = compileTelemetry(levels, options.workload, options.domain);
  let client = tracePolicy('client', compiled, options);
  let server = tracePolicy('server', compiled, options);
  return {
    get current(): TelemetryPolicy {
      return compiled.policy;
    },
    client: {
      get current() {
        return client;
      },
    },
    server: {
      get current() {
        return server;
      },
    },
    use(resources) {
      const next = telemetryLevels(resources, options);
      // Most changes are of other kinds: then labels need not be rendered anew.
      if (next.length === levels.length && next.every((level, i) => level === levels[i])) return;
      levels = next;
      compiled = compileTelemetry(levels, options.workload, options.domain);
      client = tracePolicy('client', compiled, options);
      server = tracePolicy('server', compiled, options);
    },
  };
}

function tracePolicy(
  side: 'client' | 'server',
  { policy, traces }: CompiledTelemetry,
  options: LiveTelemetryOptions,
): TracePolicy {
  const { samplingRatio, isPassedOn } = traces[side];
  return {
    samplingRatio: samplingRatio ?? options.samplingRatio,
    // What comes is read all the same: logs and spans of this process belong to that trace.
    formats: isPassedOn || side === 'server' ? options.formats : [],
    spans: options.adapters.some(
      ({ signal, name }) => signal === 'traces' && policy[side].traces.reaches(name),
    ),
  };
}
