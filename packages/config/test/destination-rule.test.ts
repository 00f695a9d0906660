import { validate } from '@inmesh/config';
import { describe, expect, test } from '@jest/globals';
import { policyProblems, problemsOf, resourceWith } from './problems-of.ts';

const rule = (more: object): string[] =>
  problemsOf('DestinationRule', { host: 'reviews', ...more });

describe('host', () => {
  test('is needed', () => {
    expect(problemsOf('DestinationRule', {})).toEqual(['error missing_field /spec/host']);
  });
  test.each(['reviews', '*.local', '*', 'a.b.svc.cluster.local'])('may be %s', (host) => {
    expect(rule({ host })).toEqual([]);
  });
});

describe('subsets', () => {
  test('names must differ', () => {
    expect(rule({ subsets: [{ name: 'v1' }, { name: 'v1' }] })).toEqual([
      'error duplicate /spec/subsets/1/name',
    ]);
  });
  test('names are labels, labels have no wildcards', () => {
    expect(rule({ subsets: [{ name: 'V1' }] })).toEqual([
      'error invalid_value /spec/subsets/0/name',
    ]);
    expect(rule({ subsets: [{ name: 'v1', labels: { version: 'v*' } }] })).toEqual([
      'error invalid_value /spec/subsets/0/labels/version',
    ]);
  });
  test('a label that YAML reads as a number is told to need quotes', () => {
    const { problems } = validate(
      resourceWith('DestinationRule', {
        host: 'a',
        subsets: [{ name: 'v1', labels: { version: 1 } }],
      }),
    );
    expect(problems[0]?.reason).toContain('quotes');
  });
});

describe('workloadSelector', () => {
  test('does not go with exportTo beyond the own namespace', () => {
    const workloadSelector = { matchLabels: { app: 'a' } };
    expect(rule({ workloadSelector, exportTo: ['.'] })).toEqual([]);
    expect(rule({ workloadSelector, exportTo: ['*'] })).toEqual([
      'error conflict /spec/exportTo/0',
    ]);
  });
});

describe('trafficPolicy', () => {
  test('must not be empty', () => {
    expect(policyProblems({})).toEqual(['error missing_field ']);
  });
  test.each(['tunnel', 'proxyProtocol'])('%s is refused with a reason', (field) => {
    expect(policyProblems({ [field]: {} })).toEqual([`error not_supported /${field}`]);
  });
});

describe('trafficPolicy.portLevelSettings', () => {
  const loadBalancer = { simple: 'RANDOM' };
  test('need a port and something to set', () => {
    expect(policyProblems({ portLevelSettings: [{ loadBalancer }] })).toEqual([
      'error missing_field /portLevelSettings/0/port',
    ]);
    expect(policyProblems({ portLevelSettings: [{ port: { number: 80 } }] })).toEqual([
      'error missing_field /portLevelSettings/0',
    ]);
  });
  test('ports must differ', () => {
    const port = { number: 80 };
    expect(
      policyProblems({
        portLevelSettings: [
          { port, loadBalancer },
          { port, loadBalancer },
        ],
      }),
    ).toEqual(['error duplicate /portLevelSettings/1']);
  });
});

describe('loadBalancer', () => {
  const balance = (loadBalancer: object): string[] =>
    policyProblems({ loadBalancer }).map((line) => line.replace('/loadBalancer', ''));
  test.each(['UNSPECIFIED', 'RANDOM', 'ROUND_ROBIN', 'LEAST_REQUEST', 'LEAST_CONN'])(
    'simple may be %s',
    (simple) => expect(balance({ simple })).toEqual([]),
  );
  test('simple PASSTHROUGH is refused with a reason, others as unknown', () => {
    expect(balance({ simple: 'PASSTHROUGH' })).toEqual(['error not_supported /simple']);
    expect(balance({ simple: 'random' })).toEqual(['error invalid_value /simple']);
  });
  test('takes one of simple and consistentHash', () => {
    expect(balance({ simple: 'RANDOM', consistentHash: { useSourceIp: true } })).toEqual([
      'error conflict ',
    ]);
  });
  test('takes one of localityLbSetting and zoneAwareLbSetting, and tells that the latter is idle', () => {
    expect(balance({ localityLbSetting: {}, zoneAwareLbSetting: {} })).toEqual([
      'warning not_honoured /zoneAwareLbSetting',
      'error conflict ',
    ]);
  });
});

