import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { type PipelineOwner, pipelineOf } from './pipeline.ts';
import { sendRefusal } from './refusal.ts';
import { handlerFailed, serve } from './serve.ts';

/** A handler of plain `http`; it may be async. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

export interface HttpOptions {
  /** Hears what the handler threw or rejected with. @default console.error */
  readonly onError?: (error: unknown, request: IncomingMessage) => void;
}

/**
 * A plain `http` handler in the mesh: `http.createServer(meshHttp(pipeline, handler))`. A handler
 * that throws or rejects is answered with 500, as frameworks do; without it the process would end.
 */
export function meshHttp(
  owner: PipelineOwner,
  handler: HttpHandler,
  options: HttpOptions = {},
): RequestListener {
  const pipeline = pipelineOf(owner);
  // As Express does: an error that nobody sees would be worse than one line too many.
  const onError = options.onError ?? ((error: unknown) => console.error(error));
  return (request, response) => {
    const failed = (error: unknown): void => {
      onError(error, request);
      sendRefusal(response, handlerFailed);
    };
    serve(pipeline, request, response, () => {
      try {
        const result = handler(request, response);
        if (result instanceof Promise) result.catch(failed);
      } catch (error) {
        failed(error);
      }
    });
  };
}
