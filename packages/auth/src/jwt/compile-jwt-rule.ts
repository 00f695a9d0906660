import {
  annotations,
  type JwtRule,
  parseDurationMs,
  type RequestAuthentication,
  resourceId,
} from '@inmesh/config';
import { isMeshError, MeshError } from '@inmesh/core';
import type { ResolvedTokenOptions } from './authentication-options.ts';
import { findKeys } from './find-keys.ts';
import { alwaysLists } from './issuer.ts';
import { defaultLocations, type TokenLocation } from './token-location.ts';
import type { TokenRule } from './token-rule.ts';

/** Makes the rule at `index` of a resource ready. Throws `invalid_resource` with the rule's place. */
export function compileJwtRule(
  resource: RequestAuthentication,
  index: number,
  tokens: ResolvedTokenOptions,
): TokenRule {
  const relaxed = resource.metadata.annotations ?? {};
  const path = `/spec/jwtRules/${index}`;
  const rule = resource.spec.jwtRules?.[index] as JwtRule;
  const { issuer, jwksUri, jwks, audiences = [], timeout = '5s' } = rule;
  const refuse = (reason: string, cause?: unknown): MeshError =>
    new MeshError('invalid_resource', `${resourceId(resource)}${path}: ${reason}`, {
      path,
      cause,
    });
  if (audiences.length === 0 && relaxed[annotations.allowMissingAudience] !== 'true') {
    throw refuse(`audiences are needed; ${annotations.allowMissingAudience}: 'true' allows none`);
  }
  const place = {
    issuer,
    timeoutMs: parseDurationMs(timeout),
    ...(jwksUri === undefined ? {} : { jwksUri }),
    ...(jwks === undefined ? {} : { jwks }),
  };
  try {
    return {
      name: `${resourceId(resource)}#${index}`,
      issuer,
      audiences,
      keys: findKeys(place, tokens),
      locations: locationsOf(rule),
      type: undefined,
      requireExpiry: relaxed[annotations.allowMissingExpiry] !== 'true',
      spaceDelimitedClaims: [...alwaysLists, ...(rule.spaceDelimitedClaims ?? [])],
      forwardToken: rule.forwardOriginalToken ?? false,
      payloadHeader: rule.outputPayloadToHeader?.toLowerCase(),
      claimHeaders: (rule.outputClaimToHeaders ?? []).map(({ header, claim }) => ({
        header: header.toLowerCase(),
        claim: claim.split('.'),
      })),
    };
  } catch (error) {
    throw isMeshError(error) ? refuse(error.message, error) : error;
  }
}

/** The default places only where the rule names none, as in Istio. */
function locationsOf({
  fromHeaders = [],
  fromParams = [],
  fromCookies = [],
}: JwtRule): readonly TokenLocation[] {
  const named: TokenLocation[] = [
    ...fromHeaders.map(
      ({ name, prefix = '' }) => ({ kind: 'header', name: name.toLowerCase(), prefix }) as const,
    ),
    ...fromParams.map((name) => ({ kind: 'parameter', name }) as const),
    ...fromCookies.map((name) => ({ kind: 'cookie', name }) as const),
  ];
  return named.length === 0 ? defaultLocations : named;
}
