import { formatProblem, hasErrors, parseBatch, parseResources, refuseErrors } from '@inmesh/config';
import { describe, expect, test } from '@jest/globals';

const virtualService = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
  namespace: prod
spec:
  hosts: [reviews]
  http:
  - route:
    - destination:
        host: reviews
`;
const destinationRule = `apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: { name: reviews, namespace: prod }
spec: { host: reviews, subsets: [{ name: v1, labels: { version: v1 } }] }
`;

function problemsIn(text: string): string[] {
  const { resources, problems } = parseResources(text, { file: 'a.yaml' });
  if (hasErrors(problems)) expect(resources).toEqual([]);
  return problems.map(({ line, column, code, path }) => `${line}:${column} ${code} ${path}`);
}

describe('documents', () => {
  test('several in one text are read in order', () => {
    const { resources, problems } = parseResources(`${virtualService}---\n${destinationRule}---\n`);
    expect(problems).toEqual([]);
    expect(resources.map(({ kind }) => kind)).toEqual(['VirtualService', 'DestinationRule']);
  });
  test('JSON is read as well', () => {
    const [fromYaml] = parseResources(virtualService).resources;
    const { resources, problems } = parseResources(JSON.stringify(fromYaml));
    expect(problems).toEqual([]);
    expect(resources).toEqual([fromYaml]);
  });
  test('what kubectl prints is read: a List, with status and metadata of a cluster', () => {
    const item = {
      ...parseResources(virtualService).resources[0],
      metadata: {
        name: 'reviews',
        uid: 'x',
        resourceVersion: '1',
        creationTimestamp: '2024-01-01T00:00:00Z',
        generation: 1,
        managedFields: [{}],
      },
      status: {},
    };
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [item], metadata: {} });
    const { resources, problems } = parseResources(list);
    expect(problems.map(({ severity, path }) => `${severity} ${path}`)).toEqual([
      'warning /status',
    ]);
    expect(resources[0]?.metadata).toEqual({
      name: 'reviews',
      namespace: 'default',
      creationTimestamp: '2024-01-01T00:00:00Z',
    });
  });
  test('creationTimestamp: null, as generators print it, is nothing', () => {
    const text = destinationRule.replace('prod }', 'prod, creationTimestamp: null }');
    expect(parseResources(text).problems).toEqual([]);
  });
  test.each(['', '---\n', '# nothing\n', '---\n---\n'])('%j holds no resource', (text) => {
    expect(parseResources(text)).toMatchObject({ resources: [], problems: [] });
  });
  test('anchors and aliases are followed', () => {
    const text = virtualService
      .replace('host: reviews', 'host: *it')
      .replace('[reviews]', '[&it reviews]');
    expect(parseResources(text).resources).toEqual(parseResources(virtualService).resources);
  });
  test('an alias means the latest anchor of its name, whatever its target holds', () => {
    const text = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: a }
spec:
  host: a
  subsets:
  - &x { name: v1, labels: { version: &y one } }
  - { name: v2, labels: { version: &y two } }
  - { name: v3, labels: { version: *y } }
`;
    expect(parseResources(text).resources[0]).toMatchObject({
      spec: { subsets: [{}, {}, { labels: { version: 'two' } }] },
    });
  });
  test('numbers as keys are texts', () => {
    const text = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: a }
spec: { selector: { matchLabels: { app: a } }, portLevelMtls: { 8080: { mode: STRICT } } }
`;
    expect(parseResources(text).resources[0]).toMatchObject({
      spec: { portLevelMtls: { '8080': { mode: 'STRICT' } } },
    });
  });
  test('a text that is none is the caller’s mistake', () => {
    expect(() => parseResources(undefined as never)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });
});

describe('places', () => {
  test('an unknown field is told at its name, with the likely one', () => {
    const text = virtualService.replace('  - route:', '  - timout: 5s\n    route:');
    expect(problemsIn(text)).toEqual(['9:5 unknown_field /spec/http/0/timout']);
    expect(parseResources(text).problems[0]?.reason).toContain('did you mean "timeout"');
  });
  test('a wrong value is told at the value', () => {
    const text = virtualService.replace('host: reviews', 'host: "*.x"');
    expect(problemsIn(text)).toEqual(['11:15 invalid_value /spec/http/0/route/0/destination/host']);
  });
  test('a missing field is told at what should hold it', () => {
    const text = virtualService.replace('host: reviews', 'subset: v1');
    expect(problemsIn(text)).toEqual(['11:9 missing_field /spec/http/0/route/0/destination/host']);
  });
  test('an empty field is told at its name', () => {
    const text = virtualService.replace('  - route:', '  - match:\n    route:');
    expect(problemsIn(text)).toEqual(['9:5 missing_field /spec/http/0/match']);
  });
  test('the second document counts its lines from the start of the text', () => {
    expect(problemsIn(`${virtualService}---\n${destinationRule.replace('v1beta1', 'v9')}`)).toEqual(
      ['13:13 unsupported_version /apiVersion'],
    );
  });
  test('inside a List, too', () => {
    const text = `apiVersion: v1\nkind: List\nitems:\n- apiVersion: networking.istio.io/v1\n  kind: Gateway\n`;
    expect(problemsIn(text)).toEqual(['5:9 unknown_kind /kind']);
  });
  test('can be asked for later', () => {
    const { locate } = parseResources(virtualService, { file: 'a.yaml' });
    expect(locate('VirtualService/prod/reviews', ['spec', 'http', 0, 'route'])).toEqual({
      file: 'a.yaml',
      line: 10,
      column: 5,
    });
    expect(locate('VirtualService/prod/nobody', [])).toBeUndefined();
  });
  test('are in the line that people read', () => {
    const { problems } = parseResources('kind: Gateway', { file: 'a.yaml' });
    expect(problems.map(formatProblem)[0]).toMatch(
      /^a\.yaml:1:7: error: Gateway\/default\/\? \/kind: Gateway is not supported: .* \[unknown_kind\]$/,
    );
  });
});

describe('a batch', () => {
  test('is refused as a whole for one error', () => {
    const { resources, problems } = parseResources(
      `${virtualService}---\n${destinationRule.replace('host: reviews', 'host: ""')}`,
    );
    expect(problems).toHaveLength(1);
    expect(resources).toEqual([]);
    expect(() => refuseErrors(problems)).toThrow(
      expect.objectContaining({ code: 'invalid_resource', path: '/spec/host' }),
    );
  });
  test('goes on with warnings', () => {
    const { resources, problems } = parseResources(
      virtualService.replace('  http:', '  tcp: []\n  http:'),
    );
    expect(problems.map(({ severity }) => severity)).toEqual(['warning']);
    expect(resources).toHaveLength(1);
  });
  test('must not name a resource twice, in one text or in two', () => {
    expect(problemsIn(`${virtualService}---\n${virtualService}`)).toEqual([
      '16:9 duplicate /metadata/name',
    ]);
    const { resources, problems } = parseBatch([
      { text: virtualService, file: 'a.yaml' },
      { text: virtualService, file: 'b.yaml' },
    ]);
    expect(resources).toEqual([]);
    expect(problems.map(({ file, reason }) => `${file}: ${reason}`)).toEqual([
      'b.yaml: is defined already at a.yaml:1',
    ]);
  });
});

describe('kinds and versions', () => {
  test.each([
    'networking.istio.io/v1',
    'networking.istio.io/v1beta1',
    'networking.istio.io/v1alpha3',
  ])('VirtualService is taken from %s', (version) => {
    const text = virtualService.replace('networking.istio.io/v1', version);
    expect(parseResources(text).resources[0]?.apiVersion).toBe(version);
  });
  test.each(['v1', 'security.istio.io/v1', 'networking.istio.io/v2', '{}', '[]'])(
    'VirtualService is not taken from %s',
    (version) => {
      const text = virtualService.replace('networking.istio.io/v1', version);
      expect(problemsIn(text)).toEqual(['1:13 unsupported_version /apiVersion']);
    },
  );
  test('apiVersion is needed in a file', () => {
    expect(problemsIn(virtualService.replace(/^.*\n/, ''))).toEqual([
      '1:1 missing_field /apiVersion',
    ]);
  });
  test('unknown kinds are named, with the likely one', () => {
    const { problems } = parseResources('kind: VirtualServce\nmetadata: { name: a }');
    expect(problems[0]).toMatchObject({
      code: 'unknown_kind',
      resource: 'VirtualServce/default/a',
    });
    expect(problems[0]?.reason).toContain('did you mean "VirtualService"');
  });
  test.each(['Gateway', 'Sidecar', 'EnvoyFilter', 'WorkloadEntry'])(
    "Istio's %s is refused with what to do",
    (kind) => {
      const { problems } = parseResources(`kind: ${kind}`);
      expect(problems[0]?.reason).toMatch(/^\w+ is not supported: /);
    },
  );
  test.each(['name: ""', 'name: A_b', 'name: 5', '{}', 'name: a, namespace: A', 'name: a, foo: 1'])(
    'metadata {%s} is refused',
    (metadata) => {
      const text = destinationRule.replace(
        /metadata: .*/,
        `metadata: { ${metadata.replace('{}', '')} }`,
      );
      expect(hasErrors(parseResources(text).problems)).toBe(true);
    },
  );
});
