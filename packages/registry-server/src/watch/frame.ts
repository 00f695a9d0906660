import type { WatchEvent, WireRevision } from '@inmesh/core';

/** Written to every stream each keep-alive interval: a comment, which readers skip. */
export const keepAliveFrame: Buffer = Buffer.from(':\n\n');

/** A frame of the watch stream. */
export function encodeFrame(event: WatchEvent, id?: WireRevision): Buffer {
  return encodeEvent<WatchEvent>(event, id);
}

/**
 * A server-sent event. JSON has no line breaks of its own, so one `data:` line always holds it,
 * whatever the values contain.
 */
export function encodeEvent<Event extends { readonly kind: string }>(
  { kind, ...data }: Event,
  id?: WireRevision,
): Buffer {
  const prefix = id === undefined ? '' : `id: ${id}\n`;
  return Buffer.from(`${prefix}event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** The `id:` line that goes before a frame which many streams share. */
export function encodeId(id: WireRevision): Buffer {
  return Buffer.from(`id: ${id}\n`);
}
