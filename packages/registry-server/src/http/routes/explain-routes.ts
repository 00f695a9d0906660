import type { Explain } from '../../explain/explain-request.ts';
import type { App } from '../app.ts';
import { answers } from '../schemas/answers.ts';
import { explainAnswerSchema, explainRequestSchema } from '../schemas/explain-schemas.ts';

export function explainRoutes(app: App, explain: Explain): void {
  app.post(
    '/v1/explain',
    {
      config: { access: 'reader' },
      schema: {
        tags: ['resources'],
        summary: 'Why a request goes where it goes; nothing is sent',
        body: explainRequestSchema,
        response: answers({ 200: explainAnswerSchema }),
      },
    },
    async (request) => explain(request.body),
  );
}
