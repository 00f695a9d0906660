import { type CertificateRequest, type Clock, MeshError, registryIdentity } from '@inmesh/core';
import { formatSpiffeId } from '@inmesh/identity';
import type { FastifyRequest } from 'fastify';
import type { CertificateAuthority } from '../../ca/certificate-authority.ts';
import type { WorkloadProofs } from '../../security/workload-proofs.ts';
import type { App } from '../app.ts';
import { answers } from '../schemas/answers.ts';
import { certificateIssuedSchema, certificateRequestSchema } from '../schemas/security-schemas.ts';

export interface CertificateRoutesOptions {
  readonly authority: CertificateAuthority;
  readonly proofs: WorkloadProofs;
  readonly clock: Clock;
}

/** Who asks, and what has to be done before the certificate is handed out. */
interface Asker {
  readonly spiffeId: string;
  /** The serial of the certificate that is shown; none with another proof. */
  readonly renews?: string;
  readonly settle: () => Promise<void>;
}

export function certificateRoutes(app: App, options: CertificateRoutesOptions): void {
  const { authority, proofs, clock } = options;

  const askerOf = async (
    request: FastifyRequest,
    proof: CertificateRequest['proof'],
  ): Promise<Asker> => {
    if (proof !== undefined) {
      const { workload, settle } = await proofs.check(proof);
      const { trustDomain } = authority;
      return { spiffeId: formatSpiffeId({ trustDomain, ...workload }), settle };
    }
    const { principal } = request;
    if (principal.kind === 'service') {
      const { identity, serial } = principal;
      return { spiffeId: identity.spiffeId, renews: serial, settle: async () => {} };
    }
    throw new MeshError(
      'unauthenticated',
      'registry: a certificate needs a proof: a join token, a Kubernetes service account token, or the client certificate that is to be renewed',
    );
  };

  app.post(
    '/v1/certificates',
    {
      // Who asks for the first one has nothing yet that the access hook could look at.
      config: { access: 'open' },
      schema: {
        tags: ['identity'],
        summary: 'Get a certificate signed, for whom the proof or the client certificate is of',
        body: certificateRequestSchema,
        response: answers({ 200: certificateIssuedSchema }),
      },
    },
    async (request) => {
      const { csr, proof } = request.body;
      request.audited = { proof: proof?.kind ?? 'certificate' };
      const { settle, ...asker } = await askerOf(request, proof);
      const { spiffeId } = asker;
      request.auditedActor = spiffeId;
      if (spiffeId === registryIdentity(authority.trustDomain)) {
        throw new MeshError('forbidden', `registry: ${spiffeId} is the registry, and nobody else`);
      }
      const issued = await authority.issue({ csr, ...asker });
      // Last: a request that is refused must not cost a token its use. What was signed for the loser
      // of a race for the last use is never handed out.
      await settle();
      const { chain, bundle, serial } = issued;
      request.audited = { ...request.audited, serial };
      const expiresInMs = issued.expiresAt - clock.wallNow();
      return { chain, bundle, spiffeId, serial, expiresInMs };
    },
  );
}
