import type { HttpDirectResponse, HttpRedirect } from '@inmesh/config';
import type { HeaderOperations, RespondDecision, RouteRequest } from '@inmesh/core';
import { applyHeaders } from './header-operations.ts';
import { invalidResource } from './invalid-resource.ts';
import type { CompiledMatch } from './match.ts';
import { checkPathText, replacePrefix } from './path-rewrite.ts';

const noBody = new Uint8Array(0);
const redirectCodes: readonly number[] = [301, 302, 303, 307, 308];

/** What both kinds of answer take from their route. */
interface RespondContext {
  readonly route: string;
  readonly fault: RespondDecision['fault'];
  readonly responseHeaders: HeaderOperations | undefined;
}

/** A fixed answer, made once. Throws `invalid_resource`. */
export function compileDirectResponse(
  { status, body }: HttpDirectResponse,
  { route, fault, responseHeaders }: RespondContext,
  path: string,
): RespondDecision {
  if (!(Number.isInteger(status) && status >= 200 && status < 600)) {
    throw invalidResource(`${path}/status`, `status must be within 200..599, got ${status}`);
  }
  const text = body?.string;
  const bytes =
    text === undefined ? Buffer.from(body?.bytes ?? '', 'base64') : Buffer.from(text, 'utf8');
  const headers = applyHeaders(
    bytes.length === 0
      ? []
      : ['content-type', text === undefined ? 'application/octet-stream' : 'text/plain'],
    responseHeaders,
  );
  headers.push('content-length', String(bytes.length));
  return Object.freeze({ kind: 'respond', route, status, headers, body: bytes, fault });
}

/** Answers with a location that depends on the request, so each decision is made anew. */
export function compileRedirect(
  redirect: HttpRedirect,
  { route, fault, responseHeaders }: RespondContext,
  path: string,
): (request: RouteRequest, match: CompiledMatch) => RespondDecision {
  const { redirectCode: status = 301, uri, prefixRewrite, authority, scheme } = redirect;
  if (!redirectCodes.includes(status)) {
    throw invalidResource(
      `${path}/redirectCode`,
      `redirectCode must be one of ${redirectCodes.join(', ')}, got ${status}`,
    );
  }
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') {
    throw invalidResource(`${path}/scheme`, `scheme must be http or https, got ${scheme}`);
  }
  for (const text of [uri, prefixRewrite, authority]) {
    if (text !== undefined) checkPathText(text, path);
  }
  return (request, match) => {
    const location = `${scheme ?? request.scheme}://${targetAuthority(redirect, request)}${targetPath(redirect, request, match)}`;
    const headers = applyHeaders(['location', location, 'content-length', '0'], responseHeaders);
    return { kind: 'respond', route, status, headers, body: noBody, fault };
  };
}

function targetPath(
  { uri, prefixRewrite }: HttpRedirect,
  { path }: RouteRequest,
  match: CompiledMatch,
): string {
  if (prefixRewrite !== undefined) return replacePrefix(match.prefix, prefixRewrite)(path);
  if (uri === undefined) return path;
  // A query of the resource's own takes the place of the request's.
  return uri.includes('?') ? uri : replacePrefix(undefined, uri)(path);
}

/** Unless the resource says otherwise the port stays, but for one that only the old scheme means. */
function targetAuthority(redirect: HttpRedirect, request: RouteRequest): string {
  const base = redirect.authority ?? request.authority;
  const { host, port } = splitAuthority(base);
  const scheme = redirect.scheme ?? request.scheme;
  const standard = scheme === 'https' ? 443 : 80;
  if (redirect.port !== undefined) return withPort(host, redirect.port, standard);
  if (redirect.derivePort === 'FROM_PROTOCOL_DEFAULT') return host;
  if (redirect.derivePort === 'FROM_REQUEST_PORT') return withPort(host, request.port, standard);
  const left = request.scheme === 'https' ? 443 : 80;
  return scheme !== request.scheme && port === left ? host : base;
}

function withPort(host: string, port: number | undefined, standard: number): string {
  return port === undefined || port === standard ? host : `${host}:${port}`;
}

function splitAuthority(authority: string): { host: string; port: number | undefined } {
  const match = /^(.*):(\d{1,5})$/.exec(authority);
  return match === null
    ? { host: authority, port: undefined }
    : { host: match[1] as string, port: Number(match[2]) };
}
