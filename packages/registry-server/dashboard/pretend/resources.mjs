// The configuration of the pretended shop, and the rollouts that go on in it.

const networking = 'networking.istio.io/v1';
const security = 'security.istio.io/v1';

const subsets = (...versions) =>
  versions.map((version) => ({ name: version, labels: { version } }));
const split = (host, weights) =>
  Object.entries(weights).map(([subset, weight]) => ({ destination: { host, subset }, weight }));
const callers = (...names) => [
  { source: { principals: names.map((name) => `cluster.local/ns/shop/sa/${name}`) } },
];

export const resources = [
  {
    apiVersion: networking,
    kind: 'VirtualService',
    metadata: {
      name: 'reviews',
      namespace: 'shop',
      annotations: { 'inmesh.dev/sticky': 'header:end-user' },
    },
    spec: {
      hosts: ['reviews'],
      http: [
        {
          name: 'testers',
          match: [{ headers: { 'end-user': { exact: 'jason' } } }],
          route: [{ destination: { host: 'reviews', subset: 'v2' } }],
        },
        { name: 'canary', timeout: '2s', route: split('reviews', { v1: 90, v2: 10 }) },
      ],
    },
  },
  {
    apiVersion: networking,
    kind: 'DestinationRule',
    metadata: { name: 'reviews', namespace: 'shop' },
    spec: { host: 'reviews', subsets: subsets('v1', 'v2') },
  },
  {
    apiVersion: networking,
    kind: 'VirtualService',
    metadata: { name: 'payments', namespace: 'payments' },
    spec: {
      hosts: ['payments'],
      http: [{ name: 'split', route: split('payments', { v2: 75, v3: 25 }) }],
    },
  },
  {
    apiVersion: networking,
    kind: 'DestinationRule',
    metadata: { name: 'payments', namespace: 'payments' },
    spec: { host: 'payments', subsets: subsets('v2', 'v3') },
  },
  {
    apiVersion: networking,
    kind: 'ServiceEntry',
    metadata: { name: 'cards', namespace: 'payments' },
    spec: {
      hosts: ['api.cards.example'],
      ports: [{ number: 443, name: 'https', protocol: 'HTTPS' }],
      resolution: 'DNS',
    },
  },
  {
    apiVersion: security,
    kind: 'PeerAuthentication',
    metadata: { name: 'default', namespace: 'payments' },
    spec: { mtls: { mode: 'STRICT' } },
  },
  {
    apiVersion: security,
    kind: 'AuthorizationPolicy',
    metadata: { name: 'checkout-only', namespace: 'payments' },
    spec: {
      selector: { matchLabels: { app: 'payments' } },
      action: 'ALLOW',
      rules: [
        {
          from: callers('checkout'),
          to: [{ operation: { methods: ['POST'], paths: ['/charges'] } }],
        },
      ],
    },
  },
  {
    apiVersion: security,
    kind: 'AuthorizationPolicy',
    metadata: { name: 'readers', namespace: 'shop' },
    spec: {
      selector: { matchLabels: { app: 'reviews' } },
      action: 'ALLOW',
      rules: [
        { from: callers('catalog', 'storefront'), to: [{ operation: { methods: ['GET'] } }] },
      ],
    },
  },
];

/** One completes, one goes back because its version fails, and one is under way. */
export const rollouts = [
  {
    service: 'inventory',
    namespace: 'fulfilment',
    from: 'v1',
    to: 'v2',
    steps: [10, 50, 100],
    stepMs: 60_000,
  },
  {
    service: 'payments',
    namespace: 'payments',
    from: 'v2',
    to: 'v3',
    steps: [25, 100],
    stepMs: 60_000,
  },
  {
    service: 'reviews',
    namespace: 'shop',
    from: 'v1',
    to: 'v2',
    steps: [10, 25, 50, 100],
    stepMs: 240_000,
  },
];
