import { formatProblem, hasErrors, maxTextLength, parseResources, validate } from '@inmesh/config';
import { expect, test } from '@jest/globals';
import { problemsOf, resourceWith, routeProblems, to } from './problems-of.ts';

/** The codes that a text is refused with. */
function codes(text: string): string[] {
  const { resources, problems } = parseResources(text);
  expect(resources).toEqual([]);
  expect(hasErrors(problems)).toBe(true);
  return [...new Set(problems.map(({ code }) => code))];
}

test('a bomb of anchors is refused', () => {
  const lines = ['a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]'];
  for (let i = 1; i < 30; i += 1) lines.push(`a${i}: &a${i} [${`*a${i - 1}, `.repeat(9)}]`);
  expect(codes(lines.join('\n'))).toEqual(['too_large']);
});

test('an anchor that holds itself is refused', () => {
  expect(codes('a: &a [*a]')).toEqual(['too_large']);
});

test('10,000 uses of one anchor are refused', () => {
  expect(codes(`- &a 1\n${'- *a\n'.repeat(10_000)}`)).toEqual(['too_large']);
});

test('an alias without its anchor is refused', () => {
  expect(codes('a: *nowhere')).toEqual(['syntax']);
});

test.each([
  ['lists', '['.repeat(1_000_000)],
  ['lists in block style', '- '.repeat(1_000_000)],
  ['keys', '? '.repeat(1_000_000)],
  ['maps', '{a: '.repeat(500_000)],
  ['indented maps', Array.from({ length: 500 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
  ['closed lists', `${'['.repeat(100)}${']'.repeat(100)}`],
])('deeply nested %s are refused as soon as they are too deep', (_, text) => {
  expect(codes(text)).toEqual(['too_large']);
});

test('a text over the limit is refused before it is parsed', () => {
  expect(codes(`# ${'x'.repeat(maxTextLength)}`)).toEqual(['too_large']);
});

test('20,000 keys in one map are compared with a set, not with each other', () => {
  const text = Array.from({ length: 20_000 }, (_, i) => `k${i}: 1`).join('\n');
  expect(codes(text)).toEqual(['missing_field']);
});

test('a key that comes twice is refused', () => {
  expect(codes('kind: VirtualService\nkind: VirtualService')).toEqual(['duplicate']);
  expect(codes('{"kind": "VirtualService", "kind": "VirtualService"}')).toEqual(['duplicate']);
});

test.each(['? [a]\n: b', '? {a: b}\n: c', 'null: a', 'a: !!js/function x', 'a: !!binary aGk='])(
  '%j is no data',
  (text) => expect(codes(text)).toEqual(['syntax']),
);

test('merge keys are refused with what to do', () => {
  const text = 'kind: DestinationRule\nmetadata: {name: a}\nspec:\n  <<: {host: b}\n';
  expect(parseResources(text).problems.map(({ reason }) => reason)).toContain(
    'YAML merge keys are not supported: write the fields out',
  );
});

test.each(['__proto__', 'constructor', 'prototype'])('%s is refused as a key (case 49)', (key) => {
  const text = `kind: DestinationRule
apiVersion: networking.istio.io/v1
metadata: { name: a, annotations: { ${key}: x } }
spec: { host: a, subsets: [{ name: v1, labels: { ${key}: x } }], ${key}: { polluted: true } }
${key}: { polluted: true }
`;
  const { resources, problems } = parseResources(text);
  expect(resources).toEqual([]);
  expect(problems.map(({ path }) => path)).toEqual([
    `/${key}`,
    `/metadata/annotations/${key}`,
    `/spec/subsets/0/labels/${key}`,
    `/spec/${key}`,
  ]);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

test('__proto__ from JSON is refused in maps and in what is kept as it is', () => {
  const spec = JSON.parse(
    '{"host":"a","trafficPolicy":{"connectionPool":{"tcp":{"tcpKeepalive":{"__proto__":{"x":1}}}}}}',
  );
  expect(problemsOf('DestinationRule', spec)).toContainEqual(
    expect.stringContaining('error invalid_value'),
  );
});

test('a regex of 1 MB is refused without being compiled (case 50)', () => {
  const regex = '(a+)+'.repeat(200_000);
  expect(routeProblems({ match: [{ uri: { regex } }] })).toEqual([
    'error too_large /match/0/uri/regex',
  ]);
});

test.each(['(a+)+$', '^(([a-z])+.)+[A-Z]([a-z])+$', '(?i)abc', '\\p{Greek}'])(
  'the regex %s is taken: matching is linear',
  (regex) => expect(routeProblems({ match: [{ uri: { regex } }] })).toEqual([]),
);

test.each(['.{999}'.repeat(100), '(', '(?<!a)b', '(a)\\1', '[', 'a{1001}', ''])(
  'the regex %s is refused',
  (regex) => {
    expect(routeProblems({ match: [{ uri: { regex } }] })).toEqual([
      'error invalid_value /match/0/uri/regex',
    ]);
  },
);

test('weights of NaN and infinity are refused, in YAML too', () => {
  for (const weight of ['.nan', '.inf', '-.inf', '1e400', 'NaN']) {
    const text = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: a }
spec: { hosts: [a], http: [{ route: [{ destination: { host: a }, weight: ${weight} }] }] }`;
    const { problems } = parseResources(text);
    expect(problems.map(({ path }) => path)).toEqual(['/spec/http/0/route/0/weight']);
  }
});

test('10,000 routes in one resource are checked', () => {
  const http = Array.from({ length: 10_000 }, (_, i) => ({
    match: [{ uri: { prefix: `/${i}` }, headers: { 'end-user': { exact: 'jason' } } }],
    route: [
      { destination: { host: 'reviews', subset: 'v1' }, weight: 90 },
      { destination: { host: 'reviews', subset: 'v2' }, weight: 10 },
    ],
  }));
  const { resource } = validate(resourceWith('VirtualService', { hosts: ['a'], http }));
  expect(resource).toMatchObject({ spec: { http: { length: 10_000 } } });
});

test('1,000 routes are read from YAML', () => {
  const text = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: a }
spec:
  hosts: [a]
  http:
${'  - { timeout: 1s, route: [{ destination: { host: reviews } }] }\n'.repeat(1_000)}`;
  expect(parseResources(text).resources[0]).toMatchObject({ spec: { http: { length: 1_000 } } });
});

test('a file of mistakes ends at 100 problems', () => {
  const http = Array.from({ length: 10_000 }, () => ({ timeout: 'x', nope: 1 }));
  const { problems } = validate(resourceWith('VirtualService', { hosts: ['a'], http }));
  expect(problems).toHaveLength(100);
});

test('an error after 100 warnings is still told', () => {
  const http = [
    ...Array.from({ length: 200 }, () => ({
      route: [to('a')],
      match: [{ statPrefix: 'x', port: 1 }],
    })),
    { route: [] },
  ];
  const { resource, problems } = validate(resourceWith('VirtualService', { hosts: ['a'], http }));
  expect(resource).toBeUndefined();
  expect(hasErrors(problems)).toBe(true);
});

test.each([
  'kind: "a\\e[31m\\nb"',
  'kind: DestinationRule\n"a\\e[31m\\nb": 1',
  'kind: !a\u001b[31m b',
  'a: \u009b31m: b',
  '"\\u202e": 1\n"\\u202e": 2',
])('%j cannot write into a terminal or a log (case 53)', (text) => {
  const { problems } = parseResources(text, { file: 'a\nb' });
  expect(problems).not.toEqual([]);
  for (const line of problems.map(formatProblem)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not pass
    expect(line).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/);
  }
});

test.each([undefined, null, 5, 'text', [], () => {}, new Date(), new Map(), Symbol('x'), 10n])(
  '%p is no resource',
  (value) => {
    const { resource, problems } = validate(value);
    expect(resource).toBeUndefined();
    expect(hasErrors(problems)).toBe(true);
  },
);

test('a value that holds itself many times is refused where anything may stand', () => {
  const tcpKeepalive: Record<string, unknown> = {};
  tcpKeepalive.self = Array(20).fill(tcpKeepalive);
  const trafficPolicy = { connectionPool: { tcp: { tcpKeepalive } } };
  expect(problemsOf('DestinationRule', { host: 'a', trafficPolicy })[1]).toMatch(
    /^error too_large/,
  );
});
