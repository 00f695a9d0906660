import type {
  CallControl,
  CallOptions,
  Clock,
  HeaderPairs,
  ResponseHead,
  Send,
  Sink,
} from '@inmesh/core';
import { MeshError } from '@inmesh/core';
import { addHeaders, type HeadersInput } from '../header-pairs.ts';
import type { MeshHosts } from '../mesh-hosts.ts';
import { PreparedCall } from '../prepared-call.ts';
import { type ParsedHeaders, parsePairs, UpstreamHead } from '../transport/upstream-head.ts';
import { decodeText } from './decode-text.ts';
import { type BodyInput, type EncodedBody, encodeBody } from './encode-body.ts';

/** One call of `client.request`. */
export interface RequestOptions extends CallOptions {
  /** @default 'GET' */
  readonly method?: string;
  readonly headers?: HeadersInput;
  /** A stream flows once, so such a call is retried only while nothing of it was sent. @default none */
  readonly body?: BodyInput;
  readonly signal?: AbortSignal;
}

/** What `client.request` resolves to: the whole answer, whatever its status. */
export class MeshResponse {
  readonly status: number;
  readonly statusText: string;
  /** All of it, as it came: compressed bodies are not decoded. */
  readonly body: Buffer;
  readonly #head: ResponseHead;

  constructor(head: ResponseHead, body: Buffer) {
    this.status = head.status;
    this.statusText = head.statusText;
    this.body = body;
    this.#head = head;
  }

  /** By lower-case name; repeated headers (`set-cookie`) are arrays. */
  get headers(): ParsedHeaders {
    return parsedHeaders(this.#head);
  }

  /** Names and values in turn, as they came. */
  get headerPairs(): HeaderPairs {
    return this.#head.headers;
  }

  text(): string {
    return decodeText([this.body]);
  }

  /** Throws `SyntaxError` when the body is no JSON. */
  json(): unknown {
    return JSON.parse(decodeText([this.body]));
  }
}

export function parsedHeaders(head: ResponseHead): ParsedHeaders {
  return head instanceof UpstreamHead ? head.parsed : parsePairs(head.headers);
}

/** Gathers a whole answer. Hands nothing on before the end, so a cut body may be asked for again. */
export class BufferedAnswer implements Sink {
  readonly #resolve: (response: MeshResponse) => void;
  readonly #reject: (error: MeshError) => void;
  readonly #maxBytes: number;
  #control: CallControl | undefined = undefined;
  #head: ResponseHead | undefined = undefined;
  #first: Buffer | undefined = undefined;
  #chunks: Buffer[] | undefined = undefined;
  #bytes = 0;

  constructor(
    resolve: (response: MeshResponse) => void,
    reject: (error: MeshError) => void,
    maxBytes: number,
  ) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#maxBytes = maxBytes;
  }

  start(control: CallControl): void {
    this.#control = control;
  }

  head(head: ResponseHead): void {
    this.#head = head;
  }

  data(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) {
      this.#control?.abort(tooLarge(this.#maxBytes));
      return false;
    }
    // Most bodies are one chunk: it is kept as it is, without a copy.
    if (this.#first === undefined) {
      this.#first = chunk;
    } else {
      this.#chunks ??= [this.#first];
      this.#chunks.push(chunk);
    }
    return true;
  }

  end(): void {
    const body =
      this.#chunks === undefined
        ? (this.#first ?? empty)
        : Buffer.concat(this.#chunks, this.#bytes);
    this.#resolve(new MeshResponse(this.#head as ResponseHead, body));
  }

  fail(error: MeshError): void {
    this.#reject(error);
  }

  rewind(): void {
    this.#head = undefined;
    this.#first = undefined;
    this.#chunks = undefined;
    this.#bytes = 0;
  }
}

const empty = Buffer.alloc(0);

export function tooLarge(maxBytes: number): MeshError {
  return new MeshError(
    'response_too_large',
    `the body exceeds maxBodyBytes (${maxBytes}); read it as a stream, or raise the limit`,
  );
}

export type RequestFace = (url: string, options?: RequestOptions) => Promise<MeshResponse>;

export function createRequest(
  send: Send,
  hosts: MeshHosts,
  clock: Clock,
  maxBodyBytes: number,
): RequestFace {
  const start = (
    url: string,
    options: RequestOptions | undefined,
    encoded: EncodedBody,
    sink: Sink,
  ): void => {
    const { origin, path } = hosts.parse(url);
    const headers: string[] = [];
    addHeaders(headers, options?.headers, origin.authority);
    encoded.describe(headers);
    const call = new PreparedCall(
      {
        origin,
        path,
        method: options?.method ?? 'GET',
        headers,
        body: encoded.body,
        options,
        signal: options?.signal,
        upgrade: undefined,
      },
      clock,
    );
    send(call, sink);
  };
  return (url, options) =>
    // What throws in here rejects.
    new Promise((resolve, reject) => {
      const sink = new BufferedAnswer(resolve, reject, maxBodyBytes);
      const encoded = encodeBody(options?.body);
      if (encoded instanceof Promise) {
        encoded.then((ready) => start(url, options, ready, sink)).catch(reject);
      } else {
        start(url, options, encoded, sink);
      }
    });
}
