import type { SessionPage } from '@inmesh/core';
import type { OwnNames } from '../../access/own-name.ts';
import { isOwner, ownSession } from '../../access/own-session.ts';
import type { Principal } from '../../access/principal.ts';
import type { RegistryState } from '../../state/registry-state.ts';
import type { App } from '../app.ts';
import { answers, noContent } from '../schemas/answers.ts';
import { pageQuery } from '../schemas/common-schemas.ts';
import {
  openSessionSchema,
  sessionCursor,
  sessionOpenedSchema,
  sessionPageSchema,
} from '../schemas/session-schemas.ts';

const tags = ['sessions'];

export interface SessionRoutesOptions {
  readonly state: RegistryState;
  readonly sessionTtlMs: number;
  /** `false` when there is no such session of `principal`, or it is to go elsewhere. */
  readonly renew: (token: string, principal: Principal) => boolean;
  readonly ownNames: OwnNames;
  readonly now: () => number;
}

export function sessionRoutes(app: App, options: SessionRoutesOptions): void {
  const { state, sessionTtlMs, renew, ownNames, now } = options;

  app.post(
    '/v1/sessions',
    {
      config: { access: 'service' },
      schema: {
        tags,
        summary: 'Open a session',
        body: openSessionSchema,
        response: answers({ 201: sessionOpenedSchema }),
      },
    },
    async (request, reply) => {
      const { client, service } = request.body;
      if (service !== undefined) ownNames.checkService(request.principal, service);
      const { token } = state.openSession(client, service, request.principal);
      reply.code(201);
      return {
        session: token,
        ttlMs: sessionTtlMs,
        renewEveryMs: Math.round(sessionTtlMs / 3),
        epoch: state.revisions.epoch,
      };
    },
  );

  // Describes renewals, and says why one failed; those that succeed rarely come this far.
  app.put<{ Params: { session: string } }>(
    '/v1/sessions/:session',
    {
      config: { access: 'service' },
      schema: { tags, summary: 'Renew a session', response: answers({ 204: noContent }) },
    },
    (request, reply) => {
      const { session } = request.params;
      if (!renew(session, request.principal)) {
        state.refuseRenewal(ownSession(state, session, request.principal));
      }
      reply.code(204).send();
    },
  );

  app.delete<{ Params: { session: string } }>(
    '/v1/sessions/:session',
    {
      config: { access: 'service' },
      schema: {
        tags,
        summary: 'Close a session; its registrations go with it',
        response: answers({ 204: noContent }),
      },
    },
    async (request, reply) => {
      const session = state.sessions.find(request.params.session);
      if (session !== undefined && isOwner(session, request.principal)) state.closeSession(session);
      reply.code(204);
    },
  );

  app.get(
    '/v1/sessions',
    {
      config: { access: 'reader' },
      schema: {
        tags: ['operations'],
        summary: 'List sessions, without their secrets',
        querystring: pageQuery(sessionCursor),
        response: answers({ 200: sessionPageSchema }),
      },
    },
    async (request): Promise<SessionPage> => {
      const { limit = 100, after = '0' } = request.query;
      const page = state.sessions.page(Number(after), limit);
      const last = page.at(-1);
      const sessions = page.map((session) => ({
        client: session.client,
        registrations: session.registrations.size,
        subscriptions: session.subscriptions.size,
        silentForMs: Math.round(now() - session.renewedAt),
      }));
      if (last === undefined || page.length < limit) return { sessions };
      return { sessions, next: String(last.number) };
    },
  );
}
