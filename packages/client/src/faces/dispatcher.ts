import type { CallBody, CallOptions, Clock, Send } from '@inmesh/core';
import { MeshError } from '@inmesh/core';
import { Dispatcher } from 'undici';
import { addHeaders, type HeadersInput } from '../header-pairs.ts';
import type { MeshHosts } from '../mesh-hosts.ts';
import { PreparedCall } from '../prepared-call.ts';
import { encodeBody } from './encode-body.ts';
import { HandlerSink } from './handler-sink.ts';

/** undici's options, with `mesh` for what only the mesh understands. */
export interface MeshDispatchOptions extends Dispatcher.DispatchOptions {
  readonly mesh?: CallOptions;
}

const unsendable = /[^\x21-\xff]/;

/**
 * The mesh as an undici dispatcher: `fetch(url, { dispatcher })`, or any SDK that takes one.
 *
 * Redirects are not followed and bodies not decoded, as with undici's own. Closing it does nothing:
 * it belongs to the client, and an SDK that closes what it was given must not close the mesh.
 */
export class MeshDispatcher extends Dispatcher {
  readonly #send: Send;
  readonly #hosts: MeshHosts;
  readonly #clock: Clock;

  constructor(send: Send, hosts: MeshHosts, clock: Clock) {
    super();
    this.#send = send;
    this.#hosts = hosts;
    this.#clock = clock;
  }

  override dispatch(options: MeshDispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const sink = new HandlerSink(handler);
    try {
      const encoded = encodeBody(options.body as CallBody);
      if (encoded instanceof Promise) {
        encoded
          .then((ready) => {
            this.#send(this.#prepare(options, ready.body, ready.describe.bind(ready)), sink);
          })
          .catch((error) => sink.fail(error));
      } else {
        this.#send(this.#prepare(options, encoded.body, encoded.describe.bind(encoded)), sink);
      }
    } catch (error) {
      sink.fail(error as MeshError);
    }
    return true;
  }

  override close(callback?: () => void): Promise<void> {
    callback?.();
    return Promise.resolve();
  }

  override destroy(...given: unknown[]): Promise<void> {
    for (const one of given) if (typeof one === 'function') one();
    return Promise.resolve();
  }

  #prepare(
    options: MeshDispatchOptions,
    body: CallBody,
    describe: (headers: string[]) => void,
  ): PreparedCall {
    const origin = this.#hosts.origin(originOf(options));
    const headers: string[] = [];
    addHeaders(
      headers,
      (options.headers ?? undefined) as HeadersInput | undefined,
      origin.authority,
    );
    describe(headers);
    return new PreparedCall(
      {
        origin,
        path: pathOf(options),
        method: options.method,
        headers,
        body,
        options: optionsOf(options),
        signal: undefined,
        upgrade: upgradeOf(options),
      },
      this.#clock,
    );
  }
}

function originOf({ origin }: MeshDispatchOptions): string {
  if (typeof origin === 'string') return origin.endsWith('/') ? origin.slice(0, -1) : origin;
  if (origin instanceof URL) return origin.origin;
  throw new MeshError('invalid_argument', 'dispatch: options.origin is missing');
}

/** An absolute URL in the path would override the origin that was routed by. */
function pathOf({ path, query }: MeshDispatchOptions): string {
  const whole =
    query === undefined ? path : `${path}?${new URLSearchParams(query as Record<string, string>)}`;
  if (
    typeof whole === 'string' &&
    whole[0] === '/' &&
    whole[1] !== '/' &&
    !unsendable.test(whole)
  ) {
    return whole;
  }
  throw new MeshError(
    'invalid_argument',
    `path ${JSON.stringify(whole)} must start with a single '/' and hold no spaces or controls`,
  );
}

/** A caller who switches undici's own body timer off means a stream without an end. */
function optionsOf({ mesh, bodyTimeout }: MeshDispatchOptions): CallOptions | undefined {
  if (bodyTimeout !== 0 || mesh?.deadlineCoversBody !== undefined) return mesh;
  return { ...mesh, deadlineCoversBody: false };
}

function upgradeOf({ upgrade }: MeshDispatchOptions): string | undefined {
  if (upgrade === true) return 'websocket';
  return typeof upgrade === 'string' && upgrade !== '' ? upgrade : undefined;
}
