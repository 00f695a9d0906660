import { validate } from '@inmesh/config';
import { describe, expect, test } from '@jest/globals';
import { problemsOf, resourceWith } from './problems-of.ts';

test.each(['PeerAuthentication', 'AuthorizationPolicy', 'RequestAuthentication'] as const)(
  '%s says that this version does not enforce it',
  (kind) => {
    const { resource, problems } = validate(resourceWith(kind, {}));
    expect(resource).toBeDefined();
    expect(problems).toMatchObject([{ severity: 'warning', code: 'not_honoured', path: '' }]);
  },
);

describe('PeerAuthentication', () => {
  const peer = (spec: object): string[] => problemsOf('PeerAuthentication', spec);
  const selector = { matchLabels: { app: 'a' } };
  test.each(['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT'])('mtls.mode may be %s', (mode) => {
    expect(peer({ mtls: { mode } })).toEqual([]);
  });
  test('mtls.mode must not be anything else', () => {
    expect(peer({ mtls: { mode: 'strict' } })).toEqual(['error invalid_value /spec/mtls/mode']);
  });
  test('portLevelMtls needs a selector with labels', () => {
    const portLevelMtls = { '8080': { mode: 'DISABLE' } };
    expect(peer({ selector, portLevelMtls })).toEqual([]);
    expect(peer({ portLevelMtls })).toEqual(['error conflict /spec/portLevelMtls']);
    expect(peer({ selector, portLevelMtls: {} })).toEqual([
      'error missing_field /spec/portLevelMtls',
    ]);
    expect(peer({ selector: { matchLabels: {} }, portLevelMtls })).toEqual([
      'error conflict /spec/portLevelMtls',
    ]);
  });
  test.each(['0', '65536', 'http', '-1'])('portLevelMtls must not have the port %s', (port) => {
    expect(peer({ selector, portLevelMtls: { [port]: {} } })).toEqual([
      `error invalid_value /spec/portLevelMtls/${port}`,
    ]);
  });
  test('selector takes no wildcards and no empty key', () => {
    expect(peer({ selector: { matchLabels: { app: 'a*' } } })).toEqual([
      'error invalid_value /spec/selector/matchLabels/app',
    ]);
    expect(peer({ selector: { matchLabels: { '': 'a' } } })).toEqual([
      'error invalid_value /spec/selector/matchLabels/',
    ]);
  });
});

