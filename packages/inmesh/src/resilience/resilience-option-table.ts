import { count, duration, durationOrOff, type OptionRow, ratio, rows } from '../option-row.ts';

const factor = { number: [1, 1_000] } as const;

/** The part of the option table that `ResilienceOptions` is about. */
export const resilienceOptionRows: readonly OptionRow[] = rows(
  [
    'priority',
    { oneOf: ['critical', 'default', 'batch'] },
    'default',
    'Of the calls of this process: what callees shed last and first.',
  ],
  ['preferNear', 'boolean', 'false', 'Call the nearest endpoints while they can bear it.'],
  ['warmupMs', durationOrOff, '0', 'How slowly endpoints that join get their share.'],
  ['hedge.delayMs', duration, '', 'A slow first attempt is raced after it.'],
  [
    'hedge.percentile',
    ratio,
    '0.95',
    'Or after the time in which this share is answered. Off unless one part of `hedge` is set.',
  ],
  ['hedge.maxRatio', ratio, '0.05', 'Second attempts per call.'],
  [
    'limit.minLimit',
    count,
    '4',
    'Lowest adaptive limit on calls in flight. Off unless one part of `limit` is set.',
  ],
  ['limit.maxLimit', count, '1000', 'Highest.'],
  ['limit.initialLimit', count, '20', 'First.'],
  ['limit.tolerance', factor, '1.5', 'It falls from so many times the usual latency on.'],
  ['limit.windowMs', duration, '250', 'How often it is adjusted.'],
  [
    'throttle.factor',
    factor,
    '2',
    'A destination that takes 1 of so many calls still gets all. Off unless one part of `throttle` is set.',
  ],
  ['throttle.maxRatio', ratio, '0.9', 'Largest share of calls refused here.'],
  ['throttle.windowMs', duration, '10000', 'Over what the shares are taken.'],
  ['silence.afterMs', duration, '500', 'An endpoint that answers nobody for so long,'],
  ['silence.latencyFactor', factor, '4', 'and so many times its usual latency,'],
  ['silence.minWaiting', count, '3', 'with so many requests waiting, is left.'],
  [
    'aperture.endpoints',
    count,
    '20',
    'Use about so many endpoints of a larger service. Off unless it is set.',
  ],
  ['shed.maxInFlight', count, 'no limit', 'Requests served at once; beyond it 503.'],
  ['shed.adaptive', 'boolean', 'false', 'Find that number by latency.'],
  ['shed.maxEventLoopDelayMs', duration, 'no limit', 'How far behind the event loop may be.'],
  ['shed.retryAfterSeconds', { integer: [0, 3_600] }, '1', 'What shed callers are told.'],
  [
    'rateLimit.perSecond',
    { number: [0.001, 1_000_000] },
    'no limit',
    'Requests a second of each caller; beyond it 429.',
  ],
  [
    'rateLimit.shared',
    'boolean',
    'false',
    'Count for all processes of the service together, at the registry.',
  ],
  ['rateLimit.burst', count, 'one second of them', 'Requests at once after a pause.'],
);

/** The part of them that only code can say. */
export const resilienceCodeOnly: readonly string[] = [
  'fallbacks',
  'requestCache',
  'shed.priorityOf',
  'rateLimit.key',
];
