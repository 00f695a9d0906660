import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';

/** What the pipeline reads of a request. Node's `IncomingMessage` is one; every framework's request is or carries one. */
export interface InboundRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** Express keeps the whole target here while routers cut their mount path off `url`. */
  readonly originalUrl?: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Every header as it came, repeats apart: what security steps look at. */
  readonly rawHeaders: readonly string[];
  readonly socket: Socket;
}

/**
 * One header of `request` by its lower-case name. Node joins repeats with `, `, which makes no valid
 * value of any header that the mesh reads: a repeated one counts as malformed.
 */
export function requestHeader(request: InboundRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}
