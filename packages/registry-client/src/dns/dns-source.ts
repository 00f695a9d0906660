import { MeshError, type ServiceName } from '@inmesh/core';
import { checkFollow } from '../follow-check.ts';
import type { Registry } from '../registry.ts';
import { createSource } from '../source.ts';
import { SourceLink } from '../source-link.ts';
import { SourceLists } from '../source-lists.ts';
import { type DnsSourceOptions, resolveDnsOptions } from './dns-options.ts';
import { DnsRefresh } from './dns-refresh.ts';

const server = 'dns:';

/**
 * Endpoints from DNS: for each service that is named, or that the pattern names, its addresses, asked for again when their time
 * to live is over. The last good list is kept while DNS cannot be asked. Who is in DNS is for others
 * to say, so registering here tells nobody anything. Nothing happens before `start()`, and only
 * services that are followed are asked for. Throws `invalid_argument`.
 */
export function createDnsSource(options: DnsSourceOptions): Registry {
  const resolved = resolveDnsOptions(options);
  const { whereIs, clock, logger, observer, resolver, startTimeoutMs } = resolved;
  const link = new SourceLink({ name: 'dns', clock, logger, observer });
  const refreshes = new Map<ServiceName, DnsRefresh>();
  let begun = false;

  /** One name that cannot be asked for is that service's matter, once there is a DNS at all. */
  const onLooked = (error: Error | undefined): void => {
    if (error === undefined) link.found(server);
    else if (link.state.kind !== 'connected') {
      const message = `dns: no answer: ${error.message}`;
      link.lost(new MeshError('registry_unavailable', message, { cause: error }));
    }
  };
  const refresh = (service: ServiceName): void => {
    const where = whereIs(service);
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
      else if (begun) refresh(service);
    },
  });
  return createSource({
    link,
    lists,
    startTimeoutMs,
    startFailure: `no answer within ${startTimeoutMs} ms; check the name servers of this machine`,
    checkFollow: (service) => checkFollow(service, lists, refreshes.size),
    begin() {
      begun = true;
      const followed = [...lists.services()];
      if (followed.length === 0) link.found(server);
      for (const service of followed) refresh(service);
    },
    async end() {
      for (const one of refreshes.values()) one.stop();
      refreshes.clear();
      resolver.cancel();
    },
  });
}
