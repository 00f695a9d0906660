import type { LoadBalancerSettings, Warmup } from '../resources/index.ts';
import { consistentHash } from './consistent-hash.ts';
import { atMostOneOf } from './exclusive.ts';
import {
  any,
  duration,
  type Field,
  honoured,
  ignored,
  number,
  type ObjectType,
  object,
  oneOf,
  type Rule,
  refusing,
  required,
} from './field-type.ts';
import { localitySetting } from './locality.ts';

const warmup: ObjectType = object<Warmup>('WarmupConfiguration', {
  duration: required(duration(), 'How long a new endpoint gets less than its share.'),
  minimumPercent: honoured(number(0, 100), 'Of the full weight, at the start.', { default: '10' }),
  aggression: honoured(number(1, 1_000), 'Above 1, the share grows faster at first.', {
    default: '1',
  }),
});

const warmupDurationSecs: Field = honoured(duration(), 'How long.', {
  deprecated: 'warmup.duration',
});

const warmupNeedsWeights: Rule<LoadBalancerSettings> = (settings, report) => {
  if (settings.warmup === undefined) return;
  const simple = settings.simple ?? 'UNSPECIFIED';
  if (settings.consistentHash === undefined && simple !== 'RANDOM') return;
  report.error('conflict', 'works with ROUND_ROBIN and LEAST_REQUEST only', 'warmup');
};

export const loadBalancerSettings: ObjectType = object<LoadBalancerSettings>(
  'LoadBalancerSettings',
  {
    simple: honoured(
      refusing(oneOf('UNSPECIFIED', 'RANDOM', 'ROUND_ROBIN', 'LEAST_REQUEST', 'LEAST_CONN'), {
        PASSTHROUGH: 'has no meaning without a proxy: there is no original address to pass to',
      }),
      'LEAST_CONN is the old name of LEAST_REQUEST.',
      { default: 'LEAST_REQUEST' },
    ),
    consistentHash: honoured(consistentHash, 'The same key to the same endpoint.'),
    localityLbSetting: honoured(localitySetting, 'Nearby endpoints first.'),
    warmup: honoured(warmup, 'Slow start.'),
    zoneAwareLbSetting: ignored(any, 'use localityLbSetting'),
  },
  {
    deprecated: { warmupDurationSecs },
    upgrade: ({ warmupDurationSecs: old, ...rest }) =>
      old === undefined || rest.warmup !== undefined
        ? rest
        : { ...rest, warmup: { duration: old as string } },
    rules: [
      atMostOneOf<LoadBalancerSettings>('simple', 'consistentHash'),
      atMostOneOf<LoadBalancerSettings>('localityLbSetting', 'zoneAwareLbSetting'),
      warmupNeedsWeights,
    ],
  },
);
