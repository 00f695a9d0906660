import { MeshError, type MeshEvent, type Timer } from '@inmesh/core';
import { isFields } from '@inmesh/core/eureka';
import { reconnectDelayMs } from '../reconnect-delay.ts';
import { type NewRegistration, prepareRegistration } from '../registration.ts';
import type { Registry } from '../registry.ts';
import type { RegistryState } from '../registry-link.ts';
import { SourceLists } from '../source-lists.ts';
import { Waits } from '../waits.ts';
import { type EurekaSourceOptions, resolveEurekaOptions } from './eureka-options.ts';
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
  const { clock, logger, random, namespace, fetchIntervalMs, startTimeoutMs } = resolved;
  const servers = new EurekaServers(resolved);
  const waits = new Waits(clock);
  const known = new KnownInstances({ namespace, clock, logger });
  const registrations = new Map<string, EurekaRegistration>();
  let state: RegistryState = { kind: 'connecting', since: clock.now() };
  let fetched = false;
  let failures = 0;
  let revision = 0;
  let timer: Timer | undefined;
  let starting: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  const lists = new SourceLists({
    clock,
    logger,
    onFollowedChange(service) {
      // All lists are known: one that is not among them is no service.
      if (fetched && lists.isFollowed(service) && lists.get(service) === undefined) {
        lists.publish(service, undefined, String(revision));
        if (state.kind === 'lost') lists.goStale(service);
      }
    },
  });
  const emit = (event: MeshEvent): void => {
    try {
      resolved.observer.event?.(event);
    } catch (error) {
      logger.error({ err: error, event: event.kind }, 'an observer threw');
    }
  };
  const publish = (): void => {
    const changes = known.takeChanges();
    revision += changes.size > 0 || !fetched ? 1 : 0;
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
    const from = servers.current;
    const delta = await fetchApplications('/apps/delta');
    // Another server's changes are not the continuation of this one's.
    if (delta === undefined || servers.current !== from) return false;
    known.apply(delta);
    return isFields(delta) && delta.apps__hashcode === known.hash;
  };
  const fetchOnce = async (): Promise<void> => {
    if (!fetched || !(await fetchChanges())) known.replace(await fetchApplications('/apps/'));
    known.releaseMissing();
  };
  const become = (next: RegistryState): void => {
    state = next;
    waits.check();
  };
  const run = async (): Promise<void> => {
    try {
      await fetchOnce();
      if (closing !== undefined) return;
      publish();
      fetched = true;
      failures = 0;
      if (state.kind === 'lost') emit({ kind: 'registry-found', server: servers.current.name });
      if (state.kind !== 'connected' || state.server !== servers.current.name) {
        become({ kind: 'connected', since: clock.now(), server: servers.current.name });
      }
      schedule(fetchIntervalMs * (0.9 + random() / 10));
    } catch (error) {
      if (closing !== undefined) return;
      lost(error as MeshError);
      // A server that is away is not bombarded: the wait grows up to the interval.
      failures += 1;
      const initialMs = Math.min(1_000, fetchIntervalMs);
      schedule(reconnectDelayMs(failures, { initialMs, maxMs: fetchIntervalMs, random }));
    }
  };
  const lost = (error: MeshError): void => {
    if (state.kind !== 'lost') {
      logger.warn({ err: error }, 'eureka: away; lists stay as they are');
      for (const service of [...lists.services()]) lists.goStale(service);
      emit({ kind: 'registry-lost', error });
    }
    become({
      kind: 'lost',
      since: state.kind === 'lost' ? state.since : clock.now(),
      error,
    });
  };
  const schedule = (delayMs: number): void => {
    timer = clock.setTimer(() => void run(), delayMs);
  };
  const checkOpen = (): void => {
    if (closing !== undefined) throw new MeshError('closed', 'eureka: closed');
  };
  const close = async (): Promise<void> => {
    timer?.cancel();
    const goodbyes = [...registrations.values()].map((registration) =>
      registration.deregister().catch((error: unknown) => {
        logger.warn({ err: error }, 'eureka: could not deregister: the lease will run out');
      }),
    );
    if (state.kind !== 'lost') await Promise.all(goodbyes);
    become({ kind: 'closed', since: clock.now() });
    await servers.close();
    waits.close();
    lists.close();
  };
  return {
    get state() {
      return state;
    },
    get: (service) => lists.get(service),
    follow(service, listener) {
      checkOpen();
      return lists.follow(service, listener);
    },
    start() {
      starting ??= (async () => {
        checkOpen();
        void run();
        await waits.until(
          () => state.kind === 'connected',
          startTimeoutMs,
          () =>
            startTimeout(
              state,
              resolved.servers.map(({ name }) => name),
              startTimeoutMs,
            ),
        );
      })();
      return starting;
    },
    async register(input: NewRegistration) {
      checkOpen();
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
    close() {
      closing ??= close();
      return closing;
    },
  };
}

function startTimeout(
  state: RegistryState,
  servers: readonly string[],
  startTimeoutMs: number,
): MeshError {
  return new MeshError(
    'start_timeout',
    `eureka: no list from ${servers.join(', ')} within ${startTimeoutMs} ms; check the addresses and their path`,
    state.kind === 'lost' ? { cause: state.error } : {},
  );
}
