import { MeshError, type MeshErrorCode } from '@inmesh/core';

const codeOfStatus: ReadonlyMap<number, MeshErrorCode> = new Map([
  [400, 'invalid_argument'],
  [401, 'unauthenticated'],
  [403, 'forbidden'],
  [404, 'not_found'],
  [409, 'conflict'],
  [413, 'invalid_argument'],
  [422, 'invalid_argument'],
]);

/** Longer waits are no help: the registry may be back long before. */
const longestRetryAfterMs = 300_000;

/**
 * The error that an answer other than 2xx means: `what` was asked of `server`, `body` may be a Problem.
 * @param retryAfter The header, if it came.
 */
export function answerError(
  server: string,
  what: string,
  status: number,
  body: string,
  retryAfter?: unknown,
): MeshError {
  const problem = parseProblem(body);
  const code =
    problem.code === 'session_unknown'
      ? problem.code
      : (codeOfStatus.get(status) ?? 'registry_unavailable');
  const detail = problem.detail === undefined ? '' : `: ${problem.detail}`;
  return new MeshError(code, `registry ${server} answered ${status} to ${what}${detail}`, {
    ...(problem.path === undefined ? {} : { path: problem.path }),
    ...waitOf(retryAfter),
  });
}

/** A registry of ours says whole seconds. */
function waitOf(retryAfter: unknown): { readonly retryAfterMs?: number } {
  if (typeof retryAfter !== 'string' || !/^\d{1,9}$/.test(retryAfter)) return {};
  return { retryAfterMs: Math.min(Number(retryAfter) * 1_000, longestRetryAfterMs) };
}

/** The registry could not be asked, or gave no usable answer in time. */
export function unavailableError(server: string, what: string, cause: unknown): MeshError {
  if (cause instanceof MeshError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new MeshError('registry_unavailable', `registry ${server} failed at ${what}: ${why}`, {
    cause,
  });
}

/** Whether asking again, without changing anything, can help. */
export function isTransient(error: MeshError): boolean {
  return error.code === 'registry_unavailable';
}

function parseProblem(body: string): { code?: string; detail?: string; path?: string } {
  try {
    const { code, detail, errors } = JSON.parse(body);
    const [first] = Array.isArray(errors) ? errors : [];
    return {
      ...(typeof code === 'string' ? { code } : {}),
      // Registry's text, shown to people: as long as a sentence or two, not as a page.
      ...(typeof detail === 'string' ? { detail: detail.slice(0, 500) } : {}),
      ...(typeof first?.path === 'string' ? { path: first.path.slice(0, 200) } : {}),
    };
  } catch {
    return {};
  }
}
