import { type Identity, isLabel, meshHeaders, type ServiceName } from '@inmesh/core';
import { type InboundRequest, requestHeader } from './inbound-request.ts';

/** The workload that sent a request. */
export interface InboundPeer {
  /** '' when it said nothing. */
  readonly service: ServiceName;
  /** '' when it said nothing. */
  readonly version: string;
  /** Only what was proven, by mutual TLS; a header never fills it. */
  readonly identity: Identity | undefined;
}

export const unknownPeer: InboundPeer = Object.freeze({
  service: '',
  version: '',
  identity: undefined,
});

/** Where the caller's workload is read. */
export interface PeerSource {
  peerOf(request: InboundRequest): InboundPeer;
}

// Kubernetes' label value, which a version is.
const versionText = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** `service.namespace;version;serviceAccount` as sent in `inmesh-peer`; anything else is nobody. */
function parsePeerHeader(header: string): InboundPeer {
  const [workload = '', version = '', , ...rest] = header.split(';', 4);
  const [name = '', namespace = '', ...more] = workload.split('.', 3);
  if (rest.length > 0 || more.length > 0 || !isLabel(name) || !isLabel(namespace)) {
    return unknownPeer;
  }
  if (version !== '' && !versionText.test(version)) return unknownPeer;
  return Object.freeze({ service: `${name}.${namespace}`, version, identity: undefined });
}

/** A service has few callers; someone who makes names up only loses the speed of the look-up. */
const maxCachedPeers = 1000;
/** The longest valid header: two labels, a version and a service account. */
const maxPeerHeader = 63 + 1 + 63 + 1 + 63 + 1 + 253;

/**
 * Reads the `inmesh-peer` header, for meshes without mutual TLS. Anyone can send it: it labels
 * metrics and never gives an identity.
 */
export function peerHeader(): PeerSource {
  const known = new Map<string, InboundPeer>();
  return {
    peerOf(request) {
      const header = requestHeader(request, meshHeaders.peer);
      if (header === undefined || header.length > maxPeerHeader) return unknownPeer;
      let peer = known.get(header);
      if (peer === undefined) {
        peer = parsePeerHeader(header);
        if (known.size < maxCachedPeers) known.set(header, peer);
      }
      return peer;
    },
  };
}
