import { setMaxListeners } from 'node:events';
import type { Readable } from 'node:stream';
import { MeshError } from '@inmesh/core';
import { Client } from 'undici';
import type { RegistryServer, ResolvedOptions } from './options.ts';
import { readAnswer, readText } from './read-answer.ts';
import { answerError, unavailableError } from './registry-error.ts';
import { createConnector, mutualTls } from './server-tls.ts';

type HttpMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface RegistryRequest {
  readonly method: HttpMethod;
  /** From `/v1` on. Holds the session's secret: never shown. */
  readonly path: string;
  /** What it does, for errors: 'renew the session'. */
  readonly what: string;
  readonly body?: unknown;
  /** @default requestTimeoutMs */
  readonly timeoutMs?: number;
}

/** Where the bytes of an open stream go. Exactly one `end` comes, the last of all. */
export interface StreamReader {
  /** Throwing ends the stream. */
  chunk(bytes: Uint8Array): void;
  end(error: MeshError): void;
}

/**
 * Two sockets to one server: one for the stream, one for requests, in order. Deadlines are our own,
 * on the injected clock, and a request that misses one takes its socket with it: what did not
 * answer in time may be half-open, and nothing behind it would ever be answered.
 */
export class HttpConnection {
  readonly #server: RegistryServer;
  readonly #options: ResolvedOptions;
  readonly #closed = new AbortController();
  #requests: Client | undefined;
  #stream: Client | undefined;

  constructor(server: RegistryServer, options: ResolvedOptions) {
    this.#server = server;
    this.#options = options;
    // One listener per request under way: a slow registry is no leak, and not worth Node's warning.
    setMaxListeners(0, this.#closed.signal);
  }

  /** Sends one request and gives the answer's JSON, or `undefined` for an empty one. Throws `MeshError`. */
  async send(request: RegistryRequest): Promise<unknown> {
    this.#requests ??= this.#connect();
    const client = this.#requests;
    return this.#within(client, request, async () => {
      const body = request.body === undefined ? null : JSON.stringify(request.body);
      const answer = await client.request({
        method: request.method,
        path: this.#server.prefix + request.path,
        headers: this.#headers({
          accept: 'application/json, application/problem+json',
          ...(body === null ? {} : { 'content-type': 'application/json' }),
        }),
        body,
      });
      return await readAnswer(this.#server.origin, request.what, answer);
    });
  }

  /** Opens the stream; resolves at its head, after which `reader` gets it all. Throws `MeshError`. */
  async open(
    request: RegistryRequest,
    lastEventId: string | undefined,
    reader: StreamReader,
  ): Promise<void> {
    this.#stream ??= this.#connect();
    const client = this.#stream;
    const body = await this.#within(client, request, async () => {
      const answer = await client.request({
        method: request.method,
        path: this.#server.prefix + request.path,
        headers: this.#headers({
          accept: 'text/event-stream',
          ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
        }),
      });
      if (answer.statusCode !== 200) {
        const text = await readText(answer.body);
        throw answerError(this.#server.origin, request.what, answer.statusCode, text);
      }
      if (!String(answer.headers['content-type']).startsWith('text/event-stream')) {
        answer.body.on('error', () => {}).destroy();
        throw new Error('the answer is no event stream');
      }
      return answer.body;
    });
    this.#pipe(body, request.what, reader);
  }

  /** Idempotent; everything under way fails. Resolves when the sockets are closed. */
  async destroy(): Promise<void> {
    const clients = [this.#requests, this.#stream];
    this.#closed.abort();
    await Promise.all(clients.map((client) => this.#drop(client, 'closed')));
  }

  #connect(): Client {
    if (this.#closed.signal.aborted) throw this.#error('closed');
    const { credentials, requestTimeoutMs } = this.#options;
    return new Client(this.#server.origin, {
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: createConnector({
        // Without credentials the server is one like others, whose certificate the public web's roots vouch for.
        tls: () => (credentials === undefined ? {} : mutualTls(credentials)),
        timeoutMs: requestTimeoutMs,
        signal: this.#closed.signal,
      }),
    });
  }

  async #within<T>(client: Client, request: RegistryRequest, work: () => Promise<T>): Promise<T> {
    const { clock, requestTimeoutMs } = this.#options;
    const timeoutMs = request.timeoutMs ?? requestTimeoutMs;
    const timer = clock.setTimer(
      () => void this.#drop(client, `no answer within ${timeoutMs} ms`),
      timeoutMs,
    );
    try {
      return await work();
    } catch (error) {
      throw unavailableError(this.#server.origin, request.what, error);
    } finally {
      timer.cancel();
    }
  }

  #headers(own: Record<string, string>): Record<string, string> {
    return { ...this.#options.headers(), ...own };
  }

  #pipe(body: Readable, what: string, reader: StreamReader): void {
    let ended = false;
    const end = (cause: unknown): void => {
      if (ended) return;
      ended = true;
      body.destroy();
      reader.end(unavailableError(this.#server.origin, what, cause));
    };
    body.on('data', (bytes: Buffer) => {
      if (ended) return;
      try {
        reader.chunk(bytes);
      } catch (error) {
        end(error);
      }
    });
    body.on('error', end);
    body.on('close', () => end(new Error('the stream ended')));
  }

  async #drop(client: Client | undefined, why: string): Promise<void> {
    if (this.#requests === client) this.#requests = undefined;
    if (this.#stream === client) this.#stream = undefined;
    await client?.destroy(this.#error(why)).catch(() => {});
  }

  #error(why: string): MeshError {
    return new MeshError('registry_unavailable', `registry ${this.#server.origin}: ${why}`);
  }
}
