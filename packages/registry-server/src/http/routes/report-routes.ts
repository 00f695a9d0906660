import { Type } from 'typebox';
import { ownSession } from '../../access/own-session.ts';
import type { ReportSink } from '../../graph/report-sink.ts';
import type { RegistryState } from '../../state/registry-state.ts';
import type { App } from '../app.ts';
import { answers } from '../schemas/answers.ts';
import { reportAcceptedSchema, reportSchema } from '../schemas/report-schemas.ts';

export interface ReportRoutesOptions {
  readonly state: RegistryState;
  readonly sink: ReportSink;
  /** Called when a report was refused. */
  readonly onRefused: () => void;
}

export function reportRoutes(app: App, { state, sink, onRefused }: ReportRoutesOptions): void {
  app.post(
    '/v1/sessions/:session/reports',
    {
      config: { access: 'service' },
      schema: {
        tags: ['sessions'],
        summary: 'Report traffic and state, for the call graph',
        params: Type.Object({ session: Type.String() }),
        body: reportSchema,
        response: answers({ 200: reportAcceptedSchema }),
      },
    },
    async (request) => {
      const session = ownSession(state, request.params.session, request.principal);
      try {
        return sink.take(session, request.body);
      } catch (error) {
        onRefused();
        throw error;
      }
    },
  );
}
