import { MeshError, type Timer } from '@inmesh/core';
import { isFields } from '@inmesh/core/eureka';
import { reconnectDelayMs } from '../reconnect-delay.ts';
import { prepareRegistration } from '../registration.ts';
import type { Registry } from '../registry.ts';
import { readSnapshotFile } from '../snapshot-file.ts';
import { SnapshotWriter } from '../snapshot-writer.ts';
import { createSource } from '../source.ts';
import { SourceLink } from '../source-link.ts';
import { SourceLists } from '../source-lists.ts';
import {
  type EurekaServer,
  type EurekaSourceOptions,
  resolveEurekaOptions,
} from './eureka-options.ts';
import { EurekaRegistration } from './eureka-registration.ts';
import { EurekaServers } from './eureka-servers.ts';
import { KnownInstances } from './known-instances.ts';

/**
 * A process' hold on an existing Eureka: what it finds there, and what it is found by. All lists
 * come with one fetch, then what changed with each further one; whenever the server's hash says that
 * something was missed, everything is fetched again. Nothing happens before `start()`.
 * Throws `invalid_argument`.
 */
export function createEurekaSource(options: EurekaSourceOptions): Registry {
  const resolved = resolveEurekaOptions(options);
  const { clock, logger, observer, random, namespace, fetchIntervalMs, startTimeoutMs } = resolved;
  const { snapshotFile } = resolved;
  const servers = new EurekaServers(resolved);
  const link = new SourceLink({ name: 'eureka', clock, logger, observer });
  const known = new KnownInstances({ namespace, clock, logger });
  const registrations = new Map<string, EurekaRegistration>();
  /** Whose changes continue what is known. */
  let fetchedFrom: EurekaServer | undefined;
  let restored = false;
  let failures = 0;
  let revision = 0;
  let timer: Timer | undefined;

  const lists = new SourceLists({
    clock,
    logger,
    onFollowedChange(service) {
      // All lists are known: one that is not among them is no service.
      const isTold = fetchedFrom !== undefined && lists.isFollowed(service);
      if (isTold && lists.get(service) === undefined) {
        lists.publish(service, undefined, String(revision));
        if (link.state.kind === 'lost') lists.goStale(service);
      }
    },
    onListChange: () => writer?.changed(),
  });
  const writer =
    snapshotFile === undefined
      ? undefined
      : new SnapshotWriter({
          path: snapshotFile,
          clock,
          logger,
          contents: () => ({ lists: lists.lasting(), config: undefined }),
        });
  const restore = async (path: string): Promise<void> => {
    const time = { now: clock.now(), wallNow: clock.wallNow() };
    try {
      const kept = await readSnapshotFile(path, resolved.snapshotMaxAgeMs, time);
      known.restore(kept.lists);
      lists.restore(kept.lists);
      restored = kept.lists.length > 0;
    } catch (error) {
      logger.error({ err: error, path }, 'the snapshot file is not used');
    }
  };
  const publish = (): void => {
    const changes = known.takeChanges();
    revision += changes.size > 0 || fetchedFrom === undefined ? 1 : 0;
    for (const service of [...lists.services()]) {
      if (changes.has(service)) continue;
      if (lists.get(service) === undefined) lists.publish(service, undefined, String(revision));
      else lists.confirm(service);
    }
    for (const [service, endpoints] of changes) {
      lists.publish(service, endpoints, String(revision));
    }
  };
  const fetchApplications = async (path: string): Promise<unknown> => {
    const { status, json } = await servers.ask({
      method: 'GET',
      path,
      what: `fetch ${path}`,
      // A server that gives no deltas, and one that has just started.
      accept: path === '/apps/' ? [] : [403, 404],
    });
    if (status > 299) return undefined;
    const applications = isFields(json) ? json.applications : undefined;
    if (isFields(applications)) return applications;
    throw new MeshError(
      'registry_unavailable',
      `eureka ${servers.current.name}: the answer has no applications`,
    );
  };
  const fetchChanges = async (): Promise<boolean> => {
    if (servers.current !== fetchedFrom) return false;
    const delta = await fetchApplications('/apps/delta');
    // Another server's changes are not the continuation of this one's.
    if (delta === undefined || servers.current !== fetchedFrom) return false;
    known.apply(delta);
    return isFields(delta) && delta.apps__hashcode === known.hash;
  };
  const fetchOnce = async (): Promise<void> => {
    if (!(await fetchChanges())) known.replace(await fetchApplications('/apps/'));
    known.releaseMissing();
  };
  /** Back to the own zone, once a server there knows at least half of what is known: not to one that came up empty. */
  const comeHome = async (): Promise<void> => {
    const request = {
      method: 'GET',
      path: '/apps/delta',
      what: 'look whether it is back',
    } as const;
    await servers.comeHome(request, ({ json }) => {
      const { applications } = isFields(json) ? json : {};
      const { apps__hashcode: hash } = isFields(applications) ? applications : {};
      return typeof hash === 'string' && KnownInstances.countIn(hash) >= known.size / 2;
    });
    if (!servers.isAbroad)
      logger.info({ server: servers.current.name }, 'eureka: own zone is back');
  };
  const run = async (): Promise<void> => {
    try {
      await fetchOnce();
      if (!link.isOpen) return;
      publish();
      fetchedFrom = servers.current;
      failures = 0;
      link.found(servers.current.name);
      if (servers.isAbroad) await comeHome();
      if (!link.isOpen) return;
      schedule(fetchIntervalMs * (0.9 + random() / 10));
    } catch (error) {
      if (!link.isOpen) return;
      if (link.state.kind !== 'lost') {
        for (const service of [...lists.services()]) lists.goStale(service);
      }
      link.lost(error as MeshError);
      // A server that is away is not bombarded: the wait grows up to the interval.
      failures += 1;
      const initialMs = Math.min(1_000, fetchIntervalMs);
      schedule(reconnectDelayMs(failures, { initialMs, maxMs: fetchIntervalMs, random }));
    }
  };
  const schedule = (delayMs: number): void => {
    timer = clock.setTimer(() => void run(), delayMs);
  };
  return createSource({
    link,
    lists,
    startTimeoutMs,
    startFailure: `no list from ${resolved.servers.map(({ name }) => name).join(', ')} within ${startTimeoutMs} ms; check the addresses and their path`,
    isStarted: () => link.state.kind === 'connected' || (link.state.kind === 'lost' && restored),
    async begin() {
      if (snapshotFile !== undefined) await restore(snapshotFile);
      if (link.isOpen) void run();
    },
    async register(input) {
      const { id, registration } = prepareRegistration(input);
      if (registration.namespace !== undefined && registration.namespace !== namespace) {
        throw new MeshError(
          'invalid_argument',
          `eureka: ${registration.service} is in namespace ${registration.namespace}, this source is for ${namespace} only`,
        );
      }
      if (registrations.has(id)) {
        throw new MeshError('conflict', `registration ${JSON.stringify(id)} exists`);
      }
      const onEnd = (): void => void registrations.delete(id);
      const context = { options: resolved, servers, onEnd };
      const handle = new EurekaRegistration(id, registration, context);
      registrations.set(id, handle);
      try {
        await handle.begin();
      } catch (error) {
        registrations.delete(id);
        throw error;
      }
      return handle;
    },
    async end() {
      timer?.cancel();
      const goodbyes = [...registrations.values()].map((registration) =>
        registration.deregister().catch((error: unknown) => {
          logger.warn({ err: error }, 'eureka: could not deregister: the lease will run out');
        }),
      );
      if (link.state.kind !== 'lost') await Promise.all(goodbyes);
      await servers.close();
      await writer?.close();
    },
  });
}
