import type {
  ClientTlsSettings,
  ConnectionPoolSettings,
  HttpSettings,
  OutlierDetection,
  PolicyComponents,
  PortTrafficPolicy,
  RetryBudget,
  TcpSettings,
  TrafficPolicy,
} from '../resources/index.ts';
import { portSelector } from './common.ts';
import { atLeastOneOf, notEmpty, refuseRepeats } from './exclusive.ts';
import {
  any,
  boolean,
  duration,
  type FieldsOf,
  honoured,
  ignored,
  int32,
  list,
  number,
  type ObjectType,
  object,
  oneOf,
  percent,
  type Rule,
  required,
  uint32,
} from './field-type.ts';
import { filePath, host, nonEmpty } from './formats.ts';
import { loadBalancerSettings } from './load-balancer.ts';

const noHttp2 = 'the mesh speaks HTTP/1.1 only';
const unlimited = '4294967295';

const tcpSettings: ObjectType = object<TcpSettings>(
  'ConnectionPoolSettings.TCPSettings',
  {
    maxConnections: honoured(int32, 'Connections per endpoint.', { default: unlimited }),
    connectTimeout: honoured(duration(), 'Of opening a connection.', { default: '10s' }),
    maxConnectionDuration: honoured(duration(), 'Older ones take no new request.', {
      default: 'none',
    }),
    idleTimeout: honoured(duration(), 'Where http.idleTimeout is not given.', { default: '1h' }),
    tcpKeepalive: ignored(
      any,
      'idle connections are closed before a keep-alive probe would go out',
    ),
  },
  { rules: [notEmpty('tcp')] },
);

const httpSettings: ObjectType = object<HttpSettings>(
  'ConnectionPoolSettings.HTTPSettings',
  {
    http1MaxPendingRequests: honoured(int32, 'Calls waiting for a connection.', {
      default: unlimited,
    }),
    http2MaxRequests: honoured(int32, 'Calls in flight, over HTTP/1.1 too.', {
      default: unlimited,
    }),
    maxRequestsPerConnection: honoured(int32, '0 is no limit; 1 switches keep-alive off.', {
      default: '0',
    }),
    idleTimeout: honoured(duration(), 'Idle connections close after it.', { default: '1h' }),
    maxRetries: ignored(int32, 'retries are bounded by a budget, see retryBudget'),
    h2UpgradePolicy: ignored(oneOf('DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE'), noHttp2, {
      harmless: ['DEFAULT', 'DO_NOT_UPGRADE'],
    }),
    useClientProtocol: ignored(boolean, noHttp2, { harmless: [false] }),
    maxConcurrentStreams: ignored(int32, noHttp2),
    http2KeepAlive: ignored(any, noHttp2),
  },
  { rules: [notEmpty('http')] },
);

const connectionPool: ObjectType = object<ConnectionPoolSettings>(
  'ConnectionPoolSettings',
  {
    tcp: honoured(tcpSettings, 'Connections.'),
    http: honoured(httpSettings, 'Requests.'),
  },
  { rules: [atLeastOneOf<ConnectionPoolSettings>('tcp', 'http')] },
);

const localFailuresNeedSplit: Rule<OutlierDetection> = (detection, report) => {
  const count = detection.consecutiveLocalOriginFailures ?? 0;
  if (count === 0 || detection.splitExternalLocalOriginErrors === true) return;
  const reason = 'has no effect without splitExternalLocalOriginErrors: true';
  report.error('conflict', reason, 'consecutiveLocalOriginFailures');
};

const gatewayErrorsBelowAll: Rule<OutlierDetection> = (detection, report) => {
  const all = detection.consecutive5xxErrors ?? 5;
  const gateway = detection.consecutiveGatewayErrors ?? 0;
  if (gateway === 0 || all === 0 || gateway < all) return;
  const reason = `has no effect: ${all} consecutive 5xx eject first, and count these as well`;
  report.warning('no_effect', reason, 'consecutiveGatewayErrors');
};

const outlierDetection: ObjectType = object<OutlierDetection>(
  'OutlierDetection',
  {
    consecutive5xxErrors: honoured(uint32, 'In a row that eject; 0 never.', { default: '5' }),
    consecutiveGatewayErrors: honoured(uint32, '502, 503, 504 in a row; 0 never.', {
      default: '0',
    }),
    splitExternalLocalOriginErrors: honoured(boolean, 'Count failures before an answer apart.', {
      default: 'false',
    }),
    consecutiveLocalOriginFailures: honoured(uint32, 'Those in a row that eject.', {
      default: '5',
    }),
    interval: honoured(duration(), 'Between sweeps that restore.', { default: '10s' }),
    baseEjectionTime: honoured(duration(), 'Times the number of ejections.', { default: '30s' }),
    maxEjectionPercent: honoured(percent, 'Largest share ejected at once.', { default: '10' }),
    minHealthPercent: honoured(percent, 'Below it all endpoints are used again.', { default: '0' }),
    outlierDetectionHttpErrorCodes: ignored(any, 'every 5xx counts, and nothing else'),
  },
  {
    refused: { consecutiveErrors: 'is gone from Istio: use consecutive5xxErrors' },
    rules: [localFailuresNeedSplit, gatewayErrorsBelowAll],
  },
);

