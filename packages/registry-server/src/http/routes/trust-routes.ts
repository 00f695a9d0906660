import type { TrustBundleAnswer } from '@inmesh/core';
import type { CertificateAuthority } from '../../ca/certificate-authority.ts';
import type { App } from '../app.ts';
import { answers } from '../schemas/answers.ts';
import { trustBundleSchema } from '../schemas/security-schemas.ts';

const tags = ['identity'];

export function trustRoutes(app: App, authority: CertificateAuthority): void {
  const answer = (): TrustBundleAnswer => ({
    trustDomain: authority.trustDomain,
    bundle: authority.bundle,
    fingerprint: authority.fingerprint.replaceAll(':', '').toLowerCase(),
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

  app.post(
    '/v1/trust-bundle/rotation',
    {
      config: { access: 'operator' },
      schema: {
        tags,
        summary: 'Begin to replace the root: the next one is published now and signs later',
        response: answers({ 202: trustBundleSchema }),
      },
    },
    async (_request, reply) => {
      await authority.rotate();
      reply.code(202);
      return answer();
    },
  );
}
