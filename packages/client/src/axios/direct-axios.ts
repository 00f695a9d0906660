import axios, {
  type AxiosInstance,
  type AxiosRequestConfig,
  type AxiosResponse,
  type InternalAxiosRequestConfig,
} from 'axios';
import { bucketNames, type PlainRequest, RememberedConfig } from './remembered-config.ts';

const { AxiosHeaders } = axios;

/** What `axios.Axios` does inside its `request`, around which it only mends the stacks of errors. */
interface AxiosCore {
  _request(configOrUrl: string | AxiosRequestConfig, config?: AxiosRequestConfig): Promise<unknown>;
}

/**
 * The way of the plain majority of requests through axios: without a body, interceptors, or more in
 * their configuration than headers, it leads past what axios does for the others. Those go on to
 * axios, and a test holds that both come out the same.
 */
export class DirectAxios extends axios.Axios {
  readonly #remembered: RememberedConfig;

  /** Shares the defaults and the interceptors of `instance`. */
  constructor(instance: AxiosInstance) {
    super(instance.defaults as AxiosRequestConfig);
    this.interceptors = instance.interceptors;
    this.#remembered = new RememberedConfig(instance.defaults);
  }

  _request(
    configOrUrl: string | AxiosRequestConfig,
    config?: AxiosRequestConfig,
  ): Promise<unknown> {
    const request = typeof configOrUrl === 'string' ? { ...config, url: configOrUrl } : configOrUrl;
    const plain = this.#isIntercepted() ? undefined : plainRequest(request);
    const merged = plain === undefined ? undefined : this.#remembered.of(plain);
    if (merged === undefined || typeof merged.adapter !== 'function') {
      const core = axios.Axios.prototype as unknown as AxiosCore;
      return core._request.call(this, configOrUrl, config);
    }
    return dispatch(merged, merged.adapter);
  }

  #isIntercepted(): boolean {
    const { request, response } = this.interceptors as unknown as Interceptors;
    return !(request.handlers?.length === 0 && response.handlers?.length === 0);
  }
}

/** Public in axios, and not in its types. */
type Interceptors = Record<'request' | 'response', { readonly handlers?: readonly unknown[] }>;

const plainKeys = new Set(['url', 'method', 'headers', 'timeout', 'responseType', 'data']);

function plainRequest(config: AxiosRequestConfig): PlainRequest | undefined {
  const { url, method, headers, timeout, responseType, data } = config;
  // Without a method the instance's default holds.
  if (typeof url !== 'string' || !method || data !== undefined) return undefined;
  for (const key of Object.keys(config)) if (!plainKeys.has(key)) return undefined;
  if (headers !== undefined && !isPlain(headers)) return undefined;
  const known = method.toLowerCase();
  // What is remembered for each must not grow with what callers make up.
  if (!bucketNames.has(known)) return undefined;
  return { url, method: known, headers, timeout, responseType };
}

function isPlain(headers: object): headers is Record<string, string> {
  if (Object.getPrototypeOf(headers) !== Object.prototype) return false;
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string' || bucketNames.has(name.toLowerCase())) return false;
  }
  return true;
}

/** As axios does it where nothing can be cancelled. */
async function dispatch(
  config: InternalAxiosRequestConfig,
  adapter: (config: InternalAxiosRequestConfig) => Promise<AxiosResponse>,
): Promise<AxiosResponse> {
  if (!isIdle(config.transformRequest)) {
    config.data = transform(config.transformRequest, config, config, undefined);
  }
  if (bodied.has(config.method as string)) {
    config.headers.setContentType('application/x-www-form-urlencoded', false);
  }
  const start = performance.now();
  const take = (response: AxiosResponse & { duration?: number }): void => {
    response.duration = Math.max(0, Math.round(performance.now() - start));
    const shown: { response?: AxiosResponse } = config as object;
    shown.response = response;
    try {
      response.data = transform(config.transformResponse, config, response, response.status);
    } finally {
      delete shown.response;
    }
    response.headers = AxiosHeaders.from(response.headers as AxiosHeadersOf);
  };
  let response: AxiosResponse;
  try {
    response = await adapter(config);
  } catch (error) {
    const refused = (error as { response?: AxiosResponse } | undefined)?.response;
    if (refused !== undefined && !axios.isCancel(error)) take(refused);
    throw error;
  }
  // Not within the above: an answer that its transforms refuse is not transformed again.
  take(response);
  return response;
}

const bodied = new Set(['post', 'put', 'patch']);

type Transforms = InternalAxiosRequestConfig['transformRequest' | 'transformResponse'];

function transform(
  transforms: Transforms,
  config: InternalAxiosRequestConfig,
  of: Pick<AxiosResponse, 'data' | 'headers'> | InternalAxiosRequestConfig,
  status: number | undefined,
): unknown {
  const headers = AxiosHeaders.from(of.headers as AxiosHeadersOf);
  let data: unknown = of.data;
  for (const each of listOf(transforms)) {
    data = (each as Transformer).call(config, data, headers.normalize(false), status);
  }
  headers.normalize(false);
  return data;
}

function listOf(transforms: Transforms): readonly unknown[] {
  if (Array.isArray(transforms)) return transforms;
  return transforms === undefined ? [] : [transforms];
}

/** axios' own, which has nothing to do without a body. */
function isIdle(transforms: Transforms): boolean {
  const list = listOf(transforms);
  return list.length === 1 && list[0] === listOf(axios.defaults.transformRequest)[0];
}

type Transformer = (
  this: InternalAxiosRequestConfig,
  data: unknown,
  headers: AxiosHeadersOf,
  status: number | undefined,
) => unknown;
type AxiosHeadersOf = InstanceType<typeof AxiosHeaders>;
