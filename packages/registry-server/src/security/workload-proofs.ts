import { type CertificateProof, type Identity, MeshError } from '@inmesh/core';
import type { TokenBook } from '../tokens/token-book.ts';

/** Whom a proof is of. */
interface ProvenWorkload {
  readonly workload: Pick<Identity, 'namespace' | 'serviceAccount'>;
  /** Takes the proof's use, once everything else is done. Throws `unauthenticated` when there is none left. */
  readonly settle: () => Promise<void>;
}

/** Checks what processes without a certificate show. */
export interface WorkloadProofs {
  /** Throws `unauthenticated`, and `registry_unavailable` when who has to be asked does not answer. */
  check(proof: CertificateProof): Promise<ProvenWorkload>;
  close(): void;
}

/** Whose service account's token this is. Throws as `WorkloadProofs.check` does. */
export interface KubernetesProof {
  check(token: string): Promise<ProvenWorkload['workload']>;
  close(): void;
}

export function createWorkloadProofs(
  tokens: TokenBook,
  kubernetes: KubernetesProof | undefined,
): WorkloadProofs {
  return {
    async check({ kind, token }) {
      if (kind === 'join-token') {
        const { id, namespace = '', serviceAccount = '' } = tokens.verify(token, ['join']);
        return { workload: { namespace, serviceAccount }, settle: () => tokens.redeem(id) };
      }
      if (kubernetes === undefined) {
        throw new MeshError(
          'unauthenticated',
          'registry: Kubernetes service account tokens are not taken here; the operator has to set security.kubernetes',
        );
      }
      // Kubernetes says itself for how long it is good.
      return { workload: await kubernetes.check(token), settle: async () => {} };
    },
    close: () => kubernetes?.close(),
  };
}
