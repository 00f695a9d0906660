import { isLabel } from '@inmesh/core';
import type {
  AdaptiveLimitSettings,
  ApertureSettings,
  BreakerSettings,
  FallbackSettings,
  HedgeSettings,
  ProbingSettings,
  RequestCacheSettings,
  ResiliencePart,
  ResiliencePolicySpec,
  SilenceSettings,
  ThrottleSettings,
} from '../resources/index.ts';
import { exportTo, selectorStaysHome, workloadSelector } from './common.ts';
import { atMostOneOf, exactlyOneOf, refuseRepeats } from './exclusive.ts';
import {
  duration,
  honoured,
  integer,
  list,
  map,
  number,
  type ObjectType,
  object,
  oneOf,
  percent,
  type Rule,
  required,
  text,
} from './field-type.ts';
import { framingHeaders, headerName, headerValue, hostPattern, pathSafe } from './formats.ts';

/** The bounds are those of the policies themselves: what passes here is refused by no caller. */

const count = integer(1, 1_000_000);
const bytes = integer(0, 16 * 1024 * 1024);

const breaker: ObjectType = object<BreakerSettings>('ResiliencePolicy.Breaker', {
  minCalls: honoured(count, 'Calls within the window before it may open.', { default: '20' }),
  failurePercent: honoured(integer(1, 100), 'Failures among them that open it.', { default: '50' }),
  window: honoured(duration(10), 'Over which calls are counted.', { default: '10s' }),
  sleep: honoured(duration(), 'How long it stays open before a probe.', { default: '5s' }),
  probes: honoured(integer(1, 1_000), 'At once while half-open.', { default: '1' }),
  successesToClose: honoured(count, 'Good probes that close it.', { default: '1' }),
});

const hedge: ObjectType = object<HedgeSettings>(
  'ResiliencePolicy.Hedge',
  {
    delay: honoured(duration(), 'A slow first attempt is raced after it.'),
    percentile: honoured(
      number(1, 99.99),
      'Or after the time in which this share of calls is answered.',
      { default: '95' },
    ),
    maxPercent: honoured(percent, 'Second attempts for so many of 100 calls.', { default: '5' }),
  },
  { rules: [atMostOneOf<HedgeSettings>('delay', 'percentile')] },
);

const limit: ObjectType = object<AdaptiveLimitSettings>(
  'ResiliencePolicy.Limit',
  {
    minLimit: honoured(count, 'Lowest limit on calls in flight.', { default: '4' }),
    maxLimit: honoured(count, 'Highest.', { default: '1000' }),
    initialLimit: honoured(count, 'First.', { default: '20' }),
    tolerance: honoured(number(1, 100), 'It falls from so many times the usual latency on.', {
      default: '1.5',
    }),
    window: honoured(duration(10), 'How often it is adjusted.', { default: '250ms' }),
  },
  {
    rules: [
      ({ minLimit = 4, maxLimit = 1_000 }, report) => {
        if (minLimit <= maxLimit) return;
        report.error('conflict', `must be at most maxLimit (${maxLimit})`, 'minLimit');
      },
    ],
  },
);

const throttle: ObjectType = object<ThrottleSettings>('ResiliencePolicy.Throttle', {
  factor: honoured(number(1.01, 1_000), 'A host that takes 1 of so many calls still gets all.', {
    default: '2',
  }),
  maxPercent: honoured(percent, 'Largest share of calls refused at the caller.', { default: '90' }),
  window: honoured(duration(10), 'Over what the shares are taken.', { default: '10s' }),
});

const silence: ObjectType = object<SilenceSettings>('ResiliencePolicy.Silence', {
  after: honoured(duration(), 'An endpoint that answers nobody for so long,', { default: '500ms' }),
  latencyFactor: honoured(number(1, 1_000), 'and so many times its usual latency,', {
    default: '4',
  }),
  minWaiting: honoured(count, 'with so many requests waiting, is left.', { default: '3' }),
});

const aperture: ObjectType = object<ApertureSettings>('ResiliencePolicy.Aperture', {
  endpoints: honoured(count, 'Each caller uses about so many.', { default: '20' }),
});

const probePath = text('path', 1_024, (value) =>
  value.startsWith('/') ? pathSafe(value) : 'must start with /',
);

const probing: ObjectType = object<ProbingSettings>('ResiliencePolicy.Probing', {
  interval: required(duration(100), 'How often an ejected endpoint is asked whether it is well.'),
  path: honoured(probePath, 'What is asked for; any answer below 500 is one.', {
    default: '/healthz',
  }),
});

const requestCache: ObjectType = object<RequestCacheSettings>('ResiliencePolicy.RequestCache', {
  maxBodyBytes: honoured(bytes, 'Larger answers are not shared.', { default: '65536' }),
  maxEntries: honoured(integer(1, 100_000), 'Answers that one inbound request keeps.', {
    default: '100',
  }),
});

