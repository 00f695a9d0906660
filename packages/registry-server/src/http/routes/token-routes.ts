import { Type } from 'typebox';
import type { TokenBook } from '../../tokens/token-book.ts';
import type { App } from '../app.ts';
import { answers, noContent } from '../schemas/answers.ts';
import {
  newTokenSchema,
  tokenCreatedSchema,
  tokenListSchema,
} from '../schemas/security-schemas.ts';

const tags = ['identity'];

export function tokenRoutes(app: App, tokens: TokenBook): void {
  app.post(
    '/v1/tokens',
    {
      config: { access: 'operator' },
      schema: {
        tags,
        summary: 'Make a token: for a workload to join, or for a person or a program',
        body: newTokenSchema,
        response: answers({ 201: tokenCreatedSchema }),
      },
    },
    async (request, reply) => {
      const { kind, name, namespace, serviceAccount } = request.body;
      request.audited = { kind, name };
      const created = await tokens.create(request.body);
      request.audited = {
        ...request.audited,
        id: created.id,
        ...(kind === 'join' ? { workload: `${namespace ?? 'default'}/${serviceAccount}` } : {}),
      };
      reply.code(201).header('cache-control', 'no-store');
      return created;
    },
  );

  app.get(
    '/v1/tokens',
    {
      config: { access: 'operator' },
      schema: {
        tags,
        summary: 'List tokens, without their secrets',
        response: answers({ 200: tokenListSchema }),
      },
    },
    async () => ({ tokens: tokens.list() }),
  );

  app.delete(
    '/v1/tokens/:id',
    {
      config: { access: 'operator' },
      schema: {
        tags,
        summary:
          'Revoke a token; what it opened before stays open for services, and ends for people',
        params: Type.Object({ id: Type.String({ pattern: '^[\\w-]{1,64}$' }) }),
        response: answers({ 204: noContent }),
      },
    },
    async (request, reply) => {
      await tokens.revoke(request.params.id);
      reply.code(204);
    },
  );
}
