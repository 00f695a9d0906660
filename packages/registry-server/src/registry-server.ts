// Over 250 lines: the one place that joins the parts of the registry, and ends them in order.
import type { AddressInfo } from 'node:net';
import {
  MeshError,
  type NewToken,
  type ServerStatus,
  type Store,
  type TokenCreated,
} from '@inmesh/core';
import { createOwnNames } from './access/own-name.ts';
import { isOwner } from './access/own-session.ts';
import { everybody, type Principal } from './access/principal.ts';
import { createAuditLog } from './audit/audit-log.ts';
import { auditRequests } from './audit/audit-requests.ts';
import { type Sees, Visibility } from './authorization/visibility.ts';
import { createCluster, createStandalone } from './cluster/cluster.ts';
import { ConfigState } from './config/config-state.ts';
import { createConfigStore } from './config/config-store.ts';
import { createEureka, type Eureka } from './eureka/create-eureka.ts';
import { createExplain } from './explain/explain-request.ts';
import { GraphFeed } from './graph/graph-feed.ts';
import { ReportSink } from './graph/report-sink.ts';
import type { App } from './http/app.ts';
import { closeApp } from './http/close-app.ts';
import { createConnectionCap, refuseConnections } from './http/connection-cap.ts';
import { createApp } from './http/create-app.ts';
import { readDashboardFiles } from './http/dashboard-files.ts';
import { createRenewalHandler } from './http/renewal-handler.ts';
import { createRequestGuard } from './http/request-guard.ts';
import { auditRoutes } from './http/routes/audit-routes.ts';
import { authorizationRoutes } from './http/routes/authorization-routes.ts';
import { certificateListRoutes } from './http/routes/certificate-list-routes.ts';
import { dashboardRoutes } from './http/routes/dashboard-routes.ts';
import { explainRoutes } from './http/routes/explain-routes.ts';
import { graphRoutes } from './http/routes/graph-routes.ts';
import { operationRoutes } from './http/routes/operation-routes.ts';
import { overrideRoutes } from './http/routes/override-routes.ts';
import { quotaRoutes } from './http/routes/quota-routes.ts';
import { registrationRoutes } from './http/routes/registration-routes.ts';
import { reportRoutes } from './http/routes/report-routes.ts';
import { resourceRoutes } from './http/routes/resource-routes.ts';
import { rolloutRoutes } from './http/routes/rollout-routes.ts';
import { serviceRoutes } from './http/routes/service-routes.ts';
import { sessionRoutes } from './http/routes/session-routes.ts';
import { tapRoutes } from './http/routes/tap-routes.ts';
import { watchRoutes } from './http/routes/watch-routes.ts';
import { type RegistryServerOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import { HealthProber } from './probe/health-prober.ts';
import { QuotaTable } from './quota/quota-table.ts';
import { RegistryMetrics } from './registry-metrics.ts';
import { RolloutStore } from './rollout/rollout-store.ts';
import { RolloutWeights } from './rollout/rollout-weights.ts';
import { Rollouts } from './rollout/rollouts.ts';
import { SharedTallies } from './rollout/shared-tallies.ts';
import { TallyBoard } from './rollout/version-tallies.ts';
import { createRegistrySecurity, type RegistrySecurity } from './security/registry-security.ts';
import { LeaseSweeper } from './state/lease-sweeper.ts';
import { RegistryState } from './state/registry-state.ts';
import { SelfPreservation } from './state/self-preservation.ts';
import { Settling } from './state/settling.ts';
import { createEmbeddedStore } from './store/embedded-store.ts';
import { createOverrides } from './store/overrides.ts';
import { TapTable } from './tap/tap-table.ts';
import { version } from './version.ts';
import { WatchHub } from './watch/watch-hub.ts';

export interface RegistryServer {
  /**
   * Opens the store and the port; `url` has no trailing slash. Once only. Throws
   * `invalid_argument` for a damaged data file, and what the system says of the port.
   */
  listen(): Promise<{ url: string }>;
  /** Says goodbye to the streams, finishes what is under way within `closeTimeoutMs`, frees everything. Idempotent. */
  close(): Promise<void>;
  status(): ServerStatus;
  /**
   * Makes a token without being asked for one: whoever runs the registry is its first operator.
   * Throws `closed` while it does not listen, `invalid_argument` without `security`.
   */
  createToken(token: NewToken): Promise<TokenCreated>;
}

interface Running {
  readonly app: App;
  readonly stop: () => Promise<void>;
}

/** The registry of one mesh. Throws `invalid_argument` for options that make no sense. */
export function createRegistryServer(options: RegistryServerOptions = {}): RegistryServer {
  const resolved = resolveOptions(options);
  const { clock, logger, limits, sessionTtlMs } = resolved;
  const metrics = new RegistryMetrics();
  const state = new RegistryState({ limits, removalHoldMs: resolved.removalHoldMs, clock, logger });
  const configState = new ConfigState();
  const settling = new Settling(clock, resolved.settleMs);
  const selfPreservation = new SelfPreservation(resolved.selfPreservation, sessionTtlMs);
  const sweeper = new LeaseSweeper({
    state,
    selfPreservation,
    ttlMs: sessionTtlMs,
    mayExpire: () => cluster.mayExpire,
    expire: (session) => cluster.expire(session),
    clock,
    logger,
    onExpired: (count) => {
      metrics.expiries += count;
    },
  });
  const hub = new WatchHub({
    state,
    config: configState,
    mergeMs: resolved.mergeMs,
    keepAliveMs: resolved.keepAliveMs,
    maxQueueBytes: limits.watchQueueBytes,
    isSettling: () => settling.active || cluster.impaired,
    isVisible: ({ owner }, service) => sees(owner, service),
    trust: () => security?.trust(),
    taps: (session) => taps.ordersOf(session),
    clock,
    onDrop: () => {
      metrics.queueDrops += 1;
    },
  });
  const taps = new TapTable({
    maxTaps: limits.taps,
    clock,
    sessions: () => state.sessions.page(0, limits.sessions),
    onChange: (session) => hub.tapsChanged(session),
  });
  const prober = new HealthProber({
    endpoints: state.endpoints,
    report: (record, healthy) => cluster.reportHealth(record, healthy),
    maxConcurrent: limits.concurrentProbes,
    clock,
    random: Math.random,
    logger,
  });
  const sink = new ReportSink({ maxEdges: limits.graphEdges, clock });
  const tallies = new TallyBoard();
  sink.traffic.onTraffic(tallies.count);
  const graphFeed = new GraphFeed({ sink, state, clock });
  const { store: sharedStore, name, serverLeaseMs: leaseMs } = resolved;
  const cluster =
    sharedStore === undefined
      ? createStandalone(state)
      : createCluster({
          name,
          leaseMs,
          sessionTtlMs,
          store: sharedStore,
          state,
          onLapsed: () => {
            state.sendAway((session) => hub.hasStream(session));
            hub.dismiss();
            eureka?.sendAway();
          },
          onRecovered: () => hub.settled(),
          clock,
          logger,
        });
  const ownNames = createOwnNames(resolved.security?.mayRegister ?? new Map());
  const trustDomain = resolved.security?.trustDomain ?? 'cluster.local';
  const visibility =
    resolved.security?.visibility !== 'callable'
      ? undefined
      : new Visibility({
          state,
          config: configState,
          trustDomain,
          ownNames,
          onChange: (service) => hub.visibilityChanged(service),
        });
  const sees: Sees = visibility?.sees ?? (() => true);
  // Before the hub: who may not see a change must not be told of it.
  if (visibility !== undefined) state.observers.add(visibility);
  state.observers.add(hub);
  state.observers.add(sink);
  state.observers.add(taps);
  state.observers.add(prober);
  prober.setActive(cluster.leadership.leading);
  cluster.leadership.onChange((leading) => prober.setActive(leading));
  const createdAt = clock.now();
  const scheme = resolved.security === undefined ? 'http' : 'https';
  let security: RegistrySecurity | undefined;
  let eureka: Eureka | undefined;
  let starting: Promise<Running> | undefined;
  let closing: Promise<void> | undefined;

  const status = (): ServerStatus => {
    const now = clock.now();
    const clusterStatus = cluster.status();
    return {
      version,
      epoch: state.revisions.epoch,
      revision: state.revisions.wire(),
      uptimeMs: Math.round(now - createdAt),
      settlingForMs: settling.remainingMs,
      sessions: state.sessions.size,
      registrations: state.endpoints.held,
      services: state.services.size,
      watchers: hub.watchers,
      selfPreservation: {
        active: selfPreservation.active,
        silentSessions: state.sessions.leases.countRenewedUntil(selfPreservation.silentBefore(now)),
      },
      ...(clusterStatus === undefined ? {} : { cluster: clusterStatus }),
    };
  };

  const start = async (): Promise<Running> => {
    const store = sharedStore ?? (await createEmbeddedStore({ dataDir: resolved.dataDir }));
    try {
      return await startOver(store);
    } catch (error) {
      await cluster.close();
      await store.close();
      throw error;
    }
  };

  const startOver = async (store: Store): Promise<Running> => {
    const servers = await cluster.start();
    const overrides = await createOverrides({ store, endpoints: state.endpoints, clock, logger });
    const config = await createConfigStore({ store, state: configState, limits, clock, logger });
    const rollouts = new Rollouts({
      store: await RolloutStore.open({ store, clock, logger }),
      weights: new RolloutWeights(configState, config),
      tallies,
      shared: await SharedTallies.open({ store, server: name, clock, logger }),
      leadership: cluster.leadership,
      state,
      clock,
      logger,
    });
    if (resolved.eureka !== undefined) {
      const options = { options: resolved.eureka, server: resolved };
      eureka = createEureka({ ...options, state, overrides, ownNames });
    }
    configState.onCommit(() => {
      metrics.configCommits += 1;
    });
    if (resolved.security !== undefined) {
      security = await createRegistrySecurity({
        ...resolved,
        security: resolved.security,
        store,
        leadership: cluster.leadership,
        hosts: ownHosts(resolved),
      });
      security.onTrust(() => hub.trustChanged());
    }
    const audit = await createAuditLog({ dataDir: resolved.dataDir, clock, logger }).catch(
      async (error: unknown) => {
        await security?.close();
        throw error;
      },
    );
    const guard = createRequestGuard({ allowedHosts: resolved.allowedHosts, scheme });
    const authenticate = security?.authenticate ?? (() => everybody);
    const renew = (token: string, principal: Principal): boolean => {
      const session = state.sessions.find(token);
      if (session === undefined || session.toMove || !isOwner(session, principal)) return false;
      state.renew(token);
      metrics.renewals += 1;
      return true;
    };
    const app = await createApp({
      bodyBytes: limits.bodyBytes,
      headerTimeoutMs: limits.headerTimeoutMs,
      guard,
      authenticate,
      early: createRenewalHandler({ guard, authenticate, renew }),
      logger,
    });
    const admit = createConnectionCap(limits.connectionsPerPeer, logger);
    if (security === undefined) refuseConnections(app.server, admit);
    else security.protect(app.server, admit);
    auditRequests(app, audit, clock);
    sessionRoutes(app, { state, sessionTtlMs, renew, ownNames, now: () => clock.now() });
    registrationRoutes(app, state, ownNames);
    watchRoutes(app, {
      state,
      hub,
      maxWatchers: limits.watchers,
      maxSubscriptions: limits.subscriptionsPerSession,
    });
    serviceRoutes(app, { state, sees, clock });
    overrideRoutes(app, overrides);
    authorizationRoutes(app, { state, config: configState, trustDomain });
    resourceRoutes(app, {
      state: configState,
      config,
      maxResources: limits.resources,
      applyBytes: limits.applyBytes,
      onRefused: () => {
        metrics.configRefusals += 1;
      },
    });
    reportRoutes(app, {
      state,
      sink,
      onRefused: () => {
        metrics.reportRefusals += 1;
      },
    });
    quotaRoutes(app, { state, quotas: new QuotaTable(), now: () => clock.now() });
    rolloutRoutes(app, rollouts);
    graphRoutes(app, {
      sink,
      feed: graphFeed,
      maxStreams: limits.graphStreams,
      clock,
    });
    tapRoutes(app, state, taps, clock);
    auditRoutes(app, audit);
    security?.addRoutes(app);
    certificateListRoutes(app, { reporters: sink.reporters, now: () => clock.now() });
    explainRoutes(app, createExplain(configState, state));
    dashboardRoutes(app, await readDashboardFiles());
    operationRoutes(app, {
      status,
      isClosing: () => closing !== undefined,
      renderMetrics: () =>
        metrics.render(status(), {
          resources: configState.resources.size,
          reports: sink.accepted,
          graphEdges: sink.traffic.size,
          taps: taps.size,
        }),
    });
    await eureka?.routes(app);
    const stop = async (): Promise<void> => {
      settling.stop();
      await eureka?.close();
      sweeper.stop();
      prober.close();
      hub.close();
      graphFeed.close();
      taps.close();
      await closeApp(app, resolved.closeTimeoutMs, clock);
      metrics.stop();
      await security?.close();
      await audit.close();
      await rollouts.close();
      overrides.close();
      config.close();
      await cluster.close();
      await store.close();
    };
    try {
      await security?.bootstrap();
      await app.listen({ host: resolved.host, port: resolved.port, backlog });
    } catch (error) {
      await stop();
      throw error;
    }
    metrics.start();
    hub.start();
    sweeper.start();
    rollouts.start();
    eureka?.start();
    // One that joins others knows what they know.
    if (servers === 1) {
      settling.start(() => {
        logger.info({ sessions: state.sessions.size }, 'settled');
        hub.settled();
      });
    }
    return { app, stop };
  };

  return {
    status,
    async listen() {
      if (starting !== undefined || closing !== undefined) {
        throw new MeshError('closed', 'registry: listen was called before; create another server');
      }
      starting = start();
      const { app } = await starting;
      const { address, family, port } = app.server.address() as AddressInfo;
      const url = `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
      logger.info({ url, version, epoch: state.revisions.epoch }, 'registry is listening');
      return { url };
    },
    async createToken(token) {
      if (resolved.security === undefined) {
        throw new MeshError('invalid_argument', 'registry: without security there are no tokens');
      }
      if (security === undefined || closing !== undefined) {
        throw new MeshError('closed', 'registry: tokens can be made while it listens');
      }
      return await security.createToken(token);
    },
    close() {
      closing ??= (async () => {
        // A start that failed has cleaned up after itself and told its caller.
        const running = await starting?.catch(() => undefined);
        await running?.stop();
        logger.info({}, 'registry is closed');
      })();
      return closing;
    },
  };
}

/**
 * Connections that may wait to be accepted; Linux takes `net.core.somaxconn` of them at most (4,096
 * unless set). With Node's 511 a herd that comes back is not refused, but left out, and each client
 * that was knocks again after 1, 3, 7, 15 s: the last is back long after the server had time for it.
 */
const backlog = 32_767;

/** By which names browsers and scrapers may reach it. */
function ownHosts({ host, allowedHosts }: ResolvedOptions): string[] {
  const hosts = ['localhost', '127.0.0.1', '::1', host, ...allowedHosts];
  return [...new Set(hosts)].filter((name) => !unspecified.has(name));
}

const unspecified = new Set(['0.0.0.0', '::']);
