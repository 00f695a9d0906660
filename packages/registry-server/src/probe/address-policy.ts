import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Ranges that an endpoint may be in. Everything that is not listed is refused. */
const allowedRanges: ReadonlySet<string> = new Set([
  'unicast',
  'loopback',
  'private',
  'uniqueLocal',
  'carrierGradeNat',
  // 192.0.2.0/24 and 240.0.0.0/4 and their like: harmless, and some networks run on class E.
  'reserved',
  'benchmarking',
]);

/** Cloud metadata and wire servers outside the link-local range. */
const metadataAddresses: ReadonlySet<string> = new Set([
  'fd00:ec2::254', // AWS
  'fd20:ce::254', // Google Cloud
  '100.100.100.200', // Alibaba
  '168.63.129.16', // Azure
  '192.0.0.192', // Oracle
]);

type Verdict =
  | { readonly ok: true; readonly address: string }
  | { readonly ok: false; readonly reason: string };

/**
 * Whether the registry may hand out, or connect to, `text`: an IP literal in plain notation that
 * is no way to a metadata service. IPv6 forms that carry an IPv4 address are held to that address.
 * `address` is the canonical spelling. Checked at registration and again before each probe.
 */
export function checkAddress(text: string): Verdict {
  // isIP takes no shorthand (127.1, 0x7f.1), no brackets and no names; but it takes a zone.
  if (isIP(text) === 0 || text.includes('%')) {
    return {
      ok: false,
      reason: 'must be an IP address in plain notation, without brackets or zone',
    };
  }
  const parsed = unwrap(ipaddr.parse(text));
  const address = parsed.toString();
  const range = parsed.range();
  if (metadataAddresses.has(address) || !allowedRanges.has(range)) {
    const kind = allowedRanges.has(range) ? 'metadata' : range;
    return { ok: false, reason: `must be an address that others can reach, got a ${kind} address` };
  }
  return { ok: true, address };
}

/** Why `text` may not be handed out, if so. */
export function addressFault(text: string): string | undefined {
  const verdict = checkAddress(text);
  return verdict.ok ? undefined : verdict.reason;
}

/** The IPv4 address inside an IPv4-mapped one; everything else as it is (NAT64, 6to4 and Teredo are refused by their range). */
function unwrap(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()
    ? address.toIPv4Address()
    : address;
}
