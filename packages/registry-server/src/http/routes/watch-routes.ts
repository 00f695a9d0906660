import { MeshError } from '@inmesh/core';
import { Type } from 'typebox';
import { ownSession } from '../../access/own-session.ts';
import type { RegistryState } from '../../state/registry-state.ts';
import type { WatchHub } from '../../watch/watch-hub.ts';
import type { App } from '../app.ts';
import { openEventStream } from '../event-stream.ts';
import { answers, eventStream, noContent } from '../schemas/answers.ts';
import { subscriptionsSchema } from '../schemas/session-schemas.ts';

export interface WatchRoutesOptions {
  readonly state: RegistryState;
  readonly hub: WatchHub;
  readonly maxWatchers: number;
  readonly maxSubscriptions: number;
}

const tags = ['sessions'];
const params = Type.Object({ session: Type.String() });

export function watchRoutes(app: App, options: WatchRoutesOptions): void {
  const { state, hub, maxWatchers, maxSubscriptions } = options;

  app.put(
    '/v1/sessions/:session/subscriptions',
    {
      config: { access: 'service' },
      schema: {
        tags,
        summary: 'Say what the stream carries; replaces what it carried',
        params,
        body: subscriptionsSchema(maxSubscriptions),
        response: answers({ 204: noContent }),
      },
    },
    async (request, reply) => {
      const session = ownSession(state, request.params.session, request.principal);
      hub.subscribe(session, request.body);
      reply.code(204);
    },
  );

  app.get(
    '/v1/sessions/:session/watch',
    {
      config: { access: 'service' },
      schema: {
        tags,
        summary: 'Follow the subscriptions: server-sent events, resumed by Last-Event-ID',
        params,
        headers: Type.Object({ 'last-event-id': Type.Optional(Type.String({ maxLength: 100 })) }),
        response: answers({ 200: eventStream }),
      },
    },
    (request, reply) => {
      const session = ownSession(state, request.params.session, request.principal);
      if (hub.watchers >= maxWatchers && !hub.hasStream(session)) {
        throw new MeshError(
          'overloaded',
          `registry: all ${maxWatchers} watch streams are taken; raise limits.watchers`,
        );
      }
      hub.open(session, openEventStream(reply), request.headers['last-event-id']);
    },
  );
}
