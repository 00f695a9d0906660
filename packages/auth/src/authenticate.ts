import { MeshError } from '@inmesh/core';
import {
  createPipeline,
  type InboundStep,
  type PathNormalization,
  type Pipeline,
} from '@inmesh/inbound';
import { stripForwarded, trustedProxies } from './authz/forwarded.ts';
import { resolveTokenOptions, type TokenOptions } from './jwt/authentication-options.ts';
import { type IssuerOptions, issuerRule } from './jwt/issuer.ts';
import { tokenAuthentication } from './jwt/token-authentication.ts';
import { createTokenVerifier } from './jwt/token-verifier.ts';
import { stepSequence } from './step-sequence.ts';

/** Of `authenticate` in an app that is in no mesh, or in one that leaves end users to it. */
export interface AuthenticateOptions extends TokenOptions {
  /** At least one. A token must be of one of them; a request without a token passes without identity. */
  readonly issuers: readonly IssuerOptions[];
  /**
   * Proxies, as addresses or CIDRs, whose `x-forwarded-*` is believed. From everybody else these
   * headers are taken away before the app sees them.
   * @default []
   */
  readonly trustedProxies?: readonly string[];
  /** Lower-case headers that only these proxies may send, such as `x-user`. @default [] */
  readonly identityHeaders?: readonly string[];
  /** Steps after authentication: an `Authorizer`'s. @default [] */
  readonly authorization?: readonly InboundStep[];
  /** @default 'base', as Istio's */
  readonly pathNormalization?: PathNormalization;
}

/** What an app puts before its routes. */
export interface Authentication {
  /** The whole inbound half, for an app that is in no mesh. */
  readonly pipeline: Pipeline;
  /** Only who is asking and whether it may: for an app that a mesh serves already. */
  readonly step: InboundStep;
}

/** Throws `invalid_argument`: a check that is not configured rightly must not start. */
export function createAuthentication(options: AuthenticateOptions): Authentication {
  const tokens = resolveTokenOptions(options);
  if (!Array.isArray(options.issuers) || options.issuers.length === 0) {
    throw new MeshError('invalid_argument', 'issuers must name at least one issuer');
  }
  const proxies = trustedProxies(options.trustedProxies ?? []);
  const verifiers = options.issuers.map((issuer) =>
    createTokenVerifier(issuerRule(issuer, tokens), tokens),
  );
  const step = stepSequence('authenticate', [
    stripForwarded(proxies, options.identityHeaders),
    {
      ...tokenAuthentication(() => verifiers, tokens),
      close() {
        for (const verifier of verifiers) verifier.close();
      },
    },
    ...(options.authorization ?? []),
  ]);
  const pipeline = createPipeline({
    authentication: [step],
    clock: tokens.clock,
    logger: tokens.logger,
    pathNormalization: options.pathNormalization ?? 'base',
    // Every path is the app's own here, a health route as well.
    exemptPaths: [],
  });
  return { pipeline, step };
}
