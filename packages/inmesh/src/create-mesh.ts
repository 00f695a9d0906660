// Over 250 lines: the one place that joins the parts of a mesh, and closes them in order.
import { createClient } from '@inmesh/client';
import { createCommands } from '@inmesh/client/command';
import { createResourceSet } from '@inmesh/config';
import {
  createWorkload,
  isMeshError,
  MeshError,
  type MeshEvent,
  type NameScope,
  type Observer,
  parseMeshHost,
  silentLogger,
  systemClock,
  type Workload,
} from '@inmesh/core';
import type { MutualTls } from '@inmesh/identity';
import { createPipeline, type InboundStep } from '@inmesh/inbound';
import { createRecorder } from '@inmesh/metrics';
import { createMeshConfiguration } from './config/mesh-configuration.ts';
import { followsConfiguration, registryOf, sourceOf } from './discovery.ts';
import { createEvents } from './events.ts';
import { keptSource } from './kept-source.ts';
import type { Mesh } from './mesh.ts';
import { type MeshServer, startServer } from './mesh-server.ts';
import { listenOptionTable, meshOptionTable } from './option-table.ts';
import { resolveOptions } from './option-values.ts';
import { codeOnlyOptions, type ListenOptions, type MeshOptions } from './options.ts';
import { outsideHosts } from './outside/outside-hosts.ts';
import { serviceEntrySource } from './outside/service-entry-source.ts';
import { registryReports } from './registry-reports.ts';
import { seatAmongPeers } from './resilience/aperture-seat.ts';
import { callInterceptors, clientResilience } from './resilience/client-resilience.ts';
import {
  type InboundInspection,
  inspectInbound,
  rateLimiting,
  shedding,
} from './resilience/inbound-limits.ts';
import { corsStep } from './routing/cors-step.ts';
import { explainRequest } from './routing/explain.ts';
import { explainHeader } from './routing/explain-header.ts';
import { stickyKeys } from './routing/sticky-keys.ts';
import { createInboundSecurity } from './security/inbound-security.ts';
import { inspectIdentity, showExpiry } from './security/inspect-identity.ts';
import { passOnTokens } from './security/pass-on-tokens.ts';
import { followTrust, processIdentity } from './security/process-identity.ts';
import { provenPeers } from './security/proven-peers.ts';
import { createRefusalLog } from './security/refusal-log.ts';
import type { ServerTlsContext } from './security/server-tls.ts';
import { serviceTokenSteps } from './security/service-token-steps.ts';
import { clientOptions, definedOnly, seams } from './shared-options.ts';
import { onShutdownSignal } from './shutdown-signals.ts';
import { addClientGauges } from './telemetry/client-gauges.ts';
import { addInboundGauges } from './telemetry/inbound-gauges.ts';
import { createMeshTelemetry } from './telemetry/mesh-telemetry.ts';
import { registryTap } from './telemetry/registry-tap.ts';
import { countSharedAnswers } from './telemetry/shared-answers.ts';

/**
 * Joins this process to the mesh.
 *
 * Resolves once the registry answers, or at once from the snapshot of an earlier run while it does
 * not. Throws `invalid_argument` for options that cannot be right and `start_timeout` when there is
 * neither registry nor snapshot within `startTimeoutMs` (unless `startDegraded`).
 */
export async function createMesh(code: MeshOptions = {}): Promise<Mesh> {
  const options = resolveOptions(meshOptionTable, codeOnlyOptions, code, process.env);
  const opened: { close(): void }[] = [];
  try {
    return await joinMesh(options, opened);
  } catch (error) {
    // What was refused half way must leave nothing behind that goes on asking for certificates.
    for (const each of opened) each.close();
    throw error;
  }
}

