import type { MeshError, ServiceName, Timer } from '@inmesh/core';
import { checkFollow } from '../follow-check.ts';
import { reconnectDelayMs } from '../reconnect-delay.ts';
import type { Registry } from '../registry.ts';
import { createSource } from '../source.ts';
import { SourceLink } from '../source-link.ts';
import { SourceLists } from '../source-lists.ts';
import { ApiClient } from './api-client.ts';
import { type KubernetesSourceOptions, resolveKubernetesOptions } from './kubernetes-options.ts';
import { SliceWatch } from './slice-watch.ts';

/**
 * Endpoints from Kubernetes' own records: for each service that is followed one watch of its
 * EndpointSlices, with the labels of its pods. Kubernetes knows its pods by itself, so registering
 * here tells nobody anything. Nothing happens before `start()`. Throws `invalid_argument`.
 */
export function createKubernetesSource(options: KubernetesSourceOptions = {}): Registry {
  const resolved = resolveKubernetesOptions(options, process.env);
  const { clock, logger, observer, random, apiServer, startTimeoutMs } = resolved;
  const api = new ApiClient(resolved);
  const link = new SourceLink({ name: 'kubernetes', clock, logger, observer });
  const watches = new Map<ServiceName, SliceWatch>();
  let timer: Timer | undefined;

  const onAnswer = (error: MeshError | undefined): void => {
    if (error === undefined) link.found(apiServer);
    else link.lost(error);
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
      if (!link.isOpen) return;
      onAnswer(error as MeshError);
      const { reconnectInitialMs: initialMs, reconnectMaxMs: maxMs } = resolved;
      const delayMs = reconnectDelayMs(failures + 1, { initialMs, maxMs, random });
      timer = clock.setTimer(() => void findServer(failures + 1), delayMs);
    }
  };
  return createSource({
    link,
    lists,
    startTimeoutMs,
    startFailure: `no answer from ${apiServer} within ${startTimeoutMs} ms; check the address, its CA and the service account`,
    begin: () => void findServer(0),
    checkFollow: (service) => checkFollow(service, lists, watches.size),
    async end() {
      timer?.cancel();
      for (const watch of watches.values()) watch.stop();
      watches.clear();
      await api.close();
    },
  });
}
