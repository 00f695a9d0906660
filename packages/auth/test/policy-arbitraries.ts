import type { RequestDescription } from '@inmesh/auth';
import type { AuthorizationPolicy, AuthorizationRule } from '@inmesh/config';
import fc from 'fast-check';
import { peer, policy } from './policies.ts';

/** Paths that requests are for. */
export const paths = ['/', '/a', '/a/b', '/a/b/c', '/ab', '/c/b'] as const;

const few = <T>(...items: readonly T[]) =>
  fc.uniqueArray(fc.constantFrom(...items), { minLength: 1, maxLength: 3 });
const optional = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.option(arbitrary, { nil: undefined, freq: 2 });
/** Leaves out what is undefined, as the config wants it; `undefined` when nothing is left. */
const defined = <T extends object>(value: T): T | undefined => {
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as T);
};

const namespaces = ['shop', 'web', 'sho*', '*b', '*'];
const patterns = ['/', '/a', '/a/b', '/a/*', '/a*', '*/b', '/a/{*}', '/a/{**}', '/{*}/b', '*'];
const source = fc.record({
  principals: optional(few('cluster.local/ns/shop/sa/x', 'cluster.local/ns/web/*', '*/sa/x', '*')),
  namespaces: optional(few(...namespaces)),
  notNamespaces: optional(few(...namespaces)),
  requestPrincipals: optional(few('i/ada', 'i/*', '*/bob', '*')),
});
const operation = fc.record({
  methods: optional(few('GET', 'P*', 'PUT')),
  notMethods: optional(few('GET', 'POST')),
  paths: optional(few(...patterns)),
  notPaths: optional(few(...patterns)),
});
const condition = fc.record({
  key: fc.constantFrom('request.headers[x]', 'request.auth.claims[groups]'),
  values: optional(few('a', 'b', 'a,b', 'a*', '*')),
  notValues: optional(few('a', 'c', 'b*')),
});
const rule: fc.Arbitrary<AuthorizationRule> = fc
  .record({
    sources: fc.array(source, { maxLength: 2 }),
    operations: fc.array(operation, { maxLength: 2 }),
    conditions: fc.array(condition, { maxLength: 2 }),
  })
  .map(({ sources, operations, conditions }) => {
    const from = sources.map(defined).filter((entry) => entry !== undefined);
    const to = operations.map(defined).filter((entry) => entry !== undefined);
    const when = conditions.filter(({ values, notValues }) => values ?? notValues).map(defined);
    return {
      ...(from.length === 0 ? {} : { from: from.map((entry) => ({ source: entry })) }),
      ...(to.length === 0 ? {} : { to: to.map((entry) => ({ operation: entry })) }),
      ...(when.length === 0 ? {} : { when }),
    } as AuthorizationRule;
  });
/** Policies of every kind of source, operation and condition that the reference knows. */
export const policies: fc.Arbitrary<AuthorizationPolicy[]> = fc
  .array(
    fc.record({
      action: fc.constantFrom('ALLOW', 'DENY'),
      rules: fc.array(rule, { maxLength: 3 }),
    }),
    { maxLength: 4 },
  )
  .map((specs) =>
    specs
      .filter(({ action, rules }) => action === 'ALLOW' || rules.length > 0)
      .map(({ action, rules }, i) => policy(`p${i}`, { action: action as 'ALLOW', rules })),
  );
/** Requests that some of them are about. */
export const request: fc.Arbitrary<RequestDescription> = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT'),
    path: fc.constantFrom(...paths),
    peer: optional(fc.constantFrom(peer('shop', 'x'), peer('web', 'x'), peer('web', 'y'))),
    claims: optional(
      fc.record({
        iss: fc.constant('i'),
        sub: fc.constantFrom('ada', 'bob'),
        groups: fc.constantFrom(['a'], ['a', 'b'], ['c'], []),
      }),
    ),
    headers: fc.constantFrom({}, { x: 'a' }, { x: ['a', 'b'] }, { x: 'c' }, { x: '' }),
  })
  .map((value) => defined(value) as RequestDescription);
