import type { AuditLog } from '../../audit/audit-log.ts';
import type { App } from '../app.ts';
import { answers } from '../schemas/answers.ts';
import { pageQuery } from '../schemas/common-schemas.ts';
import { auditPageSchema } from '../schemas/security-schemas.ts';
import { sessionCursor } from '../schemas/session-schemas.ts';

export function auditRoutes(app: App, audit: AuditLog): void {
  app.get(
    '/v1/audit',
    {
      config: { access: 'reader' },
      schema: {
        tags: ['operations'],
        summary: 'Who changed what, and who tried; the newest first',
        querystring: pageQuery(sessionCursor),
        response: answers({ 200: auditPageSchema }),
      },
    },
    async ({ query: { limit = 100, after } }) =>
      audit.page(after === undefined ? Number.POSITIVE_INFINITY : Number(after), limit),
  );
}
