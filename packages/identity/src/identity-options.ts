import type { SecureVersion } from 'node:tls';
import {
  type Clock,
  type Enroller,
  type Logger,
  MeshError,
  type MeshEvent,
  type Random,
  silentLogger,
  systemClock,
} from '@inmesh/core';
import { createRevocationList, type RevocationList } from './revocation-list.ts';
import { parseSpiffeId } from './spiffe-id.ts';
import type { TrustBundle } from './trust-bundle.ts';
import type { CredentialFiles } from './watch-files.ts';

/** Where the certificate comes from: exactly one of `enroller` and `files`. */
export type IdentityOptions = IdentityCommonOptions & (EnrolledOptions | FilesOptions);

interface EnrolledOptions {
  /** Signs certificates: the registry's authority, or another one behind the same words. */
  readonly enroller: Enroller;
  /** Who we are. A certificate for somebody else is refused. */
  readonly spiffeId: string;
  readonly files?: undefined;
}

interface FilesOptions {
  readonly files: CredentialFiles;
  readonly enroller?: undefined;
  /** Who the files must say that we are. @default whoever they name first; another one later is refused */
  readonly spiffeId?: string;
}

export interface IdentityCommonOptions {
  /** Authorities of other trust domains that are trusted for those domains. @default [] */
  readonly federated?: readonly TrustBundle[];
  /** The oldest TLS spoken. Lower it only for peers that are not Node.js 20 or newer. @default 'TLSv1.3' */
  readonly minVersion?: Extract<SecureVersion, 'TLSv1.2' | 'TLSv1.3'>;
  /** Service tokens, for where TLS ends elsewhere. @default none */
  readonly token?: (audience: string) => string | undefined;
  /** Certificates that are refused whoever presents them. @default an empty list */
  readonly revoked?: RevocationList;
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default Math.random */
  readonly random?: Random;
  /** @default silentLogger */
  readonly logger?: Logger;
  /** `identity-renewed`, `identity-renewal-failed`, `identity-expiring`. */
  readonly onEvent?: (event: MeshEvent) => void;
}

export interface ResolvedIdentityOptions extends Required<IdentityCommonOptions> {
  readonly supply:
    | { readonly kind: 'enroller'; readonly enroller: Enroller; readonly spiffeId: string }
    | { readonly kind: 'files'; readonly files: CredentialFiles };
  readonly spiffeId: string | undefined;
}

/** Fills in the defaults. Throws `invalid_argument`. */
export function resolveIdentityOptions(options: IdentityOptions): ResolvedIdentityOptions {
  const { minVersion = 'TLSv1.3' } = options;
  if (minVersion !== 'TLSv1.2' && minVersion !== 'TLSv1.3') {
    throw fault(`minVersion must be 'TLSv1.2' or 'TLSv1.3', got ${JSON.stringify(minVersion)}`);
  }
  const spiffeId = options.spiffeId === undefined ? undefined : workloadId(options.spiffeId);
  return Object.freeze({
    federated: options.federated ?? [],
    minVersion,
    token: options.token ?? (() => undefined),
    revoked: options.revoked ?? createRevocationList(),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    logger: options.logger ?? silentLogger,
    onEvent: options.onEvent ?? (() => {}),
    supply: resolveSupply(options, spiffeId),
    spiffeId,
  });
}

function resolveSupply(
  { enroller, files }: IdentityOptions,
  spiffeId: string | undefined,
): ResolvedIdentityOptions['supply'] {
  if (enroller !== undefined && files === undefined) {
    if (spiffeId === undefined) throw fault('spiffeId must be given with an enroller');
    return { kind: 'enroller', enroller, spiffeId };
  }
  if (files === undefined || enroller !== undefined) {
    throw fault('exactly one of enroller and files must be given');
  }
  for (const name of ['cert', 'key', 'bundle'] as const) {
    if (typeof files[name] !== 'string' || files[name] === '') {
      throw fault(`files.${name} must be a path, got ${JSON.stringify(files[name])}`);
    }
  }
  const { pollMs = 30_000 } = files;
  if (!(pollMs >= 100)) throw fault(`files.pollMs must be at least 100, got ${pollMs}`);
  return { kind: 'files', files };
}

function workloadId(text: string): string {
  const id = parseSpiffeId(text);
  if (id.path === '') throw fault(`spiffeId must name a workload, got ${JSON.stringify(text)}`);
  return id.uri;
}

function fault(message: string): MeshError {
  return new MeshError('invalid_argument', message);
}
