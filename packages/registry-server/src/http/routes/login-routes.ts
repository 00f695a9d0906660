import { type Clock, type LoggedIn, MeshError } from '@inmesh/core';
import type { Login, Logins } from '../../access/logins.ts';
import type { TokenBook } from '../../tokens/token-book.ts';
import type { App } from '../app.ts';
import { answers, noContent } from '../schemas/answers.ts';
import { loggedInSchema, logInSchema } from '../schemas/security-schemas.ts';

export interface LoginRoutesOptions {
  readonly tokens: TokenBook;
  readonly logins: Logins;
  readonly clock: Clock;
}

const tags = ['login'];

export function loginRoutes(app: App, { tokens, logins, clock }: LoginRoutesOptions): void {
  const answer = ({ principal, csrf, expiresAt }: Login): LoggedIn => ({
    role: principal.kind,
    name: principal.name,
    csrf,
    expiresInMs: expiresAt - clock.wallNow(),
  });

  app.post(
    '/login',
    {
      config: { access: 'open' },
      schema: {
        tags,
        summary: "Open a browser's session with a reader's or an operator's token",
        body: logInSchema,
        response: answers({ 200: loggedInSchema }),
      },
    },
    async (request, reply) => {
      const token = tokens.verify(request.body.token, ['reader', 'operator']);
      request.auditedActor = `${token.kind} ${token.name}`;
      const { login, cookie } = logins.open(token);
      reply.header('set-cookie', cookie).header('cache-control', 'no-store');
      return answer(login);
    },
  );

  app.post(
    '/logout',
    {
      config: { access: 'open' },
      schema: { tags, summary: 'End the session', response: answers({ 204: noContent }) },
    },
    async (request, reply) => {
      reply.header('set-cookie', logins.close(request.raw)).code(204);
    },
  );

  app.get(
    '/v1/login',
    {
      config: { access: 'reader' },
      schema: {
        tags,
        summary: 'Whose session this is, and what its changes have to carry',
        response: answers({ 200: loggedInSchema }),
      },
    },
    async (request, reply) => {
      const login = logins.find(request.raw);
      if (login === undefined) {
        throw new MeshError('not_found', 'registry: this request is of no session of a browser');
      }
      reply.header('cache-control', 'no-store');
      return answer(login);
    },
  );
}
