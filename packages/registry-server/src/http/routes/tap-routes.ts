import type { Clock } from '@inmesh/core';
import { Type } from 'typebox';
import { endWithAccess } from '../../access/end-with-access.ts';
import { ownSession } from '../../access/own-session.ts';
import type { RegistryState } from '../../state/registry-state.ts';
import type { TapTable } from '../../tap/tap-table.ts';
import type { App } from '../app.ts';
import { openEventStream } from '../event-stream.ts';
import { answers, eventStream, noContent } from '../schemas/answers.ts';
import { startTapSchema, tappedCallsSchema, tapStartedSchema } from '../schemas/tap-schemas.ts';

const config = { access: 'operator' } as const;
const tags = ['taps'];

export function tapRoutes(app: App, state: RegistryState, taps: TapTable, clock: Clock): void {
  app.post(
    '/v1/taps',
    {
      config,
      schema: {
        tags,
        summary: "Ask to see a service's calls, live: open the stream of the answer's id next",
        body: startTapSchema,
        response: answers({ 201: tapStartedSchema }),
      },
    },
    async (request, reply) => {
      const { service, namespace = 'default', ...rest } = request.body;
      request.audited = { service: `${service}.${namespace}`, ...(rest as Record<string, string>) };
      reply.code(201);
      return taps.begin(request.body);
    },
  );

  app.get(
    '/v1/taps/:id/stream',
    {
      config,
      schema: {
        tags,
        summary: 'The calls, as server-sent events of kind `calls`; the tap ends with the stream',
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
        response: answers({ 200: eventStream }),
      },
    },
    (request, reply) => {
      const tap = taps.unopened(request.params.id);
      tap.open(endWithAccess(request, openEventStream(reply), clock));
    },
  );

  app.post(
    '/v1/sessions/:session/tapped',
    {
      config: { access: 'service' },
      schema: {
        tags: ['sessions'],
        summary: 'Tell calls that a tap has asked for',
        params: Type.Object({ session: Type.String() }),
        body: tappedCallsSchema,
        response: answers({ 204: noContent }),
      },
    },
    async (request, reply) => {
      const session = ownSession(state, request.params.session, request.principal);
      taps.take(session, request.body);
      reply.code(204);
    },
  );
}
