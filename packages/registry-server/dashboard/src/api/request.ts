import type { Problem } from '@inmesh/core';
import { currentViewer, setViewer } from './session.ts';

/** What the registry answered instead of what was asked for. */
export class RequestError extends Error {
  readonly status: number;
  /** The registry's code, or `unreachable`. */
  readonly code: string;
  readonly errors: NonNullable<Problem['errors']>;

  constructor(status: number, problem: Partial<Problem>) {
    super(problem.detail ?? `the registry answered ${status}`);
    this.status = status;
    this.code = problem.code ?? 'unknown';
    this.errors = problem.errors ?? [];
  }
}

/** Longer than any answer of a registry takes that is well. */
const timeoutMs = 15_000;

/** Asks the registry that served this page. Throws RequestError. */
export async function request<T>(
  path: string,
  { method = 'GET', body }: { readonly method?: string; readonly body?: unknown } = {},
): Promise<T> {
  const response = await send(path, method, body);
  const text = await response.text();
  const json: unknown = text === '' ? undefined : parse(text);
  if (response.ok) return json as T;
  if (response.status === 401) setViewer({ kind: 'nobody' });
  throw new RequestError(response.status, (json ?? {}) as Partial<Problem>);
}

async function send(path: string, method: string, body: unknown): Promise<Response> {
  const headers: Record<string, string> = {};
  const viewer = currentViewer();
  if (method !== 'GET' && viewer.kind === 'signed-in') headers['x-inmesh-csrf'] = viewer.login.csrf;
  const init: RequestInit = { method, headers, signal: AbortSignal.timeout(timeoutMs) };
  if (body !== undefined) {
    headers['content-type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  try {
    return await fetch(path, init);
  } catch {
    throw new RequestError(0, { code: 'unreachable', detail: 'the registry does not answer' });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
