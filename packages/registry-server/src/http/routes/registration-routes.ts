import { Type } from 'typebox';
import type { OwnNames } from '../../access/own-name.ts';
import { ownSession } from '../../access/own-session.ts';
import { declareEndpoint } from '../../state/declare-endpoint.ts';
import type { RegistryState } from '../../state/registry-state.ts';
import type { App } from '../app.ts';
import { answers, noContent } from '../schemas/answers.ts';
import { endpointId } from '../schemas/common-schemas.ts';
import { registrationAcceptedSchema, registrationSchema } from '../schemas/endpoint-schemas.ts';

const params = Type.Object({ session: Type.String(), id: endpointId });

export function registrationRoutes(app: App, state: RegistryState, ownNames: OwnNames): void {
  const url = '/v1/sessions/:session/registrations/:id';

  app.put(
    url,
    {
      config: { access: 'service' },
      schema: {
        tags: ['sessions'],
        summary: 'Register an endpoint, or change it',
        params,
        body: registrationSchema,
        response: answers({ 200: registrationAcceptedSchema }),
      },
    },
    async (request) => {
      const session = ownSession(state, request.params.session, request.principal);
      ownNames.checkRegistration(request.principal, request.params.id, request.body);
      const declared = declareEndpoint(request.params.id, request.body);
      const revision = state.register(session, declared, request.body.probe);
      return { revision: state.revisions.wire(revision) };
    },
  );

  app.delete(
    url,
    {
      config: { access: 'service' },
      schema: {
        tags: ['sessions'],
        summary: 'Deregister an endpoint: it drains at once and is removed a moment later',
        params,
        response: answers({ 204: noContent }),
      },
    },
    async (request, reply) => {
      const session = ownSession(state, request.params.session, request.principal);
      state.deregister(session, request.params.id);
      reply.code(204);
    },
  );
}
