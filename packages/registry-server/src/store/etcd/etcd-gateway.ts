// Over 250 lines: every way in which etcd's gateway fails, told apart in one place.
import { type Clock, type Logger, MeshError, type Unsubscribe } from '@inmesh/core';
import { Client, Pool } from 'undici';
import type { EtcdAddress } from './etcd-address.ts';
import { answerFailure, type EtcdFailure, transportFailure } from './etcd-failure.ts';

/** How etcd knows us, and we it. */
export interface EtcdAccess {
  /** For etcd's own user authentication: a certificate's common name does not work through its gateway. @default none */
  readonly user?: string;
  readonly password?: string;
  /** PEM: whom to trust, with `etcds://`. @default the system's authorities */
  readonly ca?: string;
  /** PEM: our certificate and its key, where etcd asks for one. */
  readonly cert?: string;
  readonly key?: string;
  /** For one operation, all its tries included. @default 5_000 */
  readonly requestTimeoutMs?: number;
}

export interface EtcdGatewayOptions {
  readonly address: EtcdAddress;
  readonly access: EtcdAccess;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** What reads a stream. After `end` nothing more comes. */
export interface LineReader {
  line(line: string): void;
  end(reason: string): void;
}

const connections = 16;
const connectTimeoutMs = 2_000;
/** A peer that is gone without a word is found out by the kernel. */
const keepAliveInitialDelay = 5_000;
/** After all members were tried: an election takes about a second. */
const roundPauseMs = 100;
/** A page of a thousand values of 1 MiB, as base64, would still be a fault of ours. */
const maxLineLength = 2 ** 29;
/** A member without a leader refuses at once, and ends its watches, instead of keeping silent. */
const baseHeaders = { 'content-type': 'application/json', 'grpc-metadata-hasleader': 'true' };

/**
 * Requests to the v3 JSON gateway of a cluster of etcd members: one member serves all until it
 * fails, then the next one does. Every request has a deadline. What surely did not happen is sent
 * again; what may have happened is not, unless it only reads.
 */
export class EtcdGateway {
  readonly #options: EtcdGatewayOptions;
  readonly #timeoutMs: number;
  readonly #pools: readonly Pool[];
  readonly #streams = new Map<Client, LineReader>();
  readonly #aborts = new Set<AbortController>();
  readonly #listeners = new Set<(available: boolean) => void>();
  #member = 0;
  #available = true;
  #token: Promise<string> | undefined;
  #closed = false;