describe('RequestAuthentication', () => {
  const rule = (value: object, annotations?: Record<string, string>): string[] =>
    problemsOf(
      'RequestAuthentication',
      { jwtRules: [{ audiences: ['me'], ...value }] },
      annotations,
    ).map((line) => line.replace('/spec/jwtRules/0', ''));
  const issuer = 'https://issuer.example.com';
  const jwks = JSON.stringify({ keys: [{ kty: 'RSA', n: 'a', e: 'AQAB' }] });
  test('issuer is needed, also where there are keys', () => {
    expect(rule({})).toEqual(['error missing_field /issuer']);
    expect(rule({ issuer })).toEqual([]);
    expect(rule({ jwksUri: 'https://a/keys' })).toEqual(['error missing_field /issuer']);
  });
  test.each(['file:///etc/passwd', 'keys.json', 'ftp://a', 'https://', 'https://a:b@c/'])(
    'jwksUri must not be %s (case 26)',
    (jwksUri) => expect(rule({ issuer, jwksUri })).toEqual(['error invalid_value /jwksUri']),
  );
  test('jwks_uri, as old files write it, comes out as jwksUri', () => {
    const { resource } = validate(
      resourceWith('RequestAuthentication', {
        jwtRules: [{ issuer, audiences: ['me'], jwks_uri: 'https://a/keys' }],
      }),
    );
    expect(resource).toMatchObject({ spec: { jwtRules: [{ jwksUri: 'https://a/keys' }] } });
  });
  test.each(['', '{', '[]', '{"keys":{}}', '{"keys":[{}]}', '{"keys":[null]}', 'null'])(
    'jwks must not be %s',
    (value) => expect(rule({ issuer, jwks: value })).toEqual(['error invalid_value /jwks']),
  );
  test('takes one of jwks and jwksUri', () => {
    expect(rule({ issuer, jwks })).toEqual([]);
    expect(rule({ issuer, jwks, jwksUri: 'https://a' })).toEqual(['error conflict ']);
  });
  test('names of headers, parameters and claims must not be empty', () => {
    expect(rule({ issuer, fromHeaders: [{ name: '' }] })).toEqual([
      'error invalid_value /fromHeaders/0/name',
    ]);
    expect(rule({ issuer, fromParams: [''], fromCookies: [''] })).toEqual([
      'error invalid_value /fromParams/0',
      'error invalid_value /fromCookies/0',
    ]);
    expect(rule({ issuer, outputClaimToHeaders: [{ header: 'x', claim: '' }] })).toEqual([
      'error invalid_value /outputClaimToHeaders/0/claim',
    ]);
    expect(rule({ issuer, outputPayloadToHeader: '' })).toEqual([
      'error invalid_value /outputPayloadToHeader',
    ]);
  });
  test('audiences are needed unless the annotation says otherwise', () => {
    const none = { issuer, audiences: [] };
    expect(rule(none)).toEqual(['error missing_field /audiences']);
    expect(rule(none, { 'inmesh.dev/allow-missing-audience': 'true' })).toEqual([]);
  });
  test('targetRefs are refused with a reason', () => {
    expect(problemsOf('RequestAuthentication', { targetRefs: [] })).toEqual([
      'error not_supported /spec/targetRefs',
    ]);
  });
});

