export {
  type AuthenticateOptions,
  type Authentication,
  createAuthentication,
} from './authenticate.ts';
export { type Authorizer, type AuthorizerOptions, createAuthorizer } from './authz/authorizer.ts';
export {
  type AuthorizationExplanation,
  type ExplainedPolicy,
  type ExplainedRule,
  explainAuthorization,
} from './authz/explain.ts';
export type { ExternalAuthorizer, ExternalVerdict } from './authz/external-authorizer.ts';
export { stripForwarded, type TrustedProxies, trustedProxies } from './authz/forwarded.ts';
export {
  type GuardOptions,
  guardFor,
  type Requirement,
  type RequireRoleOptions,
  roleGuard,
} from './authz/guard.ts';
export { type HttpAuthorizerOptions, httpAuthorizer } from './authz/http-authorizer.ts';
export { mayEverCall } from './authz/may-ever-call.ts';
export type { PolicyScope } from './authz/policy-scope.ts';
export {
  type CompiledPolicy,
  compilePolicies,
  type PolicyAction,
  type PolicySet,
  type PolicyVerdict,
} from './authz/policy-set.ts';
export {
  describedRequest,
  type RequestAttributes,
  type RequestDescription,
} from './authz/request-attributes.ts';
export {
  type Role,
  type RoleGrant,
  type RoleMember,
  rolePolicies,
  type WhoRule,
} from './authz/role.ts';
export {
  type Caller,
  type WhoMayCallQuestion,
  type WhoMayCallRow,
  whoMayCall,
} from './authz/who-may-call.ts';
export { identityOf } from './identity-of.ts';
export type { TokenOptions } from './jwt/authentication-options.ts';
export type { IssuerOptions } from './jwt/issuer.ts';
export { createIssuerVerifier } from './jwt/issuer-verifier.ts';
export {
  createRequestAuthenticator,
  type RequestAuthenticationOptions,
  type RequestAuthenticator,
} from './jwt/request-authentication.ts';
export { type ServiceTokensOptions, serviceTokens } from './jwt/service-tokens.ts';
export type { TokenLocation } from './jwt/token-location.ts';
export type { TokenResult, TokenVerifier } from './jwt/token-verifier.ts';
export {
  type PeerAuthenticationModes,
  type PeerAuthenticationScope,
  type PeerMode,
  peerAuthentication,
} from './peer-authentication.ts';
