import type { OutlierDetection } from '../resources/index.ts';
import {
  any,
  boolean,
  duration,
  honoured,
  ignored,
  type ObjectType,
  object,
  percent,
  type Rule,
  uint32,
} from './field-type.ts';

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

export const outlierDetection: ObjectType = object<OutlierDetection>(
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
