import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Problem } from '@inmesh/core';
import ipaddr from 'ipaddr.js';
import { createProblem } from './problem.ts';

/** More headers than any client of ours sends, and fewer than would cost anything to look at. */
const maxHeaders = 100;

/**
 * Looks at a request before anything else does; gives the refusal, or `undefined` to go on.
 *
 * A server on loopback is reachable from every web page that the machine's user opens. So a
 * request must name this server in `Host` (a rebound DNS name does not), and one that a browser
 * sends for a page must come from a page of this server.
 */
export type RequestGuard = (request: IncomingMessage) => Problem | undefined;

export interface RequestGuardOptions {
  /** Further names that `Host` may be, without port, lower-case. */
  readonly allowedHosts: readonly string[];
  readonly scheme: 'http' | 'https';
}

export function createRequestGuard({ allowedHosts, scheme }: RequestGuardOptions): RequestGuard {
  const names = new Set(['localhost', ...allowedHosts]);
  // A server that asks for proofs may be reached by any address of its; names are what is rebound.
  const isOwnAddress = scheme === 'https' ? (text: string) => isIP(text) !== 0 : isLoopback;
  // The same few hosts come again and again: the last one that passed needs no second look.
  let lastPassed: string | undefined;
  return (request) => {
    const { headers, rawHeaders } = request;
    if (rawHeaders.length > 2 * maxHeaders) {
      const detail = `a request may have ${maxHeaders} headers, this one has ${rawHeaders.length / 2}`;
      return createProblem(431, 'invalid_argument', detail);
    }
    const { host = '', origin } = headers;
    if (host !== lastPassed) {
      if (!isOwnHost(hostName(host), names, isOwnAddress)) {
        const detail = `this registry does not answer for host ${JSON.stringify(host)}; use its address, or add the name to allowedHosts`;
        return createProblem(421, 'forbidden', detail);
      }
      lastPassed = host;
    }
    const site = headers['sec-fetch-site'];
    const foreign = site !== undefined && site !== 'same-origin' && site !== 'none';
    if (
      (foreign && !isVisit(request)) ||
      (origin !== undefined && origin !== `${scheme}://${host}`)
    ) {
      return createProblem(403, 'forbidden', 'pages of other origins may not use this registry');
    }
    return undefined;
  };
}

/** Somebody followed a link to the dashboard: its page has no data in it, and asks for none as another origin. */
function isVisit({ method, url, headers }: IncomingMessage): boolean {
  const { 'sec-fetch-mode': mode, 'sec-fetch-dest': destination } = headers;
  return method === 'GET' && url === '/' && mode === 'navigate' && destination === 'document';
}

function hostName(host: string): string {
  const end = host.startsWith('[') ? host.indexOf(']') + 1 : host.indexOf(':');
  return (end > 0 ? host.slice(0, end) : host).toLowerCase();
}

function isOwnHost(
  name: string,
  names: ReadonlySet<string>,
  isOwnAddress: (text: string) => boolean,
): boolean {
  if (names.has(name)) return true;
  const address = name.startsWith('[') ? name.slice(1, -1) : name;
  return isOwnAddress(address);
}

/** Whether `address` is an IP literal of this machine only. */
export function isLoopback(address: string): boolean {
  return isIP(address) !== 0 && ipaddr.process(address).range() === 'loopback';
}
