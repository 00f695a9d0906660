/** The client side of the registry bench: HTTP/1.1 written by hand, so that it costs less than what it measures. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

const endOfHead = Buffer.from('\r\n\r\n');

export function encodeRequest(url: URL, { method, path, body }: Sent): Buffer {
  const text = body === undefined ? '' : JSON.stringify(body);
  const type = body === undefined ? '' : 'content-type: application/json\r\n';
  return Buffer.from(
    `${method} ${path} HTTP/1.1\r\nhost: ${url.host}\r\n${type}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}

export async function openSocket(url: URL): Promise<Socket> {
  const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
  await once(socket, 'connect');
  return socket;
}

export function openSockets(url: URL, count: number): Promise<Socket[]> {
  return Promise.all(Array.from({ length: count }, () => openSocket(url)));
}

/** Sends `requests` over and over, one at a time on each socket, for `durationMs`; gives answers a second. */
export async function saturate(
  sockets: readonly Socket[],
  requests: readonly Buffer[],
  durationMs: number,
): Promise<number> {
  let next = 0;
  let answered = 0;
  const began = performance.now();
  const deadline = began + durationMs;
  const lane = (socket: Socket): Promise<void> =>
    new Promise((resolve) => {
      const send = (): void => {
        socket.write(requests[next % requests.length] as Buffer);
        next += 1;
      };
      const onData = (chunk: Buffer): void => {
        // 204 without a body: one packet, which ends with the head.
        if (!chunk.subarray(-4).equals(endOfHead) || chunk[9] !== 0x32) {
          throw new Error(`unexpected answer: ${chunk.toString('latin1')}`);
        }
        answered += 1;
        if (performance.now() < deadline) send();
        else {
          socket.off('data', onData);
          resolve();
        }
      };
      socket.on('data', onData);
      send();
    });
  await Promise.all(sockets.map(lane));
  return (answered / (performance.now() - began)) * 1_000;
}

/** Sends `requests` once each, `sockets.length` at a time, and gives the answers' JSON bodies in order. */
export async function sendAll(
  sockets: readonly Socket[],
  requests: readonly Buffer[],
): Promise<unknown[]> {
  const answers: unknown[] = [];
  let next = 0;
  const lane = (socket: Socket): Promise<void> =>
    new Promise((resolve) => {
      let index = -1;
      let text = '';
      const step = (): void => {
        index = next;
        next += 1;
        text = '';
        if (index >= requests.length) {
          socket.off('data', onData);
          resolve();
        } else socket.write(requests[index] as Buffer);
      };
      const onData = (chunk: Buffer): void => {
        text += chunk.toString('latin1');
        const body = wholeBody(text);
        if (body === undefined) return;
        if (!text.startsWith('HTTP/1.1 2')) throw new Error(`unexpected answer: ${text}`);
        answers[index] = body === '' ? undefined : JSON.parse(body);
        step();
      };
      socket.on('data', onData);
      step();
    });
  await Promise.all(sockets.map(lane));
  return answers;
}

/** A stream that waits for its next event. */
export class Watch {
  readonly #socket: Socket;
  #onEvent: (() => void) | undefined;
  #seen = '';

  /** @param mark What begins an event. */
  constructor(socket: Socket, mark = 'event: delta') {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      // The frame may come in pieces; all that is looked for is its end.
      this.#seen = (this.#seen + chunk.toString('latin1')).slice(-16_384);
      const event = this.#seen.indexOf(mark);
      // Events end with a line, those of the registry with an empty one that comes along.
      if (event < 0 || !this.#seen.endsWith('\n')) return;
      this.#seen = '';
      this.#onEvent?.();
    });
  }

  /** Milliseconds, on `performance.now()`, at which the next change was here whole. */
  next(): Promise<number> {
    return new Promise((resolve) => {
      this.#onEvent = () => resolve(performance.now());
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** The body of an answer of which `text` has come; `undefined` while some is missing. */
export function wholeBody(text: string): string | undefined {
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return undefined;
  const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
  return text.length < head + 4 + length ? undefined : text.slice(head + 4);
}