/** @param opened Gets what goes on by itself from here on, and may be closed twice. */
async function joinMesh(options: MeshOptions, opened: { close(): void }[]): Promise<Mesh> {
  const workload = workloadOf(options);
  const logger = options.logger ?? silentLogger;
  const clock = options.clock ?? systemClock;
  const names: NameScope = {
    namespace: workload.namespace,
    domain: options.domain ?? 'cluster.local',
    namespaces: options.namespaces ?? [],
  };

  const { events, observer: emitter } = createEvents(logger);
  const metrics = createRecorder({ workload, clock });
  opened.push(metrics);
  const refusals = createRefusalLog(clock, metrics);
  const observers: Observer[] = [metrics, emitter, refusals, ...(options.observers ?? [])];
  const onEvent = (event: MeshEvent): void => {
    for (const observer of observers) observer.event?.(event);
  };
  const identity = processIdentity(options, workload, onEvent);
  if (identity !== undefined) {
    opened.push(identity);
    showExpiry(identity, metrics);
  }
  const tlsServers = new Set<MutualTls>();
  const fixed = [...createResourceSet(options.resources)];
  const security = createInboundSecurity({
    workload,
    options,
    identified: identity !== undefined,
    resources: fixed,
    awaitsUse: followsConfiguration(options),
    workloads: serviceTokenSteps(options, workload, identity),
  });
  const configuration = createMeshConfiguration({
    resources: fixed,
    compile: {
      workload,
      domain: names.domain,
      namespaces: names.namespaces,
      ...definedOnly({ rootNamespace: options.rootNamespace }),
    },
    use(resources) {
      const all = [...resources];
      security.use(all);
      telemetry.use(all);
    },
    logger,
    onEvent,
  });
  const { router } = configuration;
  const registry = registryOf(options, workload, onEvent, identity);
  registry?.config?.onChange(configuration.take);
  if (identity !== undefined) followTrust(identity, registry?.trust, options);
  const telemetry = createMeshTelemetry({
    options,
    workload,
    recorder: metrics,
    resources: fixed,
    adapters: registryReports({
      options,
      registry,
      inspect: () => client.inspect(),
      refusals: refusals.recent,
      clock,
    }),
    inspect: () => client.inspect(),
    inspectCommands: () => commands.inspect(),
    logger,
  });
  observers.push(telemetry.observer);
  const tap = registryTap(options, registry, clock);
  if (tap !== undefined) observers.push(tap.observer);
  const below = sourceOf(options, registry);
  const source = serviceEntrySource({ router, below, names, clock, logger });
  const outside = outsideHosts(router, source);
  const servers = new Set<MeshServer>();
  const peers =
    (options.aperture ?? null) === null
      ? undefined
      : seatAmongPeers(below, workload.service, () =>
          [...servers].map(({ endpointId }) => endpointId),
        );
  const client = createClient({
    ...clientOptions(options),
    ...clientResilience(options),
    ...definedOnly({ apertureSeat: peers?.seat }),
    source: keptSource(source, () => closing !== undefined),
    router,
    workload,
    names,
    observers,
    tracing: telemetry.live.client,
    interceptors: [
      ...telemetry.interceptors,
      outside.interceptor,
      ...(options.explainHeader === true ? [explainHeader(router)] : []),
      ...(options.interceptors ?? []),
      ...callInterceptors(
        options,
        router,
        (name) => meshService(name, names),
        countSharedAnswers(metrics, {
          inspectCommands: () => commands.inspect(),
          domain: names.domain,
        }),
        clock,
      ),
    ],
    ...definedOnly({ credentials: identity }),
    minTls: (service) => (outside.isOutside(service) ? 'none' : (options.minTls ?? 'none')),
    attemptHooks: [
      passOnTokens({
        isOutside: outside.isOutside,
        serviceTokens: options.serviceTokens === true ? registry?.serviceTokens : undefined,
      }),
      outside.attemptHook,
    ],
  });
  const limits = shedding(options, clock);
  const rates = rateLimiting(options, clock, registry?.takeQuota);
  const inbound = createPipeline({
    observers,
    limits: stepsOf(limits),
    peers: provenPeers(tlsServers),
    authentication: [corsStep(router, workload, names), ...security.authentication],
    authorization: [...security.authorization, ...stepsOf(rates)],
    passOn: stickyKeys(router),
    tracing: telemetry.live.server,
    runInSpan: telemetry.runInSpan,
    ...seams(options),
  });
  const commands = createCommands({ observers, clock, logger });
  const inspectServer = (): InboundInspection => inspectInbound(inbound, limits, rates);
  addClientGauges(metrics, { inspect: client.inspect, domain: names.domain, clock });
  addInboundGauges(metrics, inspectServer);
  const tls: ServerTlsContext = {
    identity,
    security,
    options,
    servers: tlsServers,
    logger,
    onEvent,
  };
  let closing: Promise<void> | undefined;
  let ignoreSignals = (): void => {};

  const close = async (): Promise<void> => {
    telemetry.endStreams();
    // First what brings new work, then what does it, then what it needed.
    await Promise.all([...servers].map((server) => server.close()));
    inbound.close();
    await client.close();
    commands.close();
    peers?.close();
    tap?.close();
    // The last calls are told while there is still somebody to tell.
    await telemetry.close();
    await source.close();
    identity?.close();
    metrics.close();
    events.removeAllListeners();
    // Only now: a second signal, as npm and process groups send it, must not cut the drain short.
    ignoreSignals();
  };
  const refuseWhenClosed = (): void => {
    if (closing === undefined) return;
    throw new MeshError('closed', `${workload.service}: the mesh is closed`);
  };
  const mesh: Mesh = {
    workload,
    events,
    inbound,
    metrics,
    authorizer: security.authorizer,
    request: client.request,
    fetch: client.fetch,
    wrapFetch: outside.wrapFetch(client.fetch, client.wrapFetch),
    dispatcher: client.dispatcher,
    send: client.send,
    names,
    clock,
    async listen(app, listenCode = {}) {
      refuseWhenClosed();
      const listen: ListenOptions = resolveOptions(listenOptionTable, [], listenCode, process.env);
      const server = await startServer(
        { workload, options, pipeline: inbound, registry, tls, logger },
        app,
        listen,
      );
      if (closing !== undefined) {
        await server.close(); // it was too late for `close` to see it
        refuseWhenClosed();
      }
      servers.add(server);
      if (servers.size === 1) {
        ignoreSignals = onShutdownSignal(listen.drainOn ?? ['SIGTERM'], mesh.close, logger);
      }
      return server;
    },
    async ready(...services) {
      await Promise.all(services.map((service) => client.ready(meshService(service, names))));
    },
    explain: (request) =>
      explainRequest(request, {
        router,
        source,
        names,
        limits: client.limits,
        outbound: options.outbound ?? 'allow-any',
        clock,
      }),
    command: commands.command,
    collapser: commands.collapser,
    forceBreaker: client.forceBreaker,
    inspect: () => ({
      ...client.inspect(),
      commands: commands.inspect(),
      inbound: inspectServer(),
      config: configuration.inspect(),
      telemetry: telemetry.inspect(),
      workload,
      registry: registry?.state,
      servers: [...servers].map(({ url, endpointId, phase, tls, inFlight }) => ({
        url,
        endpointId,
        phase,
        tls,
        inFlight,
      })),
      identity: identity === undefined ? undefined : inspectIdentity(identity),
      refusals: refusals.recent(),
    }),
    metricsHandler: telemetry.metricsHandler,
    hystrixHandler: telemetry.hystrixHandler,
    close() {
      closing ??= close();
      return closing;
    },
  };
  try {
    await telemetry.start();
    await Promise.all([registry?.start(), identity?.ready(options.startTimeoutMs ?? 10_000)]);
  } catch (error) {
    if (!(options.startDegraded === true && isMeshError(error, 'start_timeout'))) {
      await mesh.close();
      throw error;
    }
    logger.warn(
      { err: error },
      'started without registry and snapshot, or without an identity: calls fail until there is one',
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

function stepsOf(step: InboundStep | undefined): readonly InboundStep[] {
  return step === undefined ? [] : [step];
}

function meshService(name: string, names: Parameters<typeof parseMeshHost>[1]): string {
  const service = parseMeshHost(name, names);
  if (service !== undefined) return service;
  throw new MeshError('invalid_argument', `${JSON.stringify(name)} is not a name in this mesh`);
}
