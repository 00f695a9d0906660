import type {
  Destination,
  HeaderOperationsSpec,
  Headers,
  HttpMirrorPolicy,
  HttpRewrite,
  HttpRoute,
  HttpRouteDestination,
  RegexRewrite,
} from '../resources/index.ts';
import { percentage, portSelector } from './common.ts';
import { atLeastOneOf, atMostOneOf } from './exclusive.ts';
import {
  duration,
  type Field,
  honoured,
  int32,
  list,
  map,
  type ObjectType,
  object,
  percent,
  required,
  text,
} from './field-type.ts';
import {
  anyText,
  authority,
  headerValue,
  host,
  label,
  operatedHeaderName,
  pathSafe,
  uriReference,
} from './formats.ts';
import { corsPolicy, httpDirectResponse, httpRedirect } from './http-answers.ts';
import { httpFaultInjection } from './http-fault.ts';
import { httpMatchRequest } from './http-match.ts';
import { httpRetry } from './http-retry.ts';
import { httpRouteRules } from './http-route-rules.ts';
import { compileRegex, regex } from './regex.ts';

const destination: ObjectType = object<Destination>('Destination', {
  host: required(host, "A service. Short names are of the resource's namespace."),
  subset: honoured(label, "Defined by the host's DestinationRule.", { default: 'all endpoints' }),
  port: honoured(portSelector, 'Needed only where the service has several.', {
    default: "the request's",
  }),
});

const headerMap = map(operatedHeaderName, headerValue, {
  spell: (name) => name.toLowerCase(),
});

const headerOperations: ObjectType = object<HeaderOperationsSpec>('Headers.HeaderOperations', {
  set: honoured(headerMap, 'Overwrites.'),
  add: honoured(headerMap, 'Appends.'),
  remove: honoured(list(operatedHeaderName), 'Takes out, before set and add.'),
});

const headers: ObjectType = object<Headers>('Headers', {
  request: honoured(headerOperations, 'Of the request, before it is sent.'),
  response: honoured(headerOperations, 'Of the response, before it is handed over.'),
});

const routeDestination: ObjectType = object<HttpRouteDestination>('HTTPRouteDestination', {
  destination: required(destination, 'Where to.'),
  weight: honoured(int32, 'Share of the sum; a single destination takes all.', { default: '0' }),
  headers: honoured(headers, 'Besides those of the route, and before them.'),
});

const regexRewrite: ObjectType = object<RegexRewrite>(
  'RegexRewrite',
  {
    match: required(regex, 'What to replace in the path.'),
    rewrite: required(text('text', 4_096, pathSafe), 'With what; `\\1` is the first group.'),
  },
  {
    rules: [
      ({ match, rewrite }, report) => {
        const compiled = compileRegex(match);
        if ('reason' in compiled) return;
        const groups = compiled.regex.groupCount();
        for (const [, digit] of rewrite.replaceAll('\\\\', '').matchAll(/\\(\D|\d|$)/g)) {
          if (digit !== undefined && /\d/.test(digit) && Number(digit) <= groups) continue;
          report.error(
            'invalid_value',
            `names the group \\${digit}, and match has ${groups}`,
            'rewrite',
          );
        }
      },
    ],
  },
);

const httpRewrite: ObjectType = object<HttpRewrite>(
  'HTTPRewrite',
  {
    uri: honoured(uriReference, 'Instead of the matched prefix, else of the whole path.'),
    authority: honoured(authority, 'The `Host` header that is sent.'),
    uriRegexRewrite: honoured(regexRewrite, 'Within the path.'),
  },
  {
    rules: [
      atLeastOneOf<HttpRewrite>('uri', 'authority', 'uriRegexRewrite'),
      atMostOneOf<HttpRewrite>('uri', 'uriRegexRewrite'),
    ],
  },
);

const mirrorPolicy: ObjectType = object<HttpMirrorPolicy>('HTTPMirrorPolicy', {
  destination: required(destination, 'Where the copies go.'),
  percentage: honoured(percentage, 'How many are copied.', { default: '100 %' }),
});

const mirrorPercent: Field = honoured(percent, 'Whole percents.', {
  deprecated: 'mirrorPercentage',
});

export const httpRoute: ObjectType = object<HttpRoute>(
  'HTTPRoute',
  {
    name: honoured(anyText, 'For metrics, logs, reasons and annotations.'),
    match: honoured(list(httpMatchRequest), 'One must match.', { default: 'everything' }),
    route: honoured(list(routeDestination, { min: 1 }), 'Weighted destinations.'),
    redirect: honoured(httpRedirect, 'Answered without an upstream.'),
    directResponse: honoured(httpDirectResponse, 'Answered without an upstream.'),
    rewrite: honoured(httpRewrite, 'Of what is sent.'),
    timeout: honoured(duration(), 'Of the whole call with its retries.', { default: 'none' }),
    retries: honoured(httpRetry, 'How failures are tried again.', { default: '2 attempts' }),
    fault: honoured(httpFaultInjection, 'Failures on purpose.'),
    mirror: honoured(destination, 'A copy of each request; its answer is dropped.'),
    mirrorPercentage: honoured(percentage, 'How many are copied.', { default: '100 %' }),
    mirrors: honoured(list(mirrorPolicy, { max: 100 }), 'Several mirrors.'),
    corsPolicy: honoured(corsPolicy, 'On the inbound side of the host.'),
    headers: honoured(headers, 'For all destinations of the route.'),
  },
  {
    refused: {
      delegate: 'is not supported: write the routes of the delegate here',
      websocketUpgrade: 'is gone from Istio: upgrades need no field',
      appendHeaders: 'is gone from Istio: use headers.request.add',
      appendRequestHeaders: 'is gone from Istio: use headers.request.add',
      appendResponseHeaders: 'is gone from Istio: use headers.response.add',
      removeRequestHeaders: 'is gone from Istio: use headers.request.remove',
      removeResponseHeaders: 'is gone from Istio: use headers.response.remove',
    },
    deprecated: { mirrorPercent },
    upgrade: ({ mirrorPercent: old, ...rest }) =>
      old === undefined || rest.mirrorPercentage !== undefined
        ? rest
        : { ...rest, mirrorPercentage: { value: old as number } },
    rules: httpRouteRules,
  },
);
