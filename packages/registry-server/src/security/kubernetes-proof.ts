import { createIssuerVerifier, type IssuerOptions } from '@inmesh/auth';
import { type Clock, type Logger, MeshError } from '@inmesh/core';
import { createTokenReview, type TokenReviewOptions } from './token-review.ts';
import type { KubernetesProof } from './workload-proofs.ts';

/** How service accounts' tokens are checked: by the cluster's API server, or by its public keys. */
export type KubernetesProofOptions = {
  /** What tokens must be made for, and nothing else's tokens are: the pod's projected volume names it. @default 'inmesh' */
  readonly audience?: string;
} & (
  | {
      /** Asks the API server for each token (TokenReview): it knows of deleted pods and accounts. `{}` inside a pod. */
      readonly review: TokenReviewOptions;
      readonly keys?: undefined;
    }
  | {
      /** Verifies by the cluster's OIDC keys, without asking: a deleted pod's token is good until it expires. */
      readonly keys: Pick<IssuerOptions, 'issuer' | 'jwksUri' | 'jwks'>;
      readonly review?: undefined;
    }
);

/** `system:serviceaccount:<namespace>:<name>` */
const subject = /^system:serviceaccount:([a-z0-9-]{1,63}):([a-z0-9.-]{1,253})$/;

export function createKubernetesProof(
  options: KubernetesProofOptions,
  clock: Clock,
  logger: Logger,
): KubernetesProof {
  const { audience = 'inmesh' } = options;
  if (options.review !== undefined) {
    const review = createTokenReview(options.review, audience, clock);
    return {
      check: async (token) => workloadOf(await review.userOf(token)),
      close: () => review.close(),
    };
  }
  const issuer = { ...options.keys, audiences: [audience] };
  const verifier = createIssuerVerifier(issuer, { clock, logger });
  return {
    async check(token) {
      const result = await verifier.verify(token);
      if (result.kind === 'verified') return workloadOf(result.claims.sub);
      if (result.kind === 'keys-unavailable') {
        throw new MeshError('registry_unavailable', `registry: Kubernetes token: ${result.reason}`);
      }
      throw refused(result.reason);
    },
    close: () => verifier.close(),
  };
}

function workloadOf(user: unknown): { namespace: string; serviceAccount: string } {
  const match = typeof user === 'string' ? subject.exec(user) : null;
  if (match === null) throw refused('it is not of a service account');
  return { namespace: match[1] as string, serviceAccount: match[2] as string };
}

function refused(reason: string): MeshError {
  return new MeshError('unauthenticated', `registry: the Kubernetes token is refused: ${reason}`);
}
