import type {
  ClaimToHeader,
  JwtHeader,
  JwtRule,
  RequestAuthenticationSpec,
} from '../resources/index.ts';
import { noWaypoints, workloadSelector } from './common.ts';
import { atMostOneOf } from './exclusive.ts';
import {
  boolean,
  duration,
  honoured,
  list,
  type ObjectType,
  object,
  required,
  text,
} from './field-type.ts';
import { anyText, headerName, nonEmpty } from './formats.ts';

/** A key set is a few kB; Kubernetes itself stops at 1 MiB a resource. */
const longestKeySet = 256 * 1024;

const httpUrl = text('URL', 2_048, (value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
    return 'must be an http or https URL';
  return url.username === '' && url.password === '' ? undefined : 'must not carry a password';
});

const keySet = text('JSON Web Key Set', longestKeySet, (value) => {
  try {
    const keys = (JSON.parse(value) as { keys?: unknown } | null)?.keys;
    const good =
      Array.isArray(keys) &&
      keys.every((key) => typeof (key as { kty?: unknown })?.kty === 'string');
    return good ? undefined : 'must be a key set: {"keys": […]}, each with its kty';
  } catch {
    return 'must be JSON';
  }
});

const jwtHeader: ObjectType = object<JwtHeader>('JWTHeader', {
  name: required(headerName, 'Of the header.'),
  prefix: honoured(anyText, 'Before the token, with its space: `Bearer `.'),
});

const claimToHeader: ObjectType = object<ClaimToHeader>('ClaimToHeader', {
  header: required(headerName, 'That gets it.'),
  claim: required(nonEmpty, 'Nested ones by dots.'),
});

const jwtRule: ObjectType = object<JwtRule>(
  'JWTRule',
  {
    issuer: required(nonEmpty, 'Must be the `iss` claim. Unlike in Istio it must be given.'),
    audiences: honoured(list(nonEmpty, { max: 1_000 }), 'One must be in `aud`.'),
    jwksUri: honoured(httpUrl, 'Where the keys are.', { default: 'OpenID discovery' }),
    jwks: honoured(keySet, 'The keys themselves.'),
    fromHeaders: honoured(list(jwtHeader, { max: 100 }), 'Where tokens are.', {
      default: '`Authorization: Bearer`, then `?access_token=`',
    }),
    fromParams: honoured(list(nonEmpty, { max: 100 }), 'Query parameters.'),
    fromCookies: honoured(list(nonEmpty, { max: 100 }), 'Cookies.'),
    outputPayloadToHeader: honoured(headerName, 'Gets the payload, base64url.'),
    outputClaimToHeaders: honoured(list(claimToHeader, { max: 100 }), 'Single claims.'),
    forwardOriginalToken: honoured(boolean, 'Leave the token in the request.', {
      default: 'false',
    }),
    timeout: honoured(duration(), 'Of fetching keys.', { default: '5s' }),
    spaceDelimitedClaims: honoured(
      list(nonEmpty, { max: 100 }),
      'Split on spaces, besides `scope` and `permission`.',
    ),
  },
  {
    rules: [atMostOneOf<JwtRule>('jwksUri', 'jwks')],
  },
);

export const requestAuthenticationSpec: ObjectType = object<RequestAuthenticationSpec>(
  'RequestAuthentication',
  {
    selector: honoured(workloadSelector, 'Which workloads of the namespace.', { default: 'all' }),
    jwtRules: honoured(list(jwtRule, { max: 1_000 }), 'A token must satisfy one.'),
  },
  { refused: { targetRef: noWaypoints, targetRefs: noWaypoints } },
);
