import type { RequestListener } from 'node:http';
import type { ClientInspection } from '@inmesh/client';
import type { Resource } from '@inmesh/config';
import {
  type CommandInspection,
  defaultDomain,
  type Interceptor,
  type Logger,
  type Observer,
  type RunInSpan,
  traceFormats,
  type Workload,
} from '@inmesh/core';
import {
  createAdapterHost,
  hystrixStream,
  prometheusText,
  type Recorder,
  type TelemetryAdapter,
} from '@inmesh/metrics';
import { metricsHandler } from '../metrics-handler.ts';
import type { MeshOptions } from '../options.ts';
import { definedOnly } from '../shared-options.ts';
import { createLiveTelemetry, type LiveTelemetry } from './live-telemetry.ts';
import { type MetricsServer, startMetricsServer } from './metrics-server.ts';
import { optionAdapters } from './option-adapters.ts';

/** What telemetry looks like from outside. */
export interface TelemetryInspection {
  readonly adapters: readonly { readonly name: string; readonly signal: string }[];
  /** Where `/metrics` and `/hystrix.stream` are; `undefined` without `metrics.port`. */
  readonly metricsUrl: string | undefined;
}

/** Everything that this process tells of its traffic, and to whom. */
export interface MeshTelemetry {
  /** All adapters as one. */
  readonly observer: Observer;
  readonly live: LiveTelemetry;
  /** Of adapters that tie the app's own spans to the mesh's. */
  readonly interceptors: readonly Interceptor[];
  readonly runInSpan: RunInSpan | undefined;
  readonly metricsHandler: RequestListener;
  readonly hystrixHandler: RequestListener;
  use(resources: Iterable<Resource>): void;
  /** Opens `metrics.port`, where there is one. Rejects with `conflict`. */
  start(): Promise<void>;
  inspect(): TelemetryInspection;
  /** Ends what never ends by itself, so that no drain waits for it. */
  endStreams(): void;
  /** Flushes and closes the adapters. Never rejects. */
  close(): Promise<void>;
}

export interface MeshTelemetryOptions {
  readonly options: MeshOptions;
  readonly workload: Workload;
  readonly recorder: Recorder;
  readonly resources: Iterable<Resource>;
  /** The mesh's own, which no option switches. */
  readonly adapters: readonly TelemetryAdapter[];
  readonly inspect: () => ClientInspection;
  readonly inspectCommands: () => readonly CommandInspection[];
  readonly logger: Logger;
}

function inFlightOf({ services }: ClientInspection, name: string): number {
  const destinations = services.find(({ service }) => service === name)?.destinations ?? [];
  return destinations.reduce((sum, { inFlight }) => sum + inFlight, 0);
}

/** Throws `invalid_argument` for adapters that cannot be. */
export function createMeshTelemetry(given: MeshTelemetryOptions): MeshTelemetry {
  const { options, workload, recorder, logger } = given;
  const adapters: readonly TelemetryAdapter[] = [...given.adapters, ...optionAdapters(options)];
  const live = createLiveTelemetry({
    workload,
    logger,
    adapters,
    rootNamespace: options.rootNamespace ?? 'istio-system',
    domain: options.domain ?? defaultDomain,
    samplingRatio: options.samplingRatio ?? 0,
    formats: traceFormats.filter((format) => (options.propagation ?? ['w3c']).includes(format)),
  });
  const use = (resources: Iterable<Resource>): void => {
    live.use(resources);
    const { client, server } = live.current;
    recorder.useTags({ client: client.metrics.seriesTags, server: server.metrics.seriesTags });
  };
  use(given.resources);
  const host = createAdapterHost({ recorder, adapters, telemetry: live, logger });
  const scope = {
    telemetry: live,
    ...(options.domain === undefined ? {} : { domain: options.domain }),
  };
  const scrapes = metricsHandler(prometheusText(recorder, workload, scope), logger);
  const hystrix = hystrixStream(recorder, {
    inFlight: (name) => inFlightOf(given.inspect(), name),
    breaker: options.breaker === null ? { minCalls: 0 } : definedOnly({ ...options.breaker }),
    commands: given.inspectCommands,
  });
  let server: MetricsServer | undefined;
  return {
    observer: host.observer,
    live,
    interceptors: adapters.flatMap(({ interceptor }) => interceptor ?? []),
    runInSpan: adapters.find(({ runInSpan }) => runInSpan !== undefined)?.runInSpan,
    metricsHandler: scrapes,
    hystrixHandler: hystrix.handle,
    use,
    async start() {
      const { port, host = '127.0.0.1' } = options.metrics ?? {};
      if (port === undefined) return;
      const handlers = new Map([
        ['/metrics', scrapes],
        ['/hystrix.stream', hystrix.handle],
      ]);
      server = await startMetricsServer({ host, port }, handlers);
    },
    inspect: () => ({
      adapters: adapters.map(({ name, signal = 'all' }) => ({ name, signal })),
      metricsUrl: server?.url,
    }),
    endStreams: hystrix.close,
    async close() {
      hystrix.close();
      await server?.close();
      await host.close();
    },
  };
}
