import { isMeshError, type MeshErrorCode, type Problem } from '@inmesh/core';
import type { FastifyError } from 'fastify';

const statusByCode: Partial<Record<MeshErrorCode, number>> = {
  invalid_argument: 400,
  invalid_resource: 422,
  unknown_service: 404,
  session_unknown: 404,
  not_found: 404,
  conflict: 409,
  overloaded: 503,
  rate_limited: 429,
  unauthenticated: 401,
  forbidden: 403,
  closed: 503,
  registry_unavailable: 503,
  store_unavailable: 503,
};

const titles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Unauthenticated',
  403: 'Forbidden',
  404: 'Not found',
  408: 'Request timeout',
  409: 'Conflict',
  413: 'Body too large',
  415: 'Unsupported media type',
  421: 'Misdirected request',
  422: 'Invalid resource',
  429: 'Too many requests',
  431: 'Headers too large',
  500: 'Internal error',
  503: 'Unavailable',
};

/** So many faults are listed: enough to repair a form, not enough to make a large answer of a large body. */
const maxErrors = 20;

export function createProblem(
  status: number,
  code: MeshErrorCode,
  detail: string,
  errors?: Problem['errors'],
): Problem {
  const base = { type: 'about:blank', title: titles[status] ?? 'Error', status, detail, code };
  return errors === undefined ? base : { ...base, errors: errors.slice(0, maxErrors) };
}

/** The answer to whatever a handler, the validation or Fastify itself threw. */
export function problemOf(error: unknown): Problem {
  if (isMeshError(error)) {
    const status = statusByCode[error.code] ?? 500;
    if (status === 500) return internalProblem;
    const { path, message } = error;
    return createProblem(
      status,
      error.code,
      message,
      path === undefined ? undefined : [{ path, message }],
    );
  }
  const { validation, validationContext, statusCode = 500, message } = error as FastifyError;
  if (validation !== undefined) {
    // A field too many is told twice, once by a keyword that does not name it.
    const errors = validation
      .filter(({ keyword }) => keyword !== 'boolean')
      .flatMap(validationFaults);
    const [first] = errors;
    const where = validationContext ?? 'request';
    const detail = first === undefined ? message : `${where}${first.path}: ${first.message}`;
    return createProblem(400, 'invalid_argument', detail, errors);
  }
  if (statusCode >= 500 || statusCode < 400) return internalProblem;
  return createProblem(statusCode, statusCode === 404 ? 'not_found' : 'invalid_argument', message);
}

/** What went wrong inside is in the log, not in the answer. */
const internalProblem: Problem = createProblem(
  500,
  'internal',
  'the registry failed to answer; its log says why',
);

type Fault = NonNullable<FastifyError['validation']>[number];

/** The fields at fault: those that are missing or too many are named by the parameters only. */
function validationFaults({ instancePath, params, message = 'is invalid' }: Fault): {
  path: string;
  message: string;
}[] {
  const { requiredProperties, additionalProperties, propertyNames } = params as Readonly<
    Record<string, unknown>
  >;
  const at = (names: unknown, text: string): { path: string; message: string }[] =>
    (names as string[]).map((name) => ({
      path: `${instancePath}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
      message: text,
    }));
  if (Array.isArray(requiredProperties)) return at(requiredProperties, 'is required');
  if (Array.isArray(additionalProperties))
    return at(additionalProperties, 'is not a known field, or not an allowed key');
  if (Array.isArray(propertyNames)) return at(propertyNames, 'is not an allowed key');
  return [{ path: instancePath, message }];
}
