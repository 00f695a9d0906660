import { MeshError } from '@inmesh/core';
import { Type } from 'typebox';
import type { ServiceTokenIssuer } from '../../security/service-token-issuer.ts';
import type { App } from '../app.ts';
import { answers } from '../schemas/answers.ts';
import {
  serviceTokenIssuedSchema,
  serviceTokenRequestSchema,
} from '../schemas/security-schemas.ts';

const tags = ['identity'];

export function serviceTokenRoutes(app: App, issuer: ServiceTokenIssuer): void {
  app.post(
    '/v1/service-tokens',
    {
      config: { access: 'service' },
      schema: {
        tags,
        summary: 'A short-lived token of the caller, for one service that it calls',
        body: serviceTokenRequestSchema,
        response: answers({ 200: serviceTokenIssuedSchema }),
      },
    },
    async ({ principal, body }, reply) => {
      if (principal.kind !== 'service') {
        throw new MeshError('forbidden', 'registry: service tokens are for workloads only');
      }
      reply.header('cache-control', 'no-store');
      return issuer.issue(principal.identity.spiffeId, body.audience);
    },
  );

  app.get(
    '/v1/jwks',
    {
      // Public keys: whoever verifies a token may have them.
      config: { access: 'open' },
      schema: {
        tags,
        summary: 'The keys that sign service tokens, as a JSON Web Key Set',
        response: answers({ 200: Type.Object({ keys: Type.Array(Type.Object({})) }) }),
      },
    },
    async () => issuer.jwks(),
  );
}
