import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import {
  type CertificateIssued,
  type CertificateProof,
  type CertificateRequest,
  type Clock,
  type CredentialSource,
  type Enroller,
  isMeshError,
  MeshError,
  parseRegistryToken,
  type Random,
  systemClock,
} from '@inmesh/core';
import { ask } from './ask.ts';
import { pinnedRoots } from './first-contact.ts';
import { type RegistryServer, resolveServers } from './options.ts';
import { mutualTls, serverTls } from './server-tls.ts';

/** How a process that has no certificate gets one from the registry. */
export interface RegistryEnrollerOptions {
  /** One or several `https://host:port` addresses of one registry. */
  readonly servers: string | readonly string[];
  /** @default 'cluster.local' */
  readonly trustDomain?: string;
  /** Made by `inmesh token create`; it says whom to trust at the first contact, too. */
  readonly joinToken?: string;
  /** A projected service account token, for the audience that the registry expects; read for each use, as it is replaced. */
  readonly kubernetesTokenFile?: string;
  /**
   * SHA-256 of the registry's root, in hexadecimal: whom to trust where there is no join token. Two,
   * separated by a comma, while one root is replaced by the other.
   */
  readonly fingerprint?: string;
  /** PEM of the registry's roots, instead of a fingerprint. */
  readonly bundle?: string;
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default Math.random */
  readonly random?: Random;
}

interface Trust {
  /** PEM; `undefined` until they are found by their fingerprints. */
  roots: readonly string[] | undefined;
  readonly fingerprints: readonly string[];
}

/**
 * Gets certificates from the registry: the first one for a join token or a Kubernetes service account
 * token, later ones for the certificate that is held. Throws `invalid_argument` for options that
 * would speak to anybody, or in plain text.
 */
export function createRegistryEnroller(options: RegistryEnrollerOptions): Enroller {
  const { trustDomain = 'cluster.local', clock = systemClock, random = Math.random } = options;
  const servers = resolveServers(options.servers);
  const plain = servers.find(({ origin }) => !origin.startsWith('https:'));
  if (plain !== undefined) {
    throw invalid(`certificates come over TLS only: servers must be https://, got ${plain.origin}`);
  }
  const trust = resolveTrust(options);

  const proofOf = async (): Promise<CertificateProof> => {
    const { kubernetesTokenFile, joinToken } = options;
    if (kubernetesTokenFile !== undefined) {
      const token = (await readFile(kubernetesTokenFile, 'utf8')).trim();
      return { kind: 'kubernetes', token };
    }
    if (joinToken !== undefined) return { kind: 'join-token', token: joinToken.trim() };
    throw new MeshError(
      'unauthenticated',
      'registry client: there is no certificate to renew, and neither a join token nor a Kubernetes token to get one',
    );
  };
  const firstTls = async (
    server: RegistryServer,
    signal: AbortSignal,
  ): Promise<ConnectionOptions> => {
    const roots = trust.roots ?? (await pinnedRoots(server, trust.fingerprints, signal)).roots;
    return serverTls(roots, trustDomain);
  };
  const enrollAt = async (
    server: RegistryServer,
    csr: string,
    signal: AbortSignal,
    current: CredentialSource,
  ): Promise<CertificateIssued> => {
    const renews = isValid(current, clock.wallNow());
    const tls = renews ? mutualTls(current) : await firstTls(server, signal);
    const body: CertificateRequest = renews ? { csr } : { csr, proof: await proofOf() };
    const request = {
      method: 'POST',
      path: '/v1/certificates',
      what: 'sign a certificate',
      body,
    } as const;
    return readIssued(await ask(server, () => tls, request, signal));
  };

  return {
    async enroll(csr, signal, current) {
      // Another server each time, so that none has them all.
      const first = Math.floor(random() * servers.length);
      for (let tried = 1; ; tried += 1) {
        const server = servers[(first + tried) % servers.length] as RegistryServer;
        try {
          const { chain, bundle } = await enrollAt(server, csr, signal, current);
          // Over an expired certificate it is still known whom to trust, whatever was pinned.
          trust.roots = [bundle];
          return { chain, bundle };
        } catch (error) {
          const next = isMeshError(error, 'registry_unavailable') && tried < servers.length;
          if (!next || signal.aborted) throw error;
        }
      }
    },
  };
}

function resolveTrust(options: RegistryEnrollerOptions): Trust {
  const { joinToken, kubernetesTokenFile, bundle } = options;
  const given = (options.fingerprint?.split(',') ?? []).map((text) =>
    text.trim().replaceAll(':', '').toLowerCase(),
  );
  const wrong = given.find((text) => !/^[0-9a-f]{64}$/.test(text));
  if (wrong !== undefined) {
    throw invalid(`fingerprint must be SHA-256 in hexadecimal, got ${JSON.stringify(wrong)}`);
  }
  if (joinToken !== undefined && kubernetesTokenFile !== undefined) {
    throw invalid('give one of joinToken and kubernetesTokenFile');
  }
  const carried = joinToken === undefined ? [] : carriedBy(joinToken);
  const fingerprints = given.length === 0 ? carried : given;
  if (bundle === undefined && fingerprints.length === 0) {
    throw invalid(
      'whom to trust at the first contact must be known: by a joinToken, a fingerprint or a bundle',
    );
  }
  return { roots: bundle === undefined ? undefined : [bundle], fingerprints };
}

function carriedBy(joinToken: string): readonly string[] {
  const { kind, fingerprints } = parseRegistryToken(joinToken);
  if (kind === 'join') return fingerprints;
  throw invalid(`joinToken must be a join token, got one of an ${kind}`);
}

function isValid(current: CredentialSource, now: number): boolean {
  const credential = current.tls();
  return credential !== undefined && now < credential.expiresAt;
}

function readIssued(answer: unknown): CertificateIssued {
  const issued = (answer ?? {}) as Partial<CertificateIssued>;
  if (typeof issued.chain === 'string' && typeof issued.bundle === 'string') {
    return issued as CertificateIssued;
  }
  throw new MeshError('protocol_error', 'the registry answered without chain and bundle');
}

function invalid(message: string): MeshError {
  return new MeshError('invalid_argument', `registry client: ${message}`);
}
