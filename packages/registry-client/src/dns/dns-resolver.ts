import { Resolver } from 'node:dns/promises';

export interface DnsAddress {
  readonly address: string;
  /** Seconds that it may be kept. */
  readonly ttl: number;
}

export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  /** The lowest is used first. */
  readonly priority: number;
  readonly weight: number;
}

/**
 * Asks DNS. Every method rejects with an error whose `code` says why: `ENOTFOUND` and `ENODATA` are
 * DNS' word that there is nothing, everything else that it could not be asked.
 */
export interface DnsResolver {
  resolve4(host: string): Promise<readonly DnsAddress[]>;
  resolve6(host: string): Promise<readonly DnsAddress[]>;
  resolveSrv(name: string): Promise<readonly SrvRecord[]>;
  /** What is under way fails. */
  cancel(): void;
}

/**
 * The name servers of this machine, or `servers`. `/etc/hosts` does not count: nothing there says
 * for how long. Throws for a server that is no address.
 */
export function systemResolver(timeoutMs: number, servers?: readonly string[]): DnsResolver {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
  if (servers !== undefined) resolver.setServers(servers);
  return {
    resolve4: (host) => resolver.resolve4(host, { ttl: true }),
    resolve6: (host) => resolver.resolve6(host, { ttl: true }),
    resolveSrv: (name) => resolver.resolveSrv(name),
    cancel: () => resolver.cancel(),
  };
}
