import type { HeaderPairs } from '@inmesh/core';
import type { Exchange, InboundRequest } from '@inmesh/inbound';

/** What an external service said. */
export type ExternalVerdict =
  /** `requestHeaders`, flat pairs with lower-case names, are set on the request that the handler sees. */
  | { readonly allowed: true; readonly requestHeaders: HeaderPairs }
  /** `headers` go to the caller. */
  | { readonly allowed: false; readonly status: number; readonly headers: HeaderPairs };

/**
 * Decides for CUSTOM policies, under the name in their `provider`. A rejection refuses the request:
 * a check that did not run has not passed.
 */
export interface ExternalAuthorizer {
  check(request: InboundRequest, exchange: Exchange): Promise<ExternalVerdict>;
  close?(): void;
}
