import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { currentContext, meshHeaders, type RequestContext, type ResponseFlag } from '@inmesh/core';
import type { Exchange } from './exchange.ts';
import type { Pipeline } from './pipeline.ts';

/**
 * Lets every listener on `request` and `response` run in the request's context, counts the body
 * and tells the pipeline when the response has ended or the connection was cut.
 *
 * Node emits what comes from the socket (`data`, `end`, `drain`, `close`) in the context in which
 * the connection was opened, or, with pipelined requests, in that of the request before. So both
 * objects get their own `emit`: nothing is lost, and no request sees another one's identity.
 */
export function trackRequest(
  pipeline: Pipeline,
  exchange: Exchange,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { context } = exchange;
  const { socket } = request;
  const writtenBefore = bytesWritten(socket);
  let requestBytes = 0;

  const emitFromRequest = request.emit;
  request.emit = (...event: Parameters<EventEmitter['emit']>): boolean => {
    // Reading in whatever way emits `data`: counting here needs no listener, which would start the flow.
    if (event[0] === 'data') requestBytes += Buffer.byteLength(event[1]);
    return emitIn(pipeline, context, request, emitFromRequest, event);
  };
  const emitFromResponse = response.emit;
  response.emit = (...event: Parameters<EventEmitter['emit']>): boolean =>
    emitIn(pipeline, context, response, emitFromResponse, event);

  // Called for implicit heads too. Only now is the status known, and what became of the handler's calls.
  const writeHead = response.writeHead;
  response.writeHead = ((status: number, ...rest: unknown[]): ServerResponse => {
    if (status >= 500 && context.retriesSpent === true) response.setHeader(meshHeaders.retry, 'no');
    return Reflect.apply(writeHead, response, [status, ...rest]);
  }) as ServerResponse['writeHead'];

  response.on('close', () => {
    pipeline.end(exchange, {
      status: response.headersSent ? response.statusCode : 0,
      flag: response.writableFinished ? exchange.flag : cutFlag(socket),
      requestBytes,
      responseBytes: bodyBytes(response, bytesWritten(socket) - writtenBefore),
    });
  });
}

function emitIn(
  pipeline: Pipeline,
  context: RequestContext,
  emitter: EventEmitter,
  emit: EventEmitter['emit'],
  event: Parameters<EventEmitter['emit']>,
): boolean {
  if (currentContext() === context) return emit.apply(emitter, event);
  return pipeline.enter(context, () => emit.apply(emitter, event));
}

/** DC when the caller closed or reset the connection; UC when the handler or a drain cut it. */
function cutFlag(socket: IncomingMessage['socket']): ResponseFlag {
  return socket.readableEnded || socket.errored ? 'DC' : 'UC';
}

/** Injected requests (`fastify.inject`) have no real socket, which counts nothing. */
function bytesWritten(socket: { readonly bytesWritten?: number }): number {
  return socket.bytesWritten ?? 0;
}

/**
 * What went over the wire without the head; chunk sizes of a chunked body are in it. Wrapping
 * `write` would be exact and cost every chunk of every response.
 */
function bodyBytes(response: ServerResponse, written: number): number {
  // The head as it was sent. Node has no public name for it; without it the head is counted too.
  const { _header: head } = response as { _header?: unknown };
  return Math.max(0, written - (typeof head === 'string' ? head.length : 0));
}
