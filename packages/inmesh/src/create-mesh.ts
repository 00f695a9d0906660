import { createClient } from '@inmesh/client';
import {
  createWorkload,
  type EndpointSource,
  isMeshError,
  MeshError,
  type Observer,
  parseMeshHost,
  silentLogger,
  staticSource,
  systemClock,
  type Workload,
} from '@inmesh/core';
import { createPipeline } from '@inmesh/inbound';
import { createRecorder, prometheusText } from '@inmesh/metrics';
import { createRegistryClient, type RegistryClient } from '@inmesh/registry-client';
import { createEvents } from './events.ts';
import { layeredSource } from './layered-source.ts';
import type { Mesh } from './mesh.ts';
import { type MeshServer, startServer } from './mesh-server.ts';
import { metricsHandler } from './metrics-handler.ts';
import { listenOptionTable, meshOptionTable } from './option-table.ts';
import { resolveOptions } from './option-values.ts';
import { codeOnlyOptions, type ListenOptions, type MeshOptions } from './options.ts';
import { onShutdownSignal } from './shutdown-signals.ts';
import { defaultSnapshotFile } from './snapshot-file.ts';

/**
 * Joins this process to the mesh.
 *
 * Resolves once the registry answers, or at once from the snapshot of an earlier run while it does
 * not. Throws `invalid_argument` for options that cannot be right and `start_timeout` when there is
 * neither registry nor snapshot within `startTimeoutMs` (unless `startDegraded`).
 */
export async function createMesh(code: MeshOptions = {}): Promise<Mesh> {
  const options = resolveOptions(meshOptionTable, codeOnlyOptions, code, process.env);
  const workload = workloadOf(options);
  const logger = options.logger ?? silentLogger;
  const clock = options.clock ?? systemClock;
  const names = {
    namespace: workload.namespace,
    domain: options.domain ?? 'cluster.local',
    namespaces: options.namespaces ?? [],
  };

  const { events, observer: emitter } = createEvents(logger);
  const metrics = createRecorder({ workload, clock });
  const observers: readonly Observer[] = [metrics, emitter, ...(options.observers ?? [])];
  const registry = registryOf(options, workload, observers);
  const client = createClient({
    ...clientOptions(options),
    source: sourceOf(options, registry),
    workload,
    names,
    observers,
  });
  const inbound = createPipeline({
    observers,
    ...definedOnly({ samplingRatio: options.samplingRatio }),
    ...seams(options),
  });
  const servers = new Set<MeshServer>();
  let closing: Promise<void> | undefined;
  let ignoreSignals = (): void => {};

  const close = async (): Promise<void> => {
    ignoreSignals();
    // First what brings new work, then what does it, then what it needed.
    await Promise.all([...servers].map((server) => server.close()));
    inbound.close();
    await client.close();
    await registry?.close();
    metrics.close();
    events.removeAllListeners();
  };
  const mesh: Mesh = {
    workload,
    events,
    inbound,
    metrics,
    request: client.request,
    fetch: client.fetch,
    wrapFetch: client.wrapFetch,
    dispatcher: client.dispatcher,
    send: client.send,
    async listen(app, listenCode = {}) {
      if (closing !== undefined)
        throw new MeshError('closed', `${workload.service}: the mesh is closed`);
      const listen: ListenOptions = resolveOptions(listenOptionTable, [], listenCode, process.env);
      const server = await startServer(
        { workload, options, pipeline: inbound, registry, logger },
        app,
        listen,
      );
      servers.add(server);
      if (servers.size === 1) {
        ignoreSignals = onShutdownSignal(listen.drainOn ?? ['SIGTERM'], mesh.close, logger);
      }
      return server;
    },
    async ready(...services) {
      await Promise.all(services.map((service) => client.ready(meshService(service, names))));
    },
    inspect: () => ({
      ...client.inspect(),
      workload,
      registry: registry?.state,
      servers: [...servers].map(({ url, endpointId, phase, inFlight }) => ({
        url,
        endpointId,
        phase,
        inFlight,
      })),
    }),
    metricsHandler: metricsHandler(prometheusText(metrics), logger),
    close() {
      closing ??= close();
      return closing;
    },
  };
  try {
    await registry?.start();
  } catch (error) {
    if (!(options.startDegraded === true && isMeshError(error, 'start_timeout'))) {
      await mesh.close();
      throw error;
    }
    logger.warn(
      { err: error },
      'started without registry and snapshot: calls fail until it is found',
    );
  }
  return mesh;
}

function workloadOf(options: MeshOptions): Workload {
  const { service } = options;
  if (service === undefined) {
    throw new MeshError(
      'invalid_argument',
      'service is missing: createMesh({ service }) or INMESH_SERVICE',
    );
  }
  return createWorkload({ ...options, service });
}

function registryOf(
  options: MeshOptions,
  workload: Workload,
  observers: readonly Observer[],
): RegistryClient | undefined {
  const servers =
    typeof options.registry === 'string' ? [options.registry] : (options.registry ?? []);
  if (servers.length === 0) {
    if (options.endpoints !== undefined) return undefined;
    throw new MeshError(
      'invalid_argument',
      `${workload.service}: nothing to find services by: set registry (INMESH_REGISTRY) or endpoints (INMESH_ENDPOINTS)`,
    );
  }
  const { snapshotFile = defaultSnapshotFile(workload.service, servers, process.env) } = options;
  return createRegistryClient({
    servers,
    client: `${workload.service}/${process.pid}`,
    observer: {
      event(event) {
        for (const observer of observers) observer.event?.(event);
      },
    },
    ...(snapshotFile === false || snapshotFile === 'false' ? {} : { snapshotFile }),
    ...(options.startTimeoutMs === undefined ? {} : { startTimeoutMs: options.startTimeoutMs }),
    ...seams(options),
  });
}

function sourceOf(options: MeshOptions, registry: RegistryClient | undefined): EndpointSource {
  if (options.endpoints === undefined) return registry as RegistryClient;
  const fixed = staticSource(options.endpoints);
  return registry === undefined ? fixed : layeredSource(fixed, registry);
}

/** The options that client and mesh share by name. */
function clientOptions(options: MeshOptions): Partial<Parameters<typeof createClient>[0]> {
  const {
    outbound,
    timeoutMs,
    maxBodyBytes,
    sourceWaitMs,
    samplingRatio,
    balancer,
    pool,
    outlier,
    breaker,
    retry,
    retryBudget,
    interceptors,
  } = options;
  const chosen = {
    outbound,
    timeoutMs,
    maxBodyBytes,
    sourceWaitMs,
    samplingRatio,
    balancer,
    pool,
    outlier,
    breaker,
    retry,
    retryBudget,
    interceptors,
  };
  return { ...definedOnly(chosen), ...seams(options) };
}

/** What tests and embedders inject. */
function seams({
  clock,
  random,
  logger,
}: MeshOptions): Pick<MeshOptions, 'clock' | 'random' | 'logger'> {
  return definedOnly({ clock, random, logger });
}

/** An option that was not given must not stand in the way of a default. */
function definedOnly<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as never;
}

function meshService(name: string, names: Parameters<typeof parseMeshHost>[1]): string {
  const service = parseMeshHost(name, names);
  if (service !== undefined) return service;
  throw new MeshError('invalid_argument', `${JSON.stringify(name)} is not a name in this mesh`);
}
