import {
  type CredentialSource,
  type EndpointList,
  type EndpointSource,
  isMeshError,
  MeshError,
  type Report,
  type ReportAccepted,
  type ServiceName,
  type ServiceTokenRequest,
  type TakeQuota,
  type TapOrder,
  type TappedCalls,
  type TrustState,
} from '@inmesh/core';
import { ConfigCache, type FollowedConfig } from './config-cache.ts';
import { type RegistryClientOptions, resolveOptions } from './options.ts';
import { readQuotaGrant } from './quota-granted.ts';
import type { NewRegistration, RegistrationHandle } from './registration.ts';
import { Registrations } from './registrations.ts';
import { RegistryLink, type RegistryState } from './registry-link.ts';
import { readReportAccepted } from './report-accepted.ts';
import { ServiceCache } from './service-cache.ts';
import { ServiceTokens } from './service-tokens.ts';
import { sessionPath } from './session.ts';
import { readSnapshotFile } from './snapshot-file.ts';
import { SnapshotWriter } from './snapshot-writer.ts';
import { type Followed, ToldValue } from './told-value.ts';
import { Waits } from './waits.ts';

/** A process' hold on the registry: what it finds there, and what it is found by. */
export interface RegistryClient extends EndpointSource {
  readonly state: RegistryState;
  /** The configuration, when `followConfig` is on; otherwise it stays `undefined`. */
  readonly config: FollowedConfig;
  /** Whom the mesh trusts, where the registry has an authority. */
  readonly trust: Followed<TrustState>;
  /** Which of this process' calls an operator looks at. It is nobody again with each new connection, until it is told. */
  readonly taps: Followed<readonly TapOrder[]>;
  /** Tokens that prove this process to one service, where TLS ends before it. Needs `credentials`. */
  readonly serviceTokens: Pick<CredentialSource, 'token'>;
  /**
   * Reads the snapshot file and connects. Resolves when the registry answered (with the configuration,
   * where it is followed and no earlier one is known), or when it did not
   * and there is a snapshot to work on. Rejects with `start_timeout` after `startTimeoutMs`; the
   * client goes on trying, so whoever can do without may ignore that, and others `close()`.
   */
  start(): Promise<void>;
  /**
   * Registers an endpoint, and again whenever the registry forgot it, until it is deregistered or
   * the client is closed. Resolves when the registry has it; while the registry is away at once.
   * Throws `invalid_argument`, `conflict`, `forbidden`, `unauthenticated`; `closed` after `close()`.
   */
  register(registration: NewRegistration): Promise<RegistrationHandle>;
  /**
   * Tells the registry what this process did and how it is; the client's option `service` says as
   * whom. Tried once: what fails is lost. Throws `registry_unavailable`, at once while not attached;
   * `invalid_argument` and `forbidden` for what the registry refuses.
   */
  report(report: Report): Promise<ReportAccepted>;
  /** Tells calls that a tap asked for. Tried once. Throws `not_found` when it has ended, else as `report`. */
  showCalls(told: TappedCalls): Promise<void>;
  /** Takes tokens of a limit that the service of this client shares among its processes. */
  readonly takeQuota: TakeQuota;
  /**
   * Waits until something is known of `service`: a live or stale list, or that there is no such
   * service. Follow it to keep it. Throws `registry_unavailable` where there is no registry to know,
   * `deadline_exceeded` where it has not told within `timeoutMs`.
   */
  ready(service: ServiceName, timeoutMs: number): Promise<EndpointList>;
}