describe('loadBalancer.consistentHash', () => {
  const hash = (consistentHash: object): string[] =>
    policyProblems({ loadBalancer: { consistentHash } }).map((line) =>
      line.replace('/loadBalancer/consistentHash', ''),
    );
  test('needs exactly one key', () => {
    expect(hash({})).toEqual(['error missing_field ']);
    expect(hash({ useSourceIp: false })).toEqual(['error missing_field ']);
    expect(hash({ httpHeaderName: 'a', useSourceIp: true })).toEqual(['error conflict ']);
  });
  test('httpCookie needs a name; its ttl may be 0', () => {
    expect(hash({ httpCookie: { ttl: '1s' } })).toEqual(['error missing_field /httpCookie/name']);
    expect(hash({ httpCookie: { name: 'a', ttl: '0s' } })).toEqual([]);
    expect(hash({ httpCookie: { name: 'a;b' } })).toEqual(['error invalid_value /httpCookie/name']);
  });
  test.each([4, 65_536, 5_000_011, 0, -1])('maglev.tableSize must not be %d', (tableSize) => {
    expect(hash({ useSourceIp: true, maglev: { tableSize } })).toEqual([
      'error invalid_value /maglev/tableSize',
    ]);
  });
  test.each([2, 65_537, 4_999_999])('maglev.tableSize may be the prime %d', (tableSize) => {
    expect(hash({ useSourceIp: true, maglev: { tableSize } })).toEqual([]);
  });
  test('ringHash does not go with maglev', () => {
    expect(hash({ useSourceIp: true, maglev: {}, ringHash: {} })).toEqual(['error conflict ']);
  });
  test('minimumRingSize is deprecated and comes out in ringHash', () => {
    const consistentHash = { useSourceIp: true, minimumRingSize: 2048 };
    const { resource, problems } = validate(
      resourceWith('DestinationRule', {
        host: 'a',
        trafficPolicy: { loadBalancer: { consistentHash } },
      }),
    );
    expect(problems.map(({ code }) => code)).toEqual(['deprecated']);
    expect(resource).toMatchObject({
      spec: {
        trafficPolicy: {
          loadBalancer: {
            consistentHash: { useSourceIp: true, ringHash: { minimumRingSize: 2048 } },
          },
        },
      },
    });
  });
});

describe('loadBalancer.localityLbSetting', () => {
  const locality = (localityLbSetting: object): string[] =>
    policyProblems({ loadBalancer: { localityLbSetting }, outlierDetection: {} }).map((line) =>
      line.replace('/loadBalancer/localityLbSetting', ''),
    );
  const distribute = [{ from: 'a/b/*', to: { 'a/b/*': 80, 'a/c': 20 } }];
  const failover = [{ from: 'a', to: 'b' }];
  test('takes one of distribute, failover and failoverPriority', () => {
    expect(locality({ distribute })).toEqual([]);
    expect(locality({ distribute, failover })).toEqual(['error conflict ']);
    expect(locality({ failover, failoverPriority: ['zone'] })).toEqual(['error conflict ']);
  });
  test('distribute shares add up to 100', () => {
    expect(locality({ distribute: [{ from: 'a', to: { b: 99 } }] })).toEqual([
      'error invalid_value /distribute/0/to',
    ]);
  });
  test('distribute takes * at the end only, and each from once', () => {
    expect(locality({ distribute: [{ from: '*/a', to: { b: 100 } }] })).toEqual([
      'error invalid_value /distribute/0/from',
    ]);
    expect(locality({ distribute: [...distribute, ...distribute] })).toEqual([
      'error duplicate /distribute/1/from',
    ]);
  });
  test('failover goes between different regions', () => {
    expect(locality({ failover: [{ from: 'a', to: 'a' }] })).toEqual([
      'error invalid_value /failover/0/to',
    ]);
    expect(locality({ failover: [{ from: 'a/b', to: 'c' }] })).toEqual([
      'error invalid_value /failover/0/from',
    ]);
  });
  test('failover without outlierDetection is told to have no effect', () => {
    expect(policyProblems({ loadBalancer: { localityLbSetting: { failover } } })).toEqual([
      'warning no_effect /loadBalancer/localityLbSetting/failover',
    ]);
  });
});

describe('loadBalancer.warmup', () => {
  test('needs a duration, and a balancer that goes by weights', () => {
    expect(policyProblems({ loadBalancer: { warmup: {} } })).toEqual([
      'error missing_field /loadBalancer/warmup/duration',
    ]);
    expect(
      policyProblems({ loadBalancer: { simple: 'RANDOM', warmup: { duration: '1s' } } }),
    ).toEqual(['error conflict /loadBalancer/warmup']);
  });
  test('warmupDurationSecs is deprecated and comes out as warmup', () => {
    const { resource } = validate(
      resourceWith('DestinationRule', {
        host: 'a',
        trafficPolicy: { loadBalancer: { warmupDurationSecs: '30s' } },
      }),
    );
    expect(resource).toMatchObject({
      spec: { trafficPolicy: { loadBalancer: { warmup: { duration: '30s' } } } },
    });
  });
});

