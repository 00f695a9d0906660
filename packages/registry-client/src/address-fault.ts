import { BlockList, isIP } from 'node:net';

/** Ways to cloud metadata: whoever can register at a Eureka, or write a DNS record, must not lead callers there. */
const forbidden = new BlockList();
forbidden.addSubnet('169.254.0.0', 16);
forbidden.addSubnet('fe80::', 10, 'ipv6');
for (const address of ['100.100.100.200', '168.63.129.16', '192.0.0.192']) {
  forbidden.addAddress(address);
}
for (const address of ['fd00:ec2::254', 'fd20:ce::254']) forbidden.addAddress(address, 'ipv6');

/** Why an address is not to be called, if it is not. */
export function addressFault(address: string): string | undefined {
  const family = isIP(address);
  if (family === 0 || address.includes('%')) return 'must be an IP address in plain notation';
  return forbidden.check(address, family === 6 ? 'ipv6' : 'ipv4')
    ? 'must be an address that others can reach'
    : undefined;
}
