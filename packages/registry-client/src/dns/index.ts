export type { DnsName } from './dns-names.ts';
export type { DnsSourceOptions } from './dns-options.ts';
export type { DnsAddress, DnsResolver, SrvRecord } from './dns-resolver.ts';
export { createDnsSource } from './dns-source.ts';
