import {
  checkLabel,
  MeshError,
  type MeshEvent,
  type ServiceName,
  splitServiceName,
  type Timer,
} from '@inmesh/core';
import { knownAnyway } from '../known-anyway.ts';
import { reconnectDelayMs } from '../reconnect-delay.ts';
import { type NewRegistration, prepareRegistration } from '../registration.ts';
import type { Registry } from '../registry.ts';
import type { RegistryState } from '../registry-link.ts';
import { SourceLists } from '../source-lists.ts';
import { Waits } from '../waits.ts';
import { ApiClient } from './api-client.ts';
import { type KubernetesSourceOptions, resolveKubernetesOptions } from './kubernetes-options.ts';
import { SliceWatch } from './slice-watch.ts';

/** Watches that one process may have open. */
const maxFollowed = 1_000;

/**
 * Endpoints from Kubernetes' own records: for each service that is followed one watch of its
 * EndpointSlices, with the labels of its pods. Kubernetes knows its pods by itself, so registering
 * here tells nobody anything. Nothing happens before `start()`. Throws `invalid_argument`.
 */
export function createKubernetesSource(options: KubernetesSourceOptions = {}): Registry {
  const resolved = resolveKubernetesOptions(options, process.env);
  const { clock, logger, random, apiServer, startTimeoutMs } = resolved;
  const api = new ApiClient(resolved);
  const waits = new Waits(clock);
  const watches = new Map<ServiceName, SliceWatch>();
  let state: RegistryState = { kind: 'connecting', since: clock.now() };
  let timer: Timer | undefined;
  let starting: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  const emit = (event: MeshEvent): void => {
    try {
      resolved.observer.event?.(event);
    } catch (error) {
      logger.error({ err: error, event: event.kind }, 'an observer threw');
    }
  };
  const onAnswer = (error: MeshError | undefined): void => {
    if (closing !== undefined) return;
    const before = state.kind;
    if (error === undefined) {
      if (before === 'connected') return;
      state = { kind: 'connected', since: clock.now(), server: apiServer };
      if (before === 'lost') emit({ kind: 'registry-found', server: apiServer });
    } else {
      const since = state.kind === 'lost' ? state.since : clock.now();
      state = { kind: 'lost', since, error };
      if (before !== 'lost') {
        logger.warn({ err: error }, 'kubernetes: the API server is away; lists stay as they are');
        emit({ kind: 'registry-lost', error });
      }
    }
    waits.check();
  };
  const lists = new SourceLists({
    clock,
    logger,
    onFollowedChange(service) {
      watches.get(service)?.stop();
      watches.delete(service);
      if (!lists.isFollowed(service)) {
        // Nobody keeps it up any more.
        lists.forget(service);
        return;
      }
      const watch = new SliceWatch({ service, options: resolved, api, lists, onAnswer });
      watches.set(service, watch);
      watch.start();
    },
  });
  /** Asks whether anybody is there, until somebody is; open to every service account. */
  const findServer = async (failures: number): Promise<void> => {
    try {
      await api.get('/version', 'get the version');
      onAnswer(undefined);
    } catch (error) {
      if (closing !== undefined) return;
      onAnswer(error as MeshError);
      const { reconnectInitialMs: initialMs, reconnectMaxMs: maxMs } = resolved;
      const delayMs = reconnectDelayMs(failures + 1, { initialMs, maxMs, random });
      timer = clock.setTimer(() => void findServer(failures + 1), delayMs);
    }
  };
  const checkOpen = (): void => {
    if (closing !== undefined) throw new MeshError('closed', 'kubernetes: closed');
  };
  return {
    get state() {
      return state;
    },
    get: (service) => lists.get(service),
    follow(service, listener) {
      checkOpen();
      // They become part of a path.
      const { name, namespace } = splitServiceName(service);
      checkLabel(name, 'service');
      checkLabel(namespace, 'namespace');
      if (!lists.isFollowed(service) && watches.size >= maxFollowed) {
        throw new MeshError(
          'overloaded',
          `${service}: one process follows at most ${maxFollowed} services; let go of some first`,
          { service },
        );
      }
      return lists.follow(service, listener);
    },
    start() {
      starting ??= (async () => {
        checkOpen();
        void findServer(0);
        await waits.until(
          () => state.kind === 'connected',
          startTimeoutMs,
          () =>
            new MeshError(
              'start_timeout',
              `kubernetes: no answer from ${apiServer} within ${startTimeoutMs} ms; check the address, its CA and the service account`,
              state.kind === 'lost' ? { cause: state.error } : {},
            ),
        );
      })();
      return starting;
    },
    async register(input: NewRegistration) {
      checkOpen();
      return knownAnyway(prepareRegistration(input).id);
    },
    close() {
      closing ??= (async () => {
        timer?.cancel();
        for (const watch of watches.values()) watch.stop();
        watches.clear();
        lists.close();
        waits.close();
        state = { kind: 'closed', since: clock.now() };
        await api.close();
      })();
      return closing;
    },
  };
}
