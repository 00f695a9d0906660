import type { Logger, RequestIdentity } from '@inmesh/core';
import type { Exchange, InboundRequest, InboundStep, Refusal, StepResult } from '@inmesh/inbound';
import type { ResolvedTokenOptions } from './authentication-options.ts';
import { removeHeader, setHeader } from './edit-headers.ts';
import { refuseToken } from './refuse-token.ts';
import { invalidToken, type TokenFailure, type TokenFailureKind } from './token-failure.ts';
import { type TokenLocation, tokenAt } from './token-location.ts';
import type { TokenResult, TokenVerifier } from './token-verifier.ts';
import type { VerifiedToken } from './verified-token.ts';

/** A token that a request brought, at one place, for one rule. */
interface PresentedToken {
  readonly verifier: TokenVerifier;
  readonly location: TokenLocation;
  readonly text: string;
}

/**
 * The step that finds out who the end user is. No token: the request passes without identity. One
 * that some rule accepts: it passes with it. Otherwise 401 (bad), 403 (for another audience) or 503
 * (the issuer's keys cannot be had). CORS preflights carry no token and pass.
 *
 * @param verifiers Read once a request: they change with the configuration.
 */
export function tokenAuthentication(
  verifiers: () => readonly TokenVerifier[],
  { logger, keepTokens }: Pick<ResolvedTokenOptions, 'logger' | 'keepTokens'>,
): InboundStep {
  const settle = (
    presented: readonly PresentedToken[],
    results: readonly TokenResult[],
    request: InboundRequest,
    exchange: Exchange,
  ): StepResult => {
    const chosen = choose(presented, results, logger);
    if ('code' in chosen) return chosen;
    adopt(chosen.verified, chosen.accepted.location, request, exchange);
    if (keepTokens) exchange.context.userToken = chosen.accepted.text;
    return undefined;
  };
  return {
    name: 'jwt',
    run(request, exchange) {
      const rules = verifiers();
      // Also where there is no token: nobody but us says what is in these headers.
      for (const { rule } of rules) {
        if (rule.payloadHeader !== undefined) removeHeader(request, rule.payloadHeader);
        for (const { header } of rule.claimHeaders) removeHeader(request, header);
      }
      if (isPreflight(request)) return undefined;
      const presented = presentedTokens(rules, request, exchange);
      if ('kind' in presented) return refuseToken(presented);
      const [first, ...others] = presented;
      if (first === undefined) return undefined;
      const result = first.verifier.verify(first.text);
      if (others.length === 0 && !(result instanceof Promise)) {
        return settle(presented, [result], request, exchange);
      }
      const results = [result, ...others.map(({ verifier, text }) => verifier.verify(text))];
      return Promise.all(results).then((settled) => settle(presented, settled, request, exchange));
    },
  };
}

function isPreflight({ method, headers }: InboundRequest): boolean {
  return (
    method === 'OPTIONS' &&
    headers.origin !== undefined &&
    headers['access-control-request-method'] !== undefined
  );
}

function presentedTokens(
  verifiers: readonly TokenVerifier[],
  request: InboundRequest,
  exchange: Exchange,
): readonly PresentedToken[] | TokenFailure {
  const presented: PresentedToken[] = [];
  for (const verifier of verifiers) {
    for (const location of verifier.rule.locations) {
      const found = tokenAt(location, request, exchange);
      if (found === 'repeated') return invalidToken(`there are several ${location.name}`);
      if (found !== undefined) presented.push({ verifier, location, text: found.token });
    }
  }
  return presented;
}

/** Which of the tokens counts, or why none does. */
function choose(
  presented: readonly PresentedToken[],
  results: readonly TokenResult[],
  logger: Logger,
): { readonly accepted: PresentedToken; readonly verified: VerifiedToken } | Refusal {
  const at = results.findIndex(({ kind }) => kind === 'verified');
  if (at < 0) {
    const failure = worst(results as readonly TokenFailure[]);
    logger.info(
      { ...failure, rules: presented.map((one) => one.verifier.rule.name) },
      'a token was refused',
    );
    return refuseToken(failure);
  }
  const accepted = presented[at] as PresentedToken;
  const verified = results[at] as VerifiedToken;
  const ambiguous = presented.some(
    ({ text }, i) => text !== accepted.text && results[i]?.kind === 'verified',
  );
  // Whose request is it? Istio leaves that undefined.
  if (ambiguous) return refuseToken(invalidToken('there are two valid tokens'));
  return { accepted, verified };
}

function adopt(
  { rule, principal, claims, outputHeaders }: VerifiedToken,
  location: TokenLocation,
  request: InboundRequest,
  exchange: Exchange,
): void {
  if (location.kind === 'header' && !rule.forwardToken) removeHeader(request, location.name);
  for (let i = 0; i < outputHeaders.length; i += 2) {
    setHeader(request, outputHeaders[i] as string, outputHeaders[i + 1] as string);
  }
  const { context } = exchange;
  context.identity = {
    peer: context.identity?.peer,
    peerVerified: context.identity?.peerVerified ?? false,
    principal,
    claims,
  } satisfies RequestIdentity;
}

const ranks: readonly TokenFailureKind[] = ['keys-unavailable', 'audience', 'invalid', 'issuer'];

/** The failure that says most: that of the rule which knows the token's issuer. */
function worst(failures: readonly TokenFailure[]): TokenFailure {
  return failures.reduce((most, next) =>
    ranks.indexOf(next.kind) < ranks.indexOf(most.kind) ? next : most,
  );
}
