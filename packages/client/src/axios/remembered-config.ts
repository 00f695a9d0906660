import axios, {
  type AxiosDefaults,
  type AxiosRequestHeaders,
  type InternalAxiosRequestConfig,
  type RawAxiosHeaders,
} from 'axios';

const { AxiosHeaders } = axios;

/** A request that says no more than this is made from what is remembered. */
export interface PlainRequest {
  readonly url: string;
  /** Lower case. */
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly timeout?: number | undefined;
  readonly responseType?: InternalAxiosRequestConfig['responseType'];
}

/**
 * What axios makes of an instance's defaults for a request that adds little to them. axios merges
 * both anew for every request, which costs as much as half of the call; this is done once for each
 * method, and again when the defaults changed.
 */
export class RememberedConfig {
  readonly #defaults: AxiosDefaults;
  readonly #byMethod = new Map<string, InternalAxiosRequestConfig>();
  #imprint: readonly unknown[] = [];

  constructor(defaults: AxiosDefaults) {
    this.#defaults = defaults;
  }

  /** The whole configuration of a request, its own to change. `undefined`: these defaults cannot be remembered. */
  of({
    url,
    method,
    headers,
    timeout,
    responseType,
  }: PlainRequest): InternalAxiosRequestConfig | undefined {
    const imprint = imprintOf(this.#defaults);
    if (imprint === undefined) return undefined;
    if (!sameItems(imprint, this.#imprint)) {
      this.#byMethod.clear();
      this.#imprint = imprint;
    }
    let known = this.#byMethod.get(method);
    if (known === undefined) {
      known = merge(this.#defaults, method);
      this.#byMethod.set(method, known);
    }
    // As axios': nothing that was put on Object.prototype is read from it.
    const config = Object.assign(Object.create(null), known) as InternalAxiosRequestConfig;
    Object.defineProperty(config, 'hasOwnProperty', hasOwn);
    config.url = url;
    config.headers = copyOf(known.headers);
    if (headers !== undefined) config.headers.set(headers);
    if (timeout !== undefined) config.timeout = timeout;
    if (responseType !== undefined) config.responseType = responseType;
    return config;
  }
}

/** Interceptors of old call it. */
const hasOwn: PropertyDescriptor = Object.freeze({
  value: Object.prototype.hasOwnProperty,
  enumerable: false,
  writable: true,
  configurable: true,
});

function merge(defaults: AxiosDefaults, method: string): InternalAxiosRequestConfig {
  const config = axios.mergeConfig(defaults as object, { method });
  const own: RawAxiosHeaders = {};
  const buckets: Record<string, RawAxiosHeaders> = {};
  for (const [name, value] of Object.entries(config.headers ?? {})) {
    if (bucketNames.has(name) && isBucket(value)) buckets[name] = value;
    else own[name] = value as RawAxiosHeaders[string];
  }
  const headers = AxiosHeaders.concat({ ...buckets.common, ...buckets[method] }, own);
  return Object.assign(config, {
    method,
    headers,
    allowAbsoluteUrls: config.allowAbsoluteUrls ?? true,
  });
}

const bucketNames = new Set([
  'common',
  'delete',
  'get',
  'head',
  'options',
  'post',
  'put',
  'patch',
  'query',
]);

/** Headers of all methods, or of one, among the others. */
function isBucket(value: unknown): value is RawAxiosHeaders {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function copyOf(headers: AxiosRequestHeaders): AxiosRequestHeaders {
  const copy = new AxiosHeaders();
  for (const name of Object.keys(headers)) copy[name] = headers[name];
  return copy as AxiosRequestHeaders;
}

/** All that counts of the defaults, in a row. `undefined` when they hold what can change inside. */
function imprintOf(defaults: AxiosDefaults): unknown[] | undefined {
  const imprint: unknown[] = [];
  for (const [name, value] of Object.entries(defaults)) {
    if (name === 'headers') imprintHeaders(defaults.headers, imprint);
    else if (Array.isArray(value)) imprint.push(name, value.length, ...value);
    else if (typeof value === 'object' && value !== null) return undefined;
    else imprint.push(name, value);
  }
  return imprint;
}

function imprintHeaders(headers: object, imprint: unknown[]): void {
  for (const [name, value] of Object.entries(headers)) {
    imprint.push(name);
    if (Array.isArray(value)) imprint.push(value.length, ...value);
    else if (!isBucket(value)) imprint.push(value);
    else for (const inner of Object.keys(value)) imprint.push(inner, value[inner]);
  }
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
