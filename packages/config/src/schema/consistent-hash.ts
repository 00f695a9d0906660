import type { ConsistentHash, HttpCookie } from '../resources/index.ts';
import { atMostOneOf } from './exclusive.ts';
import {
  any,
  boolean,
  duration,
  honoured,
  ignored,
  integer,
  list,
  type ObjectType,
  object,
  type Rule,
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

export const consistentHash: ObjectType = object<ConsistentHash>(
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
