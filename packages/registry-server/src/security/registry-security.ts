import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import {
  type Clock,
  type Logger,
  type NewToken,
  registryIdentity,
  type Store,
  type TokenCreated,
  type TrustState,
} from '@inmesh/core';
import {
  createIdentity,
  createRevocationList,
  type IdentitySource,
  type MutualTls,
  parsePemBundle,
  type RevocationList,
  serveMutualTls,
} from '@inmesh/identity';
import { createAdmission } from '../access/admission.ts';
import { createAuthenticator } from '../access/authenticator.ts';
import type { Authenticate } from '../access/enforce-access.ts';
import { createLogins } from '../access/logins.ts';
import { nobody } from '../access/principal.ts';
import { plainFingerprint } from '../ca/authority-roots.ts';
import {
  type CertificateAuthority,
  createCertificateAuthority,
} from '../ca/certificate-authority.ts';
import { createIntermediateAuthority } from '../ca/intermediate-authority.ts';
import type { Leadership } from '../cluster/leadership.ts';
import type { App } from '../http/app.ts';
import { certificateRoutes } from '../http/routes/certificate-routes.ts';
import { loginRoutes } from '../http/routes/login-routes.ts';
import { revocationRoutes } from '../http/routes/revocation-routes.ts';
import { serviceTokenRoutes } from '../http/routes/service-token-routes.ts';
import { tokenRoutes } from '../http/routes/token-routes.ts';
import { trustRoutes } from '../http/routes/trust-routes.ts';
import type { RegistryLimits } from '../options.ts';
import { createKeyResealer, type KeyResealer } from '../secrets/key-resealer.ts';
import { createFileSecret, createPassingSecret, type Secret } from '../secrets/secret.ts';
import { openStoredSecret, secretsPrefix } from '../secrets/stored-secret.ts';
import { type EncryptedStore, encryptStore } from '../store/encrypted-store.ts';
import { createTokenBook, type TokenBook } from '../tokens/token-book.ts';
import { createBootstrapToken } from './bootstrap-token.ts';
import { createKubernetesProof } from './kubernetes-proof.ts';
import type { ResolvedSecurity } from './options.ts';
import { createRevocations, type Revocations } from './revocations.ts';
import { createServiceTokenIssuer, type ServiceTokenIssuer } from './service-token-issuer.ts';
import { createWorkloadProofs, type WorkloadProofs } from './workload-proofs.ts';