  constructor(options: EtcdGatewayOptions) {
    const { address, access } = options;
    this.#options = options;
    this.#timeoutMs = access.requestTimeoutMs ?? 5_000;
    this.#pools = address.origins.map(
      (origin) => new Pool(origin, { ...this.#transport(), connections }),
    );
  }

  /** Whether the last operation reached a member that could serve it. */
  get available(): boolean {
    return this.#available;
  }

  /** Told when that changes. Must not throw. */
  onAvailability(listener: (available: boolean) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * The answer's JSON. `effect: 'none'` tells that doing it twice is the same as once.
   * Throws `store_unavailable` when no member could serve it in time; its `maybeProcessed` tells
   * whether it may have happened. Throws other codes for what etcd refuses.
   */
  async call<T>(path: string, body: unknown, effect: 'none' | 'some'): Promise<T> {
    const deadline = this.#options.clock.now() + this.#timeoutMs;
    let unclear = false;
    let newTokens = 0;
    for (let attempt = 1; ; attempt += 1) {
      this.#checkOpen();
      const member = this.#member;
      const outcome = await this.#try(member, path, body, deadline);
      if ('text' in outcome) {
        this.#setAvailable(true);
        return JSON.parse(outcome.text) as T;
      }
      if (outcome.kind === 'final') throw outcome.error;
      if (outcome.kind === 'token') {
        newTokens += 1;
        this.#token = undefined;
        if (newTokens <= 1) continue;
        throw new MeshError('unauthenticated', 'store: etcd takes no token that it gave itself');
      }
      this.#checkOpen();
      this.#moveFrom(member, outcome.reason);
      unclear ||= outcome.kind === 'unclear';
      const leftMs = deadline - this.#options.clock.now();
      if ((unclear && effect === 'some') || leftMs <= roundPauseMs) {
        this.#setAvailable(false);
        throw this.#unavailable(path, outcome.reason, unclear);
      }
      if (attempt % this.#pools.length === 0) await this.#pause(roundPauseMs);
    }
  }

  /** Opens a stream at the member of the moment; gives what ends it without a word. Never throws. */
  open(path: string, body: unknown, reader: LineReader): () => void {
    const origin = this.#options.address.origins[this.#member] as string;
    const client = new Client(origin, { ...this.#transport(), headersTimeout: 0, bodyTimeout: 0 });
    this.#streams.set(client, reader);
    this.#read(client, path, body, reader).then(
      () => this.#end(client, 'the stream ended'),
      (error: unknown) => this.#end(client, (error as Error).message),
    );
    return () => {
      this.#streams.delete(client);
      void client.destroy().catch(() => {});
    };
  }

  /** Ends everything that is under way. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const abort of this.#aborts) abort.abort(closedError());
    for (const client of this.#streams.keys()) this.#end(client, 'closed');
    this.#listeners.clear();
    await Promise.all(this.#pools.map((pool) => pool.destroy()));
  }

  #transport(): Pool.Options {
    const { ca, cert, key } = this.#options.access;
    const tls = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
    return { connect: { ...tls, timeout: connectTimeoutMs, keepAliveInitialDelay } };
  }

  async #try(
    member: number,
    path: string,
    body: unknown,
    deadline: number,
  ): Promise<Answer | EtcdFailure> {
    try {
      // Half for the first of several: a member that is silent must leave time for another.
      const leftMs = deadline - this.#options.clock.now();
      const timeoutMs = this.#pools.length > 1 ? Math.min(leftMs, this.#timeoutMs / 2) : leftMs;
      const headers = await this.#headers(member, timeoutMs);
      const answer = await this.#send(member, path, body, headers, timeoutMs);
      return answer.status === 200 ? answer : answerFailure(answer.status, answer.text);
    } catch (error) {
      if (error instanceof MeshError) return { kind: 'final', error };
      return transportFailure(error);
    }
  }

  async #send(
    member: number,
    path: string,
    body: unknown,
    headers: Record<string, string>,
    timeoutMs: number,
  ): Promise<Answer> {
    const abort = new AbortController();
    const timer = this.#options.clock.setTimer(
      () => abort.abort(new Error(`no answer within ${Math.round(timeoutMs)} ms`)),
      timeoutMs,
      { keepAlive: true },
    );
    this.#aborts.add(abort);
    try {
      const answer = await (this.#pools[member] as Pool).request({
        method: 'POST',
        path,
        headers,
        body: JSON.stringify(body),
        signal: abort.signal,
      });
      return { status: answer.statusCode, text: await answer.body.text() };
    } finally {
      timer.cancel();
      this.#aborts.delete(abort);
    }
  }

  async #headers(member: number, timeoutMs: number): Promise<Record<string, string>> {
    const { user, password } = this.#options.access;
    if (user === undefined) return baseHeaders;
    this.#token ??= this.#authenticate(member, { name: user, password }, timeoutMs);
    const token = this.#token;
    try {
      return { ...baseHeaders, authorization: await token };
    } catch (error) {
      if (this.#token === token) this.#token = undefined;
      throw error;
    }
  }

  async #authenticate(member: number, body: unknown, timeoutMs: number): Promise<string> {
    const path = '/v3/auth/authenticate';
    const { status, text } = await this.#send(member, path, body, baseHeaders, timeoutMs);
    if (status === 200) return (JSON.parse(text) as { token: string }).token;
    const failure = answerFailure(status, text);
    if (failure.kind === 'final') throw failure.error;
    throw new Error(`authentication failed: ${failure.kind === 'token' ? text : failure.reason}`);
  }

  async #read(client: Client, path: string, body: unknown, reader: LineReader): Promise<void> {
    const headers = await this.#headers(this.#member, this.#timeoutMs);
    const answer = await client.request({
      method: 'POST',
      path,
      headers,
      body: JSON.stringify(body),
    });
    answer.body.setEncoding('utf8');
    let rest = '';
    for await (const chunk of answer.body as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() as string;
      if (rest.length > maxLineLength) throw new Error('a line of the stream has no end');
      for (const line of lines) {
        if (!this.#streams.has(client)) return;
        if (line !== '') reader.line(line);
      }
    }
    if (rest !== '' && this.#streams.has(client)) reader.line(rest);
  }

  #end(client: Client, reason: string): void {
    const reader = this.#streams.get(client);
    this.#streams.delete(client);
    void client.destroy().catch(() => {});
    reader?.end(reason);
  }

  /** The next member serves from now on, streams included: they resume there without loss. */
  #moveFrom(member: number, reason: string): void {
    if (this.#member !== member) return;
    const { origins } = this.#options.address;
    this.#options.logger.warn({ member: origins[member], reason }, 'a member of etcd failed');
    if (origins.length === 1) return;
    this.#member = (member + 1) % origins.length;
    for (const client of [...this.#streams.keys()]) this.#end(client, `moved: ${reason}`);
  }

  #setAvailable(available: boolean): void {
    if (this.#available === available) return;
    this.#available = available;
    for (const listener of this.#listeners) listener(available);
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.setTimer(resolve, delayMs, { keepAlive: true });
    });
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError();
  }

  #unavailable(path: string, reason: string, maybeProcessed: boolean): MeshError {
    return new MeshError(
      'store_unavailable',
      `store: no member of etcd (${this.#options.address.origins.join(', ')}) served ${path} within ${this.#timeoutMs} ms: ${reason}`,
      { maybeProcessed },
    );
  }
}

function closedError(): MeshError {
  return new MeshError('closed', 'store: closed');
}
