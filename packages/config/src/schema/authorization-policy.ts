import type {
  AuthorizationCondition,
  AuthorizationOperation,
  AuthorizationPolicySpec,
  AuthorizationRule,
  AuthorizationSource,
} from '../resources/index.ts';
import { noWaypoints, workloadSelector } from './common.ts';
import { atLeastOneOf, notEmpty } from './exclusive.ts';
import {
  type FieldType,
  honoured,
  list,
  type ObjectType,
  object,
  oneOf,
  type Rule,
  required,
  text,
} from './field-type.ts';
import { ipBlock, nonEmpty } from './formats.ts';

const values: FieldType = list(nonEmpty, { min: 1, max: 10_000 });

/** `ns/account` or `account`; Istio takes at most 16 a list. */
const serviceAccount = text('account or namespace/account', 320, (value) =>
  /^[a-z0-9.-]+(?:\/[a-z0-9.-]+)?$/.test(value)
    ? undefined
    : 'must be account or namespace/account, without wildcards',
);
const serviceAccounts: FieldType = list(serviceAccount, { min: 1, max: 16 });

const trustDomain = text('trust domain', 255, (value) => {
  if (value === '' || value.includes('/')) return 'must be a trust domain such as cluster.local';
  const star = value.indexOf('*');
  const good = star < 0 || (star === value.lastIndexOf('*') && /^\*|\*$/.test(value));
  return good ? undefined : 'takes one *, at one end';
});
const trustDomains: FieldType = list(trustDomain, { min: 1, max: 1_000 });

const portText = text('port', 5, (value) =>
  /^(?:0|[1-9]\d{0,4})$/.test(value) && Number(value) <= 65_535
    ? undefined
    : 'must be a port within 0..65535, in quotes',
);

const pathPattern = text('path', 4_096, (value) => {
  if (value === '') return 'must not be empty';
  if (!/[{}]/.test(value)) return undefined;
  let rest = false;
  for (const segment of value.split('/')) {
    const operator = segment === '{*}' || segment === '{**}';
    if (operator ? rest : /[{}*]/.test(segment)) {
      return 'takes {*} and {**} as whole segments, {**} as the last of them, and no other *, { or }';
    }
    if (segment === '{**}') rest = true;
  }
  return undefined;
});
const paths: FieldType = list(pathPattern, { min: 1, max: 10_000 });
const blocks: FieldType = list(ipBlock, { min: 1, max: 10_000 });

const accountsAlone: Rule<AuthorizationSource> = (source, report) => {
  for (const field of ['serviceAccounts', 'notServiceAccounts'] as const) {
    if (source[field] === undefined) continue;
    const others = ['principals', 'notPrincipals', 'namespaces', 'notNamespaces'] as const;
    const other = others.find((name) => source[name] !== undefined);
    if (other !== undefined) report.error('conflict', `must not stand beside ${other}`, field);
  }
};

const source: ObjectType = object<AuthorizationSource>(
  'Source',
  {
    principals: honoured(values, 'SPIFFE IDs without the scheme.'),
    notPrincipals: honoured(values, 'None of them.'),
    requestPrincipals: honoured(values, 'issuer/subject of the validated JWT.'),
    notRequestPrincipals: honoured(values, 'None of them.'),
    namespaces: honoured(values, "Of the peer's identity."),
    notNamespaces: honoured(values, 'None of them.'),
    serviceAccounts: honoured(serviceAccounts, "Of the peer's identity; exact; at most 16."),
    notServiceAccounts: honoured(serviceAccounts, 'None of them.'),
    trustDomains: honoured(trustDomains, "Of the peer's identity."),
    notTrustDomains: honoured(trustDomains, 'None of them.'),
    ipBlocks: honoured(blocks, 'Of the connection.'),
    notIpBlocks: honoured(blocks, 'None of them.'),
    remoteIpBlocks: honoured(blocks, 'Of the client behind trusted proxies.'),
    notRemoteIpBlocks: honoured(blocks, 'None of them.'),
  },
  { rules: [notEmpty('source'), accountsAlone] },
);

const operation: ObjectType = object<AuthorizationOperation>(
  'Operation',
  {
    hosts: honoured(values, 'Case-insensitive.'),
    notHosts: honoured(values, 'None of them.'),
    ports: honoured(list(portText, { min: 1, max: 1_000 }), "The server's."),
    notPorts: honoured(list(portText, { min: 1, max: 1_000 }), 'None of them.'),
    methods: honoured(values, 'Upper-case.'),
    notMethods: honoured(values, 'None of them.'),
    paths: honoured(paths, 'Normalized, without the query.'),
    notPaths: honoured(paths, 'None of them.'),
  },
  { rules: [notEmpty('operation')] },
);

