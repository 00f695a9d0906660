import type { Server } from 'node:http';
import type { PeerMode } from '@inmesh/auth';
import type { EndpointTls, Logger, MeshEvent } from '@inmesh/core';
import { type IdentitySource, type MutualTls, serveMutualTls } from '@inmesh/identity';
import type { MeshOptions } from '../options.ts';
import { definedOnly, seams } from '../shared-options.ts';
import type { InboundSecurity } from './inbound-security.ts';

/** What serving TLS needs of the mesh. */
export interface ServerTlsContext {
  readonly identity: IdentitySource | undefined;
  readonly security: Pick<InboundSecurity, 'mode' | 'onModeChange'>;
  readonly options: MeshOptions;
  /** All that serve TLS; the pipeline asks them who calls. */
  readonly servers: Set<MutualTls>;
  readonly logger: Logger;
  readonly onEvent: (event: MeshEvent) => void;
}

/** One port that takes what PeerAuthentication says. */
export interface ServerTls {
  /** What callers may use, for the registration. */
  readonly offered: EndpointTls;
  /** Says which port it is, once that is known: modes go by it. */
  bind(port: number): void;
  /** Calls `tell` whenever something else is offered, until it is closed. A rejection is logged. */
  follow(tell: (offered: EndpointTls) => Promise<void> | undefined): void;
  /** Idempotent. */
  close(): void;
}

const offers: Readonly<Record<PeerMode, EndpointTls>> = {
  strict: 'strict',
  permissive: 'permissive',
  disable: 'none',
};

/** Call it before `listen`. Without an identity the port is plain, and offers nothing else. */
export function serveByPeerAuthentication(server: Server, context: ServerTlsContext): ServerTls {
  const { identity, security, options, servers, logger, onEvent } = context;
  let port = 0;
  let stop = (): void => {};
  const mode = (): PeerMode => security.mode(port);
  const offered = (): EndpointTls => {
    const now = mode();
    // What takes both offers TLS only once it can.
    return now === 'permissive' && identity?.tls() === undefined ? 'none' : offers[now];
  };
  const tls =
    identity === undefined
      ? undefined
      : serveMutualTls(server, {
          identity,
          mode,
          onEvent,
          ...definedOnly({ maxAgeMs: options.identity?.maxConnectionAgeMs }),
          ...seams(options),
        });
  if (tls !== undefined) servers.add(tls);
  return {
    get offered() {
      return offered();
    },
    bind(bound) {
      port = bound;
    },
    follow(tell) {
      let told = offered();
      const check = (): void => {
        const now = offered();
        if (now === told) return;
        told = now;
        tell(now)?.catch((error: unknown) => {
          logger.error({ err: error, tls: now }, 'the registry did not take what this port offers');
        });
      };
      const stops = [
        identity?.onChange(check),
        security.onModeChange(() => {
          tls?.modeChanged();
          check();
        }),
      ];
      stop = () => {
        for (const each of stops) each?.();
      };
    },
    close() {
      stop();
      if (tls === undefined) return;
      servers.delete(tls);
      tls.close();
    },
  };
}
