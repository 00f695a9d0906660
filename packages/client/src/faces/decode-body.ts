import { pipeline, type Readable, type Transform } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { MeshError } from '@inmesh/core';

/** Codings that one body may be wrapped in: nobody needs two, and thousands are an attack. */
const maxLayers = 5;

/** What we can undo, for `accept-encoding`. */
export const acceptedEncodings = 'gzip, deflate, br';

/** A cut stream of these ends like a whole one; that it was cut shows at the transport. */
const lenient = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };

/**
 * The codings to undo, the outermost first; empty when there is nothing to do, or one that we do
 * not know: the body is then handed on as it is, as `fetch` does. Throws `protocol_error` for too many.
 */
export function readEncodings(header: string | string[] | undefined): readonly string[] {
  if (header === undefined || header === '' || header === 'identity') return none;
  const text = typeof header === 'string' ? header : header.join();
  const names = text
    .toLowerCase()
    .split(',', maxLayers + 2)
    .map((name) => name.trim());
  if (names.length > maxLayers) {
    throw new MeshError(
      'protocol_error',
      `the answer is encoded more than ${maxLayers} times over`,
    );
  }
  const known = names.filter((name) => name !== 'identity' && name !== '');
  if (!known.every((name) => decoders.has(name))) return none;
  return known.reverse();
}

/** Undoes `encodings`. Destroying the result destroys the source. */
export function decode(source: Readable, encodings: readonly string[]): Readable {
  let last: Readable = source;
  for (const name of encodings) {
    const decoder = (decoders.get(name) as () => Transform)();
    // Errors and early ends travel both ways; the reader of the last stream hears of them.
    last = pipeline(last, decoder, () => {});
  }
  return last;
}

const none: readonly string[] = Object.freeze([]);

const decoders: ReadonlyMap<string, () => Transform> = new Map<string, () => Transform>([
  ['gzip', () => createGunzip(lenient)],
  ['x-gzip', () => createGunzip(lenient)],
  ['deflate', () => createInflate(lenient)],
  [
    'br',
    () =>
      createBrotliDecompress({
        flush: constants.BROTLI_OPERATION_FLUSH,
        finishFlush: constants.BROTLI_OPERATION_FLUSH,
      }),
  ],
]);
