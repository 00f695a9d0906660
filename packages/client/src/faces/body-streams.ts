import { AsyncResource } from 'node:async_hooks';
import { Readable } from 'node:stream';
import { tooLarge } from './request.ts';
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
            controller.enqueue(detachable(chunk));
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
 * @param context The asker's, where he does not ask himself but is called back.
 */
export function toReadable(
  body: ResponseBody,
  context: AsyncResource = new AsyncResource('InmeshBody'),
): Readable {
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

/**
 * A byte stream takes the memory that it is given away from everybody else. A chunk that is a whole
 * read of the socket is nobody else's; of a part, with the head or a neighbour beside it, a copy.
 */
function detachable(chunk: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer } = chunk;
  return chunk.byteLength === buffer.byteLength && buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer)
    : new Uint8Array(chunk);
}

/** Everything that `stream` gives. Throws `response_too_large`, and ends the stream, above `limit` bytes. */
export async function readAll(
  stream: AsyncIterable<Uint8Array>,
  limit: number,
): Promise<readonly Buffer[]> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    if (size > limit) throw tooLarge(limit);
    chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  }
  return chunks;
}
