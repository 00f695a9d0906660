// Above 250 lines of a class is the size of the Response interface, which it implements whole.
import { Blob } from 'node:buffer';
import { Readable } from 'node:stream';
import type { ResponseHead } from '@inmesh/core';
import { readAll, toReadable, toWebStream } from './body-streams.ts';
import { decode } from './decode-body.ts';
import { decodeMarkedText } from './decode-text.ts';
import { collect, ResponseBody } from './response-body.ts';

/** What a `MeshFetchResponse` is made of. */
export interface FetchAnswer {
  readonly head: ResponseHead;
  readonly url: string;
  readonly redirected: boolean;
  /** `null` where HTTP allows none: 204, 304, the answer to HEAD. */
  readonly body: ResponseBody | null;
  /** Codings to undo, the outermost first. */
  readonly encodings: readonly string[];
  /** Bound of what `text`, `json`, … of a compressed body may grow to. */
  readonly maxDecodedBytes: number;
}

/**
 * A `Response` that is made of its parts only when somebody touches them. A real one costs 9 µs to
 * make and 6 more to read; most callers want the status and the text.
 *
 * Its class stands on `Response.prototype`, so `instanceof` holds; every member is its own, since
 * Response's would look for a body that is not there and give ''.
 */
export class MeshFetchResponse implements Response {
  readonly #answer: FetchAnswer;
  #headers: Headers | undefined = undefined;
  /** Once the body is asked for as a stream, everything reads that. */
  #stream: ReadableStream<Uint8Array> | undefined = undefined;
  #used = false;

  constructor(answer: FetchAnswer, stream?: ReadableStream<Uint8Array>) {
    this.#answer = answer;
    this.#stream = stream;
  }

  get type(): Response['type'] {
    return 'basic';
  }
  /** As the Fetch standard writes it: in its normal form, without the fragment. */
  get url(): string {
    const url = new URL(this.#answer.url);
    url.hash = '';
    return url.href;
  }
  get redirected(): boolean {
    return this.#answer.redirected;
  }
  /** May be above 599: HTTP allows it, and `new Response` does not. */
  get status(): number {
    return this.#answer.head.status;
  }
  get ok(): boolean {
    const { status } = this;
    return status >= 200 && status <= 299;
  }
  get statusText(): string {
    return this.#answer.head.statusText;
  }

  get headers(): Headers {
    if (this.#headers === undefined) {
      const headers = new Headers();
      const pairs = this.#answer.head.headers;
      // Appended one by one, or several Set-Cookie would become one.
      for (let i = 0; i < pairs.length; i += 2) {
        headers.append(pairs[i] as string, pairs[i + 1] as string);
      }
      this.#headers = headers;
    }
    return this.#headers;
  }

  get body(): ReadableStream<Uint8Array> | null {
    const { body, encodings } = this.#answer;
    if (body === null) return null;
    if (this.#stream === undefined) {
      this.#stream =
        this.#used || encodings.length === 0
          ? toWebStream(this.#used ? emptyBody() : body)
          : (Readable.toWeb(decode(toReadable(body), encodings)) as ReadableStream<Uint8Array>);
    }
    return this.#stream;
  }

  get bodyUsed(): boolean {
    return this.#used || (this.#stream !== undefined && isDisturbed(this.#stream));
  }

  text(): Promise<string> {
    return this.#read(decodeMarkedText);
  }
  json(): Promise<unknown> {
    return this.#read(toJson);
  }
  arrayBuffer(): Promise<ArrayBuffer> {
    return this.#read(toArrayBuffer);
  }
  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#read(toBytes);
  }
  async blob(): Promise<globalThis.Blob> {
    const bytes = await this.#read(toBytes);
    return new Blob([bytes], {
      type: this.headers.get('content-type') ?? '',
    }) as unknown as globalThis.Blob;
  }
  async formData(): Promise<FormData> {
    const type = this.headers.get('content-type') ?? '';
    const bytes = await this.#read(toBytes);
    return new Response(bytes, { headers: { 'content-type': type } }).formData();
  }

  clone(): MeshFetchResponse {
    if (this.bodyUsed || this.#stream?.locked) {
      throw new TypeError('Response.clone: the body was read already');
    }
    if (this.#answer.body === null) return new MeshFetchResponse(this.#answer);
    const [mine, theirs] = (this.body as ReadableStream<Uint8Array>).tee();
    this.#stream = mine;
    return new MeshFetchResponse(this.#answer, theirs);
  }

  #read<T>(convert: (chunks: readonly Buffer[]) => T): Promise<T> {
    const { body, encodings } = this.#answer;
    if (this.bodyUsed || this.#stream?.locked === true) {
      return Promise.reject(new TypeError('Body is unusable: it was read already'));
    }
    this.#used = true;
    if (this.#stream !== undefined) {
      return readAll(this.#stream, this.#limit).then(convert);
    }
    if (body === null) return settle(convert, []);
    if (encodings.length > 0) {
      return readAll(decode(toReadable(body), encodings), this.#limit).then(convert);
    }
    const whole = body.takeWhole();
    return whole === undefined ? collect(body).then(convert) : settle(convert, whole);
  }

  /** A plain body is as long as its sender made it; a compressed one may blow up. */
  get #limit(): number {
    return this.#answer.encodings.length > 0 ? this.#answer.maxDecodedBytes : Infinity;
  }
}

Object.setPrototypeOf(MeshFetchResponse.prototype, Response.prototype);

function emptyBody(): ResponseBody {
  const body = new ResponseBody(undefined);
  body.end();
  return body;
}

/** Node tells whether a stream was read from, in a way that no other public member does. */
function isDisturbed(stream: ReadableStream<Uint8Array>): boolean {
  return Readable.isDisturbed(stream as unknown as Readable);
}

function settle<T>(
  convert: (chunks: readonly Buffer[]) => T,
  chunks: readonly Buffer[],
): Promise<T> {
  try {
    return Promise.resolve(convert(chunks));
  } catch (error) {
    return Promise.reject(error);
  }
}

function toJson(chunks: readonly Buffer[]): unknown {
  return JSON.parse(decodeMarkedText(chunks));
}

/** Always a copy: the memory belongs to the socket's read, and may hold a neighbour's answer. */
function toBytes(chunks: readonly Buffer[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function toArrayBuffer(chunks: readonly Buffer[]): ArrayBuffer {
  return toBytes(chunks).buffer;
}