const lastGood = object<NonNullable<FallbackSettings['lastGood']>>('ResiliencePolicy.LastGood', {
  maxAge: honoured(duration(), 'Older answers are not given.', { default: '5m' }),
  maxEntries: honoured(integer(1, 100_000), 'Answers that are remembered.', { default: '100' }),
  maxBodyBytes: honoured(bytes, 'Larger answers are not.', { default: '65536' }),
});

/** Whoever reads the policy must understand it the same: so never a name that may be an outside host's. */
const meshService = text('service, service.namespace', 253, (value) => {
  const [name = '', namespace, svc] = value.split('.');
  const isService = isLabel(name) && (namespace === undefined || isLabel(namespace));
  return isService && (svc === undefined || svc === 'svc')
    ? undefined
    : 'must be a service of the mesh: archive, archive.prod or archive.prod.svc.cluster.local';
});

const otherService = object<NonNullable<FallbackSettings['service']>>(
  'ResiliencePolicy.OtherService',
  {
    host: required(meshService, 'What gets the same request.'),
    timeout: honoured(duration(), 'For that call, within the inbound deadline.', { default: '1s' }),
  },
);

/** What every client keeps in memory. */
const longestBody = 64 * 1024;

const answerHeader = text('header name', 256, (name) =>
  framingHeaders.has(name.toLowerCase())
    ? 'must not be set: it frames the message'
    : headerName.check?.(name),
);

const response = object<NonNullable<FallbackSettings['response']>>('ResiliencePolicy.Response', {
  status: honoured(integer(200, 599), 'Of the answer.', { default: '200' }),
  headers: honoured(map(answerHeader, headerValue), 'Of the answer.'),
  body: honoured(text('text', longestBody), 'As UTF-8.', { default: 'empty' }),
});

const fallback: ObjectType = object<FallbackSettings>(
  'ResiliencePolicy.Fallback',
  {
    lastGood: honoured(lastGood, 'The last good answer to the same GET of the same end user.'),
    service: honoured(otherService, 'What another service answers.'),
    response: honoured(response, 'Always the same answer.'),
  },
  { rules: [exactlyOneOf<FallbackSettings>('lastGood', 'service', 'response')] },
);

/** Ejection itself, which probing belongs to, is a DestinationRule's to switch off. */
const switchable: readonly ResiliencePart[] = [
  'breaker',
  'hedge',
  'limit',
  'throttle',
  'silence',
  'aperture',
  'requestCache',
  'fallbacks',
];
const parts = [...switchable, 'probing'] as const;

const saysSomething: Rule<ResiliencePolicySpec> = (spec, report) => {
  if ((spec.off ?? []).length > 0 || parts.some((part) => spec[part] !== undefined)) return;
  report.error('missing_field', `needs at least one of ${parts.join(', ')}, off`);
};

const offIsOff: Rule<ResiliencePolicySpec> = (spec, report) => {
  refuseRepeats(
    spec.off,
    (part) => part,
    (index, part) => report.error('duplicate', `${part} is listed twice`, 'off', index),
  );
  spec.off?.forEach((part, index) => {
    if (spec[part] === undefined) return;
    report.error('conflict', `${part} is set as well: it is on or off`, 'off', index);
  });
};

export const resiliencePolicySpec: ObjectType = object<ResiliencePolicySpec>(
  'ResiliencePolicy',
  {
    host: required(hostPattern, 'As in a DestinationRule, whose policy it adds to.'),
    breaker: honoured(breaker, 'Refuses calls while most fail.', { default: "the callers' own" }),
    hedge: honoured(hedge, 'A second attempt races a slow first one: for GET and the like.'),
    limit: honoured(limit, 'Calls in flight follow latency.'),
    throttle: honoured(throttle, 'Callers refuse what the host would refuse anyway.'),
    silence: honoured(silence, 'Endpoints that answer nobody are left.'),
    aperture: honoured(aperture, 'Each caller uses a part of a large service.'),
    probing: honoured(probing, 'Ejected endpoints are asked, and come back before their time.'),
    requestCache: honoured(requestCache, 'GETs of one inbound request share their answers.'),
    fallbacks: honoured(
      list(fallback, { min: 1, max: 10 }),
      'Answers to calls that failed for good, asked in turn.',
    ),
    off: honoured(
      list(oneOf(...switchable), { max: switchable.length }),
      'Parts that are switched off.',
    ),
    exportTo: honoured(exportTo, 'Namespaces that see it.', { default: "['*']" }),
    workloadSelector: honoured(workloadSelector, 'Only for these calling workloads.'),
  },
  { rules: [saysSomething, offIsOff, selectorStaysHome] },
);
