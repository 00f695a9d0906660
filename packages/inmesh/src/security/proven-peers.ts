import type { Identity } from '@inmesh/core';
import type { MutualTls } from '@inmesh/identity';
import { type InboundPeer, type PeerSource, peerHeader } from '@inmesh/inbound';

/**
 * Who calls: by its certificate where the connection has one, else what the peer header says, which
 * is a label and no proof. Where both are there the header only adds service and version, and only
 * as long as it does not claim another namespace.
 */
export function provenPeers(servers: ReadonlySet<MutualTls>): PeerSource {
  const labels = peerHeader();
  const identityAt = (socket: Parameters<MutualTls['peerOf']>[0]): Identity | undefined => {
    for (const server of servers) {
      const peer = server.peerOf(socket);
      if (peer !== undefined) return peer.identity;
    }
    return undefined;
  };
  return {
    peerOf(request): InboundPeer {
      const label = labels.peerOf(request);
      const identity = identityAt(request.socket);
      if (identity === undefined) return label;
      const known = label.service.endsWith(`.${identity.namespace}`);
      return {
        service: known ? label.service : '',
        version: known ? label.version : '',
        identity,
      };
    },
  };
}
