import { Type } from 'typebox';
import type { Revocations } from '../../security/revocations.ts';
import type { App } from '../app.ts';
import { answers, noContent } from '../schemas/answers.ts';
import {
  newRevocationSchema,
  revocationPageSchema,
  revocationSchema,
} from '../schemas/security-schemas.ts';

const tags = ['identity'];

export function revocationRoutes(app: App, revocations: Revocations): void {
  app.get(
    '/v1/revocations',
    {
      config: { access: ['service', 'reader'] },
      schema: {
        tags,
        summary: 'Certificates that are refused though they have not expired',
        response: answers({ 200: revocationPageSchema }),
      },
    },
    async () => ({ revocations: revocations.all() }),
  );

  app.post(
    '/v1/revocations',
    {
      config: { access: 'operator' },
      schema: {
        tags,
        summary: 'Refuse a certificate from now on; every process is told',
        body: newRevocationSchema,
        response: answers({ 201: revocationSchema }),
      },
    },
    async (request, reply) => {
      const { serial, reason = '' } = request.body;
      request.audited = { serial, reason };
      reply.code(201);
      return await revocations.add(request.body);
    },
  );

  app.delete(
    '/v1/revocations/:serial',
    {
      config: { access: 'operator' },
      schema: {
        tags,
        summary: 'Take a revocation back',
        params: Type.Object({ serial: Type.String({ maxLength: 64 }) }),
        response: answers({ 204: noContent }),
      },
    },
    async (request, reply) => {
      await revocations.remove(request.params.serial);
      reply.code(204);
    },
  );
}
