import type {
  ConsistentHash,
  HttpCookie,
  LoadBalancerSettings,
  LocalityDistribute,
  LocalityFailover,
  LocalityLbSetting,
  Warmup,
} from '../resources/index.ts';
import { atMostOneOf, refuseRepeats } from './exclusive.ts';
import {
  any,
  boolean,
  duration,
  type Field,
  honoured,
  ignored,
  integer,
  list,
  map,
  number,
  type ObjectType,
  object,
  oneOf,
  percent,
  type Rule,
  refusing,
  required,
  text,
} from './field-type.ts';
import { anyText, headerName, nonEmpty } from './formats.ts';

/** Envoy's bounds on the two hash tables. */
const largestRing = 8 * 1024 * 1024;
const largestTable = 5_000_011;

function isPrime(value: number): boolean {
  if (value < 2) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor += 1) {
    if (value % divisor === 0) return false;
  }
  return true;
}

const cookieName = text('cookie name', 256, (value) => headerName.check?.(value));

const httpCookie: ObjectType = object<HttpCookie>('ConsistentHashLB.HTTPCookie', {
  name: required(cookieName, 'Of the cookie.'),
  path: honoured(anyText, 'Of a cookie that is made.'),
  ttl: honoured(
    duration(0),
    'Given: the cookie is made where it is missing; `0s`: for the session.',
  ),
  attributes: ignored(list(any), 'cookies that are made carry path and ttl only', {
    harmless: [[]],
  }),
});

const keys = ['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'] as const;

const oneHashKey: Rule<ConsistentHash> = (hash, report) => {
  const given = keys.filter((key) => hash[key] !== undefined && hash[key] !== false);
  if (given.length === 1) return;
  const reason = `needs exactly one of ${keys.join(', ')}, got ${given.join(' and ') || 'none'}`;
  report.error(given.length === 0 ? 'missing_field' : 'conflict', reason);
};

const consistentHash: ObjectType = object<ConsistentHash>(
  'ConsistentHashLB',
  {
    httpHeaderName: honoured(headerName, 'By a header.'),
    httpCookie: honoured(httpCookie, 'By a cookie.'),
    useSourceIp: honoured(boolean, 'By the address of whom the caller serves.'),
    httpQueryParameterName: honoured(nonEmpty, 'By a query parameter.'),
    ringHash: honoured(
      object<NonNullable<ConsistentHash['ringHash']>>('ConsistentHashLB.RingHash', {
        minimumRingSize: honoured(integer(0, largestRing), 'Places on the ring.', {
          default: '1024',
        }),
      }),
      'Ketama; the default.',
    ),
    maglev: honoured(
      object<NonNullable<ConsistentHash['maglev']>>(
        'ConsistentHashLB.MagLev',
        {
          tableSize: honoured(integer(2, largestTable - 1), 'A prime below 5,000,011.', {
            default: '65537',
          }),
        },
        {
          rules: [
            ({ tableSize = 65_537 }, report) => {
              if (isPrime(tableSize)) return;
              report.error('invalid_value', `must be a prime, got ${tableSize}`, 'tableSize');
            },
          ],
        },
      ),
      'Maglev.',
    ),
  },
  {
    deprecated: {
      minimumRingSize: honoured(integer(0, largestRing), 'Places on the ring.', {
        deprecated: 'ringHash.minimumRingSize',
      }),
    },
    upgrade: ({ minimumRingSize: old, ...rest }) =>
      old === undefined || rest.ringHash !== undefined || rest.maglev !== undefined
        ? rest
        : { ...rest, ringHash: { minimumRingSize: old as number } },
    rules: [oneHashKey, atMostOneOf<ConsistentHash>('ringHash', 'maglev')],
  },
);

const locality = text('region/zone/subzone', 512, (value) => {
  const parts = value.split('/');
  const star = parts.findIndex((part) => part.includes('*'));
  const good =
    parts.length <= 3 &&
    parts.every((part) => part !== '') &&
    (star < 0 || (star === parts.length - 1 && parts[star] === '*'));
  return good ? undefined : 'must be region, region/zone or region/zone/subzone; * only at the end';
});

const sharesAddUp: Rule<LocalityDistribute> = ({ to }, report) => {
  const shares = Object.values(to);
  const sum = shares.reduce((total, share) => total + share, 0);
  if (sum !== 100) report.error('invalid_value', `shares must add up to 100, got ${sum}`, 'to');
};

const distribute: ObjectType = object<LocalityDistribute>(
  'LocalityLoadBalancerSetting.Distribute',
  {
    from: required(locality, 'Where callers are.'),
    to: required(map(locality, percent), 'Percents by locality, 100 in all.'),
  },
  { rules: [sharesAddUp] },
);

const failover: ObjectType = object<LocalityFailover>(
  'LocalityLoadBalancerSetting.Failover',
  {
    from: required(nonEmpty, 'A region.'),
    to: required(nonEmpty, 'The region that helps out.'),
  },
  {
    rules: [
      ({ from, to }, report) => {
        if (from === to) report.error('invalid_value', 'must be another region than from', 'to');
        for (const [field, region] of [
          ['from', from],
          ['to', to],
        ] as const) {
          if (!/[/*]/.test(region)) continue;
          report.error('invalid_value', 'must be a region, without zone or *', field);
        }
      },
    ],
  },
);

const localitySetting: ObjectType = object<LocalityLbSetting>(
  'LocalityLoadBalancerSetting',
  {
    distribute: honoured(list(distribute, { min: 1 }), 'Shares by locality.'),
    failover: honoured(
      list(failover, { min: 1 }),
      'Which region helps out; with outlierDetection.',
    ),
    failoverPriority: honoured(list(nonEmpty, { min: 1 }), 'Labels, or key=value, in order.'),
    enabled: honoured(boolean, 'Nearby endpoints first.', { default: 'true' }),
  },
  {
    rules: [
      atMostOneOf<LocalityLbSetting>('distribute', 'failover', 'failoverPriority'),
      (setting, report) => {
        refuseRepeats(
          setting.distribute,
          ({ from }) => from,
          (index, from) =>
            report.error('duplicate', `${from} is listed twice`, 'distribute', index, 'from'),
        );
        refuseRepeats(
          setting.failover,
          ({ from }) => from,
          (index, from) =>
            report.error('duplicate', `${from} is listed twice`, 'failover', index, 'from'),
        );
      },
    ],
  },
);

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
