import ipaddr from 'ipaddr.js';

type Address = ReturnType<typeof ipaddr.process>;

/** An address or CIDR that addresses are held against. */
export interface IpBlock {
  contains(address: string): boolean;
}

/** `undefined` when `text` is neither an address nor a CIDR. */
export function ipBlock(text: string): IpBlock | undefined {
  const range = parseRange(text);
  if (range === undefined) return undefined;
  const [network, bits] = range;
  return {
    contains(text) {
      const address = parseAddress(text);
      return (
        address !== undefined && address.kind() === network.kind() && address.match(network, bits)
      );
    },
  };
}

function parseRange(text: string): readonly [Address, number] | undefined {
  if (ipaddr.isValidCIDR(text)) {
    const [network, bits] = ipaddr.parseCIDR(text);
    // An IPv4-mapped block means the IPv4 block inside, as addresses are unwrapped too.
    if (network instanceof ipaddr.IPv6 && network.isIPv4MappedAddress() && bits >= 96) {
      return [network.toIPv4Address(), bits - 96];
    }
    return [network, bits];
  }
  const address = parseAddress(text);
  return address === undefined ? undefined : [address, address.kind() === 'ipv4' ? 32 : 128];
}

/** `::ffff:10.0.0.1`, which Node shows on a socket for both families, is 10.0.0.1. */
function parseAddress(text: string): Address | undefined {
  return ipaddr.isValid(text) ? ipaddr.process(text) : undefined;
}
