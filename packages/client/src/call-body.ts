import { Readable } from 'node:stream';
import type { Call, CallBody } from '@inmesh/core';
import { headerValue, MeshError } from '@inmesh/core';

/** Whether the body can be sent again: text and bytes can, a stream flows once. */
export function isReplayable(body: CallBody): boolean {
  return body === null || typeof body === 'string' || body instanceof Uint8Array;
}

/** As far as it is known beforehand: a stream without a length counts as 0. */
export function bodyBytes({ body, headers }: Call): number {
  if (body === null) return 0;
  if (typeof body === 'string') return Buffer.byteLength(body);
  if (body instanceof Uint8Array) return body.byteLength;
  return Number(headerValue(headers, 'content-length') ?? 0);
}

/** Throws `body_consumed` when the stream was read, locked or destroyed before. */
export function checkUnread(body: CallBody, what: string): void {
  if (isReplayable(body)) return;
  const consumed =
    body instanceof Readable
      ? body.readableDidRead || body.destroyed
      : (body as unknown as { locked?: boolean }).locked === true;
  if (!consumed) return;
  throw new MeshError(
    'body_consumed',
    `${what}: the body was read or closed already; give each call a fresh stream, or bytes`,
  );
}

/** A stream that fails while nobody reads it yet would end the process. */
export function onBodyError(body: CallBody, listener: (error: Error) => void): void {
  if (body instanceof Readable) body.once('error', listener);
}

/** Releases a stream that will not be sent, so that whatever feeds it stops. */
export function destroyBody(body: CallBody): void {
  if (body === null || isReplayable(body)) return;
  if (body instanceof Readable) {
    // It may fail on being destroyed; the call has its own error already.
    body.on('error', () => {}).destroy();
    return;
  }
  const stream = body as unknown as { locked?: boolean; cancel?: () => Promise<void> };
  if (stream.locked === false) stream.cancel?.().catch(() => {});
}
