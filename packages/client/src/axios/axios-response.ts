import { AsyncResource } from 'node:async_hooks';
import { Readable } from 'node:stream';
import type { CallControl, MeshError, ResponseHead, Sink } from '@inmesh/core';
import type { AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import { readAll, toReadable } from '../faces/body-streams.ts';
import { decode, readEncodings } from '../faces/decode-body.ts';
import { decodeMarkedText } from '../faces/decode-text.ts';
import { type MeshResponse, parsedHeaders } from '../faces/request.ts';
import { ResponseBody } from '../faces/response-body.ts';
import type { ParsedHeaders } from '../transport/upstream-head.ts';
import { receivedHeaders } from './received-headers.ts';

/** A whole answer as axios knows it; a promise only where a compressed body has to be decoded. */
export function bufferedResponse(
  answer: MeshResponse,
  config: InternalAxiosRequestConfig,
  maxBytes: number,
): AxiosResponse | Promise<AxiosResponse> {
  const head = { status: answer.status, statusText: answer.statusText, headers: answer.headers };
  const encoding = answer.headers['content-encoding'];
  if (encoding === undefined || config.decompress === false || answer.body.length === 0) {
    return toResponse(head, readAs(answer.body, config), config);
  }
  return decodeWhole(answer, maxBytes).then((body) =>
    toResponse(head, readAs(body, config), config),
  );
}

async function decodeWhole({ body, headers }: MeshResponse, maxBytes: number): Promise<Buffer> {
  const encodings = readEncodings(headers['content-encoding']);
  if (encodings.length === 0) return body;
  return Buffer.concat(await readAll(decode(Readable.from([body]), encodings), maxBytes));
}

function readAs(
  body: Buffer,
  { responseType, responseEncoding }: InternalAxiosRequestConfig,
): unknown {
  if (responseType === 'arraybuffer') return body;
  if (responseType === 'blob') return new Blob([new Uint8Array(body)]);
  if (responseEncoding === undefined || responseEncoding === 'utf8')
    return decodeMarkedText([body]);
  return body.toString(responseEncoding as BufferEncoding);
}

interface PlainHead {
  readonly status: number;
  readonly statusText: string;
  readonly headers: ParsedHeaders;
}

function toResponse(
  { status, statusText, headers }: PlainHead,
  data: unknown,
  config: InternalAxiosRequestConfig,
): AxiosResponse {
  return { data, status, statusText, headers: receivedHeaders(headers), config };
}

/** An answer whose body axios' caller reads as a stream (`responseType: 'stream'`). */
export class StreamedAnswer implements Sink {
  readonly #config: InternalAxiosRequestConfig;
  readonly #resolve: (response: AxiosResponse) => void;
  readonly #reject: (error: unknown) => void;
  readonly #context = new AsyncResource('InmeshAxiosStream');
  #control: CallControl | undefined = undefined;
  #body: ResponseBody | undefined = undefined;

  constructor(
    config: InternalAxiosRequestConfig,
    resolve: (response: AxiosResponse) => void,
    reject: (error: unknown) => void,
  ) {
    this.#config = config;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(control: CallControl): void {
    this.#control = control;
  }

  head(head: ResponseHead): void {
    try {
      const encodings =
        this.#config.decompress === false
          ? []
          : readEncodings(parsedHeaders(head)['content-encoding']);
      const body = new ResponseBody(this.#control);
      const data = decode(toReadable(body, this.#context), encodings);
      this.#body = body;
      const { status, statusText } = head;
      this.#resolve(
        toResponse({ status, statusText, headers: parsedHeaders(head) }, data, this.#config),
      );
    } catch (error) {
      this.#reject(error);
      this.#control?.abort(error);
    }
  }

  data(chunk: Buffer): boolean {
    return this.#body?.push(chunk) ?? true;
  }

  end(): void {
    this.#body?.end();
  }

  fail(error: MeshError): void {
    if (this.#body === undefined) this.#reject(error);
    else this.#body.fail(error);
  }
}
