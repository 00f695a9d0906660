import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Clock, MeshError, type TokenRecord } from '@inmesh/core';
import { cookieOf } from './cookies.ts';
import type { Principal } from './principal.ts';

/** A person's session in a browser. */
export interface Login {
  readonly principal: Extract<Principal, { kind: 'reader' | 'operator' }>;
  /** Of the token that opened it: revoking that ends the session. */
  readonly tokenId: string;
  /** A page has to send it with every change; another site cannot read it. */
  readonly csrf: string;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number;
}

/** Browsers' sessions: of this process only, gone with it. */
export interface Logins {
  /** Opens one; `cookie` is for `Set-Cookie`. */
  open(token: TokenRecord): { readonly login: Login; readonly cookie: string };
  /**
   * The session that a request's cookie names; `undefined` when it has none, or one that is over.
   * Throws `forbidden` for a change without the session's CSRF token.
   */
  find(request: IncomingMessage): Login | undefined;
  /** Ends the session that a request's cookie names; gives what makes the browser forget it. */
  close(request: IncomingMessage): string;
}

export interface LoginsOptions {
  readonly clock: Clock;
  /** Whether the token that opened a session still serves. */
  readonly isGood: (tokenId: string) => boolean;
}

/** `__Host-`: only over TLS, only this host, only set by it. */
const cookieName = '__Host-inmesh';
const attributes = 'Path=/; Secure; HttpOnly; SameSite=Strict';
const lifeMs = 12 * 3_600_000;
/** The oldest makes way. */
const maxLogins = 1_000;

export function createLogins({ clock, isGood }: LoginsOptions): Logins {
  // By digest: whoever can read this memory, or times the look-up, learns no cookie.
  const logins = new Map<string, Login>();

  const find = (request: IncomingMessage): Login | undefined => {
    const value = cookieOf(request.headers.cookie, cookieName);
    if (value === undefined) return undefined;
    const login = logins.get(digestOf(value));
    if (login === undefined || clock.wallNow() >= login.expiresAt || !isGood(login.tokenId)) {
      logins.delete(digestOf(value));
      return undefined;
    }
    if (!isSafe(request) && !isSame(request.headers['x-inmesh-csrf'], login.csrf)) {
      throw new MeshError(
        'forbidden',
        'registry: a change from a browser needs the header x-inmesh-csrf; GET /v1/login gives its value',
      );
    }
    return login;
  };

  return {
    open({ id, kind, name, expiresAt }) {
      if (kind === 'join') throw new MeshError('internal', 'a join token opens no session');
      const secret = randomBytes(32).toString('base64url');
      const login: Login = {
        principal: Object.freeze({ kind, name }),
        tokenId: id,
        csrf: randomBytes(32).toString('base64url'),
        expiresAt: Math.min(expiresAt, clock.wallNow() + lifeMs),
      };
      if (logins.size >= maxLogins) logins.delete(logins.keys().next().value as string);
      logins.set(digestOf(secret), login);
      return { login, cookie: `${cookieName}=${secret}; ${attributes}` };
    },
    find,
    close(request) {
      const value = cookieOf(request.headers.cookie, cookieName);
      if (value !== undefined) logins.delete(digestOf(value));
      return `${cookieName}=; ${attributes}; Max-Age=0`;
    },
  };
}

function digestOf(value: string): string {
  return createHash('sha256').update(value).digest('base64url');
}

function isSafe({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD';
}

function isSame(given: string | string[] | undefined, expected: string): boolean {
  if (typeof given !== 'string') return false;
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
