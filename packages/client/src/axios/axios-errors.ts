import { isMeshError, type MeshErrorCode } from '@inmesh/core';
import axios, { type AxiosResponse, type InternalAxiosRequestConfig } from 'axios';

const { AxiosError, CanceledError } = axios;

/** What axios users look for in `error.code`; the mesh's own code is in `error.cause.code`. */
const codes: Partial<Record<MeshErrorCode, string>> = {
  attempt_timeout: 'ECONNABORTED',
  deadline_exceeded: 'ECONNABORTED',
  connection_closed: 'ECONNRESET',
  response_too_large: 'ERR_BAD_RESPONSE',
  protocol_error: 'ERR_BAD_RESPONSE',
  invalid_argument: 'ERR_BAD_OPTION_VALUE',
  body_consumed: 'ERR_BAD_OPTION_VALUE',
};

/** Any failure as axios' callers expect it: an `AxiosError`, or `CanceledError` when they cancelled. */
export function toAxiosError(error: unknown, config: InternalAxiosRequestConfig): unknown {
  if (!isMeshError(error)) return error;
  if (error.code === 'aborted') {
    return Object.assign(new CanceledError('canceled', config), { cause: error });
  }
  const late = error.code === 'deadline_exceeded' || error.code === 'attempt_timeout';
  const code =
    late && config.transitional?.clarifyTimeoutError === true
      ? 'ETIMEDOUT'
      : (codes[error.code] ?? causeCode(error) ?? 'ERR_NETWORK');
  return Object.assign(new AxiosError(error.message, code, config), { cause: error });
}

/** `validateStatus` said no. */
export function statusError(response: AxiosResponse): Error {
  const { status, config, request } = response;
  return new AxiosError(
    `Request failed with status code ${status}`,
    status >= 400 && status < 500 ? 'ERR_BAD_REQUEST' : 'ERR_BAD_RESPONSE',
    config,
    request,
    response,
  );
}

/** `ECONNREFUSED` and the like. */
function causeCode({ cause }: Error): string | undefined {
  const code = (cause as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