const tlsFiles: Rule<ClientTlsSettings> = (tls, report) => {
  const mode = tls.mode ?? 'DISABLE';
  if (mode === 'MUTUAL') {
    for (const field of ['clientCertificate', 'privateKey'] as const) {
      if (tls[field] === undefined) report.error('missing_field', 'is needed for MUTUAL', field);
    }
  } else {
    for (const field of ['clientCertificate', 'privateKey'] as const) {
      if (tls[field] === undefined) continue;
      report.error('conflict', `has no effect in mode ${mode}: use MUTUAL`, field);
    }
  }
  if (mode !== 'ISTIO_MUTUAL' && mode !== 'DISABLE') return;
  for (const field of ['caCertificates', 'subjectAltNames', 'sni', 'insecureSkipVerify'] as const) {
    if (tls[field] === undefined || tls[field] === false) continue;
    report.error('conflict', `has no effect in mode ${mode}`, field);
  }
};

const skipVerifyAlone: Rule<ClientTlsSettings> = (tls, report) => {
  if (tls.insecureSkipVerify !== true) return;
  for (const field of ['caCertificates', 'subjectAltNames'] as const) {
    if (tls[field] === undefined) continue;
    report.error('conflict', 'is not looked at with insecureSkipVerify: true', field);
  }
};

const tlsSettings: ObjectType = object<ClientTlsSettings>(
  'ClientTLSSettings',
  {
    mode: honoured(oneOf('DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'), 'How to connect.', {
      default: 'DISABLE',
    }),
    clientCertificate: honoured(filePath, 'MUTUAL.'),
    privateKey: honoured(filePath, 'MUTUAL.'),
    caCertificates: honoured(filePath, 'SIMPLE and MUTUAL.', { default: "the system's" }),
    subjectAltNames: honoured(list(nonEmpty), "The server's certificate must have one of them.", {
      default: 'the host',
    }),
    sni: honoured(host, 'SIMPLE and MUTUAL.', { default: 'the host' }),
    insecureSkipVerify: honoured(boolean, 'Trust any certificate.', { default: 'false' }),
  },
  {
    refused: {
      credentialName: 'names a Kubernetes secret: use files',
      caCrl: 'is not supported, and going on without it would accept revoked certificates',
    },
    rules: [tlsFiles, skipVerifyAlone],
  },
);

const components: FieldsOf<PolicyComponents> = {
  loadBalancer: honoured(loadBalancerSettings, 'How an endpoint is chosen.'),
  connectionPool: honoured(connectionPool, 'Limits; beyond them calls fail with 503.'),
  outlierDetection: honoured(outlierDetection, 'Failing endpoints leave.', { default: 'off' }),
  tls: honoured(tlsSettings, 'How to connect.', { default: 'mutual TLS where the peer has it' }),
};

const noTunnel = {
  tunnel: 'needs a proxy to tunnel through, which this mesh has not',
  proxyProtocol: 'is not supported: an upstream that expects it would refuse the connection',
};

const failoverNeedsDetection: Rule<PolicyComponents> = (policy, report) => {
  if (policy.loadBalancer?.localityLbSetting?.failover === undefined) return;
  if (policy.outlierDetection !== undefined) return;
  const reason = 'has no effect without outlierDetection, which finds the unhealthy endpoints';
  report.warning('no_effect', reason, 'loadBalancer', 'localityLbSetting', 'failover');
};

const portPolicy: ObjectType = object<PortTrafficPolicy>(
  'TrafficPolicy.PortTrafficPolicy',
  {
    port: required(portSelector, 'The port that this is for.'),
    ...components,
  },
  {
    refused: noTunnel,
    rules: [
      atLeastOneOf<PortTrafficPolicy>('loadBalancer', 'connectionPool', 'outlierDetection', 'tls'),
      failoverNeedsDetection,
    ],
  },
);

const retryBudget: ObjectType = object<RetryBudget>('RetryBudget', {
  percent: honoured(number(0, 100), 'Retries per hundred calls.', { default: '20' }),
  minRetryConcurrency: honoured(
    uint32,
    'Always allowed; read as retries a second, since the budget counts in time and not at once.',
    { default: '3' },
  ),
  budgetInterval: honoured(duration(0), 'How long a call counts.', { default: '10s' }),
});

export const trafficPolicy: ObjectType = object<TrafficPolicy>(
  'TrafficPolicy',
  {
    ...components,
    portLevelSettings: honoured(
      list(portPolicy, { max: 1_000 }),
      'By port. What a port leaves out goes back to the default, it is not inherited.',
    ),
    retryBudget: honoured(retryBudget, 'How much retrying the destination bears.'),
  },
  {
    refused: noTunnel,
    rules: [
      notEmpty('trafficPolicy'),
      failoverNeedsDetection,
      ({ portLevelSettings }, report) =>
        refuseRepeats(
          portLevelSettings,
          ({ port }) => port.number,
          (index, port) =>
            report.error('duplicate', `port ${port} is listed twice`, 'portLevelSettings', index),
        ),
    ],
  },
);
