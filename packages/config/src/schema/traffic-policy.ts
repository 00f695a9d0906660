import type {
  PolicyComponents,
  PortTrafficPolicy,
  RetryBudget,
  TrafficPolicy,
} from '../resources/index.ts';
import { tlsSettings } from './client-tls.ts';
import { portSelector } from './common.ts';
import { connectionPool } from './connection-pool.ts';
import { atLeastOneOf, notEmpty, refuseRepeats } from './exclusive.ts';
import {
  duration,
  type FieldsOf,
  honoured,
  list,
  number,
  type ObjectType,
  object,
  type Rule,
  required,
  uint32,
} from './field-type.ts';
import { loadBalancerSettings } from './load-balancer.ts';
import { outlierDetection } from './outlier-detection.ts';

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
