/** What a new resource of `kind` starts from. */
export function template(kind: string): string {
  const spec = specs[kind] ?? 'spec: {}\n';
  return `apiVersion: ${groupOf(kind)}\nkind: ${kind}\nmetadata:\n  name: reviews\n${spec}`;
}

/** The kinds that a new resource can be of. */
export const kinds = [
  'VirtualService',
  'DestinationRule',
  'ResiliencePolicy',
  'ServiceEntry',
  'PeerAuthentication',
  'RequestAuthentication',
  'AuthorizationPolicy',
  'Telemetry',
] as const;

function groupOf(kind: string): string {
  if (kind === 'Telemetry') return 'telemetry.istio.io/v1';
  if (kind === 'ResiliencePolicy') return 'inmesh.dev/v1';
  const security = ['PeerAuthentication', 'RequestAuthentication', 'AuthorizationPolicy'];
  return security.includes(kind) ? 'security.istio.io/v1' : 'networking.istio.io/v1';
}

const specs: Readonly<Record<string, string>> = {
  VirtualService: `spec:
  hosts: [reviews]
  http:
    - name: canary
      route:
        - destination: { host: reviews, subset: v1 }
          weight: 90
        - destination: { host: reviews, subset: v2 }
          weight: 10
`,
  DestinationRule: `spec:
  host: reviews
  subsets:
    - name: v1
      labels: { version: v1 }
    - name: v2
      labels: { version: v2 }
`,
  ResiliencePolicy: `spec:
  host: reviews
  hedge: { percentile: 95 }
  fallbacks:
    - lastGood: {}
`,
  ServiceEntry: `spec:
  hosts: [api.example.com]
  ports:
    - { number: 443, name: https, protocol: HTTPS }
  resolution: DNS
`,
  PeerAuthentication: `spec:
  mtls: { mode: STRICT }
`,
  RequestAuthentication: `spec:
  jwtRules:
    - issuer: https://issuer.example.com
      audiences: [reviews]
      jwksUri: https://issuer.example.com/jwks.json
`,
  AuthorizationPolicy: `spec:
  action: ALLOW
  rules:
    - from:
        - source: { principals: [cluster.local/ns/default/sa/productpage] }
      to:
        - operation: { methods: [GET] }
`,
  Telemetry: `spec:
  tracing:
    - randomSamplingPercentage: 10
`,
};
