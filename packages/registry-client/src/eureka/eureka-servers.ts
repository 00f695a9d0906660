import { MeshError } from '@inmesh/core';
import { Agent } from 'undici';
import { answerError, unavailableError } from '../registry-error.ts';
import type { EurekaServer, ResolvedEurekaOptions } from './eureka-options.ts';

/** A full list of a hundred thousand instances. */
const maxAnswerBytes = 128 * 1024 * 1024;

export interface EurekaRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below the server's path. */
  readonly path: string;
  /** What it does, for errors. */
  readonly what: string;
  readonly body?: unknown;
  /** Besides 2xx, statuses that are an answer. */
  readonly accept?: readonly number[];
}

export interface EurekaAnswer {
  readonly status: number;
  /** `undefined` for an empty body. */
  readonly json: unknown;
}

/** The servers, of which one is asked until it fails. */
export class EurekaServers {
  readonly #options: ResolvedEurekaOptions;
  readonly #agent: Agent;
  readonly #closed = new AbortController();
  #current = 0;

  constructor(options: ResolvedEurekaOptions) {
    this.#options = options;
    this.#agent = new Agent({
      connections: 4,
      connectTimeout: options.requestTimeoutMs,
      maxResponseSize: maxAnswerBytes,
      // Resumed TLS sessions skip the check of the server's name.
      connect: { maxCachedSessions: 0 },
    });
  }

  /** The one that is asked first. */
  get current(): EurekaServer {
    return this.#options.servers[this.#current] as EurekaServer;
  }

  /** Whether a server of another zone is asked, for want of one of the own. */
  get isAbroad(): boolean {
    return this.#current >= this.#options.ownServers;
  }

  /**
   * Asks the own zone's servers again: the first whose answer `suits` is the current one from then
   * on. Whoever does not answer is none. Throws `closed`.
   */
  async comeHome(request: EurekaRequest, suits: (answer: EurekaAnswer) => boolean): Promise<void> {
    const { servers, ownServers } = this.#options;
    for (let own = 0; own < ownServers && this.isAbroad; own += 1) {
      try {
        const answer = await this.#askOne(servers[own] as EurekaServer, request);
        if (suits(answer)) this.#current = own;
      } catch {
        if (this.#closed.signal.aborted) throw new MeshError('closed', 'eureka: closed');
      }
    }
  }

  /**
   * Asks the current server, and when it fails the others in turn; who answers is the current one
   * from then on. Throws `registry_unavailable` when none does, and what a 4xx means.
   */
  async ask(request: EurekaRequest): Promise<EurekaAnswer> {
    const { servers } = this.#options;
    let last: unknown;
    for (let tried = 0; tried < servers.length; tried += 1) {
      const at = this.#current;
      try {
        return await this.#askOne(servers[at] as EurekaServer, request);
      } catch (error) {
        if (this.#closed.signal.aborted) throw new MeshError('closed', 'eureka: closed');
        if ((error as MeshError).code !== 'registry_unavailable') throw error;
        last = error;
        if (this.#current === at) this.#current = (at + 1) % servers.length;
      }
    }
    throw last;
  }

  /** Idempotent; what is under way fails. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#agent.destroy();
  }

  async #askOne(server: EurekaServer, request: EurekaRequest): Promise<EurekaAnswer> {
    const { method, path, what, body, accept = [] } = request;
    const deadline = AbortSignal.timeout(this.#options.requestTimeoutMs);
    let answered: { status: number; text: string };
    try {
      const response = await this.#agent.request({
        origin: server.origin,
        path: server.path + path,
        method,
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(server.authorization === undefined ? {} : { authorization: server.authorization }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([deadline, this.#closed.signal]),
      });
      answered = { status: response.statusCode, text: await response.body.text() };
    } catch (error) {
      throw unavailableError(server.name, what, error);
    }
    const { status, text } = answered;
    if ((status < 200 || status > 299) && !accept.includes(status)) {
      throw answerError(server.name, what, status, text);
    }
    try {
      return { status, json: text === '' || status > 299 ? undefined : JSON.parse(text) };
    } catch (error) {
      throw unavailableError(server.name, what, error);
    }
  }
}