/** Makes a client; nothing happens before `start()`. Throws `invalid_argument`. */
export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  const resolved = resolveOptions(options);
  const { clock, logger, snapshotFile, followConfig } = resolved;
  const waits = new Waits(clock);
  const cache = new ServiceCache({
    clock,
    logger,
    flapHoldMs: resolved.flapHoldMs,
    onFollowedChange: () => link.poke(),
    onListChange: () => writer?.changed(),
  });
  const config = new ConfigCache({
    logger,
    onChange: () => {
      waits.check();
      writer?.changed();
    },
  });
  const trust = new ToldValue<TrustState>('trust', logger);
  const taps = new ToldValue<readonly TapOrder[]>('taps', logger);
  const serviceTokens = new ServiceTokens({
    ask: (audience) => {
      const body: ServiceTokenRequest = { audience };
      return link.send(() => '/v1/service-tokens', 'issue a service token', body);
    },
    clock,
    logger,
  });
  const writer =
    snapshotFile === undefined
      ? undefined
      : new SnapshotWriter({
          path: snapshotFile,
          clock,
          logger,
          contents: () => ({ lists: cache.lasting(), config: config.current }),
        });
  const registrations = new Registrations({
    clock,
    logger,
    timeoutMs: resolved.requestTimeoutMs,
    isAway: () => link.state.kind === 'lost' || link.state.kind === 'closed',
    onChange: () => link.poke(),
  });
  const link = new RegistryLink({
    options: resolved,
    cache,
    config: followConfig ? config : undefined,
    trust,
    taps,
    registrations,
    onState: () => waits.check(),
  });
  let starting: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  const checkOpen = (): void => {
    if (closing !== undefined) throw new MeshError('closed', 'registry client: closed');
  };
  const restore = async (path: string): Promise<void> => {
    const time = { now: clock.now(), wallNow: clock.wallNow() };
    try {
      const contents = await readSnapshotFile(path, resolved.snapshotMaxAgeMs, time);
      cache.restore(contents.lists);
      if (followConfig && contents.config !== undefined) config.restore(contents.config);
    } catch (error) {
      logger.error({ err: error, path }, 'the snapshot file is not used');
    }
  };
  const started = (): boolean =>
    (link.state.kind === 'connected' && (!followConfig || config.current !== undefined)) ||
    (link.state.kind === 'lost' && cache.restored);
  const begin = async (): Promise<void> => {
    if (snapshotFile !== undefined) await restore(snapshotFile);
    checkOpen();
    link.start();
    try {
      await waits.until(started, resolved.startTimeoutMs, () => startTimeout(link.state, resolved));
    } catch (error) {
      if (!cache.restored || isMeshError(error, 'closed')) throw error;
    }
  };
  const end = async (): Promise<void> => {
    await link.close();
    waits.close();
    registrations.stopWaiting();
    cache.close();
    config.close();
    trust.close();
    taps.close();
    serviceTokens.close();
    await writer?.close();
  };
  return {
    get state() {
      return link.state;
    },
    config,
    trust,
    taps,
    serviceTokens,
    get: (service) => cache.get(service),
    follow(service, listener) {
      checkOpen();
      return cache.follow(service, listener);
    },
    start() {
      starting ??= begin();
      return starting;
    },
    async register(registration) {
      checkOpen();
      return await registrations.register(registration);
    },
    async report(report) {
      checkOpen();
      return readReportAccepted(
        await link.send((session) => sessionPath(session, '/reports'), 'report', report),
      );
    },
    async showCalls(told) {
      checkOpen();
      await link.send((session) => sessionPath(session, '/tapped'), 'show calls', told);
    },
    async takeQuota(ask) {
      checkOpen();
      return readQuotaGrant(
        ask,
        await link.send((session) => sessionPath(session, '/quotas'), 'take tokens', ask),
      );
    },
    async ready(service, timeoutMs) {
      checkOpen();
      let list: EndpointList | undefined;
      const unfollow = cache.follow(service, (told) => {
        list = told;
        waits.check();
      });
      try {
        await waits.until(
          () => list !== undefined,
          timeoutMs,
          () => notReady(service, timeoutMs, link.state),
        );
      } finally {
        unfollow();
      }
      return list as unknown as EndpointList;
    },
    close() {
      closing ??= end();
      return closing;
    },
  };
}

function startTimeout(
  state: RegistryState,
  { servers, startTimeoutMs }: ReturnType<typeof resolveOptions>,
): MeshError {
  const tried = servers.map(({ origin }) => origin).join(', ');
  return new MeshError(
    'start_timeout',
    `registry client: no answer from ${tried} within ${startTimeoutMs} ms and no snapshot to start from; start the registry or check its address`,
    state.kind === 'lost' ? { cause: state.error } : {},
  );
}

function notReady(service: ServiceName, timeoutMs: number, state: RegistryState): MeshError {
  if (state.kind === 'connected') {
    return new MeshError(
      'deadline_exceeded',
      `${service}: the registry ${state.server} told nothing of it within ${timeoutMs} ms`,
      { service },
    );
  }
  return new MeshError(
    'registry_unavailable',
    `${service}: the registry is away (${state.kind}) and there is no snapshot of this service; waited ${timeoutMs} ms`,
    state.kind === 'lost' ? { service, cause: state.error } : { service },
  );
}
