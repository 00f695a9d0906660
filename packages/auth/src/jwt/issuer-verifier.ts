import { resolveTokenOptions, type TokenOptions } from './authentication-options.ts';
import { type IssuerOptions, issuerRule } from './issuer.ts';
import { createTokenVerifier, type TokenVerifier } from './token-verifier.ts';

/** Verifies the tokens of one issuer, wherever they come from. Throws `invalid_argument`. */
export function createIssuerVerifier(issuer: IssuerOptions, options: TokenOptions): TokenVerifier {
  const tokens = resolveTokenOptions(options);
  return createTokenVerifier(issuerRule(issuer, tokens), tokens);
}