describe('AuthorizationPolicy', () => {
  const policy = (spec: object): string[] => problemsOf('AuthorizationPolicy', spec);
  const rules = (...values: object[]): string[] =>
    policy({ rules: values }).map((line) => line.replace('/spec/rules/0', ''));
  const from = (source: object): string[] =>
    rules({ from: [{ source }] }).map((line) => line.replace('/from/0/source', ''));
  const to = (operation: object): string[] =>
    rules({ to: [{ operation }] }).map((line) => line.replace('/to/0/operation', ''));
  const when = (condition: object): string[] =>
    rules({ when: [condition] }).map((line) => line.replace('/when/0', ''));

  test('ALLOW without rules and the rule {} are valid', () => {
    expect(policy({})).toEqual([]);
    expect(rules({})).toEqual([]);
  });
  test('DENY and CUSTOM need rules', () => {
    expect(policy({ action: 'DENY' })).toEqual(['error missing_field /spec/rules']);
    expect(policy({ action: 'DENY', rules: [{}] })).toEqual([]);
    expect(policy({ action: 'CUSTOM', provider: { name: 'a' } })).toEqual([
      'error missing_field /spec/rules',
    ]);
  });
  test('provider goes with CUSTOM only', () => {
    expect(policy({ action: 'CUSTOM', rules: [{}] })).toEqual([
      'error missing_field /spec/provider',
    ]);
    expect(policy({ provider: { name: 'a' }, rules: [{}] })).toEqual([
      'error conflict /spec/provider',
    ]);
    expect(policy({ action: 'CUSTOM', provider: { name: '' }, rules: [{}] })).toEqual([
      'error invalid_value /spec/provider/name',
    ]);
  });
  test('from, to, source and operation must not be empty', () => {
    expect(rules({ from: [] })).toEqual(['error missing_field /from']);
    expect(rules({ to: [] })).toEqual(['error missing_field /to']);
    expect(rules({ from: [{}] })).toEqual(['error missing_field /from/0/source']);
    expect(from({})).toEqual(['error missing_field ']);
    expect(to({})).toEqual(['error missing_field ']);
  });
  test.each(['principals', 'namespaces', 'requestPrincipals', 'notNamespaces'])(
    'source.%s takes no empty list and no empty text',
    (field) => {
      expect(from({ [field]: [] })).toEqual([`error missing_field /${field}`]);
      expect(from({ [field]: [''] })).toEqual([`error invalid_value /${field}/0`]);
    },
  );
  test('source.serviceAccounts are exact, at most 16, and stand without principals', () => {
    expect(from({ serviceAccounts: ['ns/sa', 'sa'] })).toEqual([]);
    expect(from({ serviceAccounts: ['ns/*'] })).toEqual(['error invalid_value /serviceAccounts/0']);
    expect(from({ serviceAccounts: Array(17).fill('a') })).toEqual([
      'error too_large /serviceAccounts',
    ]);
    expect(from({ serviceAccounts: ['a'], namespaces: ['b'] })).toEqual([
      'error conflict /serviceAccounts',
    ]);
  });
  test.each(['a/b', '*a*', 'a*b', ''])('source.trustDomains must not be %j', (domain) => {
    expect(from({ trustDomains: [domain] })).toEqual(['error invalid_value /trustDomains/0']);
  });
  test.each(['cluster.local', '*.local', 'td-*', '*'])(
    'source.trustDomains may be %s',
    (domain) => {
      expect(from({ trustDomains: [domain] })).toEqual([]);
    },
  );
  test.each(['10.0.0.256', '10.0.0.0/33', 'a', '::/129', '10.0.0.0/8/8', '10.0.0.0/'])(
    'source.ipBlocks must not be %s',
    (block) => expect(from({ ipBlocks: [block] })).toEqual(['error invalid_value /ipBlocks/0']),
  );
  test.each(['65536', '-1', 'http', '080', ''])('operation.ports must not be %j', (port) => {
    expect(to({ ports: [port] })).toEqual(['error invalid_value /ports/0']);
  });
  test.each(['/a', '/a/*', '*/a', '/a/{*}/b', '/a/{**}', '/{**}/a', '{*}', '*'])(
    'operation.paths may be %s',
    (path) => expect(to({ paths: [path] })).toEqual([]),
  );
  test.each(['/{**}/{*}', '/{**}/{**}', '/a{*}', '/{a}', '/{*}/b*', '/{*', ''])(
    'operation.paths must not be %j',
    (path) => expect(to({ paths: [path] })).toEqual(['error invalid_value /paths/0']),
  );
  test.each([
    'request.headers[x-a]',
    'request.auth.claims[a][b]',
    'request.auth.audiences',
    'source.namespace',
    'connection.sni',
  ])('when.key may be %s', (key) => expect(when({ key, values: ['a'] })).toEqual([]));
  test.each([
    'destination.labels[a]',
    'destination.name',
    'request.headers[]',
    'request.headers[a b]',
    'request.auth.claims',
    'experimental.envoy.filters.a[b]',
    'nope',
  ])('when.key must not be %s', (key) => {
    expect(when({ key, values: ['a'] })).toEqual(['error invalid_value /key']);
  });
  test('when needs values or notValues, of the right form', () => {
    expect(when({ key: 'source.namespace' })).toEqual(['error missing_field ']);
    expect(when({ key: 'source.ip', values: ['x'] })).toEqual(['error invalid_value /values/0']);
    expect(when({ key: 'destination.port', notValues: ['x'] })).toEqual([
      'error invalid_value /notValues/0',
    ]);
  });
  test('istio.io/dry-run is true or false', () => {
    expect(problemsOf('AuthorizationPolicy', {}, { 'istio.io/dry-run': 'true' })).toEqual([]);
    expect(problemsOf('AuthorizationPolicy', {}, { 'istio.io/dry-run': 'maybe' })).toEqual([
      'error invalid_value /metadata/annotations/istio.io~1dry-run',
    ]);
  });
});
