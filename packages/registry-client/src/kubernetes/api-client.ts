import { readFile } from 'node:fs/promises';
import { MeshError } from '@inmesh/core';
import { Agent } from 'undici';
import { answerError, unavailableError } from '../registry-error.ts';
import type { ResolvedKubernetesOptions } from './kubernetes-options.ts';
import { LineSplitter } from './line-splitter.ts';

/** One object or one page of a list: a slice has at most 1,000 endpoints. */
const maxAnswerBytes = 32 * 1024 * 1024;

/** The history is gone: list again. */
export class GoneError extends Error {}

/** Where a watch goes. */
export interface WatchReader {
  /** The server has taken it up. */
  open(): void;
  event(event: unknown): void;
}

/** The few requests of the Kubernetes API that are needed, with the pod's own credentials. */
export class ApiClient {
  readonly #options: ResolvedKubernetesOptions;
  readonly #closed = new AbortController();
  #agent: Agent | undefined;
  #ca: string | undefined;

  constructor(options: ResolvedKubernetesOptions) {
    this.#options = options;
  }

  /** The JSON at `path`. Throws `MeshError`: `not_found`, `forbidden`, `registry_unavailable`, …; `GoneError` for 410. */
  async get(path: string, what: string): Promise<unknown> {
    const { apiServer, requestTimeoutMs } = this.#options;
    const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(requestTimeoutMs)]);
    try {
      const { body } = await this.#open(path, what, signal);
      return JSON.parse(await readAll(body));
    } catch (error) {
      if (error instanceof GoneError) throw error;
      throw unavailableError(apiServer, what, error);
    }
  }

  /**
   * Follows a watch, telling each event, until it ends: by itself (resolves), by `signal`, or by an
   * error (throws as `get`). What the reader throws ends it.
   */
  async watch(
    { path, what }: { readonly path: string; readonly what: string },
    reader: WatchReader,
    signal: AbortSignal,
  ): Promise<void> {
    const { apiServer, requestTimeoutMs, watchTimeoutMs, clock } = this.#options;
    const silence = new AbortController();
    // The server ends a watch in time. One that does not is a dead connection.
    const head = clock.setTimer(() => silence.abort(new Error('no answer')), requestTimeoutMs);
    const whole = clock.setTimer(
      () => silence.abort(new Error('the watch did not end in time')),
      watchTimeoutMs + requestTimeoutMs,
    );
    const all = AbortSignal.any([this.#closed.signal, silence.signal, signal]);
    try {
      const { body } = await this.#open(path, what, all);
      head.cancel();
      reader.open();
      const lines = new LineSplitter();
      for await (const chunk of body) {
        for (const line of lines.push(chunk)) reader.event(JSON.parse(line));
      }
    } catch (error) {
      if (error instanceof GoneError) throw error;
      throw unavailableError(apiServer, what, error);
    } finally {
      head.cancel();
      whole.cancel();
    }
  }

  /** Idempotent; what is under way fails. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#agent?.destroy();
  }

  async #open(
    path: string,
    what: string,
    signal: AbortSignal,
  ): Promise<{ body: AsyncIterable<Buffer> }> {
    const { apiServer, tokenFile } = this.#options;
    const [agent, token] = await Promise.all([
      this.#agentForCa(),
      tokenFile === undefined ? undefined : readFile(tokenFile, 'utf8'),
    ]);
    const response = await agent.request({
      origin: apiServer,
      path,
      method: 'GET',
      headers: {
        accept: 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token.trim()}` }),
      },
      signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const { statusCode, body } = response;
    if (statusCode === 200) return { body };
    const text = await readAll(body);
    if (statusCode === 410) throw new GoneError(text.slice(0, 200));
    throw answerError(apiServer, what, statusCode, problemOf(text));
  }

  /** A CA that was replaced is taken up; connections under the old one end by themselves. */
  async #agentForCa(): Promise<Agent> {
    const { caFile, requestTimeoutMs } = this.#options;
    const ca = caFile === undefined ? undefined : await readFile(caFile, 'utf8');
    if (this.#closed.signal.aborted) throw new MeshError('closed', 'kubernetes: closed');
    if (this.#agent === undefined || ca !== this.#ca) {
      const before = this.#agent;
      this.#ca = ca;
      this.#agent = new Agent({
        connectTimeout: requestTimeoutMs,
        // Resumed TLS sessions skip the check of the server's name.
        connect: { maxCachedSessions: 0, ...(ca === undefined ? {} : { ca }) },
      });
      void before?.close();
    }
    return this.#agent;
  }
}

async function readAll(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxAnswerBytes) throw new Error(`the answer exceeds ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Kubernetes' Status in the words of our own problems: its message is what people need. */
function problemOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return JSON.stringify({ detail: message });
  } catch {
    return '{}';
  }
}
