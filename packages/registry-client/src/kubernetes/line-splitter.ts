import { StringDecoder } from 'node:string_decoder';

/** One event: a slice of a thousand endpoints is half a megabyte. */
const maxLineLength = 8 * 1024 * 1024;

/** Cuts a stream into lines, wherever its chunks end: in a line, in a character. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  /** The lines that are whole now. Throws for one that does not end. */
  push(chunk: Uint8Array): string[] {
    const lines = (this.#rest + this.#decoder.write(Buffer.from(chunk))).split('\n');
    this.#rest = lines.pop() as string;
    if (this.#rest.length > maxLineLength) {
      throw new Error(`a line exceeds ${maxLineLength} characters`);
    }
    return lines.filter((line) => line.trim() !== '');
  }
}
