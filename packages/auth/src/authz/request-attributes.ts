import type { Identity } from '@inmesh/core';

/**
 * All that policies can ask of a request. `undefined` is "not known"; for `peer` and `claims`
 * that means a caller who has not proven who it is.
 */
export interface RequestAttributes {
  /** Upper-case. */
  readonly method: string;
  /** Normalized, without the query. */
  readonly path: string;
  /** Every value of a header in order, by its lower-case name; `host` is one. */
  header(name: string): readonly string[];
  /** The calling workload, proven by its certificate. */
  readonly peer: Identity | undefined;
  /** Of the verified token; `undefined` without one. */
  readonly claims: Readonly<Record<string, unknown>> | undefined;
  /** Of the connection. */
  readonly sourceIp: string | undefined;
  /** Of the client behind trusted proxies. */
  readonly remoteIp: string | undefined;
  readonly destinationIp: string | undefined;
  readonly destinationPort: number | undefined;
  /** The server name of the TLS handshake. */
  readonly sni: string | undefined;
}

/** A request as people describe it, for questions and tests. */
export interface RequestDescription {
  readonly method?: string;
  readonly path?: string;
  /** By lower-case name. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly peer?: Identity;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly sourceIp?: string;
  /** @default `sourceIp` */
  readonly remoteIp?: string;
  readonly destinationIp?: string;
  readonly destinationPort?: number;
  readonly sni?: string;
}

/** Fills in what a plain `GET /` has. */
export function describedRequest(request: RequestDescription): RequestAttributes {
  const headers = new Map(
    Object.entries(request.headers ?? {}).map(([name, value]) => [
      name.toLowerCase(),
      typeof value === 'string' ? [value] : value,
    ]),
  );
  return {
    method: request.method ?? 'GET',
    path: request.path ?? '/',
    header: (name) => headers.get(name) ?? [],
    peer: request.peer,
    claims: request.claims,
    sourceIp: request.sourceIp,
    remoteIp: request.remoteIp ?? request.sourceIp,
    destinationIp: request.destinationIp,
    destinationPort: request.destinationPort,
    sni: request.sni,
  };
}
