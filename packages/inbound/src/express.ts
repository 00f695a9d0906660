import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Exchange } from './exchange.ts';
import { createRouteReader, type ExpressRequest } from './express-route.ts';
import { type PipelineOwner, pipelineOf } from './pipeline.ts';
import { serve } from './serve.ts';

/** Middleware in the shape that Express 4, Express 5 and Connect take. */
export type MeshMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Mount it first: `app.use(meshExpress(mesh))`. Under `mesh.listen` it only adds the route's
 * pattern; without that, it is the whole inbound half for what is mounted below it.
 */
export function meshExpress(owner: PipelineOwner): MeshMiddleware {
  const pipeline = pipelineOf(owner);
  const readRoute = createRouteReader();
  return (request, response, next) => {
    const { originalUrl = request.url } = request as ExpressRequest;
    // Under a router the mount path is cut off the URL already: too late to rewrite it.
    const routed = request.url !== originalUrl;
    const pass = (exchange: Exchange): void => {
      exchange.readRoute = readRoute;
      next();
    };
    serve(pipeline, request, response, pass, routed);
  };
}
