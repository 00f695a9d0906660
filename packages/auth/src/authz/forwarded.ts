import { MeshError } from '@inmesh/core';
import type { InboundStep } from '@inmesh/inbound';
import { removeHeader } from '../jwt/edit-headers.ts';
import { ipBlock } from './ip-block.ts';

/** The proxies in front of us whose word about the client is taken. */
export interface TrustedProxies {
  includes(address: string): boolean;
}

/** @param blocks Addresses and CIDRs. Throws `invalid_argument` for anything else. */
export function trustedProxies(blocks: readonly string[]): TrustedProxies {
  const compiled = blocks.map((text) => {
    const block = ipBlock(text);
    if (block !== undefined) return block;
    throw new MeshError(
      'invalid_argument',
      `trustedProxies must hold addresses or CIDRs, got ${JSON.stringify(text)}`,
    );
  });
  return { includes: (address) => compiled.some((block) => block.contains(address)) };
}

/**
 * The client's address: the connection's own, unless a trusted proxy has it. Then the last entry of
 * `x-forwarded-for` that is no trusted proxy itself; what stands before it anybody could write.
 */
export function clientAddress(
  source: string | undefined,
  forwardedFor: readonly string[],
  proxies: TrustedProxies,
): string | undefined {
  if (source === undefined || !proxies.includes(source)) return source;
  const hops = forwardedFor.join(',').split(',').map(withoutPort).filter(Boolean);
  return hops.reverse().find((hop) => !proxies.includes(hop)) ?? hops.at(-1) ?? source;
}

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(hop: string): string {
  const [, inBrackets, plain] = /^\s*(?:\[([^\]]*)\](?::\d+)?|([^\s:]+):\d+)\s*$/.exec(hop) ?? [];
  return inBrackets ?? plain ?? hop.trim();
}

const forwardedHeaders = /^(?:forwarded|x-forwarded-.+|x-real-ip|x-original-.+|x-envoy-.+)$/;

/**
 * A step that takes from requests what only a trusted proxy may say: `x-forwarded-*` and its like,
 * and the headers in which the operator's proxies tell who the user is (CVE-2026-3635).
 *
 * @param identityHeaders Lower-case.
 */
export function stripForwarded(
  proxies: TrustedProxies,
  identityHeaders: readonly string[] = [],
): InboundStep {
  const identifying = new Set(identityHeaders);
  return {
    name: 'forwarded',
    run(request) {
      const { remoteAddress } = request.socket;
      if (remoteAddress !== undefined && proxies.includes(remoteAddress)) return undefined;
      for (const name of Object.keys(request.headers)) {
        if (forwardedHeaders.test(name) || identifying.has(name)) removeHeader(request, name);
      }
      return undefined;
    },
  };
}
