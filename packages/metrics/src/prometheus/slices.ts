import { setImmediate } from 'node:timers/promises';

/** What one slice may hold the event loop for, milliseconds: pauses stay well under 10 ms, with encoding and a slow machine. */
const maxSliceMs = 2;
/** Characters of one slice: bounds what is encoded at once, and what waits for a slow reader. */
const maxSliceLength = 64 * 1024;

/** Gathers pieces into UTF-8 chunks and lets the event loop turn between them. Makes nothing that nobody asks for. */
export async function* inSlices(pieces: Iterable<string>): AsyncGenerator<Buffer, void, undefined> {
  let slice = '';
  let began = performance.now();
  for (const piece of pieces) {
    slice += piece;
    if (slice.length < maxSliceLength && performance.now() - began < maxSliceMs) continue;
    if (slice !== '') yield Buffer.from(slice);
    slice = '';
    await setImmediate();
    began = performance.now();
  }
  if (slice !== '') yield Buffer.from(slice);
}
