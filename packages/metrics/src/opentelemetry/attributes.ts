import type { EndedAttempt, EndedCall, EndedRequest, MeshError } from '@inmesh/core';
import type { Attributes } from '@opentelemetry/api';
import { labelText } from '../label-text.ts';
import { methodIndex, methodNames } from '../method-label.ts';

/** Of every metric and span. */
export function commonAttributes(method: string, status: number): Attributes {
  return {
    'http.request.method': knownMethod(method),
    'network.protocol.version': '1.1',
    ...(status === 0 ? {} : { 'http.response.status_code': status }),
  };
}

/** One of the conventions' methods, or `_OTHER`. */
export function knownMethod(method: string): string {
  return methodNames[methodIndex(method)] as string;
}

/** The logical name, which is what was asked for; the endpoint is the peer. */
export function serverAttributes(
  { scheme, authority }: Pick<EndedCall, 'scheme' | 'authority'>,
  service: string,
): Attributes {
  const port = /:(\d{1,5})$/.exec(authority)?.[1];
  return {
    'server.address': labelText(service),
    'server.port': port === undefined ? (scheme === 'https' ? 443 : 80) : Number(port),
  };
}

/** A status counts as an error from 400 for who asked, from 500 for who answered. */
export function errorType(status: number, from: number, error: MeshError | undefined): Attributes {
  if (status >= from) return { 'error.type': String(status) };
  if (status === 0) return { 'error.type': error?.code ?? '_OTHER' };
  return {};
}

export function attemptAttributes(attempt: EndedAttempt): Attributes {
  return {
    ...commonAttributes(attempt.method, attempt.status),
    ...serverAttributes(attempt.call, attempt.service),
    ...errorType(attempt.status, 400, attempt.error),
  };
}

export function requestAttributes(request: EndedRequest): Attributes {
  const route = labelText(request.route);
  return {
    ...commonAttributes(request.method, request.status),
    'url.scheme': request.mutualTls ? 'https' : 'http',
    ...(route === 'unknown' ? {} : { 'http.route': route }),
    ...errorType(request.status, 500, undefined),
  };
}
