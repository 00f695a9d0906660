/** One event of a Server-Sent Events stream. */
export interface SseEvent {
  /** `message` where the stream named none. */
  readonly event: string;
  readonly data: string;
  /** The last `id:` seen on the stream up to this event; '' when there was none. */
  readonly id: string;
}

export interface SseParserOptions {
  /** In characters, over all `data:` lines of one event. */
  readonly maxEventLength: number;
  readonly onEvent: (event: SseEvent) => void;
}

/**
 * Reads Server-Sent Events from bytes as they come, however they are cut: UTF-8 sequences, `\r\n`
 * and lines may span chunks (WHATWG HTML, 9.2.6). Work is linear in what arrives, also for one line
 * of many megabytes in small pieces.
 */
export class SseParser {
  readonly #options: SseParserOptions;
  readonly #decoder = new TextDecoder();
  #partial = '';
  #skipLineFeed = false;
  #event = '';
  #data: string[] = [];
  #dataLength = 0;
  #id = '';

  constructor(options: SseParserOptions) {
    this.#options = options;
  }

  /** Throws `RangeError` when an event exceeds the limit; the parser is of no use after that. */
  push(chunk: Uint8Array): void {
    const text = this.#decoder.decode(chunk, { stream: true });
    let start = 0;
    if (this.#skipLineFeed && text.length > 0) {
      if (text.startsWith('\n')) start = 1;
      this.#skipLineFeed = false;
    }
    let lineFeed = text.indexOf('\n', start);
    let carriageReturn = text.indexOf('\r', start);
    for (;;) {
      // Each is looked for again only once it was passed: JSON frames hold no raw line ends.
      if (lineFeed >= 0 && lineFeed < start) lineFeed = text.indexOf('\n', start);
      if (carriageReturn >= 0 && carriageReturn < start) carriageReturn = text.indexOf('\r', start);
      const end = firstOf(lineFeed, carriageReturn);
      if (end < 0) break;
      this.#line(this.#take(text.slice(start, end)));
      start = end + 1;
      if (end === carriageReturn) {
        if (start === text.length) this.#skipLineFeed = true;
        else if (text[start] === '\n') start += 1;
      }
    }
    this.#partial += text.slice(start);
    this.#check(this.#partial.length);
  }

  #take(rest: string): string {
    const line = this.#partial + rest;
    this.#partial = '';
    this.#check(line.length);
    return line;
  }

  #line(line: string): void {
    if (line === '') {
      this.#dispatch();
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment: that bytes came is what keeps the stream alive
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value.startsWith(' ')) value = value.slice(1);
    if (field === 'data') {
      this.#dataLength += value.length + 1;
      this.#data.push(value);
    } else if (field === 'event') {
      this.#event = value;
    } else if (field === 'id' && !value.includes('\0')) {
      this.#id = value;
    }
  }

  #dispatch(): void {
    const event = this.#event === '' ? 'message' : this.#event;
    const data = this.#data;
    this.#event = '';
    this.#data = [];
    this.#dataLength = 0;
    if (data.length === 0) return;
    this.#options.onEvent({ event, data: data.join('\n'), id: this.#id });
  }

  #check(lineLength: number): void {
    const length = this.#dataLength + lineLength;
    if (length > this.#options.maxEventLength) {
      throw new RangeError(
        `an event must be at most ${this.#options.maxEventLength} characters, got ${length} and more`,
      );
    }
  }
}

function firstOf(a: number, b: number): number {
  if (a < 0) return b;
  return b < 0 ? a : Math.min(a, b);
}
