import type { CallOptions } from '@inmesh/core';
import { MeshError } from '@inmesh/core';
import type { HeadersInput } from '../header-pairs.ts';
import { shownUrl } from '../mesh-hosts.ts';
import { type BodyInput, type EncodedBody, encodeBody } from './encode-body.ts';

/** What `fetch` takes beside a URL, with `mesh` for what only the mesh understands. */
export interface MeshFetchInit extends Omit<RequestInit, 'body' | 'headers'> {
  readonly body?: BodyInput;
  readonly headers?: HeadersInput | Headers;
  readonly mesh?: CallOptions;
}

/** The input of one `fetch`, whichever way it was given. */
export interface FetchInput {
  readonly url: string;
  readonly method: string;
  readonly headers: HeadersInput | undefined;
  readonly body: EncodedBody | Promise<EncodedBody>;
  readonly signal: AbortSignal | undefined;
  readonly redirect: 'follow' | 'manual' | 'error';
  readonly options: CallOptions | undefined;
}

/** Throws `invalid_argument` or `body_consumed`. */
export function readFetchInput(
  input: string | URL | Request,
  init: MeshFetchInit | undefined,
): FetchInput {
  if (init?.integrity !== undefined && init.integrity !== '') {
    throw new MeshError(
      'invalid_argument',
      'init.integrity is not supported: check the body yourself',
    );
  }
  const request = typeof input === 'string' || input instanceof URL ? undefined : input;
  const url = request === undefined ? `${input}` : request.url;
  const method = init?.method ?? request?.method ?? 'GET';
  const body = init?.body ?? bodyOf(request, init);
  if (body !== undefined && body !== null && (method === 'GET' || method === 'HEAD')) {
    throw new MeshError('invalid_argument', `${method} ${shownUrl(url)} must not have a body`);
  }
  return {
    url,
    method,
    headers: (init?.headers ?? request?.headers) as HeadersInput | undefined,
    body: withTextType(body),
    signal: init?.signal === null ? undefined : (init?.signal ?? request?.signal),
    redirect: init?.redirect ?? request?.redirect ?? 'follow',
    options: init?.mesh,
  };
}

function bodyOf(request: Request | undefined, init: MeshFetchInit | undefined): BodyInput {
  if (request === undefined || init?.body === null) return null;
  if (!request.bodyUsed) return request.body as ReadableStream<Uint8Array> | null;
  throw new MeshError(
    'body_consumed',
    `${request.method} ${shownUrl(request.url)}: its body was read already`,
  );
}

/** `fetch` calls a string text; the other faces leave that to the caller. */
function withTextType(body: BodyInput): EncodedBody | Promise<EncodedBody> {
  return typeof body === 'string' ? encodeBody(body, 'text/plain;charset=UTF-8') : encodeBody(body);
}
