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
  /** All that counted of the defaults when they were remembered. */
  #imprint: readonly unknown[] = [];
  /** How far they are found unchanged. */
  #same = 0;

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
    if (!this.#isUnchanged() && !this.#remember()) return undefined;
    let known = this.#byMethod.get(method);
    if (known === undefined) {
      known = merge(this.#defaults, method);
      this.#byMethod.set(method, known);
    }
    const config = new (Config as unknown as new () => InternalAxiosRequestConfig)();
    for (const [name, value] of Object.entries(known)) {
      Reflect.set(config, name, Array.isArray(value) ? value.slice() : value);
    }
    config.url = url;
    config.headers = copyOf(known.headers);
    if (headers !== undefined) config.headers.set(headers).normalize(false);
    if (timeout !== undefined) config.timeout = timeout;
    if (responseType !== undefined) config.responseType = responseType;
    return config;
  }

  #isUnchanged(): boolean {
    this.#same = 0;
    return walk(this.#defaults, this.#isSame) === true && this.#same === this.#imprint.length;
  }

  readonly #isSame = (item: unknown): boolean => {
    const same = this.#imprint[this.#same] === item;
    this.#same += 1;
    return same;
  };

  #remember(): boolean {
    const imprint: unknown[] = [];
    this.#byMethod.clear();
    this.#imprint = imprint;
    return walk(this.#defaults, (item) => imprint.push(item) > 0) === true;
  }
}

/** As axios' configurations, it inherits nothing that somebody puts on `Object.prototype`. */
function Config(): void {}
Config.prototype = Object.create(null, {
  // Interceptors of old call it.
  hasOwnProperty: { value: Object.prototype.hasOwnProperty },
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

/** Whose values are headers: of all methods, or of one. */
export const bucketNames: ReadonlySet<string> = new Set([
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

function isBucket(value: unknown): value is RawAxiosHeaders {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function copyOf(headers: AxiosRequestHeaders): AxiosRequestHeaders {
  const copy = new AxiosHeaders();
  for (const name of Object.keys(headers)) copy[name] = headers[name];
  return copy as AxiosRequestHeaders;
}

/**
 * Shows `visit` all that counts of the defaults, in order, until it says no. Gives whether it never
 * did; `undefined` when they hold what can change inside.
 */
function walk(defaults: AxiosDefaults, visit: (item: unknown) => boolean): boolean | undefined {
  for (const name in defaults) {
    const value = defaults[name as keyof AxiosDefaults] as unknown;
    if (!visit(name)) return false;
    if (name === 'headers') {
      if (!walkHeaders(value as Record<string, unknown>, visit)) return false;
    } else if (Array.isArray(value)) {
      if (!walkList(value, visit)) return false;
    } else if (typeof value === 'object' && value !== null) return undefined;
    else if (!visit(value)) return false;
  }
  return true;
}

function walkHeaders(headers: Record<string, unknown>, visit: (item: unknown) => boolean): boolean {
  for (const name in headers) {
    const value = headers[name];
    if (!visit(name)) return false;
    if (Array.isArray(value)) {
      if (!walkList(value, visit)) return false;
    } else if (isBucket(value)) {
      if (!walkHeaders(value as Record<string, unknown>, visit)) return false;
    } else if (!visit(value)) return false;
  }
  return true;
}

function walkList(list: readonly unknown[], visit: (item: unknown) => boolean): boolean {
  return visit(list.length) && list.every(visit);
}
