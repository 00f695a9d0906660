import { Blob } from 'node:buffer';
import { Readable } from 'node:stream';
import type { CallBody } from '@inmesh/core';
import { headerValue, MeshError } from '@inmesh/core';

/** What a caller may give as a body: `CallBody`, and what `fetch` takes. */
export type BodyInput =
  | CallBody
  | undefined
  | ArrayBuffer
  | ArrayBufferView
  | URLSearchParams
  | FormData
  | globalThis.Blob
  | ReadableStream<Uint8Array>;

/** Forms up to this size become bytes: they can be sent again and say their length. */
const maxBufferedForm = 1024 * 1024;

/** A body ready to be sent. */
export class EncodedBody {
  readonly body: CallBody;
  readonly #type: string | undefined;
  readonly #length: number | undefined;

  constructor(body: CallBody, type?: string, length?: number) {
    this.body = body;
    this.#type = type;
    this.#length = length;
  }

  /** Adds `content-type` and `content-length` where the caller did not say them. */
  describe(headers: string[]): void {
    if (this.#type !== undefined && headerValue(headers, 'content-type') === undefined) {
      headers.push('content-type', this.#type);
    }
    if (this.#length !== undefined && headerValue(headers, 'content-length') === undefined) {
      headers.push('content-length', `${this.#length}`);
    }
  }
}

const noBody = new EncodedBody(null);

/**
 * Only forms need a promise. Throws `invalid_argument`.
 * @param textType The `content-type` of a string. @default none
 */
export function encodeBody(body: BodyInput, textType?: string): EncodedBody | Promise<EncodedBody> {
  if (body === undefined || body === null) return noBody;
  if (typeof body === 'string') return new EncodedBody(body, textType);
  if (body instanceof Uint8Array) return new EncodedBody(body);
  if (body instanceof Readable) return new EncodedBody(body);
  if (body instanceof URLSearchParams) {
    return new EncodedBody(body.toString(), 'application/x-www-form-urlencoded;charset=UTF-8');
  }
  if (body instanceof FormData) return encodeForm(body);
  if (body instanceof Blob) {
    const blob = body as globalThis.Blob;
    return new EncodedBody(
      blob.stream() as unknown as CallBody,
      blob.type === '' ? undefined : blob.type,
      blob.size,
    );
  }
  if (body instanceof ArrayBuffer) return new EncodedBody(new Uint8Array(body));
  if (ArrayBuffer.isView(body)) {
    return new EncodedBody(new Uint8Array(body.buffer, body.byteOffset, body.byteLength));
  }
  if (Symbol.asyncIterator in body) return new EncodedBody(body as CallBody);
  throw new MeshError(
    'invalid_argument',
    `body must be text, bytes, a stream, FormData, URLSearchParams or a Blob, got ${Object.prototype.toString.call(body)}: write JSON.stringify(body) for JSON`,
  );
}

async function encodeForm(form: FormData): Promise<EncodedBody> {
  const encoded = new Response(form);
  const type = encoded.headers.get('content-type') ?? undefined;
  let size = 0;
  for (const [, value] of form) size += typeof value === 'string' ? value.length : value.size;
  if (size > maxBufferedForm) return new EncodedBody(encoded.body as unknown as CallBody, type);
  return new EncodedBody(new Uint8Array(await encoded.arrayBuffer()), type);
}
