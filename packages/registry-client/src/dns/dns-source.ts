import { MeshError, type ServiceName } from '@inmesh/core';
import { knownAnyway } from '../known-anyway.ts';
import { type NewRegistration, prepareRegistration } from '../registration.ts';
import type { Registry } from '../registry.ts';
import type { RegistryState } from '../registry-link.ts';
import { SourceLists } from '../source-lists.ts';
import { Waits } from '../waits.ts';
import { type DnsSourceOptions, resolveDnsOptions } from './dns-options.ts';
import { DnsRefresh } from './dns-refresh.ts';

const server = 'dns:';

/**
 * Endpoints from DNS: for each service that is named, its addresses, asked for again when their time
 * to live is over. The last good list is kept while DNS cannot be asked. Who is in DNS is for others
 * to say, so registering here tells nobody anything. Nothing happens before `start()`, and only
 * services that are followed are asked for. Throws `invalid_argument`.
 */
export function createDnsSource(options: DnsSourceOptions): Registry {
  const resolved = resolveDnsOptions(options);
  const { services, clock, logger, resolver, startTimeoutMs } = resolved;
  const waits = new Waits(clock);
  const refreshes = new Map<ServiceName, DnsRefresh>();
  let state: RegistryState = { kind: 'connecting', since: clock.now() };
  let starting: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  const onLooked = (error: Error | undefined): void => {
    if (closing !== undefined) return;
    const since = clock.now();
    if (error === undefined) {
      if (state.kind !== 'connected') state = { kind: 'connected', since, server };
    } else if (state.kind !== 'connected') {
      const message = `dns: no answer: ${error.message}`;
      const lost = new MeshError('registry_unavailable', message, { cause: error });
      state = { kind: 'lost', since: state.kind === 'lost' ? state.since : since, error: lost };
    }
    waits.check();
  };
  const refresh = (service: ServiceName): void => {
    const where = services.get(service);
    if (where === undefined) {
      lists.publish(service, undefined, '0');
      return;
    }
    const one = new DnsRefresh({ service, where, options: resolved, lists, onLooked });
    refreshes.set(service, one);
    one.start();
  };
  const lists = new SourceLists({
    clock,
    logger,
    onFollowedChange(service) {
      refreshes.get(service)?.stop();
      refreshes.delete(service);
      if (!lists.isFollowed(service)) lists.forget(service);
      else if (starting !== undefined) refresh(service);
    },
  });
  const checkOpen = (): void => {
    if (closing !== undefined) throw new MeshError('closed', 'dns: closed');
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
        const followed = [...lists.services()];
        if (followed.length === 0) state = { kind: 'connected', since: clock.now(), server };
        // `starting` is set by then: what is followed from now on is asked for at once.
        await undefined;
        for (const service of followed) if (!refreshes.has(service)) refresh(service);
        await waits.until(
          () => state.kind === 'connected',
          startTimeoutMs,
          () =>
            new MeshError(
              'start_timeout',
              `dns: no answer within ${startTimeoutMs} ms; check the name servers of this machine`,
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
        for (const one of refreshes.values()) one.stop();
        refreshes.clear();
        resolver.cancel();
        lists.close();
        waits.close();
        state = { kind: 'closed', since: clock.now() };
      })();
      return closing;
    },
  };
}
