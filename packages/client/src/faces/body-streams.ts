import { AsyncResource } from 'node:async_hooks';
import { Readable } from 'node:stream';
import type { ResponseBody } from './response-body.ts';

/** What a web stream takes in before it asks the upstream to wait: one read of a socket. */
const highWaterMark = 64 * 1024;

/** A body as a WHATWG byte stream. */
export function toWebStream(body: ResponseBody): ReadableStream<Uint8Array> {
  let controller: ReadableByteStreamController;
  return new ReadableStream(
    {
      type: 'bytes',
      start(given) {
        controller = given;
        body.attach({
          chunk(chunk) {
            // A copy: a byte stream takes the memory that it is given away, and this is the socket's.
            controller.enqueue(new Uint8Array(chunk));
            return (controller.desiredSize ?? 0) > 0;
          },
          end() {
            controller.close();
            controller.byobRequest?.respond(0);
          },
          error: (error) => controller.error(error),
        });
      },
      pull: () => body.resume(),
      cancel: (reason) => body.abort(reason),
    },
    { highWaterMark },
  ) as ReadableStream<Uint8Array>;
}

/**
 * A body as a stream of Node's. Its events run in the async context of whoever asked for it, not in
 * that of the socket, which is another's.
 */
export function toReadable(body: ResponseBody): Readable {
  const context = new AsyncResource('InmeshBody');
  let attached = false;
  const readable = new Readable({
    highWaterMark,
    read() {
      if (attached) return body.resume();
      attached = true;
      body.attach({
        chunk: (chunk) => context.runInAsyncScope(() => readable.push(chunk)),
        end: () => context.runInAsyncScope(() => void readable.push(null)),
        error: (error) => context.runInAsyncScope(() => void readable.destroy(error as Error)),
      });
    },
    destroy(error, done) {
      body.abort(error ?? undefined);
      done(error);
    },
  });
  return readable;
}
