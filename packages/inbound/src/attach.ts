import type { EventEmitter } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import { type PipelineOwner, pipelineOf } from './pipeline.ts';
import { serve } from './serve.ts';

/** All three bring a request; a handler of the last two must not be a way around the pipeline. */
const requestEvents = new Set<string | symbol>(['request', 'checkContinue', 'checkExpectation']);

/**
 * Puts the mesh around everything that serves a request on `server`: all its `request` listeners,
 * those added later too, run in the request's context and see no request that is refused.
 * Upgrades (WebSockets) pass untouched. Returns what takes it off again.
 *
 * Errors that listeners throw are theirs, as without the mesh.
 */
export function attach(server: Server | SecureServer, owner: PipelineOwner): () => void {
  const pipeline = pipelineOf(owner);
  const emit = server.emit;
  const emitServed = (...event: Parameters<EventEmitter['emit']>): boolean => {
    if (!requestEvents.has(event[0])) return Reflect.apply(emit, server, event);
    const [, request, response] = event as [string, IncomingMessage, ServerResponse];
    serve(pipeline, request, response, () => Reflect.apply(emit, server, event));
    return true;
  };
  server.emit = emitServed;
  return () => {
    // Whoever wrapped it after us still calls ours: then it has to stay.
    if (server.emit === emitServed) server.emit = emit;
  };
}
