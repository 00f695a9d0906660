import type { Socket } from 'node:net';
import {
  type Endpoint,
  type HeaderPairs,
  meshHeaders,
  type Random,
  type RequestContext,
} from '@inmesh/core';
import { createPipeline, type Exchange, type InboundRequest, loadLimits } from '@inmesh/inbound';
import type { ServiceTime } from './service-time.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What an attempt gets back. `refused`: nobody listens there. `reset`: the process died over it. */
export type Reply =
  | { readonly kind: 'answer'; readonly status: number; readonly headers: HeaderPairs }
  | { readonly kind: 'refused' }
  | { readonly kind: 'reset' };

/** One attempt as it arrives: its mesh headers, and the way back. */
export interface Arrival {
  readonly headers: Readonly<Record<string, string>>;
  reply(reply: Reply): void;
}

/**
 * How the process is. `dead`: killed, its host answers for it and refuses. `silent`: the host is cut
 * off, and what is sent there is never heard of again.
 */
export type Condition = 'well' | 'dead' | 'silent';

/** What the application does with a request once it has been worked on. */
export type Handler = (context: RequestContext, respond: Respond) => void;
type Respond = (status: number) => void;

export interface SimulatedEndpointOptions {
  readonly endpoint: Endpoint;
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly serviceTime: ServiceTime;
  /** Requests worked on at once; the others wait, first in first out, without a bound. @default 100 */
  readonly workers?: number | undefined;
  /** The real inbound limit. @default none */
  readonly maxInFlight?: number | 'adaptive' | undefined;
  /** @default answers 200 */
  readonly handler?: Handler | undefined;
}

/**
 * One process that serves: the real inbound pipeline (deadline, load limits), then a queue before
 * finite workers. A caller that has gone is served all the same once it has passed the pipeline:
 * nothing in HTTP/1.1 takes a request back, and that waste is what makes overload lasting.
 */
export class SimulatedEndpoint {
  readonly endpoint: Endpoint;
  condition: Condition = 'well';
  /** Multiplies the service time. */
  slowdown = 1;
  /** Answers at once with this status instead of working; 0 works. */
  failingWith = 0;
  readonly #options: SimulatedEndpointOptions;
  readonly #pipeline: ReturnType<typeof createPipeline>;
  readonly #queue: { exchange: Exchange; arrival: Arrival }[] = [];
  #queueHead = 0;
  #busy = 0;
  /** Grows when the process dies: what it was working on is not answered any more. */
  #life = 0;
  readonly #open = new Set<Arrival>();

  constructor(options: SimulatedEndpointOptions) {
    const { clock, random, maxInFlight } = options;
    this.endpoint = options.endpoint;
    this.#options = options;
    this.#pipeline = createPipeline({
      clock,
      random,
      limits: maxInFlight === undefined ? [] : [loadLimits({ maxInFlight, clock })],
    });
  }

  /** Requests that wait for a worker. */
  get queued(): number {
    return this.#queue.length - this.#queueHead;
  }

  arrive(arrival: Arrival) {
    if (this.condition === 'silent') return;
    if (this.condition === 'dead') return arrival.reply({ kind: 'refused' });
    if (this.failingWith !== 0) return arrival.reply(answer(this.failingWith));
    const exchange = this.#pipeline.begin(asRequest(arrival));
    const verdict = this.#pipeline.handle(exchange);
    if (!('kind' in verdict)) throw new Error('a step of the simulated pipeline waits');
    if (verdict.kind !== 'proceed') {
      this.#end(exchange, verdict.status);
      return arrival.reply({ kind: 'answer', status: verdict.status, headers: verdict.headers });
    }
    this.#open.add(arrival);
    if (this.#busy < (this.#options.workers ?? 100)) this.#work(exchange, arrival);
    else this.#queue.push({ exchange, arrival });
  }

  /** kill -9: what was under way is reset, what comes is refused. */
  kill(): void {
    this.condition = 'dead';
    this.#loseAll({ kind: 'reset' });
  }

  /** The cable is pulled: nothing is answered any more. */
  silence(): void {
    this.condition = 'silent';
    this.#loseAll(undefined);
  }

  /** A new process, or the cable is back. */
  revive(): void {
    this.condition = 'well';
  }

  #loseAll(reply: Reply | undefined): void {
    this.#life += 1;
    this.#busy = 0;
    for (const { exchange } of this.#queue.slice(this.#queueHead)) this.#end(exchange, 0);
    this.#queue.length = 0;
    this.#queueHead = 0;
    const open = [...this.#open];
    this.#open.clear();
    if (reply !== undefined) for (const arrival of open) arrival.reply(reply);
  }

  #work(exchange: Exchange, arrival: Arrival): void {
    const { clock, random, serviceTime } = this.#options;
    const life = this.#life;
    this.#busy += 1;
    clock.setTimer(() => {
      if (life !== this.#life) return this.#end(exchange, 0);
      this.#busy -= 1;
      this.#next();
      const respond: Respond = (status) => {
        this.#end(exchange, status);
        // As the inbound half does where it writes the head.
        const spent = status >= 500 && exchange.context.retriesSpent === true;
        const headers = spent ? [meshHeaders.retry, 'no'] : [];
        if (this.#open.delete(arrival)) arrival.reply(answer(status, headers));
      };
      if (this.#options.handler === undefined) respond(200);
      else this.#options.handler(exchange.context, respond);
    }, serviceTime(random) * this.slowdown);
  }

  #next(): void {
    const next = this.#queue[this.#queueHead];
    if (next === undefined) return;
    this.#queueHead += 1;
    if (this.#queueHead > 1_000 && this.#queueHead * 2 > this.#queue.length) {
      this.#queue.splice(0, this.#queueHead);
      this.#queueHead = 0;
    }
    this.#work(next.exchange, next.arrival);
  }

  #end(exchange: Exchange, status: number): void {
    this.#pipeline.end(exchange, { status, flag: '-', requestBytes: 0, responseBytes: 0 });
  }
}

function answer(status: number, headers: HeaderPairs = []): Reply {
  return { kind: 'answer', status, headers };
}

/** A trace that exists keeps the pipeline from drawing a new one for every request. */
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00';
/** The steps in use read headers only. */
const noSocket = {} as Socket;

function asRequest({ headers }: Arrival): InboundRequest {
  return {
    method: 'GET',
    url: '/',
    headers: { traceparent, ...headers },
    rawHeaders: [],
    socket: noSocket,
  };
}