export interface RegistrySecurityParts {
  readonly security: ResolvedSecurity;
  readonly store: Store;
  readonly dataDir: string | undefined;
  /** What clients outside the mesh may call this server. */
  readonly hosts: readonly string[];
  readonly limits: RegistryLimits;
  readonly leadership: Leadership;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Who has lost access loses an open stream too, so soon. */
const graceMs = 1_000;

/** The registry's doors, when they are shut: its authority, its own identity, and who may come in. */
export interface RegistrySecurity {
  readonly authenticate: Authenticate;
  /** Puts TLS before `server`. Call it before it listens. */
  protect(server: Server, admit: (socket: Socket) => boolean): void;
  /** Adds the routes of identities and logins. */
  addRoutes(app: App): void;
  /** Makes the first operator's token where there is none, and says where it is. */
  bootstrap(): Promise<void>;
  createToken(token: NewToken): Promise<TokenCreated>;
  /** What the watch stream tells. */
  trust(): TrustState;
  onTrust(listener: () => void): void;
  /** Resolves when nothing of it runs any more. */
  close(): Promise<void>;
}

/** Reads or makes what has to be kept secret. Throws `invalid_argument` for files that are damaged or open to others. */
export async function createRegistrySecurity(
  parts: RegistrySecurityParts,
): Promise<RegistrySecurity> {
  const { security, store, leadership, dataDir, clock, logger } = parts;
  const { trustDomain, storeKeys } = security;
  const sealed = storeKeys === undefined ? undefined : encryptStore(store, storeKeys);
  const revoked = createRevocationList();
  const authority = await createAuthority(parts, sealed);
  const identity = await registryIdentitySource(authority, revoked, parts);
  const tokens = await createTokenBook({
    store,
    clock,
    logger,
    fingerprints: () => authority.fingerprints.map(plainFingerprint),
  });
  const revocations = await createRevocations({
    store,
    list: revoked,
    lifeMs: security.certificateLifeMs,
    clock,
    logger,
  });
  const serviceTokens = await createServiceTokenIssuer({
    trustDomain,
    secret: await openSecret(parts, sealed, 'service-token-keys'),
    clock,
    logger,
  });
  const proofs = createWorkloadProofs(
    tokens,
    security.kubernetes === undefined
      ? undefined
      : createKubernetesProof(security.kubernetes, clock, logger),
  );
  const resealer =
    sealed && createKeyResealer({ store: sealed, prefix: secretsPrefix, leadership, logger });
  const logins = createLogins({ clock, isGood: (id) => tokens.has(id) });
  let tls: MutualTls | undefined;
  const authenticate = withAdmission(
    createAuthenticator({ trustDomain, peerOf: (socket) => tls?.peerOf(socket), tokens, logins }),
    parts,
  );
  const listeners = new Set<() => void>();
  const tellTrust = (): void => {
    for (const listener of listeners) listener();
  };
  let signer = authority.fingerprint;
  authority.onBundle((bundle) => {
    identity.setTrustBundle(parsePemBundle(trustDomain, bundle));
    tellTrust();
    // Tokens that are made from now on pin the new root: it has to be the registry's own, too.
    if (authority.fingerprint !== signer) identity.renew();
    signer = authority.fingerprint;
  });
  revoked.onChange(tellTrust);

  return {
    authenticate,
    protect(server, admit) {
      tls = serveMutualTls(server, {
        identity,
        clientCertificate: 'optional',
        admit,
        graceMs,
        clock,
        logger,
      });
    },
    addRoutes(app) {
      certificateRoutes(app, { authority, proofs, clock });
      trustRoutes(app, authority);
      tokenRoutes(app, tokens);
      revocationRoutes(app, revocations);
      serviceTokenRoutes(app, serviceTokens);
      loginRoutes(app, { tokens, logins, clock });
    },
    bootstrap: () => createBootstrapToken(tokens, dataDir, logger),
    createToken: (token) => tokens.create(token),
    trust: () => ({
      bundle: authority.bundle,
      revoked: revocations.all().map(({ serial }) => serial),
    }),
    onTrust: (listener) => void listeners.add(listener),
    close: () =>
      closeAll({
        tls,
        identity,
        authority,
        tokens,
        revocations,
        serviceTokens,
        proofs,
        resealer,
      }),
  };
}

async function createAuthority(
  parts: RegistrySecurityParts,
  sealed: EncryptedStore | undefined,
): Promise<CertificateAuthority> {
  const { security, limits, clock, logger } = parts;
  const { trustDomain, certificateLifeMs: lifeMs, intermediate } = security;
  const { waitingCertificates: maxWaiting } = limits;
  const common = { trustDomain, lifeMs, maxWaiting, clock, logger };
  if (intermediate !== undefined) {
    return createIntermediateAuthority({ ...common, files: intermediate });
  }
  const secret = await openSecret(parts, sealed, 'authority');
  return createCertificateAuthority({ ...common, secret });
}

/** Keys that all servers share are in the store, encrypted; those of one alone in its data directory. */
async function openSecret(
  { dataDir, clock, logger }: RegistrySecurityParts,
  sealed: EncryptedStore | undefined,
  name: 'authority' | 'service-token-keys',
): Promise<Secret> {
  const own = dataDir === undefined ? undefined : createFileSecret(join(dataDir, `${name}.json`));
  if (sealed === undefined) return own ?? createPassingSecret();
  return openStoredSecret({
    store: sealed,
    key: secretsPrefix + name,
    ...(own === undefined ? {} : { inherited: own }),
    clock,
    logger,
  });
}

/** The registry is a workload like others, but for who signs for it: itself. */
async function registryIdentitySource(
  authority: CertificateAuthority,
  revoked: RevocationList,
  { security: { trustDomain }, hosts, clock, logger }: RegistrySecurityParts,
): Promise<IdentitySource> {
  const spiffeId = registryIdentity(trustDomain);
  const identity = createIdentity({
    spiffeId,
    enroller: { enroll: (csr) => authority.issue({ csr, spiffeId, hosts }) },
    revoked,
    clock,
    logger,
  });
  await identity.ready();
  return identity;
}

function withAdmission(
  authenticate: Authenticate,
  { limits, clock }: RegistrySecurityParts,
): Authenticate {
  const admit = createAdmission(limits, clock);
  return (request) => {
    const address = request.socket.remoteAddress ?? '';
    try {
      const principal = authenticate(request);
      admit(principal, address);
      return principal;
    } catch (error) {
      // Who guesses is a stranger: it has as few tries as one.
      if ((error as { code?: string }).code === 'unauthenticated') admit(nobody, address);
      throw error;
    }
  };
}

async function closeAll(parts: {
  tls: MutualTls | undefined;
  identity: IdentitySource;
  authority: CertificateAuthority;
  tokens: TokenBook;
  revocations: Revocations;
  serviceTokens: ServiceTokenIssuer;
  proofs: WorkloadProofs;
  resealer: KeyResealer | undefined;
}): Promise<void> {
  await Promise.all(Object.values(parts).map((part) => part?.close()));
}
