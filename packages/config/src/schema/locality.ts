import type {
  LocalityDistribute,
  LocalityFailover,
  LocalityLbSetting,
} from '../resources/index.ts';
import { atMostOneOf, refuseRepeats } from './exclusive.ts';
import {
  boolean,
  honoured,
  list,
  map,
  type ObjectType,
  object,
  percent,
  type Rule,
  required,
  text,
} from './field-type.ts';
import { nonEmpty } from './formats.ts';

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

export const localitySetting: ObjectType = object<LocalityLbSetting>(
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
