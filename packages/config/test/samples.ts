import type { ResourceInput } from '@inmesh/config';

/**
 * Valid resources that use every honoured field at least once; `field-table.test.ts` holds them to
 * that. None of them gives cause for a warning.
 */
export const samples: readonly ResourceInput[] = [
  {
    kind: 'VirtualService',
    metadata: {
      name: 'reviews',
      namespace: 'prod',
      labels: { app: 'reviews' },
      annotations: { 'inmesh.dev/sticky.canary': 'cookie:session', 'example.com/owner': 'team a' },
      creationTimestamp: '2024-01-01T00:00:00Z',
    },
    spec: {
      hosts: ['reviews', '*.reviews.example.com'],
      gateways: ['mesh'],
      exportTo: ['.', 'staging'],
      http: [
        {
          name: 'canary',
          match: [
            {
              name: 'everything at once',
              uri: { prefix: '/api' },
              scheme: { exact: 'http' },
              method: { regex: 'GET|HEAD' },
              authority: { prefix: 'reviews' },
              headers: { 'end-user': { exact: 'jason' }, 'x-any': {} },
              withoutHeaders: { 'x-old': { prefix: 'v' }, 'x-older': { regex: '[a-z]+' } },
              queryParams: { key: { exact: '' } },
              port: 9080,
              sourceLabels: { app: 'productpage' },
              sourceNamespace: 'prod',
              gateways: ['mesh'],
              ignoreUriCase: true,
            },
            { uri: { exact: '/one' } },
            { uri: { regex: '/v[0-9]+/.*' } },
          ],
          route: [
            {
              destination: { host: 'reviews', subset: 'v1', port: { number: 9080 } },
              weight: 90,
              headers: { response: { remove: ['server'] } },
            },
            { destination: { host: 'reviews', subset: 'v2' }, weight: 10 },
          ],
          rewrite: {
            authority: 'reviews.internal',
            uriRegexRewrite: { match: '/api/(.*)', rewrite: '/\\1' },
          },
          timeout: '5s',
          retries: {
            attempts: 3,
            perTryTimeout: '1s',
            retryOn: 'connect-failure,503',
            retryIgnorePreviousHosts: false,
            backoff: '50ms',
          },
          fault: {
            delay: { fixedDelay: '100ms', percentage: { value: 0.5 } },
            abort: { httpStatus: 503, percentage: { value: 1 } },
          },
          mirror: { host: 'reviews-next' },
          mirrorPercentage: { value: 12.5 },
          corsPolicy: {
            allowOrigins: [{ exact: 'https://example.com' }],
            allowMethods: ['GET'],
            allowHeaders: ['x-a'],
            exposeHeaders: ['x-b'],
            maxAge: '24h',
            allowCredentials: true,
            unmatchedPreflights: 'IGNORE',
          },
          headers: { request: { set: { 'x-a': '1' }, add: { 'x-b': '2' } } },
        },
        {
          match: [{ uri: { prefix: '/old' } }],
          redirect: {
            prefixRewrite: '/new',
            authority: 'example.com:8080',
            scheme: 'https',
            redirectCode: 308,
            port: 8443,
          },
        },
        {
          match: [{ uri: { prefix: '/elsewhere' } }],
          redirect: { uri: '/there', derivePort: 'FROM_REQUEST_PORT' },
        },
        {
          match: [{ uri: { exact: '/ping' } }],
          directResponse: { status: 200, body: { string: 'pong' } },
        },
        {
          match: [{ uri: { exact: '/pixel' } }],
          directResponse: { status: 200, body: { bytes: 'aGVsbG8=' } },
        },
        {
          route: [{ destination: { host: 'reviews' } }],
          rewrite: { uri: '/' },
          fault: { abort: { grpcStatus: 'UNAVAILABLE', percentage: { value: 1 } } },
          mirrors: [{ destination: { host: 'audit' }, percentage: { value: 1 } }],
        },
      ],
    },
  },
  {
    kind: 'DestinationRule',
    metadata: { name: 'reviews' },
    spec: {
      host: 'reviews',
      exportTo: ['.'],
      workloadSelector: { matchLabels: { app: 'productpage' } },
      trafficPolicy: {
        loadBalancer: {
          simple: 'ROUND_ROBIN',
          warmup: { duration: '30s', minimumPercent: 20, aggression: 1.5 },
          localityLbSetting: { enabled: true, failover: [{ from: 'eu', to: 'us' }] },
        },
        connectionPool: {
          tcp: {
            maxConnections: 100,
            connectTimeout: '1s',
            maxConnectionDuration: '1h',
            idleTimeout: '5m',
          },
          http: {
            http1MaxPendingRequests: 10,
            http2MaxRequests: 1000,
            maxRequestsPerConnection: 0,
            idleTimeout: '1m',
          },
        },
        outlierDetection: {
          consecutive5xxErrors: 5,
          consecutiveGatewayErrors: 3,
          splitExternalLocalOriginErrors: true,
          consecutiveLocalOriginFailures: 4,
          interval: '5s',
          baseEjectionTime: '15s',
          maxEjectionPercent: 50,
          minHealthPercent: 20,
        },
        tls: {
          mode: 'MUTUAL',
          clientCertificate: '/etc/certs/cert.pem',
          privateKey: '/etc/certs/key.pem',
          caCertificates: '/etc/certs/ca.pem',
          subjectAltNames: ['reviews.example.com'],
          sni: 'reviews.example.com',
        },
        portLevelSettings: [
          { port: { number: 80 }, tls: { mode: 'SIMPLE', insecureSkipVerify: true } },
          { port: { number: 81 }, loadBalancer: { consistentHash: { httpHeaderName: 'x-user' } } },
          { port: { number: 82 }, connectionPool: { tcp: { maxConnections: 1 } } },
          { port: { number: 83 }, outlierDetection: {} },
        ],
        retryBudget: { percent: 20, minRetryConcurrency: 3, budgetInterval: '10s' },
      },
      subsets: [
        {
          name: 'v1',
          labels: { version: 'v1' },
          trafficPolicy: {
            loadBalancer: {
              consistentHash: {
                httpCookie: { name: 'session', path: '/', ttl: '0s' },
                ringHash: { minimumRingSize: 2048 },
              },
              localityLbSetting: {
                distribute: [{ from: 'eu/a/*', to: { 'eu/a/*': 80, 'eu/b': 20 } }],
              },
            },
          },
        },
        {
          name: 'v2',
          trafficPolicy: {
            loadBalancer: {
              consistentHash: { httpQueryParameterName: 'user', maglev: { tableSize: 65_537 } },
              localityLbSetting: { failoverPriority: ['topology.kubernetes.io/region'] },
            },
          },
        },
        {
          name: 'v3',
          trafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true } } },
        },
      ],
    },
  },
  {
    kind: 'ResiliencePolicy',
    metadata: { name: 'reviews' },
    spec: {
      host: 'reviews',
      breaker: {
        minCalls: 50,
        failurePercent: 80,
        window: '30s',
        sleep: '1s',
        probes: 2,
        successesToClose: 3,
      },
      hedge: { percentile: 99, maxPercent: 2 },
      limit: { minLimit: 2, maxLimit: 100, initialLimit: 10, tolerance: 2, window: '500ms' },
      throttle: { factor: 1.5, maxPercent: 80, window: '30s' },
      aperture: { endpoints: 12 },
      probing: { interval: '1s', path: '/ready?deep=1' },
      requestCache: { maxBodyBytes: 1024, maxEntries: 10 },
      fallbacks: [
        { lastGood: { maxAge: '1m', maxEntries: 10, maxBodyBytes: 4096 } },
        { service: { host: 'archive.prod', timeout: '500ms' } },
        { response: { status: 203, headers: { 'content-type': 'text/plain' }, body: 'none' } },
      ],
      off: ['silence'],
      exportTo: ['.'],
      workloadSelector: { matchLabels: { app: 'shop' } },
    },
  },
  {
    kind: 'ResiliencePolicy',
    metadata: { name: 'ratings' },
    spec: {
      host: '*.prod.svc.cluster.local',
      hedge: { delay: '50ms' },
      silence: { after: '1s', latencyFactor: 10, minWaiting: 5 },
    },
  },
  {
    kind: 'ServiceEntry',
    metadata: { name: 'payments' },
    spec: {
      hosts: ['payments.example.com'],
      ports: [{ number: 443, name: 'https', protocol: 'HTTPS', targetPort: 8443 }],
      location: 'MESH_EXTERNAL',
      resolution: 'STATIC',
      endpoints: [
        {
          address: '10.0.0.1',
          ports: { https: 9443 },
          labels: { version: 'v1' },
          locality: 'eu/a/1',
          weight: 3,
          serviceAccount: 'payments',
        },
      ],
      subjectAltNames: ['payments.example.com'],
      exportTo: ['*'],
    },
  },
  {
    kind: 'Telemetry',
    metadata: { name: 'default' },
    spec: {
      selector: { matchLabels: { app: 'reviews' } },
      tracing: [
        {
          match: { mode: 'CLIENT' },
          providers: [{ name: 'otel' }],
          randomSamplingPercentage: 1.5,
          disableSpanReporting: false,
          disableContextPropagation: false,
          customTags: {
            a: { literal: { value: 'x' } },
            b: { environment: { name: 'B', defaultValue: 'y' } },
            c: { header: { name: 'x-c', defaultValue: 'z' } },
          },
        },
      ],
      metrics: [
        {
          providers: [{ name: 'prometheus' }],
          overrides: [
            { match: { metric: 'REQUEST_COUNT', mode: 'SERVER' }, disabled: true },
            {
              match: { customMetric: 'my_metric' },
              tagOverrides: { host: { operation: 'UPSERT', value: 'inmesh.service' } },
            },
          ],
        },
      ],
      accessLogging: [
        {
          match: { mode: 'SERVER' },
          providers: [{ name: 'log' }],
          disabled: false,
          filter: { expression: 'response.code >= 400' },
        },
      ],
    },
  },
  {
    kind: 'PeerAuthentication',
    metadata: { name: 'default' },
    spec: {
      selector: { matchLabels: { app: 'reviews' } },
      mtls: { mode: 'STRICT' },
      portLevelMtls: { '8080': { mode: 'PERMISSIVE' } },
    },
  },
  {
    kind: 'RequestAuthentication',
    metadata: { name: 'default' },
    spec: {
      selector: { matchLabels: { app: 'reviews' } },
      jwtRules: [
        {
          issuer: 'https://issuer.example.com',
          audiences: ['reviews'],
          jwksUri: 'https://issuer.example.com/keys',
          fromHeaders: [{ name: 'x-token', prefix: 'Token ' }],
          fromParams: ['token'],
          fromCookies: ['token'],
          outputPayloadToHeader: 'x-payload',
          outputClaimToHeaders: [{ header: 'x-sub', claim: 'sub' }],
          forwardOriginalToken: true,
          timeout: '3s',
          spaceDelimitedClaims: ['groups'],
        },
        { issuer: 'other', audiences: ['reviews'], jwks: '{"keys":[{"kty":"RSA"}]}' },
      ],
    },
  },
  {
    kind: 'AuthorizationPolicy',
    metadata: { name: 'default', annotations: { 'istio.io/dry-run': 'true' } },
    spec: {
      selector: { matchLabels: { app: 'reviews' } },
      action: 'CUSTOM',
      provider: { name: 'ext-authz' },
      rules: [
        {
          from: [
            {
              source: {
                principals: ['cluster.local/ns/prod/sa/*'],
                notPrincipals: ['*/sa/evil'],
                requestPrincipals: ['*'],
                notRequestPrincipals: ['a/b'],
                namespaces: ['prod'],
                notNamespaces: ['test'],
                trustDomains: ['cluster.local'],
                notTrustDomains: ['evil'],
                ipBlocks: ['10.0.0.0/8'],
                notIpBlocks: ['10.0.0.1'],
                remoteIpBlocks: ['::/0'],
                notRemoteIpBlocks: ['::1'],
              },
            },
            { source: { serviceAccounts: ['prod/reviews'], notServiceAccounts: ['evil'] } },
          ],
          to: [
            {
              operation: {
                hosts: ['reviews'],
                notHosts: ['*.example.com'],
                ports: ['8080'],
                notPorts: ['9090'],
                methods: ['GET'],
                notMethods: ['DELETE'],
                paths: ['/reviews/{*}', '/static/{**}'],
                notPaths: ['/admin*'],
              },
            },
          ],
          when: [{ key: 'request.headers[x-a]', values: ['1'], notValues: ['2'] }],
        },
      ],
    },
  },
];
