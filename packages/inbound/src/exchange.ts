import type { EndedRequest, RequestContext, RequestRefusal, ResponseFlag } from '@inmesh/core';
import type { InboundRequest } from './inbound-request.ts';
import type { InboundPeer } from './peer-source.ts';

/** One inbound request from its arrival to the end of its response, as the mesh sees it. */
export interface Exchange {
  readonly request: InboundRequest;
  readonly method: string;
  /** The path as it came, without the query. */
  readonly rawPath: string;
  /** From the `?` on; '' when there is none. */
  readonly query: string;
  /** The normalized path, without the query: what policies match and what the handler's router sees. */
  path: string;
  /** What this request passes on; `context.identity` is who sent it. */
  readonly context: RequestContext;
  /** The calling workload as far as it is known. */
  peer: InboundPeer;
  /** The pattern of the route that runs (`/ratings/:id`). A handler without a router sets it itself. @default 'unknown' */
  route: string;
  /** Flat pairs that whatever answers this request sends too, names lower-case; steps add to them. */
  responseHeaders: string[] | undefined;
  /** Reads the pattern when the request ends, where the framework knows it only then. */
  readRoute: ((exchange: Exchange) => string) | undefined;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  /** Whether the router has run already, so that the path can no longer be rewritten. */
  readonly routed: boolean;
  /** A health request: no step refuses it and no observer hears of it. */
  readonly exempt: boolean;
  /** How many steps let it pass, so that exactly those hear of its end. */
  passed: number;
  /** Why it was refused; '-' when it was not. */
  flag: ResponseFlag;
  /** The same in full; `undefined` when it was not. */
  refusal: RequestRefusal | undefined;
  /** What observers were told; `undefined` while the request is served. */
  ended: EndedRequest | undefined;
}

// From the global registry, so that two copies of this package in one process still meet.
const exchangeKey: unique symbol = Symbol.for('inmesh.exchange');

interface Carrier {
  [exchangeKey]?: Exchange;
  /** Fastify's requests carry Node's here. */
  readonly raw?: Carrier;
}

/**
 * The mesh's view of a request: who called, by what deadline, in which trace. Takes a request of
 * plain `http`, Express or Fastify; `undefined` when neither the server nor the app is in a mesh.
 */
export function meshOf(request: object): Exchange | undefined {
  const carrier = request as Carrier;
  return carrier[exchangeKey] ?? carrier.raw?.[exchangeKey];
}

/** Makes `exchange` what `meshOf(request)` gives. */
export function setExchange(request: object, exchange: Exchange): void {
  (request as Carrier)[exchangeKey] = exchange;
}
