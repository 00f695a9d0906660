import type { SessionOpened } from '@inmesh/core';
import type { RegistryServer } from './options.ts';

/** A lease that this process holds, or held, at one server. */
export interface Session {
  readonly server: RegistryServer;
  /** The secret: whoever has it holds the session. Never logged. */
  readonly token: string;
  readonly ttlMs: number;
  readonly renewEveryMs: number;
  /** Where its stream ended, to go on from there; `undefined` asks for everything. */
  lastEventId: string | undefined;
}

/** Reads the answer to opening one. Throws `Error` for what cannot be one. */
export function readSession(server: RegistryServer, answer: unknown): Session {
  const { session, ttlMs, renewEveryMs } = (answer ?? {}) as Partial<SessionOpened>;
  // It becomes part of a path: anything but plain characters could name another resource.
  if (typeof session !== 'string' || !/^[\w.~-]{1,512}$/.test(session)) {
    throw new Error('the answer has no usable session');
  }
  return {
    server,
    token: session,
    ttlMs: duration(ttlMs, 'ttlMs'),
    renewEveryMs: duration(renewEveryMs, 'renewEveryMs'),
    lastEventId: undefined,
  };
}

export function sessionPath(session: Session, rest = ''): string {
  return `/v1/sessions/${session.token}${rest}`;
}

function duration(value: unknown, name: string): number {
  // Below 10 ms a bad answer would make a busy loop; above a day it would never be noticed.
  if (typeof value === 'number' && value >= 10 && value <= 86_400_000) return value;
  throw new Error(`the answer's ${name} is not within 10..86400000`);
}
