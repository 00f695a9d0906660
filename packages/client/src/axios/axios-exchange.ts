import type { CallOptions, Clock, Send, Sink } from '@inmesh/core';
import type { AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import type { EncodedBody } from '../faces/encode-body.ts';
import { BufferedAnswer } from '../faces/request.ts';
import type { MeshHosts, Target } from '../mesh-hosts.ts';
import { PreparedCall } from '../prepared-call.ts';
import { statusError, toAxiosError } from './axios-errors.ts';
import { axiosBody, axiosHeaders, axiosUrl } from './axios-request.ts';
import { bufferedResponse, StreamedAnswer } from './axios-response.ts';

/** Bound of an answer where the config has no `maxContentLength`. */
const defaultMaxBytes = 16 * 1024 * 1024;

/** One request of an axios instance. */
export class AxiosExchange {
  readonly #config: InternalAxiosRequestConfig;
  readonly #resolve: (response: AxiosResponse) => void;
  readonly #reject: (error: unknown) => void;
  /** Only a `cancelToken` needs it. */
  #unsubscribe: (() => void) | undefined = undefined;

  constructor(
    config: InternalAxiosRequestConfig,
    resolve: (response: AxiosResponse) => void,
    reject: (error: unknown) => void,
  ) {
    this.#config = config;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(send: Send, hosts: MeshHosts, clock: Clock): void {
    const config = this.#config;
    try {
      const target = hosts.parse(axiosUrl(config));
      const headers = axiosHeaders(config, target.origin.authority);
      const encoded = axiosBody(config, headers);
      const sink = this.#sink();
      const go = (ready: EncodedBody): void => {
        ready.describe(headers);
        send(this.#call(target, headers, ready, clock), sink);
      };
      if (encoded instanceof Promise) encoded.then(go).catch((error) => this.#fail(error));
      else go(encoded);
    } catch (error) {
      this.#fail(error);
    }
  }

  #call(
    { origin, path }: Target,
    headers: string[],
    encoded: EncodedBody,
    clock: Clock,
  ): PreparedCall {
    const config = this.#config;
    return new PreparedCall(
      {
        origin,
        path,
        method: config.method === undefined ? 'GET' : config.method.toUpperCase(),
        headers,
        body: encoded.body,
        options: callOptions(config),
        signal: this.#signal(),
        upgrade: undefined,
      },
      clock,
    );
  }

  #sink(): Sink {
    const config = this.#config;
    const fail = (error: unknown): void => this.#fail(error);
    if (config.responseType === 'stream') {
      return new StreamedAnswer(config, (response) => this.#finish(response), fail);
    }
    const limit = config.maxContentLength ?? -1;
    const maxBytes = limit >= 0 ? limit : defaultMaxBytes;
    return new BufferedAnswer(
      (answer) => {
        const response = bufferedResponse(answer, config, maxBytes);
        if (response instanceof Promise) response.then((done) => this.#finish(done)).catch(fail);
        else this.#finish(response);
      },
      fail,
      maxBytes,
    );
  }

  /** The old way to cancel, made into the new one. */
  #signal(): AbortSignal | undefined {
    const { cancelToken, signal } = this.#config;
    if (cancelToken === undefined) return signal as AbortSignal | undefined;
    const controller = new AbortController();
    const cancel = (reason: unknown): void => controller.abort(reason);
    const token = cancelToken as unknown as {
      subscribe(listener: (reason: unknown) => void): void;
      unsubscribe(listener: (reason: unknown) => void): void;
    };
    token.subscribe(cancel);
    this.#unsubscribe = () => token.unsubscribe(cancel);
    return signal === undefined
      ? controller.signal
      : AbortSignal.any([controller.signal, signal as AbortSignal]);
  }

  #finish(response: AxiosResponse): void {
    this.#unsubscribe?.();
    const { validateStatus } = this.#config;
    if (!validateStatus || validateStatus(response.status)) this.#resolve(response);
    else this.#reject(statusError(response));
  }

  #fail(error: unknown): void {
    this.#unsubscribe?.();
    this.#reject(toAxiosError(error, this.#config));
  }
}

function callOptions({ mesh, timeout }: InternalAxiosRequestConfig): CallOptions | undefined {
  if (timeout === undefined || timeout === 0 || mesh?.timeoutMs !== undefined) return mesh;
  return { ...mesh, timeoutMs: timeout };
}
