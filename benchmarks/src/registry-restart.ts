/**
 * The herd: 5,000 clients of a registry server that is killed and comes back at once, each with one
 * endpoint and a stream. They come back as our client does: a wait of full jitter, then session,
 * subscription, stream, registration. Tells when the last one was back, and how often the server
 * refused one.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerStatus, SessionOpened } from '@inmesh/core';
import { absolute, type BenchOptions, type BenchResult } from './harness.ts';
import { typicalRegistration } from './registry-fleet.ts';
import { encodeRequest } from './registry-load.ts';
import { startTarget } from './registry-process.ts';

const herd = 5_000;
/** As in the model of `scale`: each client is told of all of its service's twenty endpoints as they come back. */
const endpointsPerService = 20;
/** The defaults of our client. */
const reconnectInitialMs = 1_000;
const reconnectMaxMs = 5_000;
const startLanes = 64;
/** The default of the server. */
const sessionTtlMs = 15_000;
const timeoutMs = 120_000;

/** `only`: a part of the herd. */
export async function run({ only }: BenchOptions): Promise<BenchResult[]> {
  const size = Math.round(herd * Number(only ?? 1));
  const first = await startTarget('registry', { sessionTtlMs });
  const port = Number(first.url.port);
  const clients = Array.from({ length: size }, (_, i) => new HerdClient(first.url, i));
  console.error(`restart: ${size} clients attach`);
  const waiting = [...clients];
  await Promise.all(
    Array.from({ length: startLanes }, async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await next.attach();
    }),
  );
  await first.kill();
  const began = performance.now();
  const second = await startTarget('registry', { sessionTtlMs, settleMs: sessionTtlMs, port });
  const listening = performance.now();
  for (const client of clients) client.serving = true;
  const deadline = began + timeoutMs;
  while (!clients.every(({ attached }) => attached) && performance.now() < deadline) {
    await pause(10);
  }
  const backMs = Math.max(...clients.map(({ attachedAt }) => attachedAt)) - began;
  const status = (await (await fetch(`${second.url.origin}/v1/status`)).json()) as ServerStatus;
  const { cpuMs } = await second.report();
  for (const client of clients) client.close();
  await second.close();
  const reasons = new Set(clients.flatMap(({ refusal }) => refusal ?? []));
  for (const reason of [...reasons].slice(0, 5)) console.error(`restart: ${reason}`);
  const figures: [value: number, unit: string][] = [
    [backMs / 1_000, 's until the last one was back'],
    [(listening - began) / 1_000, 's of which the server took to start'],
    [cpuMs / 1_000, 's of CPU of the server'],
    [size - status.registrations, 'registrations missing'],
    [clients.filter(({ refusals }) => refusals > 0).length, 'clients refused once'],
    [clients.filter(({ refusals }) => refusals > 1).length, 'clients refused twice'],
  ];
  return figures.map(([value, unit]) =>
    absolute('restart', `${size} clients come back`, size, value, unit),
  );
}

/** One client, as far as the server can tell. */
class HerdClient {
  attached = false;
  attachedAt = Number.POSITIVE_INFINITY;
  /** How often a server that was there did not serve it. */
  refusals = 0;
  /** The first of them. */
  refusal: string | undefined;
  /** Whether there is a server that could. */
  serving = false;
  readonly #url: URL;
  readonly #number: number;
  #sockets: Socket[] = [];
  #tries = 0;
  #closed = false;

  constructor(url: URL, number: number) {
    this.#url = url;
    this.#number = number;
  }

  /** Throws when it is refused. */
  async attach(): Promise<void> {
    const requests = this.#open();
    const send = (method: string, path: string, body?: object): Promise<string> => {
      const sent = { method, path, ...(body === undefined ? {} : { body }) };
      requests.write(encodeRequest(this.#url, sent));
      return answer(requests);
    };
    const opened = await send('POST', '/v1/sessions', { client: `herd/${this.#number}` });
    const { session } = JSON.parse(opened.slice(opened.indexOf('{'))) as SessionOpened;
    const path = `/v1/sessions/${session}`;
    const service = `service-${Math.floor(this.#number / endpointsPerService)}`;
    await send('PUT', `${path}/subscriptions`, { services: [`${service}.default`] });
    const stream = this.#open();
    stream.write(encodeRequest(this.#url, { method: 'GET', path: `${path}/watch` }));
    await answer(stream);
    const registration = typicalRegistration(service, this.#number);
    await send('PUT', `${path}/registrations/${service}-${this.#number}`, registration);
    this.attached = true;
    this.attachedAt = performance.now();
    this.#tries = 0;
    stream.resume();
    stream.once('close', () => void this.#comeBack());
  }

  close(): void {
    this.#closed = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  async #comeBack(): Promise<void> {
    this.attached = false;
    while (!this.#closed && !this.attached) {
      for (const socket of this.#sockets.splice(0)) socket.destroy();
      this.#tries += 1;
      const ceilingMs = Math.min(reconnectInitialMs * 2 ** (this.#tries - 1), reconnectMaxMs);
      await pause(Math.random() * ceilingMs);
      if (this.#closed) return;
      const { serving } = this;
      await this.attach().catch((error: Error) => {
        if (!serving || this.#closed) return;
        this.refusals += 1;
        if (this.refusals === 1) this.refusal = error.message;
      });
    }
  }

  #open(): Socket {
    const { hostname, port } = this.#url;
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    socket.on('error', () => {}); // told by its end
    this.#sockets.push(socket);
    return socket;
  }
}

/** The first that comes of an answer: all of those to requests, the beginning of a stream. Rejects when it is no 2xx. */
function answer(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      socket.off('close', onClose);
      const text = chunk.toString('latin1');
      if (text.startsWith('HTTP/1.1 2')) resolve(text);
      else reject(new Error(`refused: ${text.slice(0, 100)}`));
    };
    const onClose = (): void => {
      socket.off('data', onData);
      reject(new Error('the connection was closed'));
    };
    socket.once('data', onData);
    socket.once('close', onClose);
  });
}
