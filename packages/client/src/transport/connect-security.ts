import type { UpstreamTlsPolicy } from '@inmesh/core';

/** How a connection is protected. `key` tells ways apart: connections of two ways are never mixed. */
export type ConnectSecurity =
  | { readonly kind: 'plain'; readonly key: '' }
  /** TLS against the system's roots; the certificate must carry `serverName`. */
  | { readonly kind: 'server'; readonly key: string; readonly serverName: string }
  /** Mutual TLS; the certificate must name one of `identities` (SPIFFE IDs). */
  | { readonly kind: 'mutual'; readonly key: string; readonly identities: readonly string[] }
  /** As a DestinationRule says, with files of its own. */
  | {
      readonly kind: 'policy';
      readonly key: string;
      readonly serverName: string;
      readonly policy: UpstreamTlsPolicy;
    };

export const plainText: ConnectSecurity = Object.freeze({ kind: 'plain', key: '' });