describe('connectionPool', () => {
  const pool = (connectionPool: object): string[] =>
    policyProblems({ connectionPool }).map((line) => line.replace('/connectionPool', ''));
  test('needs tcp or http, and something in them', () => {
    expect(pool({})).toEqual(['error missing_field ']);
    expect(pool({ tcp: {} })).toEqual(['error missing_field /tcp']);
    expect(pool({ http: {} })).toEqual(['error missing_field /http']);
  });
  test.each(['maxConnections'])('tcp.%s must not be negative', (field) => {
    expect(pool({ tcp: { [field]: -1 } })).toEqual([`error invalid_value /tcp/${field}`]);
  });
  test.each([
    'http1MaxPendingRequests',
    'http2MaxRequests',
    'maxRequestsPerConnection',
    'maxRetries',
    'maxConcurrentStreams',
  ])('http.%s must not be negative', (field) => {
    expect(pool({ http: { [field]: -1 } })).toContain(`error invalid_value /http/${field}`);
  });
  test('durations are at least 1 ms', () => {
    expect(pool({ tcp: { connectTimeout: '0s' }, http: { idleTimeout: '0s' } })).toEqual([
      'error invalid_value /tcp/connectTimeout',
      'error invalid_value /http/idleTimeout',
    ]);
  });
  test('what HTTP/1.1 has not is told, unless it asks for nothing', () => {
    expect(pool({ http: { h2UpgradePolicy: 'UPGRADE' } })).toEqual([
      'warning not_honoured /http/h2UpgradePolicy',
    ]);
    expect(pool({ http: { h2UpgradePolicy: 'DO_NOT_UPGRADE', useClientProtocol: false } })).toEqual(
      [],
    );
    expect(pool({ http: { maxRetries: 3 } })).toEqual(['warning not_honoured /http/maxRetries']);
    expect(pool({ tcp: { tcpKeepalive: { time: '7200s' } } })).toEqual([
      'warning not_honoured /tcp/tcpKeepalive',
    ]);
  });
});

describe('outlierDetection', () => {
  const detect = (outlierDetection: object): string[] =>
    policyProblems({ outlierDetection }).map((line) => line.replace('/outlierDetection', ''));
  test('may be empty: its presence switches it on', () => {
    expect(detect({})).toEqual([]);
  });
  test.each(['maxEjectionPercent', 'minHealthPercent'])('%s is within 0..100', (field) => {
    expect(detect({ [field]: 101 })).toEqual([`error invalid_value /${field}`]);
    expect(detect({ [field]: -1 })).toEqual([`error invalid_value /${field}`]);
  });
  test('consecutiveLocalOriginFailures needs splitExternalLocalOriginErrors', () => {
    expect(detect({ consecutiveLocalOriginFailures: 3 })).toEqual([
      'error conflict /consecutiveLocalOriginFailures',
    ]);
    expect(
      detect({ consecutiveLocalOriginFailures: 3, splitExternalLocalOriginErrors: true }),
    ).toEqual([]);
  });
  test('consecutiveGatewayErrors at or above consecutive5xxErrors is told to have no effect', () => {
    expect(detect({ consecutiveGatewayErrors: 5 })).toEqual([
      'warning no_effect /consecutiveGatewayErrors',
    ]);
    expect(detect({ consecutiveGatewayErrors: 5, consecutive5xxErrors: 0 })).toEqual([]);
  });
  test('consecutiveErrors of old files is refused, naming its successor', () => {
    expect(detect({ consecutiveErrors: 1 })).toEqual(['error not_supported /consecutiveErrors']);
  });
  test('interval and baseEjectionTime are at least 1 ms', () => {
    expect(detect({ interval: '0s', baseEjectionTime: '0s' })).toEqual([
      'error invalid_value /interval',
      'error invalid_value /baseEjectionTime',
    ]);
  });
});

describe('tls', () => {
  const tls = (value: object): string[] =>
    policyProblems({ tls: value }).map((line) => line.replace('/tls', ''));
  test('MUTUAL needs certificate and key', () => {
    expect(tls({ mode: 'MUTUAL' })).toEqual([
      'error missing_field /clientCertificate',
      'error missing_field /privateKey',
    ]);
    expect(tls({ mode: 'MUTUAL', clientCertificate: 'a', privateKey: 'b' })).toEqual([]);
  });
  test('ISTIO_MUTUAL excludes what it finds by itself', () => {
    expect(tls({ mode: 'ISTIO_MUTUAL', clientCertificate: 'a', caCertificates: 'b' })).toEqual([
      'error conflict /clientCertificate',
      'error conflict /caCertificates',
    ]);
  });
  test('insecureSkipVerify does not go with caCertificates', () => {
    expect(tls({ mode: 'SIMPLE', insecureSkipVerify: true, caCertificates: 'a' })).toEqual([
      'error conflict /caCertificates',
    ]);
  });
  test.each(['credentialName', 'caCrl'])('%s is refused with a reason', (field) => {
    expect(tls({ mode: 'SIMPLE', [field]: 'x' })).toEqual([`error not_supported /${field}`]);
  });
});

describe('retryBudget', () => {
  test('percent is within 0..100', () => {
    expect(policyProblems({ retryBudget: { percent: 101 } })).toEqual([
      'error invalid_value /retryBudget/percent',
    ]);
    expect(policyProblems({ retryBudget: { percent: 12.5, minRetryConcurrency: 3 } })).toEqual([]);
  });
});
