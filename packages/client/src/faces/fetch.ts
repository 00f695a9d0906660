import type { CallControl, Clock, ResponseHead, Send, Sink } from '@inmesh/core';
import { headerValue, MeshError, runInContext } from '@inmesh/core';
import { addHeaders } from '../header-pairs.ts';
import { type MeshHosts, shownUrl } from '../mesh-hosts.ts';
import { PreparedCall } from '../prepared-call.ts';
import { acceptedEncodings, readEncodings } from './decode-body.ts';
import type { EncodedBody } from './encode-body.ts';
import { type FetchInput, type MeshFetchInit, readFetchInput } from './fetch-input.ts';
import { MeshFetchResponse } from './fetch-response.ts';
import { followRedirect, type Hop, isRedirect, maxRedirects } from './redirect.ts';
import { parsedHeaders } from './request.ts';
import { ResponseBody } from './response-body.ts';

/** `fetch` as everybody knows it, with `init.mesh`. Fails with `MeshError`, or the signal's reason when it aborted. */
export type MeshFetch = (input: string | URL | Request, init?: MeshFetchInit) => Promise<Response>;

export interface FetchOptions {
  readonly send: Send;
  readonly hosts: MeshHosts;
  readonly clock: Clock;
  /** Of a fetch that says nothing: over all hops of a redirect together. */
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
}

export function createFetch(options: FetchOptions): MeshFetch {
  return (input, init) =>
    new Promise((resolve, reject) => {
      const read = readFetchInput(input, init);
      const start = (encoded: EncodedBody): void => {
        new FetchHop({ options, input: read, resolve, reject }).begin(encoded);
      };
      const { body } = read;
      if (body instanceof Promise) body.then(start).catch(reject);
      else start(body);
    });
}

/** What all hops of one fetch share. */
interface Exchange {
  readonly options: FetchOptions;
  readonly input: FetchInput;
  readonly resolve: (response: Response) => void;
  readonly reject: (error: unknown) => void;
}

/** How much of a redirect's own body is read to save its connection. */
const maxSkippedBytes = 64 * 1024;

/** One request of a fetch and where its answer goes: to the caller, or into the next hop. */
class FetchHop implements Sink {
  readonly #exchange: Exchange;
  readonly #number: number;
  /** The call of hop 0: its deadline and its context are the whole fetch's. */
  #first: PreparedCall | undefined;
  #hop: Hop | undefined = undefined;
  #control: CallControl | undefined = undefined;
  #body: ResponseBody | undefined = undefined;
  #movedOn = false;
  #skipped = 0;

  constructor(exchange: Exchange, number: number = 0, first?: PreparedCall) {
    this.#exchange = exchange;
    this.#number = number;
    this.#first = first;
  }

  begin(encoded: EncodedBody): void {
    const { options, input } = this.#exchange;
    const headers: string[] = [];
    addHeaders(headers, input.headers, options.hosts.parse(input.url).origin.authority);
    encoded.describe(headers);
    if (headerValue(headers, 'accept') === undefined) headers.push('accept', '*/*');
    if (headerValue(headers, 'accept-encoding') === undefined) {
      headers.push('accept-encoding', acceptedEncodings);
    }
    this.send({ url: input.url, method: input.method, headers, body: encoded.body });
  }

  send(hop: Hop): void {
    const { options, input } = this.#exchange;
    const { origin, path } = options.hosts.parse(hop.url);
    const call = new PreparedCall(
      {
        origin,
        path,
        method: hop.method,
        headers: hop.headers,
        body: hop.body,
        options: input.options,
        signal: input.signal,
        upgrade: undefined,
      },
      options.clock,
    );
    if (this.#first !== undefined) call.deadline = this.#deadlineOf(this.#first);
    this.#first ??= call;
    this.#hop = hop;
    options.send(call, this);
  }

  start(control: CallControl): void {
    this.#control = control;
  }

  head(head: ResponseHead): void {
    const { input, options, resolve, reject } = this.#exchange;
    const hop = this.#hop as Hop;
    try {
      if (isRedirect(head.status) && input.redirect !== 'manual' && this.#redirect(hop, head)) {
        return;
      }
      const { status } = head;
      const bodyless = hop.method === 'HEAD' || status === 204 || status === 205 || status === 304;
      const encodings = bodyless ? [] : readEncodings(parsedHeaders(head)['content-encoding']);
      const body = new ResponseBody(this.#control);
      this.#body = body;
      const response = new MeshFetchResponse({
        head,
        url: hop.url,
        redirected: this.#number > 0,
        body: bodyless ? null : body,
        encodings,
        maxDecodedBytes: options.maxBodyBytes,
      });
      resolve(response as unknown as Response);
    } catch (error) {
      this.#movedOn = true;
      reject(error);
      this.#control?.abort(error);
    }
  }

  data(chunk: Buffer): boolean {
    if (this.#body !== undefined) return this.#body.push(chunk);
    this.#skipped += chunk.length;
    if (this.#skipped > maxSkippedBytes) this.#control?.abort();
    return true;
  }

  end(): void {
    this.#body?.end();
  }

  fail(error: MeshError): void {
    if (this.#movedOn) return;
    const { signal } = this.#exchange.input;
    const reason = signal?.aborted === true && error.code === 'aborted' ? signal.reason : error;
    if (this.#body === undefined) this.#exchange.reject(reason);
    else this.#body.fail(reason);
  }

  /** Whether there is one to follow; a redirect that names no place is an answer like any other. */
  #redirect(hop: Hop, head: ResponseHead): boolean {
    const next = followRedirect(hop, head, this.#exchange.input.redirect);
    if (next === undefined) return false;
    if (this.#number >= maxRedirects) {
      throw new MeshError(
        'protocol_error',
        `${shownUrl(hop.url)}: more than ${maxRedirects} redirects`,
      );
    }
    this.#movedOn = true;
    const first = this.#first as PreparedCall;
    // We are inside undici's callback: the caller's context is not here and has to be said.
    runInContext(first.context, () => {
      new FetchHop(this.#exchange, this.#number + 1, first).send(next);
    });
    return true;
  }

  /** No hop starts the clock anew. */
  #deadlineOf({ deadline, startedAt, options }: PreparedCall): number {
    const usual = this.#exchange.options.timeoutMs;
    if (options.timeoutMs !== undefined || usual === 0) return deadline;
    return Math.min(deadline, startedAt + usual);
  }
}
