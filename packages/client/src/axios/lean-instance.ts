import axios, {
  type AxiosInstance,
  type AxiosRequestConfig,
  type CreateAxiosDefaults,
} from 'axios';

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
 * some of them deeply, and its short methods merge the configuration once more before that.
 */
export function makeLean(instance: AxiosInstance, given: CreateAxiosDefaults | undefined): void {
  for (const name of idleDefaults) if (given?.[name] === undefined) hide(instance.defaults, name);
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
function hide(defaults: AxiosInstance['defaults'], name: (typeof idleDefaults)[number]): void {
  const show = (value: unknown): unknown => {
    Object.defineProperty(defaults, name, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
    return value;
  };
  Object.defineProperty(defaults, name, {
    configurable: true,
    enumerable: false,
    get: () => show(structureOf(axios.defaults[name])),
    set: show,
  });
}

/** A copy, as `axios.create` makes: who changes it changes this instance's alone. */
function structureOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? { ...value } : value;
}
