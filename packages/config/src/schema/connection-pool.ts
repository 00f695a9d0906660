import type { ConnectionPoolSettings, HttpSettings, TcpSettings } from '../resources/index.ts';
import { atLeastOneOf, notEmpty } from './exclusive.ts';
import {
  any,
  boolean,
  duration,
  honoured,
  ignored,
  int32,
  type ObjectType,
  object,
  oneOf,
} from './field-type.ts';

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

export const connectionPool: ObjectType = object<ConnectionPoolSettings>(
  'ConnectionPoolSettings',
  {
    tcp: honoured(tcpSettings, 'Connections.'),
    http: honoured(httpSettings, 'Requests.'),
  },
  { rules: [atLeastOneOf<ConnectionPoolSettings>('tcp', 'http')] },
);
