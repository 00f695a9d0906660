import { Type } from 'typebox';
import type { Overrides } from '../../store/overrides.ts';
import type { App } from '../app.ts';
import { answers, noContent } from '../schemas/answers.ts';
import { endpointId } from '../schemas/common-schemas.ts';
import { overrideSchema } from '../schemas/endpoint-schemas.ts';

const tags = ['operations'];
const params = Type.Object({ id: endpointId });

export function overrideRoutes(app: App, overrides: Overrides): void {
  const url = '/v1/endpoints/:id/override';

  app.put(
    url,
    {
      config: { access: 'operator' },
      schema: {
        tags,
        summary: "Override an endpoint's status; survives a restart of both sides",
        params,
        body: overrideSchema,
        response: answers({ 204: noContent }),
      },
    },
    async (request, reply) => {
      await overrides.set(request.params.id, request.body.status);
      reply.code(204);
    },
  );

  app.delete(
    url,
    {
      config: { access: 'operator' },
      schema: {
        tags,
        summary: 'Take an override back',
        params,
        response: answers({ 204: noContent }),
      },
    },
    async (request, reply) => {
      await overrides.remove(request.params.id);
      reply.code(204);
    },
  );
}
