/**
 * The herd: 5,000 clients of a registry server that is killed and comes back at once, each with one
 * endpoint and a stream. They come back as our client does: a wait of full jitter, then session,
 * subscription, stream, registration. Tells when the last one was back, and how often the server
 * refused one.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerStatus, SessionOpened } from '@inmesh/core';
import { absolute, type BenchOptions, type BenchResult } from './harness.ts';
import { typicalRegistration } from './registry-fleet.ts';
import { encodeRequest, sendAll } from './registry-load.ts';
import { startTarget } from './registry-process.ts';

const herd = 5_000;
const services = 100;
/** The defaults of our client. */
const reconnectInitialMs = 1_000;
const reconnectMaxMs = 5_000;
const startLanes = 64;
const timeoutMs = 120_000;

/** `only`: a part of the herd. */
export async function run({ only }: BenchOptions): Promise<BenchResult[]> {
  const size = Math.round(herd * Number(only ?? 1));
  const first = await startTarget('registry', { sessionTtlMs: 15_000 });
  const port = Number(first.url.port);
  const clients = Array.from({ length: size }, (_, i) => new HerdClient(first.url, i));
  const waiting = [...clients];
  await Promise.all(
    Array.from({ length: startLanes }, async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await next.attach();
    }),
  );
  await first.kill();
  const began = performance.now();
  const second = await startTarget('registry', { sessionTtlMs: 15_000, port });
  const listening = performance.now();
  for (const client of clients) client.serving = true;
  const deadline = began + timeoutMs;
  while (!clients.every(({ attached }) => attached) && performance.now() < deadline) {
    await pause(10);
  }
  const backMs = Math.max(...clients.map(({ attachedAt }) => attachedAt)) - began;
  const status = (await (await fetch(`${second.url.origin}/v1/status`)).json()) as ServerStatus;
  for (const client of clients) client.close();
  await second.close();
  const figures: [value: number, unit: string][] = [
    [backMs / 1_000, 's until the last one was back'],
    [(listening - began) / 1_000, 's of which the server took to start'],
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
    const requests = await this.#open();
    const send = async (method: string, path: string, body?: object): Promise<unknown> => {
      const sent = { method, path, ...(body === undefined ? {} : { body }) };
      const [answer] = await Promise.race([
        sendAll([requests], [encodeRequest(this.#url, sent)]),
        once(requests, 'close').then(() => {
          throw new Error('the connection was closed');
        }),
      ]);
      return answer;
    };
    const opening = { client: `herd/${this.#number}` };
    const { session } = (await send('POST', '/v1/sessions', opening)) as SessionOpened;
    const path = `/v1/sessions/${session}`;
    const service = `service-${this.#number % services}`;
    await send('PUT', `${path}/subscriptions`, { services: [`${service}.default`] });
    const stream = await this.#open();
    stream.write(encodeRequest(this.#url, { method: 'GET', path: `${path}/watch` }));
    const [hello] = (await once(stream, 'data')) as [Buffer];
    if (!hello.toString('latin1').startsWith('HTTP/1.1 200')) throw new Error('no stream');
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
      await this.attach().catch(() => {
        if (serving) this.refusals += 1;
      });
    }
  }

  async #open(): Promise<Socket> {
    const { hostname, port } = this.#url;
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    socket.on('error', () => {}); // told by its end
    this.#sockets.push(socket);
    await Promise.race([
      once(socket, 'connect'),
      once(socket, 'close').then(() => {
        throw new Error('refused');
      }),
    ]);
    return socket;
  }
}
