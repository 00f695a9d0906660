import type { TrustBundleAnswer } from '@inmesh/core';
import { plainFingerprint } from '../../ca/authority-roots.ts';
import type { CertificateAuthority } from '../../ca/certificate-authority.ts';
import type { App } from '../app.ts';
import { answers } from '../schemas/answers.ts';
import {
  authorityStatusSchema,
  rotationQuery,
  trustBundleSchema,
} from '../schemas/security-schemas.ts';

const tags = ['identity'];

export function trustRoutes(app: App, authority: CertificateAuthority): void {
  const answer = (): TrustBundleAnswer => ({
    trustDomain: authority.trustDomain,
    bundle: authority.bundle,
    fingerprint: plainFingerprint(authority.fingerprint),
  });

  app.get(
    '/v1/trust-bundle',
    {
      // Public by nature, and what a client reads before it can know whom it speaks to.
      config: { access: 'open' },
      schema: {
        tags,
        summary: 'Whom the mesh trusts',
        response: answers({ 200: trustBundleSchema }),
      },
    },
    async () => answer(),
  );

  app.get(
    '/v1/authority',
    {
      config: { access: 'reader' },
      schema: {
        tags,
        summary: 'The roots of the mesh: which signs, which is next, which retires',
        response: answers({ 200: authorityStatusSchema }),
      },
    },
    async () => authority.status(),
  );

  app.post(
    '/v1/trust-bundle/rotation',
    {
      config: { access: 'operator' },
      schema: {
        tags,
        summary: 'Begin to replace the root: the next one is published now and signs later',
        querystring: rotationQuery,
        response: answers({ 202: trustBundleSchema }),
      },
    },
    async (request, reply) => {
      await authority.rotate(request.query.publishMs);
      const next = authority.status().roots.find(({ state }) => state === 'next');
      if (next !== undefined) request.audited = { root: next.fingerprint };
      reply.code(202);
      return answer();
    },
  );
}
