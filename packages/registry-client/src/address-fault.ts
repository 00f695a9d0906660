import { BlockList, isIP } from 'node:net';

/** Ways to cloud metadata: whoever can register, write a DNS record, or is the registry, must not lead callers there. */
const forbidden = new BlockList();
forbidden.addSubnet('169.254.0.0', 16);
forbidden.addSubnet('fe80::', 10, 'ipv6');
for (const address of ['100.100.100.200', '168.63.129.16', '192.0.0.192']) {
  forbidden.addAddress(address);
}
// NAT64, 6to4 and Teredo carry any IPv4 address, those above too.
forbidden.addSubnet('64:ff9b::', 96, 'ipv6');
forbidden.addSubnet('64:ff9b:1::', 48, 'ipv6');
forbidden.addSubnet('2002::', 16, 'ipv6');
forbidden.addSubnet('2001::', 32, 'ipv6');
for (const address of ['fd00:ec2::254', 'fd20:ce::254']) forbidden.addAddress(address, 'ipv6');

/** Why an address is not to be called, if it is not. */
export function addressFault(address: string): string | undefined {
  const family = isIP(address);
  if (family === 0 || address.includes('%')) return 'must be an IP address in plain notation';
  return forbidden.check(address, family === 6 ? 'ipv6' : 'ipv4')
    ? 'must be an address that others can reach'
    : undefined;
}