const plainKeys = new Set([
  'source.ip',
  'remote.ip',
  'source.namespace',
  'source.serviceAccount',
  'source.principal',
  'source.trustDomain',
  'request.auth.principal',
  'request.auth.audiences',
  'request.auth.presenter',
  'destination.ip',
  'destination.port',
  'connection.sni',
]);

const conditionKey = text('attribute', 512, (key) => {
  if (plainKeys.has(key)) return undefined;
  if (/^request\.headers\[[!#$%&'*+.^_`|~0-9A-Za-z-]+\]$/.test(key)) return undefined;
  if (/^request\.auth\.claims(?:\[[^[\]]+\])+$/.test(key)) return undefined;
  if (key.startsWith('experimental.envoy.filters.')) return 'is not supported: there is no Envoy';
  return `must be request.headers[…], request.auth.claims[…] or one of ${[...plainKeys].join(', ')}`;
});

const conditionValues: Rule<AuthorizationCondition> = (condition, report) => {
  const checks = new Map([
    ['source.ip', ipBlock],
    ['remote.ip', ipBlock],
    ['destination.ip', ipBlock],
    ['destination.port', portText],
    ['source.serviceAccount', serviceAccount],
    ['source.trustDomain', trustDomain],
  ]);
  const check = checks.get(condition.key)?.check;
  if (check === undefined) return;
  for (const field of ['values', 'notValues'] as const) {
    condition[field]?.forEach((value, index) => {
      const wrong = check(value);
      if (wrong !== undefined) report.error('invalid_value', wrong, field, index);
    });
  }
};

const condition: ObjectType = object<AuthorizationCondition>(
  'Condition',
  {
    key: required(conditionKey, 'An attribute of the request.'),
    values: honoured(values, 'Any of them.'),
    notValues: honoured(values, 'None of them.'),
  },
  { rules: [atLeastOneOf<AuthorizationCondition>('values', 'notValues'), conditionValues] },
);

type From = NonNullable<AuthorizationRule['from']>[number];
type To = NonNullable<AuthorizationRule['to']>[number];

const rule: ObjectType = object<AuthorizationRule>('Rule', {
  from: honoured(
    list(object<From>('Rule.From', { source: required(source, 'Who.') }), { min: 1, max: 1_000 }),
    'One must match.',
  ),
  to: honoured(
    list(object<To>('Rule.To', { operation: required(operation, 'What.') }), {
      min: 1,
      max: 1_000,
    }),
    'One must match.',
  ),
  when: honoured(list(condition, { max: 1_000 }), 'All must match.'),
});

const actionFits: Rule<AuthorizationPolicySpec> = (spec, report) => {
  const action = spec.action ?? 'ALLOW';
  if (action === 'CUSTOM' && spec.provider === undefined) {
    report.error('missing_field', 'is needed with CUSTOM', 'provider');
  }
  if (action !== 'CUSTOM' && spec.provider !== undefined) {
    report.error('conflict', `has no effect with ${action}`, 'provider');
  }
  if ((action === 'DENY' || action === 'CUSTOM') && (spec.rules ?? []).length === 0) {
    report.error(
      'missing_field',
      `is needed with ${action}: without rules it never matches`,
      'rules',
    );
  }
};

const provider: ObjectType = object<NonNullable<AuthorizationPolicySpec['provider']>>(
  'ExtensionProvider',
  { name: required(nonEmpty, 'Of the provider.') },
);

export const authorizationPolicySpec: ObjectType = object<AuthorizationPolicySpec>(
  'AuthorizationPolicy',
  {
    selector: honoured(workloadSelector, 'Which workloads of the namespace.', { default: 'all' }),
    rules: honoured(list(rule, { max: 10_000 }), 'One must match; none given never matches.'),
    action: honoured(oneOf('ALLOW', 'DENY', 'AUDIT', 'CUSTOM'), 'What a match means.', {
      default: 'ALLOW',
    }),
    provider: honoured(provider, 'With CUSTOM.'),
  },
  { refused: { targetRef: noWaypoints, targetRefs: noWaypoints }, rules: [actionFits] },
);
