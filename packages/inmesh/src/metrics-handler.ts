import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Logger } from '@inmesh/core';
import type { PrometheusText } from '@inmesh/metrics';

/** Answers a scrape in pieces, so that a large one never holds up the requests beside it. */
export function metricsHandler(metrics: PrometheusText, logger: Logger): RequestListener {
  return (request: IncomingMessage, response: ServerResponse) => {
    const exposition = metrics.negotiate(request.headers.accept);
    response.writeHead(200, { 'content-type': exposition.contentType });
    pipeline(Readable.from(exposition.chunks()), response).catch((error: unknown) => {
      logger.debug({ err: error }, 'a scrape ended early');
    });
  };
}
