import { type HeaderPairs, MeshError } from '@inmesh/core';
import type { Exchange, InboundRequest } from '@inmesh/inbound';
import { Agent, request as send } from 'undici';
import type { ExternalAuthorizer, ExternalVerdict } from './external-authorizer.ts';

export interface HttpAuthorizerOptions {
  /** Of the service; the request's own path and query are appended to it. */
  readonly url: string;
  /** For the whole question. @default 1_000 */
  readonly timeoutMs?: number;
  /** Headers of the request that the service sees, lower-case. @default ['authorization', 'cookie'] */
  readonly includeRequestHeaders?: readonly string[];
  /** Headers of its answer that the handler sees when it allows. @default [] */
  readonly headersToHandlerOnAllow?: readonly string[];
  /** Headers of its answer that the caller sees when it denies. @default ['www-authenticate', 'location', 'set-cookie'] */
  readonly headersToCallerOnDeny?: readonly string[];
  /** Requests pass while the service cannot be asked. @default false */
  readonly failOpen?: boolean;
  /** What a caller gets then, when it does not. @default 403, as Envoy's */
  readonly statusOnError?: number;
}

/**
 * Asks a service as Envoy's HTTP ext-authz does: same method, path and chosen headers, no body; 200
 * allows, any other status is the answer.
 */
export function httpAuthorizer(options: HttpAuthorizerOptions): ExternalAuthorizer {
  const {
    timeoutMs = 1_000,
    includeRequestHeaders = ['authorization', 'cookie'],
    headersToHandlerOnAllow = [],
    headersToCallerOnDeny = ['www-authenticate', 'location', 'set-cookie'],
    failOpen = false,
    statusOnError = 403,
  } = options;
  const base = checkedBase(options.url);
  if (!(timeoutMs > 0 && Number.isFinite(timeoutMs))) {
    throw new MeshError('invalid_argument', `timeoutMs must be above 0, got ${timeoutMs}`);
  }
  // One service, many questions: 64 connections at most, and no answer of any size.
  const agent = new Agent({ connections: 64, maxResponseSize: 64 * 1024 });
  return {
    async check(request: InboundRequest, exchange: Exchange): Promise<ExternalVerdict> {
      const headers: string[] = ['x-forwarded-host', request.headers.host ?? ''];
      for (const name of includeRequestHeaders) {
        const value = request.headers[name];
        if (value !== undefined)
          headers.push(name, Array.isArray(value) ? value.join(', ') : value);
      }
      try {
        const answer = await send(base + exchange.path + exchange.query, {
          method: exchange.method as 'GET',
          headers,
          dispatcher: agent,
          signal: AbortSignal.timeout(timeoutMs),
        });
        await answer.body.dump();
        if (answer.statusCode === 200) {
          return { allowed: true, requestHeaders: chosen(answer.headers, headersToHandlerOnAllow) };
        }
        return {
          allowed: false,
          // A status that is no refusal would look like success to the caller.
          status:
            answer.statusCode >= 300 && answer.statusCode < 600 ? answer.statusCode : statusOnError,
          headers: chosen(answer.headers, headersToCallerOnDeny),
        };
      } catch {
        return failOpen
          ? { allowed: true, requestHeaders: [] }
          : { allowed: false, status: statusOnError, headers: [] };
      }
    },
    close: () => {
      agent.destroy().catch(() => {});
    },
  };
}

function checkedBase(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new MeshError(
      'invalid_argument',
      `url must be an http or https URL, got ${JSON.stringify(text)}`,
    );
  }
  return url.origin + url.pathname.replace(/\/$/, '');
}

function chosen(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  names: readonly string[],
): HeaderPairs {
  return names.flatMap((name) => {
    const value = headers[name];
    if (value === undefined) return [];
    return [value].flat().flatMap((single) => [name, single]);
  });
}
