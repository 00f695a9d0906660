import type { CertificateList, ReportedCertificate } from '@inmesh/core';
import { Type } from 'typebox';
import type { ReporterTable } from '../../graph/reporter-table.ts';
import type { App } from '../app.ts';
import { answers } from '../schemas/answers.ts';
import { serviceNameSchema } from '../schemas/common-schemas.ts';
import { type WireSchema, wire } from '../schemas/wire-schema.ts';

export interface CertificateListRoutesOptions {
  readonly reporters: ReporterTable;
  readonly now: () => number;
}

const certificateListSchema: WireSchema<CertificateList> = wire<CertificateList>()(
  Type.Object({
    total: Type.Integer({ description: 'of all processes that report one' }),
    certificates: Type.Array(
      Type.Object({
        service: serviceNameSchema,
        version: Type.String(),
        client: Type.String({ description: 'the process, as its session says' }),
        spiffeId: Type.String(),
        expiresInMs: Type.Number({ description: 'from now; below 0 is over' }),
        heldForMs: Type.Optional(Type.Number({ description: 'since the process got it' })),
      }),
    ),
  }),
);

/** The certificates that processes report: kept by nobody else, as the registry forgets what it signed. */
export function certificateListRoutes(app: App, options: CertificateListRoutesOptions): void {
  const { reporters, now } = options;
  app.get(
    '/v1/certificates',
    {
      config: { access: 'reader' },
      schema: {
        tags: ['graph'],
        summary: 'The certificates that processes report, those that end first at the top',
        querystring: Type.Object(
          { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })) },
          { additionalProperties: false },
        ),
        response: answers({ 200: certificateListSchema }),
      },
    },
    async ({ query }): Promise<CertificateList> => {
      const all = [...reported(reporters, now())].sort((a, b) => a.expiresInMs - b.expiresInMs);
      return { total: all.length, certificates: all.slice(0, query.limit ?? 100) };
    },
  );
}

function* reported(reporters: ReporterTable, now: number): Iterable<ReportedCertificate> {
  for (const { service, version, session, state, lastAt } of reporters.all()) {
    if (state?.certificate == null) continue;
    const { spiffeId, expiresInMs, heldForMs } = state.certificate;
    // It was so long when the process told it.
    const since = Math.round(now - lastAt);
    yield {
      service,
      version,
      client: session.client,
      spiffeId,
      expiresInMs: expiresInMs - since,
      ...(heldForMs === undefined ? {} : { heldForMs: heldForMs + since }),
    };
  }
}
