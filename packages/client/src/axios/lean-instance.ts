import axios, {
  type AxiosInstance,
  type AxiosRequestConfig,
  type CreateAxiosDefaults,
} from 'axios';
import { DirectAxios } from './direct-axios.ts';

/** Defaults that say nothing that holds here: browsers' words, "no limit", and what axios falls back on without them. */
const idleDefaults = [
  'xsrfCookieName',
  'xsrfHeaderName',
  'maxContentLength',
  'maxBodyLength',
  'timeout',
  'transitional',
  'env',
] as const;

/**
 * Takes off an instance what half of axios' time goes to: it merges every default into every request,
 * some of them deeply, and its short methods merge the configuration once more before that. Plain
 * requests, most of all, do without: see `DirectAxios`.
 */
export function makeLean(instance: AxiosInstance, given: CreateAxiosDefaults | undefined): void {
  const { defaults } = instance;
  for (const name of idleDefaults) {
    if (given?.[name] === undefined) hide(defaults, name, () => copyOf(axios.defaults[name]));
  }
  // One for each method, nearly always empty.
  for (const [name, headers] of Object.entries(defaults.headers)) {
    if (isEmpty(headers)) hide(defaults.headers, name, () => ({}));
  }
  const direct = new DirectAxios(instance);
  instance.request = direct.request.bind(direct) as AxiosInstance['request'];
  for (const method of ['get', 'delete', 'head', 'options'] as const) {
    instance[method] = ((url: string, config?: AxiosRequestConfig) =>
      instance.request({ ...config, method, url })) as AxiosInstance['get'];
  }
  for (const method of ['post', 'put', 'patch'] as const) {
    instance[method] = ((url: string, data?: unknown, config?: AxiosRequestConfig) =>
      instance.request({ ...config, method, url, data })) as AxiosInstance['post'];
  }
}

/** Not merged any more, yet there for whoever looks: then, or when it is set, it counts again. */
function hide<T extends object>(of: T, name: keyof T, make: () => unknown): void {
  const show = (value: unknown): unknown => {
    Object.defineProperty(of, name, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
    return value;
  };
  Object.defineProperty(of, name, {
    configurable: true,
    enumerable: false,
    get: () => show(make()),
    set: show,
  });
}

/** As `axios.create` makes it: who changes it changes this instance's alone. */
function copyOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? { ...value } : value;
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
