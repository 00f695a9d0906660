import {
  isMeshError,
  type Logger,
  MeshError,
  type Router,
  type RouterSource,
  silentLogger,
} from '@inmesh/core';

export interface RouterSourceOptions {
  /** Told every refused configuration. @default nothing */
  readonly onError?: (error: MeshError) => void;
  /** @default silent */
  readonly logger?: Logger;
}

/** Holds the router in use. It is replaced whole: a call that read it keeps one consistent view. */
export interface ReplaceableRouterSource<R extends Router = Router> extends RouterSource {
  readonly current: R;
  /** Why the last `replace` was refused; `undefined` once one succeeded. */
  readonly lastError: MeshError | undefined;
  /**
   * Puts in what `build` makes of the current router. When it throws, the current one stays, and
   * the error is returned and reported. Listeners are told before it returns; one that throws is
   * logged, and the others are still told.
   */
  replace(build: (current: R) => R): MeshError | undefined;
}

/** `createRouterSource(compile(resources, { workload }))`, then `source.replace((r) => update(r, changes))`. */
export function createRouterSource<R extends Router>(
  initial: R,
  options: RouterSourceOptions = {},
): ReplaceableRouterSource<R> {
  const { onError = () => {}, logger = silentLogger } = options;
  const listeners = new Set<(router: Router) => void>();
  let current = initial;
  let lastError: MeshError | undefined;

  const guarded = (what: string, step: () => void): void => {
    try {
      step();
    } catch (error) {
      logger.error({ err: error, revision: current.revision }, `a ${what} threw`);
    }
  };
  return {
    get current() {
      return current;
    },
    get lastError() {
      return lastError;
    },
    replace(build) {
      try {
        current = build(current);
        lastError = undefined;
      } catch (cause) {
        const error = asMeshError(cause);
        lastError = error;
        logger.warn(
          { err: error, revision: current.revision },
          'configuration refused, the last good one stays',
        );
        guarded('error listener of the router source', () => onError(error));
        return error;
      }
      const router = current;
      for (const listener of [...listeners]) {
        guarded('listener of the router source', () => listener(router));
      }
      return undefined;
    },
    onChange(listener) {
      // A wrapper of its own, so that one function registered twice is two subscriptions.
      const entry = (router: Router): void => listener(router);
      listeners.add(entry);
      return () => void listeners.delete(entry);
    },
  };
}

function asMeshError(cause: unknown): MeshError {
  if (isMeshError(cause)) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new MeshError('internal', `building a router failed: ${reason}`, { cause });
}
