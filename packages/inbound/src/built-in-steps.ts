import type { Clock } from '@inmesh/core';
import type { InboundStep } from './inbound-step.ts';
import { normalizePath, type PathNormalization } from './normalize-path.ts';
import type { PeerSource } from './peer-source.ts';
import { refuse } from './refusal.ts';

/** A caller that no longer waits must not cost us anything, and asking again is of no use to it. */
export function expiredDeadline(clock: Clock): InboundStep {
  return {
    name: 'deadline',
    run(_request, { context }) {
      if (context.deadline > clock.now()) return undefined;
      return refuse(504, 'deadline_exceeded', 'the deadline had passed when the request arrived', {
        headers: ['inmesh-retry', 'no'],
        flag: 'UT',
      });
    },
  };
}

/**
 * Node cuts a longer list silently at `maxHeadersCount`, which could hide the second
 * `authorization` header from the step that looks for it: our limit is below the one that
 * `applyServerDefaults` sets.
 */
const maxHeaders = 200;

export function headerCount(): InboundStep {
  return {
    name: 'header-count',
    run(request) {
      if (request.rawHeaders.length <= 2 * maxHeaders) return undefined;
      return refuse(431, 'invalid_argument', `more than ${maxHeaders} headers`);
    },
  };
}

/** What is decided about must be what is routed: afterwards there is one spelling of the path. */
export function pathNormalizer(mode: PathNormalization): InboundStep {
  return {
    name: 'path',
    run(request, exchange) {
      const { rawPath, method } = exchange;
      if (rawPath === '*' && method === 'OPTIONS') return undefined;
      // `http://host/path` is for proxies; its host would contradict the Host header.
      if (!rawPath.startsWith('/')) return badPath("the request target must start with '/'");
      // Routers cut at a `#`, policies would not (CVE-2020-8595, CVE-2021-39156).
      if (request.url?.includes('#')) return badPath("the request target holds a '#'");
      const path = normalizePath(rawPath, mode);
      if (path === undefined) {
        return badPath(
          "the path holds %00, a '%' that is no escape, or dots beside an escaped slash",
        );
      }
      if (path !== rawPath && exchange.routed) {
        return badPath(`the path is not in normal form, which is ${path}`);
      }
      exchange.path = path;
      return undefined;
    },
  };
}

function badPath(detail: string): ReturnType<typeof refuse> {
  return refuse(400, 'invalid_argument', detail);
}

export function peerIdentity(peers: PeerSource): InboundStep {
  return {
    name: 'peer',
    run(request, exchange) {
      const peer = peers.peerOf(request);
      exchange.peer = peer;
      if (peer.identity !== undefined) {
        exchange.context.identity = {
          peer: peer.identity,
          peerVerified: true,
          principal: undefined,
          claims: noClaims,
        };
      }
      return undefined;
    },
  };
}

const noClaims: Readonly<Record<string, unknown>> = Object.freeze(Object.create(null));
