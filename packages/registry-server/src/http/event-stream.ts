import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';

/** Answers with a stream of server-sent events, and gives what they are written to. */
export function openEventStream(reply: FastifyReply): ServerResponse {
  reply.hijack();
  const stream = reply.raw;
  // It ends with the connection anyway, and a chunk's frame around each event costs half of its write.
  stream.removeHeader('transfer-encoding');
  stream.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    // The connection ends with the stream, so that a server that stops has nothing to wait for.
    connection: 'close',
    'x-content-type-options': 'nosniff',
    // Proxies of the nginx family hold streams back otherwise.
    'x-accel-buffering': 'no',
  });
  return stream;
}
