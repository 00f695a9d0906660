import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { RequestError, request } from './request.ts';

export interface Live<T> {
  /** The last answer, kept over errors and over visits of the page. */
  readonly data: T | undefined;
  readonly error: RequestError | undefined;
  /** Asks again now. */
  refresh(): void;
}

/** The last answers by path, so that a page that is opened again shows something at once. */
const answers = new Map<string, unknown>();
const maxAnswers = 200;

/**
 * What the registry says at `path`, asked again every `everyMs` while the page is visible.
 * `undefined` asks for nothing.
 */
export function useLive<T>(path: string | undefined, everyMs = 5_000): Live<T> {
  return useLiveQuery(path, () => request<T>(path as string), everyMs);
}

/** The same for what takes several requests; `key` names it. */
export function useLiveQuery<T>(
  key: string | undefined,
  query: () => Promise<T>,
  everyMs = 5_000,
): Live<T> {
  const [state, setState] = useState<Pick<Live<T>, 'data' | 'error'>>(() => remembered(key));
  const asked = useRef(query);
  asked.current = query;
  const again = useRef<() => void>(() => {});
  useEffect(() => {
    if (key === undefined) return;
    setState(remembered(key));
    let over = false;
    let timer = 0;
    const ask = async (): Promise<void> => {
      clearTimeout(timer);
      try {
        const data = await asked.current();
        remember(key, data);
        if (!over) setState({ data, error: undefined });
      } catch (thrown) {
        const error = thrown instanceof RequestError ? thrown : failed(thrown);
        if (!over) setState(({ data }) => ({ data, error }));
      }
      if (!over && !document.hidden) timer = setTimeout(ask, everyMs);
    };
    const onVisible = (): void => {
      if (!document.hidden) void ask();
    };
    again.current = () => void ask();
    document.addEventListener('visibilitychange', onVisible);
    void ask();
    return () => {
      over = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisible);
    };
  }, [key, everyMs]);
  const refresh = useCallback(() => again.current(), []);
  return { ...state, refresh };
}

function remembered<T>(key: string | undefined): Pick<Live<T>, 'data' | 'error'> {
  return { data: key === undefined ? undefined : (answers.get(key) as T), error: undefined };
}

function remember(key: string, data: unknown): void {
  answers.delete(key);
  answers.set(key, data);
  const [oldest] = answers.keys();
  if (answers.size > maxAnswers && oldest !== undefined) answers.delete(oldest);
}

function failed(error: unknown): RequestError {
  return new RequestError(0, { code: 'failed', detail: String(error) });
}
