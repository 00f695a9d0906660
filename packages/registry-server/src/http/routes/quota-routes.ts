import { MeshError } from '@inmesh/core';
import { Type } from 'typebox';
import { ownSession } from '../../access/own-session.ts';
import type { QuotaTable } from '../../quota/quota-table.ts';
import type { RegistryState } from '../../state/registry-state.ts';
import type { App } from '../app.ts';
import { answers } from '../schemas/answers.ts';
import { quotaAskSchema, quotaGrantSchema } from '../schemas/quota-schemas.ts';

export interface QuotaRoutesOptions {
  readonly state: RegistryState;
  readonly quotas: QuotaTable;
  readonly now: () => number;
}

export function quotaRoutes(app: App, { state, quotas, now }: QuotaRoutesOptions): void {
  app.post(
    '/v1/sessions/:session/quotas',
    {
      config: { access: 'service' },
      schema: {
        tags: ['sessions'],
        summary: "Take tokens of a limit that the session's service shares among its processes",
        params: Type.Object({ session: Type.String() }),
        body: quotaAskSchema,
        response: answers({ 200: quotaGrantSchema }),
      },
    },
    async (request) => {
      const { service } = ownSession(state, request.params.session, request.principal);
      // Its own limits only: nobody may use up another's.
      if (service === undefined) {
        throw new MeshError('forbidden', 'registry: a session without a service shares no limit', {
          path: '/session',
        });
      }
      return quotas.take(service, request.body, now());
    },
  );
}
