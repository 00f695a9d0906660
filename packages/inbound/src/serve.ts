import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Exchange } from './exchange.ts';
import { meshOf, setExchange } from './exchange.ts';
import type { Pipeline, Verdict } from './pipeline.ts';
import { refuse, sendRefusal, sendStop, setHeaders } from './refusal.ts';
import { trackRequest } from './track-request.ts';

/**
 * Serves one request of Node's: the one place where a pipeline and a server meet. `next` runs in
 * the request's context once the pipeline lets it pass; a refused request is answered here. A
 * request that an outer layer serves already only goes on.
 *
 * @param routed Whether a router has chosen the handler already.
 */
export function serve(
  pipeline: Pipeline,
  request: IncomingMessage,
  response: ServerResponse,
  next: (exchange: Exchange) => void,
  routed = false,
): void {
  const served = meshOf(request);
  if (served !== undefined) {
    next(served);
    return;
  }
  const exchange = pipeline.begin(request, routed);
  setExchange(request, exchange);
  trackRequest(pipeline, exchange, request, response);
  const verdict = pipeline.handle(exchange);
  if ('kind' in verdict) {
    act(pipeline, verdict, exchange, request, response, next);
    return;
  }
  verdict
    .then((late) => act(pipeline, late, exchange, request, response, next))
    // Only what `next` itself throws gets here, where no caller is left to catch it.
    .catch(() => sendRefusal(response, handlerFailed));
}

export const handlerFailed: ReturnType<typeof refuse> = refuse(
  500,
  'internal',
  'the handler of this request failed',
);

function act(
  pipeline: Pipeline,
  verdict: Verdict,
  exchange: Exchange,
  request: IncomingMessage,
  response: ServerResponse,
  next: (exchange: Exchange) => void,
): void {
  if (response.destroyed) return;
  if (exchange.responseHeaders !== undefined) setHeaders(response, exchange.responseHeaders);
  if (verdict.kind !== 'proceed') {
    sendStop(response, verdict);
    return;
  }
  // The router gets the path that was decided about.
  if (exchange.path !== exchange.rawPath) request.url = exchange.path + exchange.query;
  pipeline.enter(exchange.context, () => next(exchange));
}
