import { isAscii } from 'node:buffer';

/**
 * V8 makes a string of 256 KiB faster from pieces (190 µs) than at once (320): small ones come from
 * memory that is there already.
 */
const pieceBytes = 16 * 1024;

/**
 * The UTF-8 text of bytes that came in chunks. ASCII, which nearly every long text is, reads the
 * same in latin-1 and can be cut anywhere: it needs no copy of all bytes together.
 */
export function decodeText(chunks: readonly Buffer[]): string {
  const only = chunks.length === 1 ? (chunks[0] as Buffer) : undefined;
  if (only !== undefined && only.length <= pieceBytes) return only.toString('utf8');
  if (!chunks.every(isAscii)) return (only ?? Buffer.concat(chunks)).toString('utf8');
  const pieces: string[] = [];
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += pieceBytes) {
      pieces.push(chunk.toString('latin1', at, at + pieceBytes));
    }
  }
  return pieces.join('');
}

/** The same without a byte order mark, which is no text, says the Encoding standard. */
export function decodeMarkedText(chunks: readonly Buffer[]): string {
  const text = decodeText(chunks);
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}
