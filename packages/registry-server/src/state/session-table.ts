import { randomBytes } from 'node:crypto';
import { MeshError } from '@inmesh/core';
import { nobody, principalName } from '../access/principal.ts';
import { LeaseList } from './lease-list.ts';
import type { Session } from './session.ts';

/** 144 bits: unguessable, and short enough to stay cheap in a URL. */
const tokenBytes = 18;

/** Characters of a session's token: base64url, without padding. */
export const tokenLength: number = (tokenBytes / 3) * 4;

/** What is said of a session when it is opened. */
export type NewSession = Pick<Session, 'client' | 'service' | 'owner'>;

/** The sessions by token, and their leases. */
export class SessionTable {
  readonly leases: LeaseList = new LeaseList();
  readonly #byToken = new Map<string, Session>();
  /** How many of them each identity has. */
  readonly #byOwner = new Map<string, number>();
  readonly #limit: number;
  readonly #ownerLimit: number;
  #opened = 0;

  constructor(limit: number, ownerLimit: number) {
    this.#limit = limit;
    this.#ownerLimit = ownerLimit;
  }

  get size(): number {
    return this.#byToken.size;
  }

  /** Throws `overloaded` at a limit. */
  open(request: NewSession, now: number): Session {
    if (this.#byToken.size >= this.#limit) {
      throw new MeshError(
        'overloaded',
        `registry: all ${this.#limit} sessions are taken; raise limits.sessions or close some`,
      );
    }
    const owner = principalName(request.owner);
    const owned = this.#byOwner.get(owner) ?? 0;
    if (request.owner.kind === 'service' && owned >= this.#ownerLimit) {
      throw new MeshError(
        'overloaded',
        `registry: ${owner} has ${owned} sessions, the most that one identity may; raise limits.sessionsPerIdentity or close some`,
      );
    }
    return this.#add({ ...request, orphan: false }, now);
  }

  /** A session that was another server's, and counted towards the limits there. */
  adopt(client: string, now: number): Session {
    return this.#add({ client, service: undefined, owner: nobody, orphan: true }, now);
  }

  #add(request: NewSession & Pick<Session, 'orphan'>, now: number): Session {
    const owner = principalName(request.owner);
    this.#byOwner.set(owner, (this.#byOwner.get(owner) ?? 0) + 1);
    this.#opened += 1;
    const session: Session = {
      token: randomBytes(tokenBytes).toString('base64url'),
      number: this.#opened,
      ...request,
      registrations: new Map(),
      disputed: new Map(),
      subscriptions: new Map(),
      config: undefined,
      renewedAt: now,
      mayBeElsewhere: false,
      toMove: false,
      older: undefined,
      newer: undefined,
    };
    this.#byToken.set(session.token, session);
    this.leases.append(session);
    return session;
  }

  all(): Iterable<Session> {
    return this.#byToken.values();
  }

  find(token: string): Session | undefined {
    return this.#byToken.get(token);
  }

  /** Throws `session_unknown`. */
  get(token: string): Session {
    const session = this.#byToken.get(token);
    if (session !== undefined) return session;
    throw new MeshError(
      'session_unknown',
      'registry: no such session: it expired, was closed, or is of an earlier run; open a new one and register again',
    );
  }

  /** The hot path: `undefined` when there is no such session. */
  renew(token: string, now: number): Session | undefined {
    const session = this.#byToken.get(token);
    if (session !== undefined) this.leases.renew(session, now);
    return session;
  }

  remove(session: Session): void {
    if (!this.#byToken.delete(session.token)) return;
    this.leases.remove(session);
    const owner = principalName(session.owner);
    const left = (this.#byOwner.get(owner) ?? 1) - 1;
    if (left === 0) this.#byOwner.delete(owner);
    else this.#byOwner.set(owner, left);
  }

  /** Up to `limit` sessions whose number is above `after`, in the order they were opened. */
  page(after: number, limit: number): Session[] {
    const page: Session[] = [];
    for (const session of this.#byToken.values()) {
      if (session.number <= after) continue;
      page.push(session);
      if (page.length === limit) break;
    }
    return page;
  }
}
